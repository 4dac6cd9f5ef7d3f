"""A channel nothing is sent through closes, gives all back, and opens with the next packet, of either family."""

import statistics

from lab import debug, families, traffic, xen, xlnet
from lab.checks import expect, wait_until
from lab.needs import Needs

NEEDS = Needs(loaded=False)
# Seconds without packets, and how late it may be seen.
IDLE = 3
LATE = 4.0 * debug.PACE
ROUNDS = 5
# From the first packet to xl0, in ms: the median.
OPENED = 300 * debug.PACE


def wait_until_closed(lab, pair):
    for guest in pair:
        wait_until(f"{guest.name} to close its channel", lambda g=guest: not xlnet.channels(g), IDLE + LATE)
    wait_until("the grants to be given back", lambda: not xen.between(lab, *pair), LATE)


def closes_and_opens(lab, g1, g2):
    pair = g1, g2
    xlnet.wait_for_routes(lab)
    took = []
    for _ in range(ROUNDS):
        wait_until_closed(lab, pair)
        xlnet.wait_until_dormant(pair, LATE)
        took.append(xlnet.from_first_packet(g1, g2))
    lab.dom0.note(f"from the first packet to xl0, ms: {took}")
    expect(statistics.median(took) <= OPENED, f"from the first packet to xl0: {took} ms")

    # Longer than a channel stays idle: it stays as long as there are packets.
    traffic.every_ping(g1, g2.ip, IDLE * 7, 0.2)
    expect(xlnet.channels(g1) == {g2.domid}, "the channel closed while packets took it")

    # Traffic that goes on while a channel opens, closes and opens loses nothing.
    traffic.every_ping(g1, g2.ip, 3, IDLE + LATE)


def run(lab):
    pair = lab.guest("g1"), lab.guest("g2")
    xlnet.load(lab.dom0)
    for guest in pair:
        xlnet.load(guest, f"idle_close={IDLE}")
    for version in families.VERSIONS:
        # An address that the former peer did not have then is a wish by the kernel's neighbour entry.
        with families.speaking(version, *pair):
            closes_and_opens(lab, *pair)
