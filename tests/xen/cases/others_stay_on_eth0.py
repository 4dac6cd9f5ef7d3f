"""Dom0, a host behind the bridge and a guest without the module are reached over eth0 and are no peers."""

from lab import families, xlnet
from lab.checks import expect
from lab.counters import Movement
from lab.needs import Needs
from lab.topology import DOM0_IP, OUTSIDE_IP

NEEDS = Needs(guests=("g1", "g2", "g3"))
COUNT = 50


def run(lab):
    g1, g2, g3 = guests = [lab.guest(name) for name in NEEDS.guests]
    with families.dressed(*guests):
        xlnet.wait_for_routes(lab)
        stay(lab, g1, g2, g3)


def stay(lab, g1, g2, g3):
    for address in (DOM0_IP, OUTSIDE_IP, *g3.addresses):
        expect(xlnet.device_to(g1, address) == "eth0", f"g1's route to {address} is not on eth0")
        with Movement({g1: ["eth0", "xl0"]}) as moved:
            g1.check(f"ping -c {COUNT} -i 0.02 -W 5 {address}")
        expect(moved[g1, "eth0"] >= 2 * COUNT, f"ping {address} did not use eth0: {moved}")
        expect(moved[g1, "xl0"] == 0, f"ping {address} used xl0: {moved}")
    for address in g1.addresses:
        g3.check(f"ping -c 3 -i 0.2 -W 5 {address}")
    for guest, peer in ((g1, g2), (g2, g1)):
        found = xlnet.peers(guest)
        expect(found == {peer.domid}, f"{guest.name} has the peers {found}, not only {peer.domid}")
    known = lab.dom0.run(f"xenstore-ls /local/domain/{g3.domid}/xlnet/peer").out
    expect(g1.ip not in known, f"dom0 told g3 about its neighbours:\n{known}")
