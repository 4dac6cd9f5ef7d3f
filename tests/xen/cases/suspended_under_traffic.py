"""A suspend that is taken back: the channel is closed before and there again after, nothing is lost."""

import time

from lab import xlnet
from lab.checks import expect, last_json
from lab.counters import Movement

PORT = 7
SECONDS = 60
MANY = 100
SAVED = "/var/tmp/g1.saved"


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    server = g2.start(f"exec traffic echo {PORT}")
    time.sleep(0.5)
    stream = g1.start(f"traffic tcp {g2.ip}:{PORT} seconds={SECONDS}")
    try:
        for _ in range(2):
            # A checkpoint: the guest is suspended, its state written, and then it goes on.
            lab.dom0.check(f"xl save -c g1 {SAVED}; rm -f {SAVED}", timeout=120)
            xlnet.wait_for_routes(lab)
        with Movement({g1: ["eth0", "xl0"]}) as after:
            time.sleep(2)
        expect(after[g1, "xl0"] > MANY > after[g1, "eth0"], f"afterwards: {after}")
        report = last_json(stream.check(timeout=SECONDS + 60))
        expect(report["broken"] == 0 and report["corrupt"] == 0, f"TCP: {report}")
    finally:
        for command in (stream, server):
            command.kill()
