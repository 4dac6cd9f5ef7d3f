"""A PV and a PVH guest, and two PVH guests, meet over xl0 as two PV guests do."""

from lab import families, traffic, xlnet
from lab.needs import Needs

NEEDS = Needs(guests=("g1", "g2", "g3"), loaded=False, types={"g1": "pvh", "g2": "pvh"})


def run(lab):
    guests = [lab.guest(name) for name in NEEDS.guests]
    with families.dressed(*guests, when=lab.thorough):
        xlnet.load_all(lab, NEEDS.guests)
        traffic.meet(*guests)
        xlnet.unload_all(lab)
