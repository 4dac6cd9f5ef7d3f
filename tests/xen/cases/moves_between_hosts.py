"""A guest moves to its partner's host and back under traffic: xl0 takes over, hands back, and costs nothing."""

from lab import migration
from lab.checks import expect
from lab.needs import Needs

NAME = "moves_between_hosts"
# It boots two hosts of its own.
NEEDS = Needs(guests=(), loaded=None)
JOURNEYS = ("netfront", "xlnet")
STAY = 3
# One journey of each kind says less than the several of make migration.
CHANCE = 0.5


def run(lab):
    seen, found = migration.record(NAME, STAY, JOURNEYS)
    lab.dom0.note("seen:", migration.table(seen))
    expect(not found, "\n".join(found))
    migration.compare_losses(seen, CHANCE)
