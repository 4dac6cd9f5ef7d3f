"""Unloading and loading xlnet on either side, and xldiscovery, under traffic loses nothing."""

import time

from lab import xlnet
from lab.checks import expect, last_json

PORT = 7
SECONDS = 60


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    server = g2.start(f"exec traffic echo {PORT}")
    time.sleep(0.5)
    stream = g1.start(f"traffic tcp {g2.ip}:{PORT} seconds={SECONDS} connections=2")
    ping = g1.start(f"ping -q -i 0.05 -w {SECONDS} -W 5 {g2.ip}")
    try:
        for guest in (g1, g2):
            time.sleep(1)
            xlnet.unload(guest)
            time.sleep(1)
            xlnet.load(guest)
            xlnet.wait_for_routes(lab)
        time.sleep(1)
        xlnet.unload(lab.dom0)
        time.sleep(2)
        xlnet.load(lab.dom0)
        xlnet.wait_for_routes(lab)

        expect(stream.running(), "the modules' comings and goings took longer than the traffic")
        report = last_json(stream.check(timeout=SECONDS + 60))
        expect(report["broken"] == 0 and report["corrupt"] == 0, f"TCP: {report}")
        output = ping.check(timeout=60)
        expect(" 0% packet loss" in output, f"ping lost something:\n{output}")
    finally:
        for command in (stream, ping, server):
            command.kill()
