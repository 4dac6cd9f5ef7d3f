"""A guest that rewrites its nodes as fast as it can holds up neither others' channels nor what dom0 enforces."""

import json

from lab import apart, hostile, xlnet
from lab.checks import expect
from lab.needs import Needs

NEEDS = Needs(guests=("g1", "g2", "g3"))
ROUNDS = 3
# xenstored serves the guest that floods as often as it serves anybody, and has one busy CPU for all.
OPEN = 4 * xlnet.CONVERGENCE


def run(lab):
    g1, g2, g3 = (lab.guest(name) for name in ("g1", "g2", "g3"))
    pair = g1, g2
    ports = f"for port in {g1.vif} {g2.vif}; do bridge link set dev $port isolated"
    with hostile.lying(g3, "instances"):
        try:
            with apart.Pings(g1, g2):
                what = "isolation while a guest floods"
                apart.expect_parted(lab, pair, what, f"{ports} on; done", "isolated")
                apart.expect_together(lab, pair, what, f"{ports} off; done", OPEN)
        finally:
            lab.dom0.run(f"{ports} off; done")
        before = slab(lab.dom0)
        for _ in range(ROUNDS):
            xlnet.unload(g1)
            xlnet.load(g1)
            xlnet.wait_for_routes(lab, timeout=OPEN)
        # For people to read: dom0's has xenstored's in it, which any guest can keep busy.
        shares = json.loads(lab.dom0.check("python3 /lab/cpu-times.py 1 4"))
        lab.dom0.note(f"CPU by domain while {g3.name} floods: {shares}")
        grown = slab(lab.dom0) - before
        expect(grown < 4096, f"dom0's slab memory grew by {grown} KiB")


def slab(dom0):
    """What dom0's kernel has allocated and cannot reclaim, in KiB: waiting events are among it."""
    return int(dom0.check("awk '/SUnreclaim/ {print $2}' /proc/meminfo"))
