"""Guests on different bridges with equal addresses, of both families, never become peers, those on one bridge do."""

import time

from lab import families, xen, xlnet
from lab.checks import expect
from lab.needs import Needs

NEEDS = Needs(guests=("g1", "g2", "g4", "g5"))


def run(lab):
    guests = g1, g2, g4, g5 = [lab.guest(name) for name in NEEDS.guests]
    try:
        with families.dressed(*guests):
            for guest in (g4, g5):
                xlnet.load(guest)
            for names in (("g1", "g2"), ("g4", "g5")):
                xlnet.wait_for_routes(lab, names)
            # Long enough for a wrong introduction to be carried out.
            time.sleep(xlnet.CONVERGENCE)
            for guest, peer in ((g1, g2), (g2, g1), (g4, g5), (g5, g4)):
                expect(xlnet.peers(guest) == {peer.domid}, f"{guest.name}'s peers: {xlnet.peers(guest)}")
                for address in peer.addresses:
                    guest.check(f"ping -c 3 -i 0.2 -W 5 {address}")
        for here in (g1, g2):
            for there in (g4, g5):
                joined = xen.between(lab, here, there)
                expect(not joined, f"{here.name} and {there.name} are joined by {joined}")
    finally:
        for guest in (g4, g5):
            guest.run("rmmod xlnet")
