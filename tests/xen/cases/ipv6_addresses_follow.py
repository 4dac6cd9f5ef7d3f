"""IPv6 addresses that come and go, by hand, by routers and for privacy, are on xl0 within a second."""

import contextlib
import re

from lab import debug, families, traffic, xlnet
from lab.checks import expect, wait_until
from lab.counters import Movement

# Networks that a router tells of, one after the other.
FIRST, SECOND, PRIVATE = "2001:db8:a::", "2001:db8:b::", "2001:db8:c::"
# More than are advertised, of both families together.
MANY, ADVERTISED = 40, 32
# In so many rounds an address comes and goes.
ROUNDS = 5
# What makes temporary addresses, and how long one lives, and what it is by default; in seconds. The next one comes 5 s
# before the last one is used by nobody new.
PRIVACY = {
    "use_tempaddr": (2, 0),
    "temp_prefered_lft": (8, 86400),
    "temp_valid_lft": (40, 604800),
    "max_desync_factor": (0, 600),
}
# As long as a connection is to live that began with the first one.
OUTLIVES = 10
BRIDGE = "/proc/sys/net/ipv6/conf/xenbr0"
# A new address that nobody else has is usable after a second, in which the link is asked.
DETECTION = 2.0
# Addresses that a router's word made, the temporary ones or the others.
ADDRESSES = "ip -6 -o address show dev eth0 scope global {kind}"


@contextlib.contextmanager
def router(lab):
    """dom0 has IPv6 on the bridge, where it has none otherwise, and can be a router there."""
    lab.dom0.check(f"echo 0 >{BRIDGE}/accept_dad; echo 0 >{BRIDGE}/disable_ipv6")
    try:
        yield
    finally:
        lab.dom0.run(f"echo 1 >{BRIDGE}/disable_ipv6; echo 1 >{BRIDGE}/accept_dad")


def advertise(lab, prefix, valid=3600, preferred=1800):
    """A router on the bridge tells of a prefix."""
    lab.dom0.check(f"python3 /lab/ra.py xenbr0 {prefix} {valid} {preferred}")


def addresses(guest, prefix, kind=""):
    """The guest's addresses in a network that was told of."""
    output = guest.check(ADDRESSES.format(kind=kind))
    return [found for found in re.findall(r"inet6 ([0-9a-f:]+)/", output) if found.startswith(prefix.rstrip(":"))]


def reached(here, there, address):
    """The address is reached over xl0, and what it answers to is, within the time that it takes to become one and a
    second."""
    xlnet.RouteChange(here, address, True).finish(xlnet.FALLBACK + DETECTION)
    xlnet.RouteChange(there, xlnet.source_to(here, address), True).finish(xlnet.FALLBACK + DETECTION)
    with Movement({here: ["eth0", "xl0"]}) as moved:
        here.check(f"ping -q -c 10 -i 0.05 -W 3 {address}")
    expect(moved[here, "xl0"] >= 20, f"{here.name} to {address}: {moved}")


def by_hand(g1, g2):
    """An address comes and goes, again and again; the link is asked for it each time."""
    for number in range(1, ROUNDS + 1):
        address = f"fd00:{number}::2"
        g1.check(f"ip address add fd00:{number}::1/64 dev eth0 nodad")
        coming = xlnet.RouteChange(g1, address, True)
        g2.check(f"ip address add {address}/64 dev eth0")
        coming.finish(xlnet.FALLBACK + DETECTION)
        going = xlnet.RouteChange(g1, address, False)
        g2.check(f"ip address del {address}/64 dev eth0")
        going.finish()
        g1.check(f"ip address del fd00:{number}::1/64 dev eth0")


