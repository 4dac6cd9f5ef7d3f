"""Unmodified ping and netperf between the eth0 addresses go over xl0, in either family; eth0 and dom0 carry nothing."""

from lab import families, xlnet
from lab.checks import expect
from lab.counters import Movement

# ARP probes, which the driver itself sends on the NIC, and what IPv6 does there by itself.
QUIET = 20
TESTS = {
    "ping": "ping -c 50 -i 0.02 -W 5 {ip}",
    "TCP_RR": "netperf -{version} -H {ip} -t TCP_RR -l {seconds}",
    "UDP_RR": "netperf -{version} -H {ip} -t UDP_RR -l {seconds}",
    "TCP_STREAM": "netperf -{version} -H {ip} -t TCP_STREAM -l {seconds}",
    "UDP_STREAM": "netperf -{version} -H {ip} -t UDP_STREAM -l {seconds} -- -m 1400 -R 1",
}


def uses_xl0(lab, here, there, seconds):
    watched = {
        here: ["eth0", "xl0"],
        there: ["eth0", "xl0"],
        lab.dom0: [here.vif, there.vif],
    }
    for name, command in TESTS.items():
        name = f"{name} from {here.name} to {there.ip}"
        with Movement(watched) as moved:
            here.check(command.format(version=there.version, ip=there.ip, seconds=seconds))
        for guest in (here, there):
            expect(moved[guest, "xl0"] >= 50, f"{name} did not use xl0: {moved}")
            expect(moved[guest, "eth0"] <= QUIET, f"{name} used eth0: {moved}")
            expect(moved[lab.dom0, guest.vif] <= QUIET, f"{name} used dom0: {moved}")


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    for here, there in ((g1, g2), (g2, g1)):
        uses_xl0(lab, here, there, seconds=2)
    # What the two directions differ in is no matter of the family.
    with families.speaking(families.IPV6, g1, g2):
        xlnet.wait_for_routes(lab)
        uses_xl0(lab, g1, g2, seconds=1)
