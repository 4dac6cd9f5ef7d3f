"""A peer stands still for half a minute under traffic: its packets take eth0 meanwhile, it is met again."""

import time

from lab import families, leftovers, life, traffic, xlnet
from lab.checks import expect
from lab.needs import Needs

NEEDS = Needs(guests=("g1", "g2", "g3"), loaded=False)
PAUSE = 30


def run(lab):
    g1, g2, g3 = (lab.guest(name) for name in NEEDS.guests)
    with families.dressed(g1, g2), leftovers.none(lab):
        xlnet.load_all(lab, NEEDS.guests)
        absence = life.Absence()
        with traffic.mixture(g1, g3) as survivors, traffic.mixture(g1, g2) as mixture:
            changes = [xlnet.RouteChange(g1, address, present=False) for address in g2.addresses]
            with absence:
                life.pause(lab, g2)
                for change in changes:
                    change.finish()
                expect(xlnet.device_to(g1, g3.ip) == "xl0", "g1 lost its living peer")
                time.sleep(PAUSE)
                life.unpause(lab, g2)
            xlnet.wait_for_routes(lab, NEEDS.guests)
            mixture.wait_alive()
            survivors.finish(outage=0)
            mixture.finish(absence.seconds)
