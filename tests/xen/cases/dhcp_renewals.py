"""A guest has its address by DHCP, from outside or from a peer: renewals change nothing, a new address is followed."""

import contextlib
import re

from lab import topology, traffic, xlnet
from lab.checks import expect, wait_until
from lab.counters import Movement
from lab.flows import OUTSIDE
from lab.needs import Needs

NEEDS = Needs(loaded=False)
G1 = topology.GUESTS["g1"]
OTHER = "10.0.0.31"
# In seconds: so long that the address does not expire however busy the machine is. The client is told to renew.
LEASE = 120
RENEWALS = 3
MANY, FEW = 100, 50
# What a client does at boot and at each lease, as the scripts of distributions do.
HOOK = """#!/bin/sh
case $1 in
deconfig) ip -4 address flush dev eth0 ;;
bound | renew) ip address replace "$ip/$mask" dev eth0 valid_lft "$lease" preferred_lft "$lease" ;;
esac
echo "$1 $ip" >>/run/leases
"""
CLIENT = f"""
cat >/run/hook <<'END' && chmod +x /run/hook && exec udhcpc -f -S -i eth0 -s /run/hook -p /run/udhcpc
{HOOK}END
"""


def configuration(address):
    return f"""
interface eth0
start {address}
end {address}
static_lease {topology.mac_of(G1)} {address}
min_lease {LEASE}
lease_file /run/udhcpd.leases
pidfile /run/udhcpd.pid
option subnet 255.255.255.0
option lease {LEASE}
"""


@contextlib.contextmanager
def server(domain, prefix, address):
    """A DHCP server that has this address for g1, inside the `with` block."""
    command = domain.start(
        f": >/run/udhcpd.leases; cat >/run/udhcpd.conf <<'END'\n{configuration(address)}END\n"
        f"exec {prefix}busybox udhcpd -f /run/udhcpd.conf"
    )
    try:
        yield
    finally:
        command.kill()


def leases(guest):
    """What the client was told so far: pairs of the event and the address."""
    return re.findall(r"^(\S+) (\S*)$", guest.read("/run/leases"), re.MULTILINE)


def wait_for_lease(guest, event, address, count=1):
    wait_until(
        f"{event} of {address}",
        lambda: leases(guest).count((event, address)) >= count,
        xlnet.PATIENCE,
        0.5,
    )


@contextlib.contextmanager
def client(guest):
    """A DHCP client in a guest, which has no address before."""
    guest.check(": >/run/leases; ip -4 address flush dev eth0")
    command = guest.start(CLIENT)
    try:
        yield
    finally:
        command.kill()
        guest.run(f"ip -4 address flush dev eth0; ip address add {G1.ip}/24 dev eth0")


def renewals(lab, name, domain, prefix):
    """The lease is renewed under traffic, which stays on xl0; then the server has another address for g1."""
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    with client(g1):
        with server(domain, prefix, G1.ip):
            wait_for_lease(g1, "bound", G1.ip)
            xlnet.wait_for_routes(lab)
            with traffic.mixture(g1, g2) as mixture:
                with Movement({g1: ["eth0", "xl0"]}) as moved:
                    for count in range(1, RENEWALS + 1):
                        g1.check("kill -USR1 $(cat /run/udhcpc)")
                        wait_for_lease(g1, "renew", G1.ip, count)
                mixture.finish()
            expect(moved[g1, "xl0"] > MANY and moved[g1, "eth0"] < FEW, f"{name}: at renewals: {moved}")
        gone = xlnet.RouteChange(g2, G1.ip, present=False)
        come = xlnet.RouteChange(g2, OTHER, present=True)
        with server(domain, prefix, OTHER):
            g1.check("kill -USR1 $(cat /run/udhcpc)")
            wait_for_lease(g1, "bound", OTHER)
            gone.finish()
            come.finish()
            g2.check(f"ping -q -c 5 -i 0.2 -W 2 {OTHER}")


def run(lab):
    g2 = lab.guest("g2")
    try:
        xlnet.load_all(lab)
        renewals(lab, "from a host outside", lab.dom0, OUTSIDE)
        renewals(lab, "from a peer", g2, "")
    finally:
        xlnet.unload_all(lab)
