"""Without room in XenStore, event channels or grants eth0 goes on, one line says why, and xl0 comes later."""

import contextlib

from lab import leftovers, traffic, xen, xlnet
from lab.checks import expect, wait_until
from lab.counters import Movement
from lab.needs import Needs

NEEDS = Needs(loaded=False)
# Fills the guest's XenStore quota, down to the last node.
FILL = """
number=0
for size in 100 10 1; do
  while true; do
    pairs=()
    for ((i = 0; i < size; i++)); do pairs+=("data/fill/$((number + i))" x); done
    xenstore-write "${pairs[@]}" 2>/dev/null || break
    number=$((number + size))
  done
done
echo $number
"""
# A pair of guests that could not meet tries again after pauses of up to 30 s.
RETRY = 60
# Long enough for a second attempt: the initiator waits 5 s for an answer, and then makes a pause of 1 s.
SECOND_ATTEMPT = 8
# Of the 1024 entries of two frames netfront takes 514, and a channel with a ring of PAGES 257: beside the 52 that SHARE
# leaves to others there is room for one such channel, but for two with rings of FEWER. Each page of a peer takes one
# of 768 mappings, which are two channels with rings of PAGES, but not one of those and one with MORE. What two attempts
# take before they fail is more than leftovers.TOLERANCE_KIB. The number of frames is even because gnttab_init in Linux
# 7.3 rounds down how many pages list them, by two each, and what grows that list writes past its end.
SHARE = "grants=95"
FEW_GRANTS = "max_grant_frames = 2\nmax_maptrack_frames = 3\n"
FEWER, PAGES, MORE = 128, 256, 512


def expect_one_line(guest, mark, words):
    """The kernel log must tell of the shortage, and not again and again."""
    lines = [line for line in guest.kernel_log(mark).splitlines() if "xlnet: " in line and words in line]
    expect(len(lines) == 1, f"{guest.name}: not one line with '{words}' in the kernel log: {lines}")


def expect_eth0(here, there):
    """The packets take eth0. What is for a former peer may come to it by xl0's way out."""
    expect(not xlnet.has_route(here, there), f"{here.name} has a route on xl0 to {there.name}")
    with Movement({there: ["eth0"]}) as moved:
        here.check(f"ping -c 3 -i 0.2 -W 5 {there.ip}")
    expect(moved[there, "eth0"] >= 6, f"{here.name} to {there.name}: {moved}")


@contextlib.contextmanager
def refused(here, there, why):
    """What is done in the `with` block makes `here` try to open a channel to `there`, in vain: it says so
    once, however often it tries."""
    mark = f"lab: {why} for {there.name}"
    here.mark(mark)
    yield
    words = f"peer {there.domid}: no channel: {why}"
    with xlnet.talking(here, there):
        wait_until("the guest to try", lambda: words in here.kernel_log(mark), xlnet.PATIENCE)
        here.check(f"sleep {SECOND_ATTEMPT}")
    expect_one_line(here, mark, f"peer {there.domid}: ")
    expect_eth0(here, there)


def without_quota(g1, g2, lab):
    written = int(g1.check(FILL, timeout=120))
    expect(written > 10, f"the quota was full after {written} nodes")
    mark = "lab: XenStore is full"
    g1.mark(mark)
    for domain in (lab.dom0, g1, g2):
        xlnet.load(domain)
    wait_until("the guest to try", lambda: "XenStore" in g1.kernel_log(mark), xlnet.PATIENCE)
    # Long enough to see whether it says so with each attempt.
    g1.check("sleep 3")
    expect_one_line(g1, mark, "XenStore refuses the advert")
    expect_eth0(g1, g2)
    g1.check("xenstore-rm data/fill")
    xlnet.wait_for_routes(lab)


def without_event_channels(g1, lab):
    xlnet.unload(g1)
    used = xen.ports(lab)[g1.domid]
    xlnet.load(g1)
    # Enough for all that g1 has and for a second NIC, which takes what a channel would need.
    poor = lab.create_guest("g7", ip="10.0.0.7", extra=f"max_event_channels = {used + 2}\n")
    lab.dom0.check(f"xl network-attach {poor.name} bridge=xenbr1")
    poor.check("until [ -e /sys/class/net/eth1 ]; do nap 0.1; done; sleep 1")
    with refused(poor, g1, "binding its event channel failed (ENOSPC)"):
        xlnet.load(poor)
    lab.dom0.check(f"xl network-detach {poor.name} 1")
    xlnet.wait_for_routes(lab, ("g1", "g7"), timeout=RETRY)
    xlnet.unload(poor)
    lab.destroy(poor.name)


def without_grants(g1, g2, lab):
    everybody = ("g1", "g2", "g8")
    no_grants = "too few grants are left for channels (ENOSPC)"
    poor = lab.create_guest("g8", ip="10.0.0.8", extra=FEW_GRANTS)
    xlnet.unload(g2)
    xlnet.load(poor, SHARE)
    xlnet.wait_for_routes(lab, ("g1", "g8"))
    # The first channel, and the first traffic, cost what is not given back.
    with traffic.mixture(poor, g1) as mixture:
        mixture.finish()
    xlnet.unload(poor)
    before = leftovers.memory_of(poor)
    xlnet.load(poor, SHARE)
    xlnet.wait_for_routes(lab, ("g1", "g8"))

    # The other peer's channel goes on.
    with traffic.mixture(poor, g1) as mixture:
        with refused(poor, g2, no_grants):
            xlnet.load(g2)
        xlnet.wait_for_routes(lab)
        mixture.finish()

    # The other peer's channel makes room as it goes.
    xlnet.unload(g1)
    xlnet.wait_for_routes(lab, ("g2", "g8"), timeout=RETRY)

    # So do smaller rings.
    with traffic.mixture(poor, g2) as mixture:
        with refused(poor, g1, no_grants):
            xlnet.load(g1)
        poor.check(f"ethtool -G xl0 tx {FEWER}")
        xlnet.wait_for_routes(lab, everybody, timeout=RETRY)
        mixture.finish(changes=2)

    with traffic.mixture(poor, g1) as mixture:
        with refused(poor, g2, "mapping its memory failed (ENOSPC)"):
            g2.check(f"ethtool -G xl0 tx {MORE}")
        mixture.finish()
    g2.check(f"ethtool -G xl0 tx {PAGES}")
    xlnet.wait_for_routes(lab, everybody, timeout=RETRY)

    xlnet.unload(poor)
    for peer in (g1, g2):
        left = xen.between(lab, poor, peer)
        expect(not left, f"between {poor.name} and {peer.name} there are still {left}")
    leftovers.expect_memory(poor, before, leftovers.TOLERANCE_KIB)
    lab.destroy(poor.name)


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    with leftovers.none(lab):
        without_quota(g1, g2, lab)
        without_event_channels(g1, lab)
        without_grants(g1, g2, lab)
