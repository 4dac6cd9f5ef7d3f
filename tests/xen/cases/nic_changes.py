"""eth0, its addresses, MTU, bridge, name and namespace change under traffic: routes follow within 1 s."""

import contextlib
import time

from lab import families, leftovers, life, topology, traffic, transparency, xlnet
from lab.checks import expect, wait_until
from lab.counters import Movement
from lab.needs import Needs

NEEDS = Needs(guests=("g1", "g2", "g3"), loaded=False)
# An address besides, what follows it when it comes, and what keeps a guest from telling the link of it. In IPv6 it is
# one that nobody begins to send from, as VRRP's are: the newest would be the first choice else.
EXTRA = {families.IPV4: "10.0.0.50", families.IPV6: "2001:db8::50"}
SUFFIX = {families.IPV4: "/24", families.IPV6: "/64 nodad preferred_lft 0"}
QUIET = {
    families.IPV4: ("sysctl -q net.ipv4.conf.eth0.arp_ignore=8", "sysctl -q net.ipv4.conf.eth0.arp_ignore=0"),
    families.IPV6: (
        transparency.nft(
            "table ip6 lab { chain output { type filter hook output priority 0; policy accept;"
            f" ip6 saddr {EXTRA[families.IPV6]} icmpv6 type nd-neighbor-advert drop; }}; }}"
        ),
        transparency.NFT_UNDO,
    ),
}
OTHER_NAME = "wan0"
# A VRF whose module hears of devices later than xlnet, and gives its port back while that leaves.
PORT = "modprobe -q -r vrf; ip link add lab type vrf table 100 && ip link set eth0 master lab"
# Packets: less is what goes over eth0 at any time, a few ARP requests.
MANY = 50


@contextlib.contextmanager
def route(guest, *addresses, present):
    """Expects the routes to come or go within 1 s of what is done in the `with` block."""
    changes = [xlnet.RouteChange(guest, address, present) for address in addresses]
    yield
    for change in changes:
        change.finish()


def comes(guest, version, device="eth0"):
    guest.check(f"ip address add {EXTRA[version]}{SUFFIX[version]} dev {device}")


def goes(guest, version, device="eth0"):
    guest.check(f"ip address del {EXTRA[version]}{SUFFIX[version].split()[0]} dev {device}")


def addresses(version, g1, g2, g3):
    """An address comes, moves to another guest, and goes."""
    address = EXTRA[version]
    for guest in (g2, g3):
        with route(g1, address, present=True):
            comes(guest, version)
        g1.check(f"ping -c 3 -i 0.2 -W 2 {address}")
        with route(g1, address, present=False):
            goes(guest, version)


def address_without_answer(lab, version, g1, g2):
    """An address of which the link says nothing gets no route, and takes none from those that have one."""
    address, (quiet, undo) = EXTRA[version], QUIET[version]
    told = f"xenstore-read /local/domain/{g1.domid}/xlnet/peer/{g2.domid}"
    with g2.applied(quiet, undo):
        with Movement({g1: ["eth0", "xl0"]}) as moved:
            comes(g2, version)
            wait_until("dom0 to tell g1 of the address", lambda: address in lab.dom0.check(told), 5)
            time.sleep(1)
        expect(moved[g1, "xl0"] > MANY > moved[g1, "eth0"], f"{address} moved other traffic: {moved}")
        expect(xlnet.device_to(g1, address) == "eth0", f"a route to {address}, which nobody has seen")
        goes(g2, version)


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


def renamed(g1, g2, versions):
    """The NIC is what it was by another name; addresses that come then are followed."""
    with xlnet.logged(g2, f"serving {OTHER_NAME}"):
        g2.check(f"ip link set eth0 name {OTHER_NAME}")
    with Movement({g1: ["eth0", "xl0"], g2: [OTHER_NAME, "xl0"]}) as moved:
        g2.check(f"nap 1; ping -c 3 -i 0.2 -W 2 {g1.ip}")
    for guest, nic in ((g1, "eth0"), (g2, OTHER_NAME)):
        expect(moved[guest, "xl0"] > MANY > moved[guest, nic], f"a rename moved traffic: {moved}")
    for version in versions:
        for change in (comes, goes):
            with route(g1, EXTRA[version], present=change is comes):
                change(g2, version, OTHER_NAME)
    g2.check(f"ip link set {OTHER_NAME} name eth0")


def in_another_namespace(lab, g1, g2, absence):
    """The NIC, a port of a VRF, leaves for a container, and comes back."""
    leaves, comes = xlnet.logged(g2, "eth0 is in another network namespace"), xlnet.logged(g2, "serving eth0")
    # Each is said once.
    with absence, leaves, comes:
        with route(g1, *g2.addresses, present=False):
            g2.check(f"{PORT} && ip netns add away && ip link set eth0 netns away && ip link del lab")
        g2.check("ip -n away link set eth0 up && ip -n away link set eth0 netns 1 && ip netns del away")
        configure(g2)
    xlnet.wait_for_routes(lab, ("g1", "g2"))


def run(lab):
    g1, g2, g3 = (lab.guest(name) for name in NEEDS.guests)
    versions = families.VERSIONS if lab.thorough else (families.IPV4,)
    with leftovers.none(lab):
        comes_later(lab, g1, g3)
        xlnet.load_all(lab, NEEDS.guests)
        absence = life.Absence()
        with (
            families.dressed(g1, g2),
            traffic.mixture(g1, g3) as others,
            traffic.mixture(g1, g2) as mixture,
        ):
            for version in versions:
                with families.dressed(g3, when=version == families.IPV6):
                    xlnet.wait_for_routes(lab, NEEDS.guests)
                    addresses(version, g1, g2, g3)
                    address_without_answer(lab, version, g1, g2)
            renamed(g1, g2, versions)

            g2.check("ip link set eth0 mtu 1400")
            g1.check(f"ping -c 3 -i 0.2 -s 8000 -W 2 {g2.ip}")
            expect(xlnet.device_to(g1, g2.ip) == "xl0", "the route went as eth0's MTU changed")
            g2.check("ip link set eth0 mtu 1500")

            with absence:
                with route(g1, *g2.addresses, present=False):
                    g2.check("ip link set eth0 down")
                g2.check("ip link set eth0 up")
                families.dress(g2)
            xlnet.wait_for_routes(lab, ("g1", "g2"))

            with absence:
                with route(g1, *g2.addresses, present=False):
                    lab.dom0.check(f"ip link set {g2.vif} master xenbr1")
                lab.dom0.check(f"ip link set {g2.vif} master xenbr0")
            xlnet.wait_for_routes(lab, ("g1", "g2"))

            in_another_namespace(lab, g1, g2, absence)

            # As the toolstack moves a NIC: it goes, and another comes in its place.
            with absence:
                with route(g1, *g2.addresses, present=False):
                    lab.dom0.check(f"xl network-detach {g2.domid} 0")
                g2.check("until [ ! -e /sys/class/net/eth0 ]; do nap 0.1; done")
                attach(lab, g2)
            xlnet.wait_for_routes(lab, ("g1", "g2"))

            mixture.finish(absence.seconds)
            others.finish(outage=0)
