"""A PVH guest is migrated live five times in a row under traffic, and xlnet is unloaded at once."""

from lab import leftovers, life, traffic, xlnet
from lab.checks import expect
from lab.needs import Needs

NEEDS = Needs(guests=("g1", "h2"), loaded=False)
TIMES = 5


def run(lab):
    g1, h2 = lab.guest("g1"), lab.guest("h2")
    with leftovers.none(lab):
        xlnet.load_all(lab, NEEDS.guests)
        absence = life.Absence()
        with traffic.mixture(g1, h2) as mixture:
            for _ in range(TIMES):
                before = h2.domid
                with absence:
                    life.migrate(lab, h2)
                    life.wait_gone(lab, before)
                xlnet.wait_for_routes(lab, NEEDS.guests)
                expect(xlnet.peers(g1) == {h2.domid}, f"g1's peers: {xlnet.peers(g1)}")
            with absence:
                life.migrate(lab, h2)
            xlnet.unload(h2)
            expect(h2.run("ip link show xl0").status != 0, "xl0 outlived the module")
            mixture.wait_alive()
            mixture.finish(absence.seconds)
