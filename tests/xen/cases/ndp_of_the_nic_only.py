"""Neighbor Discovery says where an IPv6 address is: forged, it costs the fast path of that address alone."""

import contextlib
import shlex

from lab import containers, families, xlnet
from lab.checks import expect, wait_until
from lab.counters import Movement
from lab.ndp import advertisement
from lab.needs import Needs
from lab.topology import mac_of

NEEDS = Needs(guests=("g1", "g2", "g3"))
# Nobody's: the bridge floods frames to it.
NOBODY = "02:00:00:00:00:99"


@contextlib.contextmanager
def watched(guest, address):
    """Whether there is a route on xl0, again and again; what was seen is in the list in the end."""
    seen = []
    watching = guest.start(f"for i in {{1..30}}; do on_xl0 {address} && echo there || echo none; nap 0.1; done")
    yield seen
    seen += watching.check(30).split()


def forged(g1, g2, g3):
    """Another guest says that the address is its own: to the NIC until the peer is asked, and answers."""
    going = xlnet.RouteChange(g1, g2.ip, False)
    g3.check(advertisement(mac_of(g3.settings), g2.ip, True))
    going.finish()
    # IPv4 is not concerned.
    expect(xlnet.is_on_xl0(g1, g2.settings.ip), "the peer's IPv4 address left xl0, too")
    # What the kernel does by itself with such an advertisement, it does without xlnet.
    g2.check(advertisement(mac_of(g2.settings), g2.ip, True))
    xlnet.wait_for_route(g1, g2.ip)


def proxied(g1, g2, g3):
    """One that does not override, as a proxy's, moves nothing."""
    with watched(g1, g2.ip) as seen:
        for _ in range(5):
            g3.check(advertisement(mac_of(g3.settings), g2.ip, False))
    expect(set(seen) == {"there"}, f"g1 believed a proxy: {seen}")


def not_for_others(g1, g2, g3):
    """What a NIC that hears everything receives, but for another guest, says nothing."""
    with (
        g1.applied("ip link set eth0 promisc on", "ip link set eth0 promisc off"),
        watched(g1, g2.ip) as seen,
        Movement({g1: ["eth0"]}, ("rx",)) as moved,
    ):
        for _ in range(5):
            g3.check(advertisement(mac_of(g3.settings), g2.ip, True, to=NOBODY))
    expect(moved[g1, "eth0"] >= 5, f"the frames did not reach g1: {moved}")
    expect(set(seen) == {"there"}, f"g1 believed an advertisement that was for another: {seen}")


def in_a_container(g1, g2):
    """What is said in another namespace is not said on the NIC."""
    with containers.near_and_far(g1), watched(g1, g2.ip) as seen:
        frame = advertisement(NOBODY, g2.ip, True)
        g1.check(f"ip netns exec far bash -c {shlex.quote(frame)}")
    expect(set(seen) == {"there"}, f"g1 believed a container: {seen}")


def contested(lab, g1, g2, g3):
    """A guest that comes with an address that a peer has finds it taken, does not get it, and is not told of with it."""
    told = f"xenstore-read /local/domain/{g3.domid}/data/xlnet/addr"
    with watched(g1, g2.ip) as seen:
        g3.check(f"ip address add {g2.ip}/64 dev eth0")
        wait_until(
            "g3 to find the address taken",
            lambda: "dadfailed" in g3.check(f"ip -6 address show dev eth0 to {g2.ip}"),
            10,
        )
        expect(g2.ip not in lab.dom0.check(told).split(), "g3 advertises an address that is another's")
    g3.check(f"ip address del {g2.ip}/64 dev eth0")
    expect(set(seen) == {"there"}, f"a contest cost g2 its route: {seen}")


def run(lab):
    g1, g2, g3 = (lab.guest(name) for name in NEEDS.guests)
    xlnet.load_all(lab, NEEDS.guests)
    with families.dressed(g3), families.speaking(families.IPV6, g1, g2):
        xlnet.wait_for_routes(lab)
        proxied(g1, g2, g3)
        not_for_others(g1, g2, g3)
        in_a_container(g1, g2)
        # Before g3 has made the kernel's own neighbour tables doubt.
        contested(lab, g1, g2, g3)
        forged(g1, g2, g3)
        xlnet.wait_for_routes(lab)
        with Movement({g1: ["eth0", "xl0"]}) as moved:
            g1.check(f"ping -q -c 20 -i 0.05 -W 2 {g2.ip}")
        expect(moved[g1, "xl0"] >= 40, f"in the end, traffic is not on xl0: {moved}")
