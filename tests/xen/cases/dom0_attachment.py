"""Isolation, VLANs, quarantine and locks at the bridge close channels within a second, and open them again."""

from lab import apart


def run(lab):
    g1, g2 = pair = lab.guest("g1"), lab.guest("g2")
    one, two = g1.vif, g2.vif
    bridge = "ip link set xenbr0 type bridge"
    ports = f"for port in {one} {two}; do bridge link set dev $port"
    node = f"/local/domain/0/backend/vif/{g1.domid}/0"
    facts = [
        ("isolation", f"{ports} isolated on; done", f"{ports} isolated off; done", "isolated"),
        ("a vif that is down", f"ip link set {one} down", f"ip link set {one} up", "is down"),
        (
            "a vif without a bridge",
            f"ip link set {one} nomaster",
            f"ip link set {one} master xenbr0",
            "no Linux bridge",
        ),
        (
            # Without a spanning tree the bridge lets a port that blocks or learns forward at once.
            "a port that is disabled",
            f"bridge link set dev {one} state 0",
            f"bridge link set dev {one} state 3",
            "does not forward",
        ),
        (
            "a locked port",
            f"bridge link set dev {one} locked on",
            f"bridge link set dev {one} locked off",
            "locked",
        ),
        (
            "a port that is not flooded to",
            f"bridge link set dev {one} flood off",
            f"bridge link set dev {one} flood on",
            "not flooded",
        ),
        (
            # There must be no VLANs then, which only the default ones are while the bridge filters none.
            "a spanning tree for each VLAN",
            f"{bridge} vlan_default_pvid 0 && {bridge} mst_enabled 1",
            f"{bridge} mst_enabled 0 && {bridge} vlan_default_pvid 1",
            "spanning tree for each VLAN",
        ),
        (
            "a vlan= that is not understood",
            f"xenstore-write {node}/vlan 10p/20",
            f"xenstore-rm {node}/vlan",
            "vlan=",
        ),
        (
            "a vlan= that the other has not",
            f"xenstore-write {node}/vlan 10",
            f"xenstore-rm {node}/vlan",
            "different bridges or VLANs",
        ),
    ]
    with apart.pinging(lab, pair):
        try:
            # One isolated port reaches those that are not.
            lab.dom0.check(f"bridge link set dev {one} isolated on")
            apart.expect_still_together(pair, "one isolated port")
            for what, on, off, reason in facts:
                apart.expect_parted(lab, pair, what, on, reason)
                apart.expect_together(lab, pair, what, off)

            lab.dom0.check(f"{bridge} vlan_filtering 1")
            apart.expect_still_together(pair, "VLAN filtering with one VLAN for both")
            alone = f"bridge vlan add dev {one} vid 5 pvid untagged"
            shared = f"bridge vlan add dev {one} vid 1 pvid untagged"
            apart.expect_parted(lab, pair, "another VLAN", alone, "different bridges or VLANs")
            apart.expect_together(lab, pair, "another VLAN", shared)
            tagged = f"bridge vlan add dev {one} vid 1 pvid"
            apart.expect_parted(lab, pair, "a tagged VLAN", tagged, "no VLAN")
            apart.expect_together(lab, pair, "a tagged VLAN", shared)
        finally:
            lab.dom0.run(f"{bridge} vlan_filtering 0")
            for _, _, off, _ in facts:
                lab.dom0.run(off)
