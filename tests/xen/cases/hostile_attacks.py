"""A guest that attacks without pause takes neither channels nor memory from others, and only its own time."""

import re
import statistics
import time

from lab import hostile, xen, xlnet
from lab.checks import expect, wait_until
from lab.needs import Needs
from lab.progress import step

NEEDS = Needs(guests=("g1", "g2", "g3"))

# Each attack, and what keeps g3, or XenStore, as busy without attacking anybody: on two CPUs for
# four domains, that alone costs g1 and g2 some of their throughput.
ATTACKS = (("storm", "busy"), ("offers", "busy-xenstore"), ("instances", "busy-xenstore"))
# Rounds go on until their median shows that enough is kept: noise makes them more, an attack that
# costs something makes them fail.
ROUNDS = range(3, 16)
KEPT = 0.5

QUIET_SECONDS = 3
# Of the events that tell of nothing, the kernel makes every other wait for its next tick.
INTERRUPTS = 2 * 250 * QUIET_SECONDS

# The pages of one direction of a channel; what account.rs lets a peer keep, an eighth
# of three quarters of 64 frames' entries, and two channels.
PAGES = 1 + 256
KEPT_PAGES = 3072
PINNED = KEPT_PAGES + 2 * PAGES
PINNING_SECONDS = 90
# Lines about one peer that account.rs lets through, and what one attack may take of them.
LINES = 64


def interrupts(guest):
    """How often the guest's channels were interrupted so far."""
    lines = [line.split() for line in guest.read("/proc/interrupts").splitlines()]
    return sum(int(line[1]) for line in lines if line[-1] == "xlnet")


def compare(g1, g2, g3, attack, baseline):
    """The throughput under an attack by that under its baseline, the median of some rounds."""
    ratios = []
    while len(ratios) < ROUNDS.start or statistics.median(ratios) < KEPT and len(ratios) + 1 < ROUNDS.stop:
        values = []
        for lie in (attack, baseline):
            with hostile.lying(g3, lie):
                time.sleep(0.5)
                values.append(hostile.throughput(g1, g2))
        ratios.append(values[0] / values[1])
        step(f"{attack}: {values[0]:.0f} Mb/s, with {baseline} {values[1]:.0f}")
    kept = statistics.median(ratios)
    step(f"{attack}: {kept:.2f} of the throughput with {baseline}, median of {len(ratios)}")
    return kept


def storm_is_bounded(g1, g3):
    with hostile.lying(g3, "storm"):
        time.sleep(1)
        before = interrupts(g1)
        time.sleep(QUIET_SECONDS)
        count = interrupts(g1) - before
    step(f"storm: {count} interrupts in {QUIET_SECONDS} s")
    expect(count < INTERRUPTS, f"{count} interrupts in {QUIET_SECONDS} s of a storm of events")


def pinning_is_bounded(lab, g1, g2, g3):
    def pinned(owner):
        found = xen.grants(lab)
        return len([grant for grant in found if (grant.owner, grant.user) == (owner.domid, g3.domid)])

    with hostile.lying(g3, "pinning"):
        for owner in (g1, g2):
            wait_until(
                f"g3 keeps as many pages of {owner.name} as it can",
                lambda owner=owner: pinned(owner) > KEPT_PAGES,
                PINNING_SECONDS,
                interval=1,
            )
        time.sleep(QUIET_SECONDS)
        counts = {owner.name: pinned(owner) for owner in (g1, g2)}
        step(f"pinning: {counts} pages mapped")
        for name, count in counts.items():
            expect(count <= PINNED, f"g3 could map {count} pages of {name}, and keep them")
        hostile.throughput(g1, g2)
    for owner in (g1, g2):
        expect(pinned(owner) == 0, f"g3 still maps pages of {owner.name}")


def run(lab):
    g1, g2, g3 = (lab.guest(name) for name in ("g1", "g2", "g3"))
    mark = "lab: attacks"
    for guest in (g1, g2):
        guest.mark(mark)
    storm_is_bounded(g1, g3)
    pinning_is_bounded(lab, g1, g2, g3)
    kept = {}
    for attack, baseline in ATTACKS:
        kept[attack] = compare(g1, g2, g3, attack, baseline)
    for guest in (g1, g2):
        guest.check(f"ping -q -c 3 -i 0.1 -W 2 {g3.ip}")
        expect(xlnet.device_to(guest, g3.ip) == "eth0", f"{guest.name} has a route to g3 on xl0")
        said = hostile.lines(guest.kernel_log(mark))
        strange = [line for line in said if not re.match(f"xlnet: peer {g3.domid}: ", line)]
        expect(not strange, f"{guest.name}'s log: {strange}")
        expect(len(said) <= 2 * LINES, f"{guest.name}'s log has {len(said)} lines about g3")
    for attack, ratio in kept.items():
        expect(ratio >= KEPT, f"{attack}: {ratio:.2f} of the throughput between g1 and g2 is left")
