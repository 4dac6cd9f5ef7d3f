"""A guest moves between two hosts, with xlnet and without, as in figure 11 of the XenLoop paper: what was seen,
as a figure and a table, and what must hold of it. make migration has more of it than the case."""

import json
import statistics
import time

from . import journey, payload, plot
from .checks import expect
from .errors import CaseFailure

# In this order, so that what changes evenly on this machine hits both alike.
JOURNEYS = ("netfront", "xlnet", "xlnet", "netfront")
# How long the guest stays where it is each time, in seconds.
STAY = 10
# On one host, how much faster transactions must be over xl0 than over eth0.
FASTER = 1.3
# How much more may be lost, or how much longer nothing be heard of the guest, by chance.
CHANCE = 0.25
# For how much of the time without it the guest may be away with xlnet. It is up to a busy emulated machine how soon
# the last of a guest's memory is sent: one of two moves may take twice as long.
AWAY = 2.5


def run():
    started = time.monotonic()
    seen, wrong = record("migration", STAY, JOURNEYS)
    print(table(seen))
    print(f"\nIt took {time.monotonic() - started:.0f} s.")
    print("Over time: out/migration.json and out/migration.svg; logs in out/migration/.")
    try:
        compare_rates(seen)
        compare_losses(seen, CHANCE)
    except CaseFailure as failure:
        wrong.append(str(failure))
    for text in wrong:
        print(f"WRONG: {text}")
    return 1 if wrong else 0


def record(name, stay, journeys):
    """journey.travel_all, of which out/migration.json and out/migration.svg tell."""
    seen, found = journey.travel_all(name, payload.OUT / name, stay, journeys)
    document = {"unit": "TCP_RR transactions/s", "stay": stay, "journeys": seen}
    (payload.OUT / "migration.json").write_text(json.dumps(document, indent=1) + "\n")
    (payload.OUT / "migration.svg").write_text(plot.figure(seen[:2]))
    return seen, found


def table(seen):
    """Transactions per second while the guest stays, and what its moves cost."""
    columns = ("two hosts", "one", "two again", "UDP lost", "gap", "away")
    lines = [" ".join([f"{'TCP_RR/s':10}", *(f"{column:>10}" for column in columns)])]
    for one in seen:
        rates = " ".join(f"{rate:10.1f}" for rate in one["rates"])
        lines.append(f"{one['with']:10} {rates} {one['lost']:10} {one['gap']:8.2f} s {max(one['away']):8.2f} s")
    return "\n".join(lines)


def means(seen, value):
    """The mean of a value over the journeys with xlnet, and over those without."""
    with_each = {name: [value(one) for one in seen if one["with"] == name] for name in journey.DEVICES}
    return {name: statistics.mean(values) for name, values in with_each.items()}


def compare_rates(seen):
    """On one host, transactions are faster over xl0."""
    rate = means(seen, lambda one: one["rates"][1])
    expect(rate["xlnet"] >= FASTER * rate["netfront"], f"transactions per second on one host: {rate}")


def compare_losses(seen, chance):
    """With xlnet no more is lost and nothing is longer unheard of the guest, but for so large a part that is chance.
    Both are taken by the time for which the toolstack had the guest away, which has its own bound."""
    away = means(seen, lambda one: sum(one["away"]))
    expect(away["xlnet"] <= AWAY * away["netfront"], f"away, in s: {away}")
    lost = means(seen, lambda one: one["lost"] / sum(one["away"]))
    expect(lost["xlnet"] <= (1 + chance) * lost["netfront"], f"datagrams lost in 1 s away: {lost}")
    gap = means(seen, lambda one: one["gap"] / max(one["away"]))
    expect(gap["xlnet"] <= (1 + chance) * gap["netfront"], f"longest time without an answer, by that away: {gap}")
