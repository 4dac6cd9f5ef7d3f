"""Macvlan and ipvlan on eth0, and a second NIC, carry what they do without xlnet, and xl0 the guest's own packets."""

import contextlib

from lab.checks import expect
from lab.counters import Movement
from lab.flows import Flow, applied, hold, ping, tcp
from lab.needs import Needs
from lab.topology import GUESTS, OUTSIDE_IP
from lab.transparency import MANY, compare

NEEDS = Needs(guests=("g1", "g2"), loaded=False)
G1, G2 = (GUESTS[name].ip for name in NEEDS.guests)
POD = "10.0.0.71"
IN_POD = "ip netns exec pod "
BOTH_ETH0, BOTH_XL0 = ({"g1": device, "g2": device} for device in ("eth0", "xl0"))
# Second NICs, by the network that they are in.
SECOND = {"g1": ("00:16:3e:5e:00:01", "10.2.0.1"), "g2": ("00:16:3e:5e:00:02", "10.2.0.2")}


def pod_on_the_nic(kind):
    """A namespace with a device of this kind on eth0, and an address in eth0's network; and its end."""
    make = f"""
ip netns add pod && ip link add over0 link eth0 type {kind} && ip link set over0 netns pod &&
ip -n pod -batch - <<'END'
link set lo up
address add {POD}/24 dev over0
link set over0 up
END
"""
    return make, "ip netns delete pod"


def share_the_nic(trial, kind):
    with applied(trial, {"g1": pod_on_the_nic(kind)}):
        hold(
            trial,
            Flow("to a peer", "g1", IN_POD + tcp(G2), BOTH_ETH0),
            Flow("from a peer", "g2", ping(POD), BOTH_ETH0),
            Flow("to a host outside", "g1", IN_POD + ping(OUTSIDE_IP), {"g1": "eth0"}),
            Flow("the guest's own to a peer", "g1", tcp(G2), BOTH_XL0),
            Flow("a peer to the guest", "g2", tcp(G1), BOTH_XL0),
        )


def macvlan(trial):
    """a macvlan on eth0"""
    share_the_nic(trial, "macvlan mode bridge")


def ipvlan(trial):
    """an ipvlan on eth0"""
    share_the_nic(trial, "ipvlan mode l2")


@contextlib.contextmanager
def second_nics(trial, bridge):
    """Another NIC in each guest, with an address in a network of its own."""
    guests = {guest: SECOND[guest.name] for guest in (trial.g1, trial.g2)}
    try:
        for guest, (mac, address) in guests.items():
            trial.lab.dom0.check(f"xl network-attach {guest.domid} mac={mac} bridge={bridge}")
            guest.check(
                "until [ -e /sys/class/net/eth1 ]; do nap 0.1; done;"
                f" ip address add {address}/24 dev eth1 && ip link set eth1 up"
            )
        trial.settle()
        yield
    finally:
        for guest in guests:
            trial.lab.dom0.run(f"xl network-detach {guest.domid} 1")
        for guest in guests:
            guest.run("for _ in {1..100}; do [ -e /sys/class/net/eth1 ] || break; nap 0.1; done")


def second_nic(trial, bridge):
    (_, here), (_, there) = SECOND["g1"], SECOND["g2"]
    devices = ["eth0", "eth1", "xl0"]
    with second_nics(trial, bridge):
        with Movement({trial.g1: devices}, ("tx",)) as moved:
            trial.g1.check(ping(there))
            trial.g2.check(ping(here))
        expect(moved[trial.g1, "eth1"] >= MANY and moved[trial.g1, "xl0"] == 0, f"between second NICs: {moved}")
        hold(trial, Flow("between the first NICs", "g1", tcp(G2), BOTH_XL0))


def second_nic_elsewhere(trial):
    """second NICs on another bridge"""
    second_nic(trial, "xenbr1")


def second_nic_beside(trial):
    """second NICs on the same bridge"""
    second_nic(trial, "xenbr0")


def run(lab):
    compare(lab, NEEDS.guests, (macvlan, ipvlan, second_nic_elsewhere, second_nic_beside))
