"""A neighbour that is only a gateway has a channel once, until something is for itself, in either family."""

import time

from lab import debug, families, xlnet
from lab.checks import expect, wait_until
from lab.needs import Needs

NEEDS = Needs(loaded=False)
IDLE = 3
# What is behind the gateway, by the version of IP.
BEHIND = {families.IPV4: "192.0.2.1/32", families.IPV6: "2001:db8:9::1/128"}
# As long as six channels would live.
WATCHED = 6 * IDLE * debug.PACE
CONNECTED = "connected"


def openings(guest, mark):
    return guest.kernel_log(mark).count(CONNECTED)


def through_the_gateway(lab, g1, g2, network):
    mark = f"lab: through the gateway to {network}"
    g1.mark(mark)
    ping = g1.start(f"exec ping -q -i 0.1 {network.partition('/')[0]}")
    try:
        xlnet.load(lab.dom0)
        for guest in (g1, g2):
            xlnet.load(guest, f"idle_close={IDLE}")
        wait_until("the channel to open", lambda: openings(g1, mark) == 1, xlnet.PATIENCE)
        wait_until("the channel to close", lambda: not xlnet.channels(g1), xlnet.PATIENCE)
        time.sleep(WATCHED)
        expect(openings(g1, mark) == 1, f"{openings(g1, mark)} channels to the gateway, not one")
        expect(ping.running(), "the ping ended")
        # What is for the gateway itself is another matter.
        xlnet.wait_for_routes(lab)
    finally:
        ping.kill()


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    for version in BEHIND if lab.thorough else (families.IPV4,):
        network = BEHIND[version]
        with families.speaking(version, g1, g2):
            g2.check(f"ip address add {network} dev lo")
            g1.check(f"ip route add {network} via {g2.ip}")
            try:
                through_the_gateway(lab, g1, g2, network)
            finally:
                g1.run(f"ip route del {network}")
                g2.run(f"ip address del {network} dev lo")
        # Nobody is to remember the gateway.
        xlnet.unload_all(lab)
