"""A guest moves to its partner's host and back under traffic: xl0 takes over, and hands back."""

from lab import journey, payload
from lab.checks import expect
from lab.needs import Needs

NAME = "moves_between_hosts"
# It boots two hosts of its own.
NEEDS = Needs(guests=(), loaded=None)
STAY = 5


def run(lab):
    seen, found = journey.travel_all(NAME, payload.TREE / "out" / NAME, STAY, ["xlnet"])
    lab.dom0.note(f"seen: {seen}")
    expect(not found, "\n".join(found))
