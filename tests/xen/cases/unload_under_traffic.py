"""Unloading and loading xlnet on either side, and xldiscovery, under traffic: all of it goes on."""

import time

from lab import families, traffic, xlnet

# Each of the three modules goes and comes back.
CHANGES = 6


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    with families.dressed(g1, g2), traffic.mixture(g1, g2, connections=2) as mixture:
        for domain in (g1, g2, lab.dom0):
            time.sleep(1)
            xlnet.unload(domain)
            time.sleep(1)
            xlnet.load(domain)
            xlnet.wait_for_routes(lab)
        time.sleep(1)
        mixture.finish(changes=CHANGES)
