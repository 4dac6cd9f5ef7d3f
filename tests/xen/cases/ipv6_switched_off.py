"""Where IPv6 is off, in a guest's kernel, on its NIC or on xl0, IPv4 takes xl0, and IPv6 what it would without."""

import contextlib

from lab import families, traffic, xlnet
from lab.checks import expect, wait_until
from lab.counters import Movement
from lab.needs import Needs

NEEDS = Needs(loaded=False)
COUNT = 20
ADDRESSES = "/sys/kernel/debug/xlnet/addresses"
SETTINGS = "/proc/sys/net/ipv6/conf"
# What is there of xl0 by default, and what is too small for IPv6.
MTU, SMALL = 65575, 1200
# Both ways to have IPv6 send nothing through xl0, and back.
OFF_ON_XL0 = (
    (f"echo 1 >{SETTINGS}/xl0/disable_ipv6", f"echo 0 >{SETTINGS}/xl0/disable_ipv6"),
    (f"ip link set xl0 mtu {SMALL}", f"ip link set xl0 mtu {MTU}"),
)


def sends_by(here, address, device):
    """All pings are answered, and leave by the device."""
    other = "eth0" if device == "xl0" else "xl0"
    with Movement({here: ["eth0", "xl0"]}, ("tx",)) as moved:
        traffic.every_ping(here, address, COUNT, 0.05)
    expect(moved[here, device] >= COUNT > moved[here, other], f"{here.name} to {address}, not by {device}: {moved}")


def expect_told(here, address, reason):
    told = f"grep -q '^{address} peer .* nic: {reason}' {ADDRESSES}"
    wait_until(f"{here.name} to say of {address}: {reason}", lambda: here.run(told).status == 0, xlnet.PATIENCE)


def in_the_kernel(lab, g1):
    """A guest whose kernel was told to do without IPv6 loads xlnet, and is a peer like others."""
    n1 = lab.create_guest("n1", ip="10.0.0.61", arguments="ipv6.disable=1")
    expect(n1.run("test -e /proc/net/if_inet6").status != 0, "n1 has IPv6")
    xlnet.load_all(lab, (g1.name, n1.name))
    for here, there in ((g1, n1), (n1, g1)):
        sends_by(here, there.ip, "xl0")
    expect_told(n1, g1.ipv6, "this guest advertises no address of its family")
    status = n1.run("xl-status")
    expect(status.status == 0, f"xl-status finds something wrong with a guest without IPv6:\n{status.out}")
    xlnet.unload(n1)
    lab.destroy(n1.name)


def on_the_nic(g1, g2):
    """Its addresses go, and nothing else."""
    going = xlnet.RouteChange(g1, g2.ipv6, present=False)
    g2.check(f"echo 1 >{SETTINGS}/eth0/disable_ipv6")
    try:
        going.finish()
        expect(g1.run(f"ping -q -c 2 -i 0.2 -W 1 {g2.ipv6}").status != 0, "g2 answers without IPv6")
        sends_by(g1, g2.ip, "xl0")
        sends_by(g2, g1.ip, "xl0")
        expect_told(g2, g1.ipv6, "this guest advertises no address of its family")
    finally:
        g2.check(f"echo 0 >{SETTINGS}/eth0/disable_ipv6")
    coming = xlnet.RouteChange(g1, g2.ipv6, present=True)
    families.dress(g2)
    coming.finish()


@contextlib.contextmanager
def by_eth0(g1, g2):
    """IPv6 takes the NIC in the `with` block, whatever its routes through xl0 were, and IPv4 does not."""
    sends_by(g1, g2.ipv6, "eth0")
    sends_by(g1, g2.ip, "xl0")
    expect_told(g1, g2.ipv6, "IPv6 is switched off on xl0")
    coming = xlnet.RouteChange(g1, g2.ipv6, present=True)
    yield
    coming.finish()
    sends_by(g1, g2.ipv6, "xl0")


def on_xl0(g1, g2):
    """There would be nothing that IPv6 sends: so it stays on the NIC."""
    for off, on in OFF_ON_XL0:
        going = xlnet.RouteChange(g1, g2.ipv6, present=False)
        g1.check(off)
        going.finish()
        with by_eth0(g1, g2):
            g1.check(on)


def by_default(lab, g1, g2):
    """xl0 comes when IPv6 is off for what comes."""
    xlnet.unload(g1)
    g1.check(f"echo 1 >{SETTINGS}/default/disable_ipv6")
    try:
        xlnet.load(g1)
    finally:
        g1.check(f"echo 0 >{SETTINGS}/default/disable_ipv6")
    xlnet.wait_for_route(g1, g2.ip, talking=True)
    expect_told(g1, g2.ipv6, "IPv6 is switched off on xl0")
    with by_eth0(g1, g2):
        g1.check(f"echo 0 >{SETTINGS}/xl0/disable_ipv6")


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    with families.dressed(g1, g2):
        in_the_kernel(lab, g1)
        xlnet.load_all(lab)
        on_the_nic(g1, g2)
        on_xl0(g1, g2)
        by_default(lab, g1, g2)
