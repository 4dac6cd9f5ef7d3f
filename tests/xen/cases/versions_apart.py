"""Guests of versions 1 and 2 meet among themselves, and keep to the NIC between them, whoever is rolled back."""

import time

from lab import apart, traffic, xlnet
from lab.checks import expect, wait_until
from lab.counters import Movement
from lab.needs import Needs

# With g1 and g2 runs xlnet, which speaks version 2. What a guest of version 1 writes is written by scripts.
NEEDS = Needs(guests=("g1", "g2", "g3"))
OLD = "c1"
LATE = 10
COUNT = 10
# How long a guest changes its version without pause.
RESTLESS = 5
VERSIONS = """
while :; do for version in 2 1 3 x; do xenstore-write data/xlnet/version $version; done; done
"""


def advertise(guest):
    """The guest advertises itself as one of version 1 does."""
    mac = guest.read("/sys/class/net/eth0/address")
    nodes = {"features": 0, "instance": f"{guest.domid:016x}", "mac": mac, "addr": guest.ip, "version": 1}
    guest.check("xenstore-write " + " ".join(f"data/xlnet/{name} '{value}'" for name, value in nodes.items()))


def told(guest):
    """The domids of those of whom dom0 told the guest where version 1 has it."""
    return {int(domid) for domid in guest.run("xenstore-list data/xlnet/peer 2>/dev/null").out.split()}


def wait_for_meeting(guests):
    """Each of these guests of version 1 is told of the others, and of nobody else."""
    for guest in guests:
        others = {other.domid for other in guests if other is not guest}
        wait_until(f"{guest.name} to be told of others", lambda g=guest, o=others: told(g) == o, LATE)


def relay(here, there):
    """What a guest of version 1 offers another is copied to where that one reads it."""
    nonce = here.check(f"xenstore-read data/xlnet/peer/{there.domid}/nonce").strip()
    offer = f"version=1 nonce={nonce} generation=1 grant=912 port=17"
    here.check(f"xenstore-write data/xlnet/offer/{there.domid} '{offer}'")
    copy = f"xenstore-read data/xlnet/peer/{here.domid}/offer"
    wait_until("the offer to be relayed", lambda: there.run(copy).out.strip() == offer, LATE)
    expect(there.run(f"xenstore-read data/xlnet/peer/{here.domid}/addr").out.strip() == here.ip, "not its address")


def expect_on_nic(here, there):
    """What a guest sends to another takes the NIC, now or in a moment, and it has no peer there."""
    gone = lambda: there.domid not in xlnet.peers(here) and xlnet.device_to(here, there.ip) == "eth0"
    wait_until(f"{here.name} not to have {there.name} as a peer", gone, LATE)
    with Movement({here: ["eth0"]}) as moved:
        here.check(f"ping -q -c {COUNT} -i 0.1 -W 5 {there.ip}")
    expect(moved[here, "eth0"] >= 2 * COUNT, f"not over the NIC: {moved}")


def run(lab):
    g1, g2, g3 = (lab.guest(name) for name in NEEDS.guests)
    lab.create_guests((OLD,))
    c1 = lab.guest(OLD)
    dom0 = lab.dom0

    def why(one, other):
        return dom0.check(f"xl-status why {one.name} {other.name}")

    try:
        # Beside each other.
        for guest in (g3, c1):
            advertise(guest)
        wait_for_meeting((g3, c1))
        relay(g3, c1)
        for here, there in ((g1, g3), (g2, c1)):
            expect_on_nic(here, there)
            expect("different versions" in why(here, there), f"of two versions: {why(here, there)}")
        apart.expect_still_together((g1, g2), "guests of version 1 beside them")
        expect(c1.run("xenstore-list xlnet/peer").status != 0, "c1 is told where version 1 does not look")
        try:
            dom0.check(f"ip link set {g3.vif} down")
            wait_until("why one of version 1 meets nobody", lambda: "is down" in why(c1, g3), LATE)
        finally:
            dom0.run(f"ip link set {g3.vif} up")
        wait_for_meeting((g3, c1))

        # xldiscovery goes, and an old one leaves something for a guest that was rolled back and is not any more.
        xlnet.unload(dom0)
        expect(not told(g3) and not told(c1), "what version 1 was told is still there")
        stale = {"mac": g2.read("/sys/class/net/eth0/address"), "addr": g2.ip, "own": g1.ip, "nonce": "00000000deadbeef"}
        for name, value in stale.items():
            dom0.check(f"xenstore-write /local/domain/{g1.domid}/data/xlnet/peer/{g2.domid}/{name} {value}")
        time.sleep(apart.SETTLED)
        expect_on_nic(g1, g2)
        xlnet.load(dom0)
        xlnet.wait_for_routes(lab)
        expect(not told(g1), "what an old xldiscovery told g1 is still there")
        wait_for_meeting((g3, c1))

        # g2 is rolled back, and forth.
        xlnet.unload(g2)
        advertise(g2)
        wait_for_meeting((g2, g3, c1))
        expect_on_nic(g1, g2)
        expect("different versions" in why(g1, g2), f"of two versions: {why(g1, g2)}")
        g2.check("xenstore-rm data/xlnet/version")
        xlnet.load(g2)
        xlnet.wait_for_routes(lab)
        expect(not told(g2), "what g2 was told as one of version 1 is still there")
        wait_for_meeting((g3, c1))

        # One that says now this, now that, is not understood, and that is all.
        restless = g3.start(VERSIONS)
        try:
            with Movement({g1: ["xl0"]}) as moved:
                traffic.every_ping(g1, g2.ip, 10 * RESTLESS, 0.1)
        finally:
            restless.kill()
        expect(moved[g1, "xl0"] >= 18 * RESTLESS, f"g1 does not use xl0: {moved}")
        advertise(g3)
        wait_until("g3 to meet c1 again", lambda: told(g3) == {c1.domid}, xlnet.PATIENCE)
        expect_on_nic(g1, g3)
    finally:
        for guest in (g3, c1):
            dom0.run(f"xenstore-rm /local/domain/{guest.domid}/data/xlnet")
    xlnet.wait_for_routes(lab)
    lab.destroy(OLD)
