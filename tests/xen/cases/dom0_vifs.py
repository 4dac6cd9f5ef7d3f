"""Of five vifs the fifth counts, a stub domain is paired with its guest, and a driver domain's vif is told as such."""

from lab import apart, xlnet
from lab.checks import expect, wait_until
from lab.counters import Movement
from lab.needs import Needs

NEEDS = Needs(guests=("g1", "g2", "g3"))
BACKENDS = "/local/domain/0/backend/vif"
# Second to fifth; only the last is on the bridge of the peer.
FURTHER = tuple(
    (number, f"00:16:3e:5e:02:{number:02x}", "xenbr0" if number == 4 else "xenbr1") for number in range(1, 5)
)
LAST = "eth4"
# A device that xlnet takes for the NIC, and whose MAC no vif has.
STRAY = "over0", "00:16:3e:5e:03:01"
TWIN = "it advertises is on another vif too"
MANY, FEW = 100, 50


def attach(lab, guest, number, mac, bridge):
    lab.dom0.check(f"xl network-attach {guest.domid} mac={mac} bridge={bridge}")
    guest.check(f"until [ -e /sys/class/net/eth{number} ]; do nap 0.1; done")
    guest.new_netfronts += 1


def detach(lab, guest, number):
    lab.dom0.check(f"xl network-detach {guest.domid} {number}")
    guest.check(f"while [ -e /sys/class/net/eth{number} ]; do nap 0.1; done")


def use(guest, device):
    """The guest has its address on this device."""
    guest.check(f"ip address add {guest.ip}/24 dev {device} && ip link set {device} up")


def the_fifth_of_five(lab, pair):
    g1, g2 = pair
    xlnet.unload(g1)
    attached = []
    try:
        for vif in FURTHER:
            attach(lab, g1, *vif)
            attached.append(vif[0])
        # One that is up would answer ARP for the other, as they are on one bridge.
        g1.check("ip address flush dev eth0 && ip link set eth0 down")
        use(g1, LAST)
        xlnet.load(g1, f"nic={LAST}")
        xlnet.wait_for_routes(lab)
        with Movement({g1: [LAST, "xl0"]}) as moved:
            g1.check(f"ping -q -c 100 -i 0.02 -W 5 {g2.ip}")
        expect(moved[g1, "xl0"] > MANY and moved[g1, LAST] < FEW, f"with nic={LAST}: {moved}")
        others = " ".join(f"vif{g1.domid}.{number}" for number in range(4))
        with apart.Pings(g1, g2):
            lab.dom0.check(f"for vif in {others}; do ip link set $vif down; done")
            apart.expect_still_together(pair, "the other vifs that are down")
            fifth = f"ip link set vif{g1.domid}.4"
            apart.expect_parted(lab, pair, "the fifth vif that is down", f"{fifth} down", "is down")
            apart.expect_together(lab, pair, "the fifth vif that is down", f"{fifth} up")
    finally:
        lab.dom0.run(f"ip link set vif{g1.domid}.0 up")
        g1.run("rmmod xlnet")
        for number in reversed(attached):
            detach(lab, g1, number)
    use(g1, "eth0")
    # g2 has to forget the other MAC first, as without xlnet.
    g1.check(f"for i in {{1..30}}; do ping -q -c 1 -W 1 {g2.ip} && exit; done; exit 1")
    xlnet.load(g1)
    xlnet.wait_for_routes(lab)


def a_stub_domain(lab, pair, stub):
    """Another guest stands for the stub domain, which Debian has no image for: what makes one of it is what the
    toolstack writes, and a vif with the MAC of its guest's."""
    g1, g2 = pair
    mac = g1.read("/sys/class/net/eth0/address").strip()
    target = f"/local/domain/{stub.domid}/target"
    # The toolstack says so before it gives it vifs: whoever says so later has to have them read again.
    again = f"xenstore-write {BACKENDS}/{stub.domid}/1/mac {mac}"
    attach_it = f"xl network-attach {stub.domid} mac={mac} bridge=xenbr0"
    with apart.Pings(g1, g2):
        try:
            # It is never up in its guest, so the bridge sees no frame from it.
            apart.expect_parted(lab, pair, "another guest with the MAC", attach_it, TWIN)
            one_of_its = f"xenstore-write {target} {g1.domid} && {again}"
            apart.expect_together(lab, pair, "its own stub domain", one_of_its)
            one_of_others = f"xenstore-write {target} {g2.domid} && {again}"
            apart.expect_parted(lab, pair, "another's stub domain", one_of_others, TWIN)
        finally:
            lab.dom0.run(f"xenstore-rm {target}")
            lab.dom0.run(f"xl network-detach {stub.domid} 1")
    apart.expect_together(lab, pair, "no other vif", "true")


def no_vif_of_dom0s(lab, pair, driver):
    """What dom0 finds of a MAC that none of its vifs has. There is no driver domain: what makes one of it is what the
    toolstack writes into the guest's part."""
    g1, g2 = pair
    device, mac = STRAY
    elsewhere = f"/local/domain/{g1.domid}/device/vif/9"
    absent = f"{BACKENDS}/{g1.domid}/9"
    told = (
        ("a MAC without a vif", "true", "true", "it has no vif with the MAC"),
        (
            "a vif of a driver domain",
            f"xenstore-write {elsewhere}/mac {mac} {elsewhere}/backend-id {driver.domid}",
            f"xenstore-rm {elsewhere}",
            "its vif is served elsewhere",
        ),
        (
            "a vif that dom0 has not",
            f"xenstore-write {absent}/mac {mac}",
            f"xenstore-rm {absent}",
            "dom0 has no such vif",
        ),
    )
    xlnet.unload(g1)
    # /32: no second route to the network.
    g1.check(f"ip link add {device} link eth0 address {mac} type macvlan")
    g1.check(f"ip address add 10.0.0.61/32 dev {device} && ip link set {device} up")
    try:
        for what, do, undo, reason in told:
            lab.dom0.check(do)
            try:
                xlnet.load(g1, f"nic={device}")
                why = f"xl-status why {g1.name} {g2.name}"
                wait_until(f"{what}: {why}", lambda w=why, r=reason: r in lab.dom0.check(w), 5)
                told_here = ((lab.dom0, reason), (g1, f"g1 meets nobody, says dom0: {reason}"))
                for domain, words in told_here:
                    result = domain.run("xl-status")
                    expect(
                        result.status == 1 and words in result.out,
                        f"{what}: xl-status in {domain.name} ends with {result.status}:\n{result.out}",
                    )
                expect(not xlnet.peers(g2), f"{what}: g2 has a peer")
                xlnet.unload(g1)
            finally:
                lab.dom0.run(undo)
    finally:
        g1.run(f"rmmod xlnet; ip link del {device}")
    xlnet.load(g1)
    xlnet.wait_for_routes(lab)


def run(lab):
    g1, g2, g3 = (lab.guest(name) for name in NEEDS.guests)
    a_stub_domain(lab, (g1, g2), g3)
    no_vif_of_dom0s(lab, (g1, g2), g3)
    the_fifth_of_five(lab, (g1, g2))
