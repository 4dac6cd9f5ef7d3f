"""Throughput over the size of the channel's FIFOs."""

import re

from .paths import take

PAGE_KIB = 4


def by_size(pair):
    """Streams over channels with rings of other sizes; then the ring's own size again."""
    usual = ring_pages(pair.client)
    try:
        for pages in pair.effort.ring_pages:
            set_ring(pair, pages)
            for metric, test in (("tcp_fifo", "TCP_STREAM"), ("udp_fifo", "UDP_STREAM")):
                yield metric, pair.netperf(test, pair.effort.sweep_seconds), {"KiB": pages * PAGE_KIB}
    finally:
        set_ring(pair, usual)


def ring_pages(guest):
    return int(re.findall(r"^TX:\s+(\d+)", guest.check("ethtool -g xl0"), re.MULTILINE)[-1])


def set_ring(pair, pages):
    guests = (pair.client, pair.server)
    # Down first: a channel that is up would go on for a moment with the ring it has.
    for guest in guests:
        guest.check("ip link set xl0 down")
    for guest in guests:
        if ring_pages(guest) != pages:
            guest.check(f"ethtool -G xl0 tx {pages}")
    take(guests, pair.path)
