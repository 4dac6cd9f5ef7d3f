"""An address moves between guests, as with VRRP, under traffic and with strict reverse path filters: xl0 follows."""

import time
import types

from lab import traffic, xlnet
from lab.checks import expect
from lab.counters import Movement
from lab.flows import OUTSIDE, echo_at, ping
from lab.needs import Needs

NEEDS = Needs(guests=("g1", "g2", "g3"), loaded=False)
MOVING = types.SimpleNamespace(ip="10.0.0.90")
MOVES = 4
MANY, FEW = 30, 15
STRICT = "echo {} | tee /proc/sys/net/ipv4/conf/all/rp_filter /proc/sys/net/ipv4/conf/eth0/rp_filter"
# A service listens at the address wherever that is.
NONLOCAL = "echo {} >/proc/sys/net/ipv4/ip_nonlocal_bind"
TAKE = f"ip address add {MOVING.ip}/32 dev eth0 && arping -q -U -c 2 -w 2 -I eth0 {MOVING.ip}"
LEAVE = f"ip address del {MOVING.ip}/32 dev eth0"


def answers_by(lab, owner, other, loaded):
    """Everybody must reach the address where it is, a peer by xl0."""
    g3 = lab.guest("g3")
    devices = ["eth0", "xl0"]
    with Movement({owner: devices, other: devices}, ("rx",)) as moved:
        g3.check(ping(MOVING.ip))
        lab.dom0.check(OUTSIDE + ping(MOVING.ip))
    expect(moved[other, "xl0"] < FEW and moved[other, "eth0"] < FEW, f"what is for {owner.name}: {moved}")
    # Pings from outside come by eth0 in any case.
    if loaded:
        expect(moved[owner, "xl0"] >= MANY, f"{g3.name} to {MOVING.ip} at {owner.name}: {moved}")


def moves(lab, loaded):
    """Moves the address back and forth under traffic; returns how many datagrams were lost."""
    g1, g2, g3 = (lab.guest(name) for name in NEEDS.guests)
    owner, other = g1, g2
    owner.check(TAKE)
    outage = 0.0
    try:
        if loaded:
            g3.check(f"until on_xl0 {MOVING.ip}; do nap 0.1; done", xlnet.PATIENCE)
        with traffic.running(traffic.Datagrams(g3, MOVING)) as datagrams:
            for _ in range(MOVES):
                began = time.monotonic()
                owner.check(LEAVE)
                owner, other = other, owner
                owner.check(TAKE)
                outage += time.monotonic() - began + xlnet.FALLBACK
                time.sleep(xlnet.CONVERGENCE)
                answers_by(lab, owner, other, loaded)
            return datagrams.finish(outage)["lost"]
    finally:
        for guest in (g1, g2):
            guest.run(LEAVE)


def run(lab):
    guests = [lab.guest(name) for name in NEEDS.guests]
    for guest in guests:
        guest.check(f"{STRICT.format(1)}; {NONLOCAL.format(1)}")
    g1, g2, _ = guests
    try:
        with echo_at(g1, MOVING.ip, traffic.PORT), echo_at(g2, MOVING.ip, traffic.PORT):
            lost = {"without": moves(lab, False)}
            xlnet.load_all(lab, NEEDS.guests)
            lost["with"] = moves(lab, True)
        lab.dom0.note(f"datagrams lost in {MOVES} moves: {lost}")
    finally:
        xlnet.unload_all(lab)
        for guest in guests:
            guest.run(f"{STRICT.format(0)}; {NONLOCAL.format(0)}")
