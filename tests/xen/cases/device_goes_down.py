"""Setting xl0 down puts traffic on eth0 and up puts it back; xl-bench, which does so, prints its table."""

import time

from lab import traffic, xlnet
from lab.checks import expect, wait_until
from lab.counters import Movement

MANY = 100


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    with traffic.stream(g1, g2) as stream:
        for _ in range(2):
            g1.check("ip link set xl0 down")
            for guest, peer in ((g1, g2), (g2, g1)):
                wait_until(
                    f"{guest.name}'s route to go",
                    lambda guest=guest, peer=peer: not xlnet.has_route(guest, peer),
                    5,
                )
            with Movement({g1: ["eth0"]}) as down:
                time.sleep(1)
            expect(down[g1, "eth0"] > MANY, f"with xl0 down: {down}")
            g1.check("ip link set xl0 up")
            xlnet.wait_for_routes(lab)
        stream.finish()

    table = g1.check(f"xl-bench -r 1 -t 1 {g2.ip}", timeout=120)
    for name in ("ping_rtt_us", "tcp_rr", "udp_rr", "tcp_stream_mbps", "udp_stream_mbps"):
        expect(name in table, f"xl-bench's table has no line for {name}:\n{table}")
