"""A peer is destroyed under traffic, its routes go within 1 s; it comes back with the same domid."""

from lab import families, leftovers, life, traffic, xlnet
from lab.checks import expect
from lab.needs import Needs

NEEDS = Needs(guests=("g1", "g2", "g3"), loaded=False)


def run(lab):
    g1, g2, g3 = (lab.guest(name) for name in NEEDS.guests)
    with families.dressed(g1, g2, g3), leftovers.none(lab):
        xlnet.load_all(lab, NEEDS.guests)
        with (
            traffic.mixture(g1, g3) as survivors,
            traffic.echo(g2),
            traffic.running(traffic.Datagrams(g1, g2)),
        ):
            life.checkpoint(lab, g2)
            xlnet.wait_for_routes(lab, NEEDS.guests)
            domid = g2.domid
            changes = [
                xlnet.RouteChange(guest, address, present=False) for guest in (g1, g3) for address in g2.addresses
            ]
            life.destroy(lab, g2)
            for change in changes:
                change.finish()
            # The survivors had mapped its pages.
            life.wait_gone(lab, domid)
            for guest, peer in ((g1, g3), (g3, g1)):
                expect(xlnet.peers(guest) == {peer.domid}, f"{guest.name}'s peers: {xlnet.peers(guest)}")

            life.revive(lab, g2)
            expect(g2.domid == domid, f"the domid is {g2.domid}, not {domid} again")
            xlnet.wait_for_routes(lab, NEEDS.guests)
            g1.check(f"ping -c 3 -i 0.2 -W 5 {g2.ip}")
            for guest in (g1, g2, g3):
                broken = xlnet.statistics(guest)["broken_channels"]
                expect(broken == 0, f"{guest.name} has {broken} broken channels")
            survivors.finish(outage=0)
