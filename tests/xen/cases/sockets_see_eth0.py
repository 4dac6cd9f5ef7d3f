"""Sockets that are bound to eth0, VRFs, groups, broadcasts and tcpdump find what they find without xlnet."""

import contextlib

from lab import debug, families, transparency
from lab.checks import expect
from lab.needs import Needs
from lab.topology import mac_of
from lab.transparency import COUNT, tcp, udp

NEEDS = Needs(loaded=False)

BOUND = "so-bindtodevice=eth0"
PORT = 7001
# In a VRF, as at any time that it is down, a device loses IPv6 addresses that it is not to keep.
KEEP = "echo {} >/proc/sys/net/ipv6/conf/eth0/keep_addr_on_down"
# What tcpdump calls pings, and the EtherType of their packets, by the version of IP.
FILTERS = {families.IPV4: "icmp", families.IPV6: "icmp6"}
PINGS = {families.IPV4: "ICMP echo", families.IPV6: "ICMP6, echo"}


def ping_bound(trial):
    """ping -I eth0"""
    for here, there in trial.both_ways():
        trial.ping(here, there, "-I eth0", out="eth0", back="xl0")


def client_bound(trial):
    """a TCP and a UDP client with SO_BINDTODEVICE=eth0"""
    for here, there in trial.both_ways():
        trial.exchange(here, there, tcp(there, BOUND), out="eth0", back="xl0")
    trial.exchange(trial.g1, trial.g2, udp(trial.g2, BOUND), out="eth0", back="xl0")


def server_bound(trial):
    """a TCP and a UDP server that are bound to eth0"""
    for here, there in trial.both_ways():
        with trial.server(there, f"TCP{trial.version}-LISTEN:{PORT},fork,reuseaddr,{BOUND}", PORT):
            trial.exchange(here, there, tcp(there, port=PORT), out="xl0", back="eth0")
            trial.exchange(here, there, tcp(there, BOUND, port=PORT), out="eth0", back="eth0")
    with trial.server(trial.g2, f"UDP{trial.version}-LISTEN:{PORT},fork,reuseaddr,{BOUND}", PORT):
        trial.exchange(trial.g1, trial.g2, udp(trial.g2, port=PORT), out="xl0", back="eth0")


def vrf(trial):
    """eth0 in a VRF"""
    g1, g2 = trial.g1, trial.g2
    with trial.applied(
        g2,
        f"{KEEP.format(1)}; ip link add red type vrf table 100 && ip link set red up && ip link set eth0 master red",
        f"ip link set eth0 nomaster; ip link del red; {KEEP.format(0)}",
    ):
        trial.ping(g1, g2, out="xl0", back="eth0")
        trial.ping(g2, g1, "-I red", out="eth0", back="xl0")
        # Other sockets have no way there, and are not to be given one.
        trial.no_ping(g2, g1)
        with trial.server(g2, f"TCP{trial.version}-LISTEN:{PORT},fork,reuseaddr,so-bindtodevice=red", PORT):
            trial.exchange(g1, g2, tcp(g2, port=PORT), out="xl0", back="eth0")
        trial.exchange(g2, g1, tcp(g1, "so-bindtodevice=red"), out="eth0", back="xl0")


def multicast(trial):
    """multicast"""
    for here, there in trial.both_ways():
        trial.multicast(here, there)


def broadcast(trial):
    """broadcasts"""
    for here, there in trial.both_ways():
        trial.broadcast(here, there)


@contextlib.contextmanager
def capture(guest, device, what):
    """What tcpdump sees of pings on a device in the `with` block, as lines in a file."""
    path = f"/tmp/.capture-{device}"
    # Of packets as large as xl0 takes its buffer has room for a few only.
    command = guest.start(f"exec tcpdump -l --immediate-mode -s 256 -nne -i {device} {what} >{path} 2>{path}.log")
    try:
        guest.check(f"until mapfile -t lines <{path}.log && [[ ${{lines[*]}} == *listening* ]]; do nap 0.1; done")
        yield path
    finally:
        command.kill()


def tcpdump(trial):
    """tcpdump"""
    g1, g2 = trial.g1, trial.g2
    with contextlib.ExitStack() as stack:
        what = FILTERS[trial.version]
        paths = {"eth0": stack.enter_context(capture(g2, "eth0", what))}
        if trial.loaded:
            paths["xl0"] = stack.enter_context(capture(g2, "xl0", what))
        trial.ping(g1, g2)
        # What is captured last is not written yet.
        g2.check(f"nap {0.5 * debug.PACE}")
    seen = {device: g2.read(path) for device, path in paths.items()}
    asked, answered = (
        {device: lines.count(f"{PINGS[trial.version]} {kind},") for device, lines in seen.items()}
        for kind in ("request", "reply")
    )
    expect(all(count == COUNT for count in asked.values()), f"requests seen: {asked}")
    # The NIC shows what was received, xl0 both directions.
    expected = {"eth0": 0, "xl0": COUNT} if trial.loaded else {"eth0": COUNT}
    expect(answered == expected, f"answers seen: {answered}, expected: {expected}")
    header = f"{mac_of(g1.settings)} > {mac_of(g2.settings)}, ethertype IPv{trial.version}"
    received = [line for line in seen["eth0"].splitlines() if "request" in line]
    expect(all(header in line for line in received), f"on eth0 not with '{header}': {received[:1]}")


# There are no broadcasts.
IPV6 = (ping_bound, client_bound, server_bound, multicast, tcpdump)
SETUPS = (ping_bound, client_bound, server_bound, vrf, multicast, broadcast, tcpdump)


def run(lab):
    transparency.compare(lab, ("g1", "g2"), SETUPS, ipv6=IPV6, ipv6_besides=(vrf,))
