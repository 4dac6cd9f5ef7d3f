"""A PV and a PVH guest, and two PVH guests, meet over xl0 as two PV guests do."""

from lab import traffic, xlnet
from lab.needs import Needs

NEEDS = Needs(guests=("g1", "g2", "g3"), loaded=False, types={"g1": "pvh", "g2": "pvh"})


def run(lab):
    xlnet.load_all(lab, NEEDS.guests)
    traffic.meet(*map(lab.guest, NEEDS.guests))
    xlnet.unload_all(lab)
