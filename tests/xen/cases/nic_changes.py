"""eth0, its addresses, MTU and bridge change under traffic: routes follow within 1 s, no hole opens."""

import contextlib
import time

from lab import leftovers, life, topology, traffic, xlnet
from lab.checks import expect, wait_until
from lab.counters import Movement
from lab.needs import Needs

NEEDS = Needs(guests=("g1", "g2", "g3"), loaded=False)
EXTRA = "10.0.0.50"
ADD, REMOVE = (f"ip address {verb} {EXTRA}/24 dev eth0" for verb in ("add", "del"))
# Packets: less is what goes over eth0 at any time, a few ARP requests.
MANY = 50


@contextlib.contextmanager
def route(guest, address, present):
    """Expects the route to come or go within 1 s of what is done in the `with` block."""
    change = xlnet.RouteChange(guest, address, present)
    yield
    change.finish()


def addresses(g1, g2, g3):
    """An address comes, moves to another guest, and goes."""
    with route(g1, EXTRA, present=True):
        g2.check(ADD)
    g1.check(f"ping -c 3 -i 0.2 -W 2 {EXTRA}")
    with route(g1, EXTRA, present=False):
        g2.check(REMOVE)
    with route(g1, EXTRA, present=True):
        g3.check(ADD)
    g1.check(f"ping -c 3 -i 0.2 -W 2 {EXTRA}")
    with route(g1, EXTRA, present=False):
        g3.check(REMOVE)


def address_without_answer(lab, g1, g2):
    """An address of which ARP says nothing gets no route, and takes none from those that have one."""
    told = f"xenstore-read /local/domain/{g1.domid}/xlnet/peer/{g2.domid}/addr"
    g2.check("sysctl -q net.ipv4.conf.eth0.arp_ignore=8")
    try:
        with Movement({g1: ["eth0", "xl0"]}) as moved:
            g2.check(ADD)
            wait_until("dom0 to tell g1 of the address", lambda: EXTRA in lab.dom0.check(told), 5)
            time.sleep(1)
        expect(moved[g1, "xl0"] > MANY > moved[g1, "eth0"], f"{EXTRA} moved other traffic: {moved}")
        expect(xlnet.device_to(g1, EXTRA) == "eth0", f"a route to {EXTRA}, which nobody has seen")
        g2.check(REMOVE)
    finally:
        g2.check("sysctl -q net.ipv4.conf.eth0.arp_ignore=0")


def run(lab):
    g1, g2, g3 = (lab.guest(name) for name in NEEDS.guests)
    with leftovers.none(lab):
        xlnet.load_all(lab, NEEDS.guests)
        absence = life.Absence()
        with traffic.mixture(g1, g3) as others, traffic.mixture(g1, g2) as mixture:
            addresses(g1, g2, g3)
            address_without_answer(lab, g1, g2)

            g2.check("ip link set eth0 mtu 1400")
            g1.check(f"ping -c 3 -i 0.2 -s 8000 -W 2 {g2.ip}")
            expect(xlnet.device_to(g1, g2.ip) == "xl0", "the route went as eth0's MTU changed")
            g2.check("ip link set eth0 mtu 1500")

            with absence:
                with route(g1, g2.ip, present=False):
                    g2.check("ip link set eth0 down")
                g2.check("ip link set eth0 up")
            xlnet.wait_for_routes(lab, ("g1", "g2"))

            with absence:
                with route(g1, g2.ip, present=False):
                    lab.dom0.check(f"ip link set {g2.vif} master xenbr1")
                lab.dom0.check(f"ip link set {g2.vif} master xenbr0")
            xlnet.wait_for_routes(lab, ("g1", "g2"))

            # As the toolstack moves a NIC: it goes, and another comes in its place.
            with absence:
                with route(g1, g2.ip, present=False):
                    lab.dom0.check(f"xl network-detach {g2.domid} 0")
                g2.check("until [ ! -e /sys/class/net/eth0 ]; do nap 0.1; done")
                lab.dom0.check(f"xl network-attach {g2.domid} mac={topology.mac_of(g2.settings)} bridge=xenbr0")
                g2.check("until [ -e /sys/class/net/eth0 ]; do nap 0.1; done")
                g2.check(f"ip address add {g2.ip}/24 dev eth0 && ip link set eth0 up")
                g2.new_netfronts += 1
            xlnet.wait_for_routes(lab, ("g1", "g2"))

            mixture.finish(absence.seconds)
            others.finish(outage=0)
