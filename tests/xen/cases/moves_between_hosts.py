"""A guest moves to its partner's host and back: xl0 takes over and hands back, and no more is lost for it."""

from lab import journey, payload
from lab.checks import expect
from lab.needs import Needs

NAME = "moves_between_hosts"
# It boots two hosts of its own.
NEEDS = Needs(guests=(), loaded=None)
STAY = 6


def run(lab):
    journeys, found = journey.travel_twice(NAME, payload.TREE / "out" / NAME, STAY)
    for name, seen in journeys.items():
        lab.dom0.note(f"with {name}: {seen}")
    journey.compare(journeys)
    expect(not found, "\n".join(found))
