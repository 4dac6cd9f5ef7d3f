"""What must be as it was when all of ours is unloaded: Xen's lists, and the memory of guests."""

import contextlib

from . import debug, traffic, xen, xlnet
from .checks import expect, wait_until
from .errors import CaseFailure

# Two channels cost a guest 2 MiB of its own pages. What else comes and goes in a guest is less than this;
# that not even one channel is left is what Xen's lists tell.
TOLERANCE_KIB = 1536
# With each restore, and each NIC that comes in place of another, the stock kernel loses 1 MiB, without any of our
# modules: as much as netfront's receive buffers are. With traffic it is more: 2 MiB in one live migration and 1.0 to
# 1.3 MiB in five changes of the NIC without ours, 1.3 MiB each in six migrations with them.
NETFRONT_KIB = 1400
# How long it may take to come back, in seconds: of pages that the peer still had mapped when their grant
# ended, the kernel frees ten a second.
RETURN = 120
# Each of these is looked at by itself: one may grow while another shrinks.
FIELDS = ("MemAvailable", "Slab", "SUnreclaim")


def _ports(lab):
    """How many event channels each guest has in use, by its name."""
    counted = xen.ports(lab)
    return {guest.name: counted[guest.domid] for guest in lab.guests()}


def memory_of(guest):
    """Figures of /proc/meminfo in KiB, with the caches that can be dropped dropped."""
    guest.check("sync; echo 3 >/proc/sys/vm/drop_caches")
    lines = (line.split() for line in guest.read("/proc/meminfo").splitlines())
    figures = {name.rstrip(":"): int(value) for name, value, *_ in lines}
    # Pages that the allocator keeps for each CPU are free, but not counted as such.
    kept = guest.check("awk '/^ *count:/ {pages += $2} END {print 4 * pages}' /proc/zoneinfo")
    figures["MemAvailable"] += int(kept)
    return {field: figures[field] for field in FIELDS}


def expect_unloaded(lab):
    """No grant, mapping or event channel may join two guests, and no advert may be in XenStore."""
    left = xen.among(lab, lab.guests())
    expect(not left, f"between guests there are still {left}")
    for guest in lab.guests():
        nodes = lab.dom0.run(f"xenstore-ls /local/domain/{guest.domid}/data/xlnet").out
        expect("version" not in nodes, f"{guest.name}'s advert is still in XenStore:\n{nodes}")


def _use_first(lab):
    """What guests use for the first time costs them what they never give back: a channel the kernel's page
    structures for foreign pages, 2 MiB; traffic the slabs of its caches, almost 1 MiB."""
    xlnet.load_all(lab, [guest.name for guest in lab.guests()])
    first, *others = lab.guests()
    for other in others:
        if not (first.used and other.used):
            with traffic.mixture(first, other) as mixture:
                mixture.finish()
            first.used = other.used = True
    xlnet.unload_all(lab)


@contextlib.contextmanager
def none(lab):
    """Unloads everything, runs the `with` block, unloads everything again, and compares. Guests that
    were not there, or not in the same life, before and after are not compared."""
    _use_first(lab)
    ports, memory = _ports(lab), {guest: memory_of(guest) for guest in lab.guests()}
    netfronts = {guest: guest.new_netfronts for guest in lab.guests()}
    yield
    xlnet.unload_all(lab)
    expect_unloaded(lab)
    after = _ports(lab)
    for guest in lab.guests():
        if guest not in memory or guest.restarted:
            continue
        count, before = after[guest.name], ports[guest.name]
        expect(count == before, f"{guest.name} has {count} event channels, before it had {before}")
        lost_by_others = NETFRONT_KIB * (guest.new_netfronts - netfronts[guest])
        expect_memory(guest, memory[guest], TOLERANCE_KIB + lost_by_others)


def _lost(before, after, field):
    """How much less there is of what one wants much of, or more of what one wants little of."""
    lost = after[field] - before[field]
    return -lost if field == "MemAvailable" else lost


def expect_memory(guest, before, tolerance):
    """The guest's memory must be what it was, within so many KiB, soon: the kernel frees pages that
    the other side had mapped until the end a few at a time, each second."""
    if debug.ON:
        # KASAN keeps what was freed for a while, and lockdep and kmemleak what they saw. There it is
        # kmemleak that tells what is lost.
        return
    seen = []

    def is_back():
        seen.append(memory_of(guest))
        return all(_lost(before, seen[-1], field) <= tolerance for field in FIELDS)

    try:
        wait_until(f"{guest.name}'s memory to be what it was", is_back, RETURN, 1)
    except CaseFailure as failure:
        raise CaseFailure(f"{failure}\n{before} KiB before\n{seen[-1]} KiB after") from failure
    guest.note(f"memory in KiB: {before} before, {seen[-1]} after")
