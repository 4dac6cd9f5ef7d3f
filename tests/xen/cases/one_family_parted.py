"""Of a guest whose vif permits addresses of one family only, the other one's stay on eth0."""

from lab import families, xlnet
from lab.checks import expect
from lab.counters import Movement
from lab.needs import Needs

NEEDS = Needs(loaded=False)
COUNT = 20


def expect_device(here, address, device):
    other = "eth0" if device == "xl0" else "xl0"
    with Movement({here: ["eth0", "xl0"]}, ("rx",)) as moved:
        here.check(f"ping -q -c {COUNT} -i 0.05 -W 3 {address}")
    expect(moved[here, device] >= COUNT > moved[here, other], f"{here.name} to {address}, not by {device}: {moved}")


def run(lab):
    g1, g2 = guests = lab.guest("g1"), lab.guest("g2")
    node = f"/local/domain/0/backend/vif/{g2.domid}/0/ip"
    with families.dressed(*guests):
        ipv4, ipv6 = g2.ip, families.ipv6_address(g2)
        try:
            for permitted, parted in ((ipv4, ipv6), (ipv6, ipv4)):
                lab.dom0.check(f"xenstore-write {node} {permitted}")
                for domain in (lab.dom0, *guests):
                    xlnet.load(domain)
                xlnet.wait_for_route(g1, permitted, talking=True)
                expect_device(g1, permitted, "xl0")
                expect_device(g1, parted, "eth0")
                why = lab.dom0.kernel_log()
                expect(f"address {parted} ignored, its vif's ip= does not list it" in why, f"dom0 does not say so:\n{why}")
                xlnet.unload_all(lab)
        finally:
            lab.dom0.run(f"xenstore-rm {node}")
            xlnet.unload_all(lab)