def too_many(lab, g1, g2):
    """Of more addresses than can be advertised the last ones stay on the NIC, and all others go on. A new one takes the
    place of nobody else's."""
    change = "for ((i = 0; i < {}; i++)); do ip address {} fd00::1:$i/64 dev eth0 {}; done"
    g1.check("ip address add fd00::1/64 dev eth0 nodad")
    g2.check(change.format(MANY, "add", "nodad"))
    try:
        told = f"xenstore-read /local/domain/{g2.domid}/data/xlnet/addr"
        wait_until("all addresses to be told", lambda: len(lab.dom0.check(told).split()) == ADVERTISED, xlnet.PATIENCE)
        expect(g2.settings.ip in lab.dom0.check(told).split(), "the IPv4 address is not told of any more")
        xlnet.wait_for_routes(lab)
        listed = set(lab.dom0.check(told).split())
        expect("fd00::1:0" in listed, f"the oldest address is not told: {listed}")
        g2.check("ip address add fd00::2/64 dev eth0 nodad; ip address del fd00::1:0/64 dev eth0")
        wait_until("an address not to be told any more", lambda: "fd00::1:0" not in lab.dom0.check(told).split(), 10)
        expect("fd00::2" not in lab.dom0.check(told).split(), "the newest of too many addresses is told")
        for number in range(1, MANY):
            address = f"fd00::1:{number}"
            if address in listed:
                xlnet.wait_for_route(g1, address)
            g1.check(f"ping -q -c 1 -W 3 {address}")
    finally:
        g2.check(change.format(MANY, "del", ""))
        g2.run("ip address del fd00::2/64 dev eth0")
        g1.check("ip address del fd00::1/64 dev eth0")


def by_routers(lab, g1, g2):
    """A network is numbered anew under traffic: what is connected goes on, what begins has the new addresses."""
    advertise(lab, FIRST)
    for guest in (g1, g2):
        wait_until(f"an address of {guest.name}", lambda guest=guest: addresses(guest, FIRST, "-tentative"), 10)
    (first,) = addresses(g2, FIRST)
    reached(g1, g2, first)
    with traffic.echo(g2):
        client = g1.start(f"traffic tcp [{first}]:{traffic.PORT} seconds=12")
        g1.check("nap 2")
        advertise(lab, SECOND)
        # Still valid, but not to be used by who begins.
        advertise(lab, FIRST, preferred=0)
        wait_until("the new address of g2", lambda: addresses(g2, SECOND, "-tentative"), 10)
        (second,) = addresses(g2, SECOND)
        reached(g1, g2, second)
        client.check(60)
    source = xlnet.source_to(g1, second)
    expect(source in addresses(g1, SECOND), f"g1 sends to {second} from {source}")


def set_privacy(guest, which):
    """Has the guest make temporary addresses, or as by default; it may be gone then."""
    path = "/proc/sys/net/ipv6/conf/eth0"
    guest.run("; ".join(f"echo {values[which]} >{path}/{name}" for name, values in PRIVACY.items()))


def for_privacy(lab, g1, g2):
    """Temporary addresses are used by who begins a connection, and are on xl0. Each makes room for another: what is
    connected goes on with the one before."""
    for guest in (g1, g2):
        set_privacy(guest, 0)
    advertise(lab, PRIVATE)
    for guest in (g1, g2):
        wait_until(
            f"a temporary address of {guest.name}",
            lambda guest=guest: addresses(guest, PRIVATE, "temporary -tentative"),
            10,
        )
    (target,) = addresses(g2, PRIVATE, "-temporary")
    reached(g1, g2, target)
    # Each socket has its say: one may ask for the address that stays.
    first = xlnet.source_to(g1, target)
    expect(first in addresses(g1, PRIVATE, "temporary"), f"g1 sends to {target} from {first}")
    with traffic.echo(g2), Movement({g1: ["eth0", "xl0"]}) as moved:
        client = g1.start(f"traffic tcp [{target}]:{traffic.PORT} seconds={OUTLIVES} pause=20")
        wait_until("g1 to send from another address", lambda: xlnet.source_to(g1, target) != first, OUTLIVES)
        second = xlnet.source_to(g1, target)
        expect(second in addresses(g1, PRIVATE, "temporary"), f"g1 sends to {target} from {second}")
        reached(g1, g2, target)
        client.check(60)
    # Until dom0 has vouched for a new one it is eth0 that carries it.
    expect(debug.PACE * moved[g1, "xl0"] > 2 * moved[g1, "eth0"], f"while g1 took another address: {moved}")


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    try:
        with families.speaking(families.IPV6, g1, g2):
            xlnet.wait_for_routes(lab)
            by_hand(g1, g2)
            with router(lab):
                by_routers(lab, g1, g2)
                for_privacy(lab, g1, g2)
        too_many(lab, g1, g2)
    finally:
        for guest in (g1, g2):
            set_privacy(guest, 1)
            guest.run("ip -6 address flush dev eth0 scope global")
    for guest in (g1, g2):
        wait_until(
            f"no route of IPv6 to be left in {guest.name}",
            lambda guest=guest: not guest.run("ip -6 route show table xlnet 2>/dev/null").out.strip(),
            xlnet.PATIENCE,
        )
    xlnet.wait_for_routes(lab)
