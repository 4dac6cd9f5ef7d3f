"""A peer crashes under traffic, its domain stays or goes: survivors fall back, no page stays pinned."""

from lab import families, leftovers, life, traffic, xlnet
from lab.checks import expect, wait_until
from lab.needs import Needs

NEEDS = Needs(guests=("g1", "g2", "g3"), loaded=False)


def run(lab):
    g1, g2, g3 = (lab.guest(name) for name in NEEDS.guests)
    doomed = lab.create_guest("g6", ip="10.0.0.6", on_crash="destroy")
    with families.dressed(g1, g2, g3), leftovers.none(lab):
        xlnet.load_all(lab, ("g1", "g2", "g3", "g6"))
        with (
            traffic.mixture(g1, g3) as survivors,
            traffic.echo(g2),
            traffic.running(traffic.Datagrams(g1, g2)),
        ):
            # Its domain stays: only its not receiving tells that it is dead.
            changes = [xlnet.RouteChange(g1, address, present=False) for address in g2.addresses]
            life.start_crash(lab, g2)
            wait_until("g2 to have crashed", lambda: life.has_crashed(lab, g2), 30)
            for change in changes:
                change.finish()
            domid = g2.domid
            life.bury(lab, g2)
            life.wait_gone(lab, domid)

            # Its domain goes at once.
            changes = [xlnet.RouteChange(guest, doomed.ip, present=False) for guest in (g1, g3)]
            life.start_crash(lab, doomed)
            wait_until("g6 to be gone", lambda: lab.domid("g6") is None, 30)
            for change in changes:
                change.finish()
            life.wait_gone(lab, doomed.domid)
            life.bury(lab, doomed)

            for guest, peer in ((g1, g3), (g3, g1)):
                wait_until(
                    f"{guest.name} to have no other peer than {peer.name}",
                    lambda guest=guest, peer=peer: xlnet.peers(guest) == {peer.domid},
                    5,
                )
                expect(xlnet.device_to(guest, peer.ip) == "xl0", f"{guest.name} lost its living peer")
            survivors.finish(outage=0)
