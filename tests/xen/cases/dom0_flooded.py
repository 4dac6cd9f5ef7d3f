"""A guest that floods XenStore holds up neither what dom0 enforces nor eight guests that come and go."""

import json
import statistics

from lab import apart, debug, hostile, xlnet
from lab.checks import expect
from lab.domain import MODULES
from lab.needs import Needs

# With g1 and g2 eight guests.
FURTHER = debug.fewer(("c1", "c2", "c3", "c4", "c5", "c6"), 2)
NEEDS = Needs(guests=("g1", "g2", "g3", *FURTHER))
# So many come and go at once.
WAVE = 2
# xenstored serves the guest that floods as often as it serves anybody, and has one busy CPU for all.
OPEN = 4 * xlnet.CONVERGENCE
# Guests that boot, each with channels to all others, share two emulated CPUs.
FIRST = 10 * OPEN
# dom0's kernel, of its one CPU: less than half of it, whatever xenstored takes.
KERNEL = 0.5
# The threads by which dom0's kernel hears of XenStore, and on which xldiscovery works.
THREADS = r"\((xenwatch|xenbus|kworker\/u[^)]*)\)"

LOAD = f"insmod {MODULES}/xlnet.ko {xlnet.OPEN}"


def go(wave, others):
    """Some guests unload xlnet, and the others have no routes to them any more."""
    for guest in wave:
        xlnet.unload(guest)
    forget(others, wave)


def forget(guests, gone):
    for command in [xlnet.start_forgetting(guest, gone) for guest in guests]:
        command.check()


def come(wave, others, timeout=OPEN):
    """Some guests load xlnet: in how many seconds each has routes to all, and all to each."""
    # The others first, so that none of them begins to wait late.
    commands = [xlnet.start_waiting(other, wave, timeout) for other in others]
    for guest in wave:
        peers = [peer for peer in (*wave, *others) if peer is not guest]
        commands.append(xlnet.start_waiting(guest, peers, timeout, LOAD))
    return max(int(command.check(timeout + 30)) / 100 for command in commands)


def waves(guests):
    """The guests by two, each time with all others."""
    for begin in range(0, len(guests), WAVE):
        wave = guests[begin : begin + WAVE]
        yield wave, [guest for guest in guests if guest not in wave]


def come_and_go(guests):
    times = []
    for wave, others in waves(guests):
        go(wave, others)
        times.append(come(wave, others))
    return times


def recreate(lab, names, others):
    """Some guests are destroyed and created again, under the same names and addresses."""
    gone = [lab.guest(name) for name in names]
    lab.destroy(*names)
    forget(others, gone)
    lab.create_guests(names)
    return come([lab.guest(name) for name in names], others)


def enforced(lab, g1, g2):
    """What dom0 enforces it enforces within a second."""
    ports = f"for port in {g1.vif} {g2.vif}; do bridge link set dev $port isolated"
    try:
        with apart.Pings(g1, g2):
            what = "isolation while a guest floods"
            apart.expect_parted(lab, (g1, g2), what, f"{ports} on; done", "isolated")
            apart.expect_together(lab, (g1, g2), what, f"{ports} off; done", OPEN)
    finally:
        lab.dom0.run(f"{ports} off; done")


def slab(dom0):
    """What dom0's kernel has allocated and cannot reclaim, in KiB: waiting events are among it."""
    return int(dom0.check("awk '/SUnreclaim/ {print $2}' /proc/meminfo"))


def kernel_seconds(dom0):
    """dom0's uptime, and the CPU time of its kernel's threads for XenStore so far. Fields 14 and 15 of proc_pid_stat(5)
    are user and system time in hundredths; the name, field 2, may hold blanks."""
    script = (
        "cat /proc/uptime; cat /proc/[0-9]*/stat 2>/dev/null | awk '/"
        + THREADS
        + """/ {sub(/^.*\\) /, ""); sum += $12 + $13} END {print sum / 100}'"""
    )
    uptime, used = dom0.check(script).splitlines()
    return float(uptime.split()[0]), float(used)


def run(lab):
    g1, g2, g3, *further = map(lab.guest, NEEDS.guests)
    dom0 = lab.dom0
    come(further, [g1, g2], FIRST)
    guests = [g1, g2, *further]
    wave, others = next(waves(guests))
    go(wave, others)
    quiet = come(wave, others)
    with hostile.lying(g3, "instances"):
        enforced(lab, g1, g2)
        slab_before, (began, used_before) = slab(dom0), kernel_seconds(dom0)
        times = come_and_go(guests)
        grown, (ended, used) = slab(dom0) - slab_before, kernel_seconds(dom0)
        share = (used - used_before) / (ended - began)
        # For people to read: dom0's has xenstored's in it, which any guest can keep busy.
        shares = json.loads(dom0.check("python3 /lab/cpu-times.py 1 4"))
        created = recreate(lab, FURTHER[-WAVE:], guests[:-WAVE])
    dom0.note(
        f"{quiet} s for {WAVE} guests to have all channels; while {g3.name} floods {times},"
        f" median {statistics.median(times):.1f}, and {created} for {WAVE} that were created anew;"
        f" then dom0's kernel had {share:.2f} of its CPU, and {grown} KiB more slab; CPU by domain: {shares}"
    )
    expect(grown < 4096, f"dom0's slab memory grew by {grown} KiB")
    expect(share < KERNEL, f"dom0's kernel took {share:.2f} of its CPU")
