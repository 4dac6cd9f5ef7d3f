"""Only ARP that the NIC itself received for this guest says where an address is: no container can forge it."""

from lab import containers, xlnet
from lab.checks import expect, wait_until
from lab.counters import Movement
from lab.needs import Needs
from lab.topology import mac_of

NEEDS = Needs(guests=("g1", "g2", "g3"))
EXTRA = "10.0.0.50"
# Nobody's: the bridge floods frames to it.
NOBODY = "02:00:00:00:00:99"
# Announces an address, and tells whenever there is no route, or is one, meanwhile.
ANNOUNCE = """
ip -n far address add {address}/32 dev eth0
ip netns exec far arping -q -U -c 4 -I eth0 {address} &
while kill -0 $! 2>/dev/null; do on_xl0 {address} && echo there || echo none; nap 0.1; done
on_xl0 {address} && echo there || echo none
ip -n far address del {address}/32 dev eth0
"""


def expect_seen(guest, script, what):
    """The script must tell of nothing else."""
    seen = set(guest.check(script, timeout=30).split())
    expect(seen == {what}, f"{guest.name}: of routes, the script saw {seen}, not only {what}:\n{script}")


def arp(sender, address, target):
    """A frame with an answer of this sender, as a command that sends it."""
    ours, theirs = (mac.replace(":", "") for mac in (sender, target))
    digits = "".join(f"{int(part):02x}" for part in address.split("."))
    frame = f"{theirs}{ours}0806" + f"0001080006040002{ours}{digits}{theirs}00000000" + "00" * 18
    escaped = "".join(f"\\x{frame[at : at + 2]}" for at in range(0, len(frame), 2))
    return f"printf '{escaped}' | socat -u - INTERFACE:eth0"


def not_from_containers(lab, g1, g2):
    """Neither is a route withdrawn by what a container hears, nor made."""
    with containers.near_and_far(g1):
        expect_seen(g1, ANNOUNCE.format(address=g2.ip), "there")
        told = f"xenstore-read /local/domain/{g1.domid}/xlnet/peer/{g2.domid}"
        g1.check(f"ip -n far link set eth0 address {mac_of(g2.settings)}")
        # An address that g2 has but of which it says nothing on the NIC.
        with g2.applied(
            f"sysctl -q net.ipv4.conf.eth0.arp_ignore=8 && ip address add {EXTRA}/32 dev eth0",
            f"ip address del {EXTRA}/32 dev eth0; sysctl -q net.ipv4.conf.eth0.arp_ignore=0",
        ):
            wait_until("dom0 to tell g1 of the address", lambda: EXTRA in lab.dom0.check(told), xlnet.PATIENCE)
            expect_seen(g1, ANNOUNCE.format(address=EXTRA), "none")


def not_for_others(g1, g2, g3):
    """What a NIC that hears everything receives, but for another guest, says nothing."""
    frame = arp(mac_of(g3.settings), g2.ip, NOBODY)
    with g1.applied("ip link set eth0 promisc on", "ip link set eth0 promisc off"):
        watching = g1.start(f"for i in {{1..30}}; do on_xl0 {g2.ip} && echo there || echo none; nap 0.1; done")
        with Movement({g1: ["eth0"]}, ("rx",)) as moved:
            for _ in range(10):
                g3.check(frame)
        seen = set(watching.check().split())
    expect(moved[g1, "eth0"] >= 10, f"the frames did not reach g1: {moved}")
    expect(seen == {"there"}, f"g1 believed an answer that was for another: {seen}")


def run(lab):
    g1, g2, g3 = (lab.guest(name) for name in NEEDS.guests)
    xlnet.load_all(lab, NEEDS.guests)
    not_from_containers(lab, g1, g2)
    xlnet.wait_for_routes(lab, NEEDS.guests)
    not_for_others(g1, g2, g3)
    xlnet.wait_for_routes(lab, NEEDS.guests)
    with Movement({g1: ["eth0", "xl0"]}) as moved:
        g1.check(f"ping -q -c 20 -i 0.05 -W 2 {g2.ip}")
    expect(moved[g1, "xl0"] >= 40, f"in the end, traffic is not on xl0: {moved}")
