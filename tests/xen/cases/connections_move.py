"""Established TCP connections move from eth0 to xl0 and back without a stall of more than 1 s."""

import time

from lab import xlnet
from lab.checks import expect, last_json
from lab.counters import Movement
from lab.needs import Needs

NEEDS = Needs(loaded=False)
PORT = 7
SECONDS = 40
MANY = 100


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    watched = {g1: ["eth0", "xl0"]}
    server = g2.start(f"exec traffic echo {PORT}")
    time.sleep(0.5)
    stream = g1.start(f"traffic tcp {g2.ip}:{PORT} seconds={SECONDS}")
    try:
        with Movement(watched) as before:
            time.sleep(2)
        xlnet.load_all(lab)
        with Movement(watched) as during:
            time.sleep(2)
        xlnet.unload_all(lab)
        with Movement(watched) as after:
            time.sleep(2)
        expect(stream.running(), "loading and unloading took longer than the traffic")
        report = last_json(stream.check(timeout=SECONDS + 60))

        expect(before[g1, "eth0"] > MANY, f"before: {before}")
        expect(during[g1, "xl0"] > MANY > during[g1, "eth0"], f"with the modules: {during}")
        expect(after[g1, "eth0"] > MANY, f"after: {after}")
        expect(report["broken"] == 0 and report["corrupt"] == 0, f"{report}")
        expect(report["max_stall_ms"] <= 1000, f"the connection stalled: {report}")
    finally:
        for command in (stream, server):
            command.kill()
