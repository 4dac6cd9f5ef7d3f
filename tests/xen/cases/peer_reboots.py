"""A peer reboots under traffic: it is another domain, whose survivors of the old one meet it again."""

from lab import families, leftovers, life, traffic, xlnet
from lab.checks import expect
from lab.needs import Needs

NEEDS = Needs(guests=("g1", "g2", "g3"), loaded=False)


def run(lab):
    # One that was revived with its old domid would keep that when it reboots.
    lab.destroy("g2")
    lab.create_guests(NEEDS.guests)
    g1, g2, g3 = (lab.guest(name) for name in NEEDS.guests)
    with families.dressed(g1, g2, g3), leftovers.none(lab):
        xlnet.load_all(lab, NEEDS.guests)
        with traffic.mixture(g1, g3) as survivors, traffic.echo(g2):
            with traffic.running(traffic.Datagrams(g1, g2)):
                old = g2.domid
                life.reboot(lab, g2)
                life.wait_gone(lab, old)
                expect(not xlnet.has_route(g1, g2), "g1 has a route on xl0 to a guest without xlnet")
                families.dress(g2)
                for address in g2.addresses:
                    g1.check(f"ping -c 3 -i 0.2 -W 5 {address}")
                xlnet.load_all(lab, NEEDS.guests)
                expect(xlnet.peers(g1) == {g2.domid, g3.domid}, f"g1's peers: {xlnet.peers(g1)}")
            survivors.finish(outage=0)
