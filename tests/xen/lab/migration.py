"""make migration: a guest moves between two hosts, with xlnet and without, as in figure 11 of the XenLoop
paper."""

import json
import time

from . import journey, payload, plot
from .errors import CaseFailure

OUT = payload.TREE / "out"
# How long the guest stays where it is each time, in seconds.
STAY = 15


def run():
    started = time.monotonic()
    journeys, wrong = journey.travel_twice("migration", OUT / "migration", STAY)
    document = {"unit": "TCP_RR transactions/s", "stay": STAY, "journeys": journeys}
    (OUT / "migration.json").write_text(json.dumps(document, indent=1) + "\n")
    (OUT / "migration.svg").write_text(plot.figure(journeys))
    print(table(journeys))
    print(f"\nIt took {time.monotonic() - started:.0f} s.")
    print("Over time: out/migration.json and out/migration.svg; logs in out/migration/.")
    try:
        journey.compare(journeys)
    except CaseFailure as failure:
        wrong.append(str(failure))
    for text in wrong:
        print(f"WRONG: {text}")
    return 1 if wrong else 0


def table(journeys):
    """Transactions per second while the guest stays, and what its moves cost."""
    lines = [f"{'TCP_RR/s':10} {'two hosts':>10} {'one':>10} {'two again':>10} {'UDP lost':>10} {'gap':>10}"]
    for name, seen in journeys.items():
        rates = " ".join(f"{rate:10.1f}" for rate in seen["rates"])
        lines.append(f"{name:10} {rates} {seen['lost']:10} {seen['gap']:8.2f} s")
    return "\n".join(lines)
