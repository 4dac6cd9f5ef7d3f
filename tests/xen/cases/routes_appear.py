"""In whatever order the three modules are loaded, the routes of both families are there within 3 s of the last."""

import itertools

from lab import families, xlnet
from lab.checks import expect
from lab.needs import Needs

NEEDS = Needs(loaded=False)


def expect_route(guest, peer):
    """With IPv6 the kernel chooses the source; see docs/design.md."""
    for address in peer.addresses:
        version = families.version(address)
        source = f"src {guest.ip}" if version == families.IPV4 else "metric"
        line = xlnet.routes(guest, version).get(address, "")
        words = ("proto xlnet", source, "nexthop dev xl0", "nexthop dev eth0")
        expect(
            line.startswith(f"{address} nhid ") and all(word in line for word in words),
            f"{guest.name}: the route to {address} reads '{line}'",
        )
        expect(xlnet.device_to(guest, address) == "xl0", f"{guest.name}: the route to {address} is not used")


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    with families.dressed(g1, g2):
        in_any_order(lab, g1, g2)


def in_any_order(lab, g1, g2):
    pairs = ((g1, g2), (g2, g1))
    for order in itertools.permutations((lab.dom0, g1, g2)):
        for domain in order:
            xlnet.load(domain)
        xlnet.wait_for_routes(lab, timeout=xlnet.CONVERGENCE)
        for guest, peer in pairs:
            expect_route(guest, peer)
        for address in g2.addresses:
            g1.check(f"ping -c 3 -i 0.2 -W 5 {address}")
        xlnet.unload_all(lab)
        for guest in (g1, g2):
            expect(not xlnet.standing(guest), f"{guest.name}: routes outlived the module: {xlnet.standing(guest)}")
            expect(guest.run("ip link show xl0").status != 0, f"{guest.name}: xl0 outlived the module")
