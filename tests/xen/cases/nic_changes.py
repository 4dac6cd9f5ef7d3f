"""eth0, its addresses, MTU, bridge, name and namespace change under traffic: routes follow within 1 s."""

import contextlib
import time

from lab import families, leftovers, life, topology, traffic, xlnet
from lab.checks import expect, wait_until
from lab.counters import Movement
from lab.needs import Needs

NEEDS = Needs(guests=("g1", "g2", "g3"), loaded=False)
EXTRA = "10.0.0.50"
OTHER_NAME = "wan0"
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
    told = f"xenstore-read /local/domain/{g1.domid}/xlnet/peer/{g2.domid}"
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


def detach(lab, guest):
    """Takes the guest's NIC away, as the toolstack does."""
    lab.dom0.check(f"xl network-detach {guest.domid} 0")
    guest.check("until [ ! -e /sys/class/net/eth0 ]; do nap 0.1; done")


def attach(lab, guest):
    """Gives the guest a NIC again, with the same addresses."""
    lab.dom0.check(f"xl network-attach {guest.domid} mac={topology.mac_of(guest.settings)} bridge=xenbr0")
    guest.check("until [ -e /sys/class/net/eth0 ]; do nap 0.1; done")
    configure(guest)
    guest.new_netfronts += 1


def configure(guest):
    guest.check(f"ip address add {guest.ip}/24 dev eth0 && ip link set eth0 up")
    if guest.ipv6:
        families.dress(guest)


def comes_later(lab, g1, g3):
    """The module is loaded before its NIC is there: the named one in g1, any in g3."""
    detach(lab, g3)
    with xlnet.logged(g3, "no Xen network device (xen-netfront) yet"):
        xlnet.load(g3)
    with xlnet.logged(g1, f"nic={OTHER_NAME}: no such device yet"):
        xlnet.load(g1, f"nic={OTHER_NAME}")
    with xlnet.logged(g3, "serving eth0"):
        attach(lab, g3)
    with xlnet.logged(g1, f"serving {OTHER_NAME}"):
        g1.check(f"ip link set eth0 name {OTHER_NAME}")
    xlnet.load(lab.dom0)
    xlnet.wait_for_routes(lab, ("g1", "g3"))
    g1.check(f"ip link set {OTHER_NAME} name eth0")


def renamed(g1, g2):
    """The NIC is what it was by another name; addresses that come then are followed."""
    with xlnet.logged(g2, f"serving {OTHER_NAME}"):
        g2.check(f"ip link set eth0 name {OTHER_NAME}")
    with Movement({g1: ["eth0", "xl0"], g2: [OTHER_NAME, "xl0"]}) as moved:
        g2.check(f"nap 1; ping -c 3 -i 0.2 -W 2 {g1.ip}")
    for guest, nic in ((g1, "eth0"), (g2, OTHER_NAME)):
        expect(moved[guest, "xl0"] > MANY > moved[guest, nic], f"a rename moved traffic: {moved}")
    for verb in ("add", "del"):
        with route(g1, EXTRA, present=verb == "add"):
            g2.check(f"ip address {verb} {EXTRA}/24 dev {OTHER_NAME}")
    g2.check(f"ip link set {OTHER_NAME} name eth0")


def in_another_namespace(lab, g1, g2, absence):
    """The NIC leaves for a container, and comes back."""
    with absence:
        with xlnet.logged(g2, "eth0 is in another network namespace"), route(g1, g2.ip, present=False):
            g2.check("ip netns add away && ip link set eth0 netns away")
        g2.check("ip -n away link set eth0 up && ip -n away link set eth0 netns 1 && ip netns del away")
        configure(g2)
    xlnet.wait_for_routes(lab, ("g1", "g2"))


def run(lab):
    g1, g2, g3 = (lab.guest(name) for name in NEEDS.guests)
    with leftovers.none(lab):
        comes_later(lab, g1, g3)
        xlnet.load_all(lab, NEEDS.guests)
        absence = life.Absence()
        with (
            families.dressed(g1, g2),
            traffic.mixture(g1, g3) as others,
            traffic.mixture(g1, g2) as mixture,
        ):
            xlnet.wait_for_routes(lab, ("g1", "g2"))
            addresses(g1, g2, g3)
            address_without_answer(lab, g1, g2)
            renamed(g1, g2)

            g2.check("ip link set eth0 mtu 1400")
            g1.check(f"ping -c 3 -i 0.2 -s 8000 -W 2 {g2.ip}")
            expect(xlnet.device_to(g1, g2.ip) == "xl0", "the route went as eth0's MTU changed")
            g2.check("ip link set eth0 mtu 1500")

            with absence:
                with route(g1, g2.ip, present=False), route(g1, g2.ipv6, present=False):
                    g2.check("ip link set eth0 down")
                g2.check("ip link set eth0 up")
                families.dress(g2)
            xlnet.wait_for_routes(lab, ("g1", "g2"))

            with absence:
                with route(g1, g2.ip, present=False):
                    lab.dom0.check(f"ip link set {g2.vif} master xenbr1")
                lab.dom0.check(f"ip link set {g2.vif} master xenbr0")
            xlnet.wait_for_routes(lab, ("g1", "g2"))

            in_another_namespace(lab, g1, g2, absence)

            # As the toolstack moves a NIC: it goes, and another comes in its place.
            with absence:
                with route(g1, g2.ip, present=False):
                    lab.dom0.check(f"xl network-detach {g2.domid} 0")
                g2.check("until [ ! -e /sys/class/net/eth0 ]; do nap 0.1; done")
                attach(lab, g2)
            xlnet.wait_for_routes(lab, ("g1", "g2"))

            mixture.finish(absence.seconds)
            others.finish(outage=0)
