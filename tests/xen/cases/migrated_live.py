"""A PVH guest is migrated live time and again under traffic, and then xlnet is unloaded at once."""

from lab import families, journey, leftovers, life, traffic, xlnet
from lab.checks import expect
from lab.needs import Needs

NEEDS = Needs(guests=("g1",), loaded=False)
# Fewer times when the run is to be short.
TIMES, FEWER = 5, 3
# The part of a migration for which the guest may be away. It was 0.16 to 0.39 here, most of it xl's and the
# stock kernel's work; one that is not live takes all of it.
AWAY = 0.6


def migrate(lab, guest, absence):
    """Migrates the guest; returns how long it was away."""
    before = guest.domid
    took, away = life.migrate(lab, guest)
    absence.add(away)
    expect(guest.domid != before, "the migrated guest has its old domid")
    expect(away <= AWAY * took, f"{guest.name} was away for {away:.1f} of {took:.1f} s")
    return away


def expect_xl0(lab, g1, m1):
    """They are peers, and packets take xl0 and nothing else."""
    xlnet.wait_for_routes(lab, [g1.name, m1.name])
    for here, there in ((g1, m1), (m1, g1)):
        expect(xlnet.peers(here) == {there.domid}, f"{here.name}'s peers: {xlnet.peers(here)}")
    journey.stay_apart_or_together(g1, m1, "xl0", 2)


def run(lab):
    g1 = lab.guest("g1")
    times = TIMES if lab.thorough else FEWER
    m1 = lab.create_guest("m1", ip="10.0.0.21", type="pvh", memory=journey.MEMORY)
    with families.dressed(g1, m1), leftovers.none(lab):
        xlnet.load_all(lab, [g1.name, m1.name])
        absence = life.Absence()
        away = []
        with traffic.mixture(g1, m1) as mixture:
            while len(away) < times - 1:
                before = m1.domid
                away.append(migrate(lab, m1, absence))
                life.wait_gone(lab, before)
                expect_xl0(lab, g1, m1)
            away.append(migrate(lab, m1, absence))
            # Before what follows from the migration is done.
            xlnet.unload(m1)
            expect(m1.run("ip link show xl0").status != 0, "xl0 outlived the module")
            mixture.wait_alive()
            stall = mixture.finish(absence.seconds)["max_stall_ms"] / 1000
            # TCP doubles the pause after which it tries again.
            expect(stall <= 2 * max(away) + traffic.NOISE, f"TCP stood still for {stall} s, {away} s away")
