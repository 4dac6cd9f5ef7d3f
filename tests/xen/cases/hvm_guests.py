"""An HVM and a PV guest meet over xl0, before the HVM guest is saved and restored under traffic and after."""

from lab import families, leftovers, life, traffic, xlnet
from lab.needs import Needs

NEEDS = Needs(loaded=False, types={"g1": "hvm"})


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    with families.dressed(g1, g2, when=lab.thorough), leftovers.none(lab):
        xlnet.load_all(lab)
        traffic.meet(g1, g2)
        absence = life.Absence()
        with traffic.mixture(g2, g1) as mixture:
            with absence:
                life.save(lab, g1)
                life.restore(lab, g1)
            xlnet.wait_for_routes(lab)
            mixture.wait_alive()
            mixture.finish(absence.seconds)
        traffic.meet(g1, g2)
