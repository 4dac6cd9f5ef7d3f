"""Payload of 1 byte to 64 KiB is intact, TCP and UDP, both directions at once, 100 connections, in either family."""

from lab import families, traffic, xlnet
from lab.checks import expect, last_json
from lab.counters import Movement

SIZES = (1, 56, 1232, 1233, 1452, 1453, 1472, 1473, 1552, 1553, 8000, 32768, 65000)


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    for version in families.VERSIONS:
        with families.speaking(version, g1, g2):
            xlnet.wait_for_routes(lab)
            crosses_whole(g1, g2)
            pings_of_all_sizes(g1, g2)


def pings_of_all_sizes(g1, g2):
    """Sizes about those at which packets are handled otherwise; the largest are cut by their sender."""
    with Movement({g1: ["xl0"], g2: ["xl0"]}, ("rx",)) as moved:
        for size in SIZES:
            g1.check(f"ping -q -c 2 -i 0.05 -W 5 -s {size} {g2.ip}")
    for guest in (g1, g2):
        expect(moved[guest, "xl0"] >= 2 * len(SIZES), f"not over xl0: {moved}")


def crosses_whole(g1, g2):
    pairs = ((g1, g2), (g2, g1))
    with traffic.echo(g1, g2):
        with Movement({g1: ["xl0"], g2: ["xl0"]}) as moved:
            for here, there in pairs:
                here.check(f"traffic sizes {there.host}:{traffic.PORT}", timeout=180)
        expect(moved[g1, "xl0"] > 100 and moved[g2, "xl0"] > 100, f"not over xl0: {moved}")

        # Both are client and server now, and each connection carries data both ways.
        clients = [
            here.start(f"traffic {kind.format(host=there.host, port=traffic.PORT)}")
            for here, there in pairs
            for kind in (
                "tcp {host}:{port} seconds=5 connections=2",
                "udp {host}:{port} seconds=5 rate=100 size=20000",
            )
        ]
        for client in clients:
            client.check(timeout=120)

        many = f"traffic tcp {g2.host}:{traffic.PORT} seconds=5 connections=100 size=4096"
        report = last_json(g1.check(many, timeout=180))
        expect(report["broken"] == 0 and report["corrupt"] == 0, f"100 connections: {report}")
