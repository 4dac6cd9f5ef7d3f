"""The lab works: Xen, dom0, two guests and a host behind the bridge reach each other over eth0."""

from lab.checks import expect
from lab.needs import Needs
from lab.topology import DOM0_IP, OUTSIDE_IP

NEEDS = Needs(loaded=False)


def run(lab):
    expect("g1" in lab.dom0.check("xl list"), "xl does not list g1")
    for guest in (lab.guest("g1"), lab.guest("g2")):
        expect(guest.read("/sys/hypervisor/type") == "xen", f"{guest.name} does not run on Xen")
        for address in ("10.0.0.1", "10.0.0.2", DOM0_IP, OUTSIDE_IP):
            guest.check(f"ping -c 2 -i 0.2 -W 5 {address}")
