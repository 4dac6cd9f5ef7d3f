"""Of two peers one has a channel: packets to each have the size that its way takes, in either family."""

from lab import apart, families, xlnet
from lab.checks import expect, wait_until
from lab.needs import Needs

NEEDS = Needs(guests=("g1", "g2", "g3"), loaded=False)
IDLE = 5
OF_THE_NIC = "mtu 1500"


def have_their_mtu(lab, g1, g2, g3):
    xlnet.wait_for_routes(lab, NEEDS.guests)
    with apart.Pings(g1, g2):
        closed = lambda: xlnet.channels(g1) == {g2.domid} and OF_THE_NIC in xlnet.routes(g1).get(g3.ip, "")
        wait_until("g1 to close its channel to g3", closed, xlnet.PATIENCE)
        # What the kernel finds it caches, and may take for the other one, too.
        for order in ((g2, g3), (g3, g2)):
            g1.check(f"ip -{g1.version} route flush cache")
            found = {peer: g1.check(f"ip route get {peer.ip}") for peer in order}
            expect("dev xl0" in found[g2] and "mtu" not in found[g2], f"to a peer with a channel: {found[g2]}")
            expect("dev xl0" in found[g3] and OF_THE_NIC in found[g3], f"to one without: {found[g3]}")


def run(lab):
    guests = [lab.guest(name) for name in NEEDS.guests]
    xlnet.load(lab.dom0)
    for guest in guests:
        # What the kernel has as next hop before is no news afterwards.
        guest.check("ip neighbour flush dev eth0; ip -6 neighbour flush dev eth0")
        xlnet.load(guest, f"idle_close={IDLE}")
    for version in families.VERSIONS:
        with families.speaking(version, *guests):
            have_their_mtu(lab, *guests)
