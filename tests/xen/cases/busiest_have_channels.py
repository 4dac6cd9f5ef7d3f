"""A guest with room for four channels among ten that talk to it keeps the four busiest; the others lose nothing."""

import time

from lab import debug, topology, traffic, xlnet
from lab.checks import expect, wait_until
from lab.needs import Needs

NEEDS = Needs(guests=("g1",), loaded=None)
# Seconds between pings, of IPv4, as answers to those of IPv6 do not count (docs/design.md): of four guests several
# times as many as of the others.
BUSY = debug.fewer((0.1, 0.1, 0.1, 0.1), 2)
INTERVALS = (*debug.fewer((2, 1, 2, 1, 2, 1), 3), *BUSY)
ROOM = len(BUSY)
OTHERS = tuple(
    topology.Settings(f"c{n}", f"10.0.0.{20 + n}", memory=224) for n in range(1, len(INTERVALS) + 1)
)
# Each of those for which there is no room at first is tried, and stays for ten seconds then.
SETTLED = 180.0 * debug.PACE
# How long they stay then.
WATCHED = 30.0 * debug.PACE


def run(lab):
    g1 = lab.guest("g1")
    xlnet.unload_all(lab)
    lab.create_all(OTHERS)
    others = [lab.guest(one.name) for one in OTHERS]
    xlnet.load(lab.dom0)
    xlnet.load(g1, f"channels={ROOM}")
    for guest in others:
        xlnet.load(guest)
    talk = [traffic.Ping(guest, g1, interval) for guest, interval in zip(others, INTERVALS, strict=True)]
    busiest = {guest.domid for guest in others[-ROOM:]}
    wait_until("the busiest to have the channels", lambda: xlnet.channels(g1) == busiest, SETTLED)
    time.sleep(WATCHED)
    expect(xlnet.channels(g1) == busiest, f"the channels went to others: {xlnet.channels(g1)}, not {busiest}")
    for guest in others[:-ROOM]:
        expect(not xlnet.peers(guest), f"{guest.name} waits for a channel that g1 has no room for")
        why = lab.dom0.check(f"xl-status why g1 {guest.name}")
        expect("has no room" in why, f"xl-status does not say why {guest.name} has none: {why}")
    for ping in talk:
        ping.finish(outage=0)
    xlnet.unload_all(lab)
    lab.destroy(*(one.name for one in OTHERS))
