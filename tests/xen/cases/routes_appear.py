"""In whatever order the three modules are loaded, both routes are there within 3 s of the last."""

import itertools

from lab import xlnet
from lab.checks import expect
from lab.needs import Needs

NEEDS = Needs(loaded=False)


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    pairs = ((g1, g2), (g2, g1))
    for order in itertools.permutations((lab.dom0, g1, g2)):
        for domain in order:
            xlnet.load(domain)
        xlnet.wait_for_routes(lab, timeout=xlnet.CONVERGENCE)
        for guest, peer in pairs:
            line = xlnet.routes(guest).get(peer.ip, "")
            words = (f"{peer.ip} nhid ", "proto xlnet", f"src {guest.ip}", "nexthop dev xl0", "nexthop dev eth0")
            expect(
                line.startswith(words[0]) and all(word in line for word in words),
                f"{guest.name}: the route to {peer.ip} reads '{line}'",
            )
            expect(xlnet.device_to(guest, peer.ip) == "xl0", f"{guest.name}: the route is not used")
        g1.check(f"ping -c 3 -i 0.2 -W 5 {g2.ip}")
        xlnet.unload_all(lab)
        for guest, peer in pairs:
            expect(not xlnet.has_route(guest, peer), f"{guest.name}: the route outlived the module")
            expect(guest.run("ip link show xl0").status != 0, f"{guest.name}: xl0 outlived the module")
