"""An address of each family moves between guests, as with VRRP, under traffic, and xl0 follows."""

import contextlib
import time
import types

from lab import families, traffic, xlnet
from lab.checks import expect
from lab.counters import Movement
from lab.flows import OUTSIDE, echo_at, ping
from lab.ndp import advertisement
from lab.needs import Needs
from lab.topology import mac_of

NEEDS = Needs(guests=("g1", "g2", "g3"), loaded=False)
MOVING, MOVING_IPV6 = (types.SimpleNamespace(ip=address) for address in ("10.0.0.90", "2001:db8::90"))
MOVES = 4
MANY, FEW = 30, 15
STRICT = "echo {} | tee /proc/sys/net/ipv4/conf/all/rp_filter /proc/sys/net/ipv4/conf/eth0/rp_filter"
# A service listens at the address wherever that is.
NONLOCAL = "echo {} | tee /proc/sys/net/ipv4/ip_nonlocal_bind /proc/sys/net/ipv6/ip_nonlocal_bind"
TAKE = f"ip address add {MOVING.ip}/32 dev eth0 && arping -q -U -c 2 -w 2 -I eth0 {MOVING.ip}"
LEAVE = f"ip address del {MOVING.ip}/32 dev eth0"
TAKE_IPV6 = f"ip address add {MOVING_IPV6.ip}/128 dev eth0 nodad"
LEAVE_IPV6 = f"ip address del {MOVING_IPV6.ip}/128 dev eth0"


def take(guest, moving):
    """The guest has the addresses, and tells the link."""
    for address in moving:
        if address is MOVING_IPV6:
            guest.check(f"{TAKE_IPV6} && {advertisement(mac_of(guest.settings), address.ip, True)}")
        else:
            guest.check(TAKE)


def leave(guest, moving):
    for address in moving:
        guest.run(LEAVE_IPV6 if address is MOVING_IPV6 else LEAVE)


def answers_by(lab, owner, other, moving, loaded):
    """Everybody must reach the address where it is, a peer by xl0."""
    g3 = lab.guest("g3")
    devices = ["eth0", "xl0"]
    for address in moving:
        with Movement({owner: devices, other: devices}, ("rx",)) as moved:
            g3.check(ping(address.ip))
            if address is MOVING:
                lab.dom0.check(OUTSIDE + ping(address.ip))
        expect(moved[other, "xl0"] < FEW and moved[other, "eth0"] < FEW, f"what is for {owner.name}: {moved}")
        # Pings from outside come by eth0 in any case.
        if loaded:
            expect(moved[owner, "xl0"] >= MANY, f"{g3.name} to {address.ip} at {owner.name}: {moved}")


def moves(lab, loaded, moving):
    """Moves the addresses back and forth under traffic; returns how many datagrams to each were lost."""
    g1, g2, g3 = (lab.guest(name) for name in NEEDS.guests)
    owner, other = g1, g2
    take(owner, moving)
    outage = 0.0
    try:
        if loaded:
            for address in moving:
                xlnet.wait_for_route(g3, address.ip)
        with contextlib.ExitStack() as stack:
            datagrams = [stack.enter_context(traffic.running(traffic.Datagrams(g3, address))) for address in moving]
            for _ in range(MOVES):
                began = time.monotonic()
                leave(owner, moving)
                owner, other = other, owner
                take(owner, moving)
                outage += time.monotonic() - began + xlnet.FALLBACK
                time.sleep(xlnet.CONVERGENCE)
                answers_by(lab, owner, other, moving, loaded)
            return [one.finish(outage)["lost"] for one in datagrams]
    finally:
        for guest in (g1, g2):
            leave(guest, moving)


def run(lab):
    guests = [lab.guest(name) for name in NEEDS.guests]
    for guest in guests:
        guest.check(f"{STRICT.format(1)}; {NONLOCAL.format(1)}")
    try:
        with families.dressed(*guests), contextlib.ExitStack() as stack:
            for guest in guests[:2]:
                for address in (MOVING, MOVING_IPV6):
                    stack.enter_context(echo_at(guest, address.ip, traffic.PORT))
            lost = {"without": moves(lab, False, [MOVING])}
            xlnet.load_all(lab, NEEDS.guests)
            lost["with"] = moves(lab, True, [MOVING, MOVING_IPV6])
        lab.dom0.note(f"datagrams lost in {MOVES} moves: {lost}")
    finally:
        xlnet.unload_all(lab)
        for guest in guests:
            guest.run(f"{STRICT.format(0)}; {NONLOCAL.format(0)}")
