"""Established TCP connections of either family move from eth0 to xl0 and back without a stall of more than 1 s."""

import time

from lab import debug, families, traffic, xlnet
from lab.checks import expect
from lab.counters import Movement
from lab.needs import Needs

NEEDS = Needs(loaded=False)
MANY = 100
# A debug kernel lets a sender that never pauses keep the receiver from their CPU for seconds, whatever the path. In ms.
PAUSE = 20 if debug.ON else 0


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    for version in families.VERSIONS:
        with families.speaking(version, g1, g2):
            move(lab, g1, g2)


def move(lab, g1, g2):
    watched = {g1: ["eth0", "xl0"]}
    with traffic.stream(g1, g2, PAUSE) as stream:
        with Movement(watched) as before:
            time.sleep(2)
        xlnet.load_all(lab)
        with Movement(watched) as during:
            time.sleep(2)
        xlnet.unload_all(lab)
        with Movement(watched) as after:
            time.sleep(2)
        report = stream.finish()

    expect(before[g1, "eth0"] > MANY, f"before: {before}")
    expect(during[g1, "xl0"] > MANY > during[g1, "eth0"], f"with the modules: {during}")
    expect(after[g1, "eth0"] > MANY, f"after: {after}")
    expect(report["max_stall_ms"] <= 1000 * xlnet.FALLBACK, f"the connection stalled: {report}")
