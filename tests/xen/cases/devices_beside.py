"""Macvlan and ipvlan on eth0, and a second NIC, carry what they do without xlnet, and xl0 the guest's own packets."""

import contextlib

from lab import families
from lab.checks import expect
from lab.counters import Movement
from lab.flows import Flow, applied, hold, ping, tcp
from lab.needs import Needs
from lab.transparency import MANY, compare

NEEDS = Needs(guests=("g1", "g2"), loaded=False)
# By the version of IP, with what follows it when it is added.
POD = {families.IPV4: ("10.0.0.71", "/24"), families.IPV6: ("2001:db8::71", "/64 nodad")}
IN_POD = "ip netns exec pod "
BOTH_ETH0, BOTH_XL0 = ({"g1": device, "g2": device} for device in ("eth0", "xl0"))
# Second NICs, and their addresses in a network of their own.
SECOND = {"g1": "00:16:3e:5e:00:01", "g2": "00:16:3e:5e:00:02"}
NETWORK = {families.IPV4: ("10.2.0.{}", "/24"), families.IPV6: ("fd02::{}", "/64 nodad")}


def pod_on_the_nic(kind, address, suffix):
    """A namespace with a device of this kind on eth0, and an address in eth0's network; and its end."""
    make = f"""
ip netns add pod && ip link add over0 link eth0 type {kind} && ip link set over0 netns pod &&
ip -n pod -batch - <<'END'
link set lo up
address add {address}{suffix} dev over0
link set over0 up
END
"""
    return make, "ip netns delete pod"


def share_the_nic(trial, kind):
    here, there = trial.g1.ip, trial.g2.ip
    pod, suffix = POD[trial.version]
    with applied(trial, {"g1": pod_on_the_nic(kind, pod, suffix)}):
        hold(
            trial,
            Flow("to a peer", "g1", IN_POD + tcp(there), BOTH_ETH0),
            Flow("from a peer", "g2", ping(pod), BOTH_ETH0),
            Flow("to a host outside", "g1", IN_POD + ping(trial.outside), {"g1": "eth0"}),
            Flow("the guest's own to a peer", "g1", tcp(there), BOTH_XL0),
            Flow("a peer to the guest", "g2", tcp(here), BOTH_XL0),
        )


def macvlan(trial):
    """a macvlan on eth0"""
    share_the_nic(trial, "macvlan mode bridge")


def ipvlan(trial):
    """an ipvlan on eth0"""
    share_the_nic(trial, "ipvlan mode l2")


@contextlib.contextmanager
def second_nics(trial, bridge):
    """Another NIC in each guest, with an address in a network of its own: these addresses."""
    guests = (trial.g1, trial.g2)
    address, suffix = NETWORK[trial.version]
    addresses = [address.format(number) for number in (1, 2)]
    try:
        for guest, address in zip(guests, addresses, strict=True):
            mac = SECOND[guest.name]
            trial.lab.dom0.check(f"xl network-attach {guest.domid} mac={mac} bridge={bridge}")
            guest.check(
                "until [ -e /sys/class/net/eth1 ]; do nap 0.1; done;"
                f" ip address add {address}{suffix} dev eth1 && ip link set eth1 up"
            )
        trial.settle()
        yield addresses
    finally:
        for guest in guests:
            trial.lab.dom0.run(f"xl network-detach {guest.domid} 1")
        for guest in guests:
            guest.run("for _ in {1..100}; do [ -e /sys/class/net/eth1 ] || break; nap 0.1; done")


def second_nic(trial, bridge):
    devices = ["eth0", "eth1", "xl0"]
    with second_nics(trial, bridge) as (here, there):
        with Movement({trial.g1: devices}, ("tx",)) as moved:
            trial.g1.check(ping(there))
            trial.g2.check(ping(here))
        expect(moved[trial.g1, "eth1"] >= MANY and moved[trial.g1, "xl0"] == 0, f"between second NICs: {moved}")
        hold(trial, Flow("between the first NICs", "g1", tcp(trial.g2.ip), BOTH_XL0))


def second_nic_elsewhere(trial):
    """second NICs on another bridge"""
    second_nic(trial, "xenbr1")


def second_nic_beside(trial):
    """second NICs on the same bridge"""
    second_nic(trial, "xenbr0")


def run(lab):
    setups = (macvlan, ipvlan, second_nic_elsewhere, second_nic_beside)
    compare(lab, NEEDS.guests, setups, ipv6_besides=setups)
