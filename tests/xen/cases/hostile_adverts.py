"""Wrong and hostile adverts are ignored, with one warning that names the guest, and harm no others."""

from lab import families, xlnet
from lab.checks import expect, wait_until
from lab.needs import Needs

NEEDS = Needs(guests=("g1", "g2", "g3"))
ADVERT = {"version": "2", "features": "0", "instance": "00000000deadbeef"}
REFUSED = "its advert is refused"


def run(lab):
    g1, g2, g3 = (lab.guest(name) for name in ("g1", "g2", "g3"))
    root = f"/local/domain/{g3.domid}/data/xlnet"
    mac = {guest: guest.read("/sys/class/net/eth0/address").strip() for guest in (g2, g3)}

    def advertise(**nodes):
        """What a module of g3's own making would write; dom0 may write it in g3's name."""
        lab.dom0.run(f"xenstore-rm {root}")
        for name in ("features", "instance", "mac", "addr", "version"):
            value = {**ADVERT, **nodes}[name]
            lab.dom0.check(f"xenstore-write {root}/{name} '{value}'")

    def warnings():
        # Of what guests were before, the log may have lines, too.
        lines = lab.dom0.kernel_log("lab: case hostile_adverts").splitlines()
        return [line for line in lines if "xldiscovery" in line and f"guest {g3.domid}:" in line]

    def expect_ignored(what, reason):
        why, says = f"xl-status why {g1.name} {g3.name}", f"g3 meets nobody: {reason}"
        wait_until(f"{what}: '{says}' of {why}", lambda: says in lab.dom0.check(why), 5)
        told = lab.dom0.run(f"xenstore-ls /local/domain/{g3.domid}/xlnet/peer").out
        expect(g1.ip not in told, f"{what}: g3 was told about its neighbours:\n{told}")
        for guest, peer in ((g1, g2), (g2, g1)):
            expect(xlnet.has_route(guest, peer), f"{what}: {guest.name} lost its route to {peer.name}")
            expect(xlnet.peers(guest) == {peer.domid}, f"{what}: {guest.name} got another peer")

    def claimed(address):
        """An address that two claim belongs to neither: its traffic is on eth0 until that ends."""
        going = xlnet.RouteChange(g1, address, present=False)
        advertise(mac=mac[g3], addr=address)
        going.finish(5)
        g1.check(f"ping -c 3 -i 0.2 -W 5 {address}")
        for other in g2.addresses:
            device = "eth0" if other == address else "xl0"
            expect(xlnet.device_to(g1, other) == device, f"with two that claim {address}: not by {device} to {other}")
        # Which of the two was created first depends on the cases before.
        first, second = sorted((g2.domid, g3.domid))
        both = f"guests {first} and {second}: both claim address {address}"
        expect(both in lab.dom0.kernel_log(), f"no warning that names both guests: {both}")
        lab.dom0.run(f"xenstore-rm {root}")
        xlnet.wait_for_routes(lab)

    try:
        claims = {
            "an unreadable advert": ({"version": "one", "mac": mac[g3], "addr": g3.ip}, REFUSED),
            "bytes that are no text": ({"mac": "\\xff\\xfe", "addr": g3.ip}, REFUSED),
            "a foreign MAC": ({"mac": mac[g2], "addr": g3.ip}, "it has no vif with the MAC"),
            "an impossible address": ({"mac": mac[g3], "addr": "255.255.255.255"}, REFUSED),
        }
        for number, (what, (claim, reason)) in enumerate(claims.items(), 1):
            advertise(**claim)
            wait_until(f"a warning about {what}", lambda n=number: len(warnings()) >= n, 5)
            expect_ignored(what, reason)
        # The same again is not news.
        advertise(**claims["a foreign MAC"][0])
        g1.check(f"ping -c 3 -i 0.2 -W 5 {g2.ip}")
        expect(len(warnings()) == len(claims), f"not one warning each: {warnings()}")

        with families.dressed(g1, g2):
            xlnet.wait_for_routes(lab)
            for address in g2.addresses:
                claimed(address)
    finally:
        lab.dom0.run(f"xenstore-rm {root}")
    xlnet.wait_for_routes(lab)
