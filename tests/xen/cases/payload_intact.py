"""Payload of 1 byte to 64 KiB is intact, TCP and UDP, both directions at once, 100 connections."""

from lab import traffic
from lab.checks import expect, last_json
from lab.counters import Movement


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    pairs = ((g1, g2), (g2, g1))
    with traffic.echo(g1, g2):
        with Movement({g1: ["xl0"], g2: ["xl0"]}) as moved:
            for here, there in pairs:
                here.check(f"traffic sizes {there.ip}:{traffic.PORT}", timeout=180)
        expect(moved[g1, "xl0"] > 100 and moved[g2, "xl0"] > 100, f"not over xl0: {moved}")

        # Both are client and server now, and each connection carries data both ways.
        clients = [
            here.start(f"traffic {kind.format(ip=there.ip, port=traffic.PORT)}")
            for here, there in pairs
            for kind in (
                "tcp {ip}:{port} seconds=5 connections=2",
                "udp {ip}:{port} seconds=5 rate=100 size=20000",
            )
        ]
        for client in clients:
            client.check(timeout=120)

        many = f"traffic tcp {g2.ip}:{traffic.PORT} seconds=5 connections=100 size=4096"
        report = last_json(g1.check(many, timeout=180))
        expect(report["broken"] == 0 and report["corrupt"] == 0, f"100 connections: {report}")
