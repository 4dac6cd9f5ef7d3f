"""xlnet waits for the NIC that nic= names, though another is there, and leaves one in a namespace alone."""

from lab import traffic, xlnet
from lab.checks import expect
from lab.counters import Movement
from lab.needs import Needs

NEEDS = Needs(guests=("g1", "g2"), loaded=False)
MAC = "00:16:3e:5e:01:01"
MANY, FEW = 100, 50
ARP_IGNORE = "/proc/sys/net/ipv4/conf/eth0/arp_ignore"


def use(guest, device):
    """The guest has its address on this device."""
    guest.check(f"ip address add {guest.ip}/24 dev {device} && ip link set {device} up")


def named_before_the_nic(lab, g1, g2):
    """`nic=` names a NIC that comes later; the one that is there is none of its business."""
    # Two NICs on one network: without this both answer for each address, with and without xlnet.
    g1.check(f"ip address flush dev eth0 && echo 1 >{ARP_IGNORE}")
    with xlnet.logged(g1, "wait"):
        xlnet.load(g1, "nic=eth1")
        g1.check("nap 1")
    try:
        lab.dom0.check(f"xl network-attach {g1.domid} mac={MAC} bridge=xenbr0")
        g1.check("until [ -e /sys/class/net/eth1 ]; do nap 0.1; done")
        g1.new_netfronts += 1
        use(g1, "eth1")
        xlnet.wait_for_routes(lab)
        with Movement({g1: ["eth0", "eth1", "xl0"]}) as moved:
            g1.check(f"ping -q -c 100 -i 0.02 -W 5 {g2.ip}")
        expect(moved[g1, "xl0"] > MANY and moved[g1, "eth1"] < FEW, f"with nic=eth1: {moved}")
        lab.dom0.check(f"xl network-detach {g1.domid} 1")
        g1.check("while [ -e /sys/class/net/eth1 ]; do nap 0.1; done")
        use(g1, "eth0")
        # g2 has to forget the other MAC first, as without xlnet.
        g1.check(f"for i in {{1..30}}; do ping -q -c 1 -W 1 {g2.ip} && exit; done; exit 1")
    finally:
        xlnet.unload(g1)
        g1.check(f"echo 0 >{ARP_IGNORE}")


def moved_to_a_namespace(lab, g1, g2):
    """In another namespace the NIC is left alone: it serves that one, and xl0 nobody, until it comes back."""
    g1.check("ip netns add away")
    try:
        with xlnet.logged(g1, "namespace"):
            gone = xlnet.RouteChange(g2, g1.ip, present=False)
            g1.check("ip link set eth0 netns away")
            gone.finish()
            expect(not xlnet.has_route(g1, g2), "g1 has a route without a NIC")
            g1.check(f"ip -n away address add {g1.ip}/24 dev eth0 && ip -n away link set eth0 up")
            with Movement({g2: ["eth0", "xl0"]}) as moved:
                g2.check(f"ping -q -c 100 -i 0.02 -W 5 {g1.ip}")
            expect(moved[g2, "eth0"] > MANY and moved[g2, "xl0"] == 0, f"to the namespace: {moved}")
        # As found there by a module that is loaded now.
        xlnet.unload(g1)
        with xlnet.logged(g1, "wait"):
            xlnet.load(g1)
            g1.check("nap 1")
    finally:
        g1.check("ip -n away link set eth0 netns 1; ip netns delete away")
    use(g1, "eth0")
    xlnet.wait_for_routes(lab)
    traffic.meet(g1, g2)


def run(lab):
    g1, g2 = (lab.guest(name) for name in NEEDS.guests)
    xlnet.load(lab.dom0)
    xlnet.load(g2)
    named_before_the_nic(lab, g1, g2)
    xlnet.load_all(lab)
    moved_to_a_namespace(lab, g1, g2)
    xlnet.unload_all(lab)
