"""Setting xl0 down puts traffic on eth0 within 1 s, up puts it back; xl-bench does so and measures both."""

import time

from lab import families, traffic, xlnet
from lab.checks import expect, last_json
from lab.counters import Movement

MANY = 100
TIMES = 2
STATISTICS = "/sys/class/net/xl0/statistics"


def dropped(guest):
    """Packets that the kernel refused for xl0, as it does from when it stops the queues of a device that goes down
    until it removes the routes, and those that came from peers who did not know yet."""
    return sum(int(guest.read(f"{STATISTICS}/{way}_dropped")) for way in ("tx", "rx"))


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    with families.dressed(g1, g2), traffic.mixture(g1, g2) as mixture:
        before = dropped(g1)
        for _ in range(TIMES):
            pairs = ((g1, g2), (g2, g1))
            changes = [
                xlnet.RouteChange(guest, address, present=False) for guest, peer in pairs for address in peer.addresses
            ]
            before_that = int(g1.check(f"ip link set xl0 down; cat {STATISTICS}/rx_packets"))
            for change in changes:
                change.finish()
            with Movement({g1: ["eth0"]}) as moved:
                time.sleep(1)
            expect(moved[g1, "eth0"] > MANY, f"with xl0 down: {moved}")
            received = int(g1.read(f"{STATISTICS}/rx_packets")) - before_that
            expect(received == 0, f"{received} packets were received while xl0 was down")
            g1.check("ip link set xl0 up")
            xlnet.wait_for_routes(lab)
        refused = dropped(g1) - before
        g1.note(f"refused for xl0: {refused}")
        mixture.finish(changes=2 * TIMES + refused)

    with families.dressed(g1, g2, when=lab.thorough):
        xlnet.wait_for_routes(lab)
        for address in g2.addresses:
            measures_both(g1, address)


def measures_both(g1, address):
    """xl-bench sets xl0 down and up, and measures what an address is reached by then."""
    said = g1.check(f"xl-bench -r 1 -t 1 --json {address}", timeout=120)
    expect("[10/10]" in said, f"xl-bench does not say how far it has come:\n{said}")
    for name in ("ping_rtt_us", "tcp_rr", "udp_rr", "tcp_stream_mbps", "udp_stream_mbps"):
        metric = last_json(said)["metrics"][name]
        for path in ("nic", "xl0"):
            expect(metric[path] and metric[path]["median"] > 0, f"xl-bench measured nothing of {name}: {metric}")
