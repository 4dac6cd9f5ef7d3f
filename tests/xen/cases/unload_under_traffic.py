"""Unloading and loading xlnet on either side, and xldiscovery, under traffic loses nothing."""

import time

from lab import traffic, xlnet
from lab.checks import expect

SECONDS = 60


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    ping = g1.start(f"ping -q -i 0.05 -w {SECONDS} -W 5 {g2.ip}")
    try:
        with traffic.stream(g1, g2, SECONDS, connections=2) as stream:
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
            stream.finish()
        output = ping.check(timeout=60)
        expect(" 0% packet loss" in output, f"ping lost something:\n{output}")
    finally:
        ping.kill()
