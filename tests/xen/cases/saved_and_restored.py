"""A guest is saved and restored, a save fails half-way, under traffic, and xlnet is unloaded at once."""

import time

from lab import families, leftovers, life, traffic, xlnet
from lab.checks import expect, wait_until
from lab.needs import Needs

NEEDS = Needs(loaded=False)


def expect_xl0(lab, mixture):
    """Routes are there again, and the connection goes on over xl0."""
    xlnet.wait_for_routes(lab)
    mixture.wait_alive()
    for address in lab.guest("g2").addresses:
        expect(xlnet.device_to(lab.guest("g1"), address) == "xl0", f"the route to {address} is not used")


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    with families.dressed(g1, g2), leftovers.none(lab):
        xlnet.load_all(lab)
        absence = life.Absence()
        with traffic.mixture(g1, g2) as mixture:
            before = g2.domid
            with absence:
                life.save(lab, g2)
                wait_until("g1 to have no route to who is gone", lambda: not xlnet.has_route(g1, g2), 5)
                expect(not xlnet.peers(g1), f"g1 still has peers: {xlnet.peers(g1)}")
                life.wait_gone(lab, before)
                life.restore(lab, g2)
            expect(g2.domid != before, "the restored guest has its old domid")
            expect_xl0(lab, mixture)
            with absence:
                life.fail_to_save(lab, g2)
            expect_xl0(lab, mixture)
            # Before what follows from the restore is done.
            with absence:
                life.save(lab, g2)
                life.restore(lab, g2)
            xlnet.unload(g2)
            time.sleep(1)
            expect(not xlnet.has_route(g1, g2), "g1 has a route to a guest without xlnet")
            mixture.finish(absence.seconds)
