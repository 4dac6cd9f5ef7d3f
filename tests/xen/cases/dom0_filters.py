"""Limits and filters that a channel would go past close it within a second; what filters nothing does not."""

from lab import apart
from lab.checks import expect

FORWARD = "{ type filter hook forward priority 0; }"


def run(lab):
    g1, g2 = pair = lab.guest("g1"), lab.guest("g2")
    one = g1.vif
    node = f"/local/domain/0/backend/vif/{g1.domid}/0"

    def table(family, chain):
        """The commands that make a table with one chain, and remove it."""
        make = f"nft add table {family} lab && nft 'add chain {family} lab base {chain}'"
        return make, f"nft delete table {family} lab"

    facts = [
        ("rate=", f"xenstore-write {node}/rate 1000,50000", f"xenstore-rm {node}/rate", "rate="),
        (
            "a shaper",
            f"tc qdisc add dev {one} root tbf rate 100mbit burst 32k latency 50ms",
            f"tc qdisc del dev {one} root",
            "queueing discipline",
        ),
        ("clsact", f"tc qdisc add dev {one} clsact", f"tc qdisc del dev {one} clsact", "tc filters"),
        (
            "nftables' netdev family",
            *table("netdev", f"{{ type filter hook ingress device \"{one}\" priority 0; }}"),
            "hooks on its vif",
        ),
        ("nftables' bridge family", *table("bridge", FORWARD), "nftables, ebtables"),
        ("ebtables", "ebtables -A FORWARD -p IPv6 -j DROP", "nft delete table bridge filter", "ebtables"),
    ]
    # What xen-netback is given by default, and what spreads flows, holds nothing back.
    plain = f"tc qdisc replace dev {one} root fq_codel", f"tc qdisc del dev {one} root"
    # conntrack stands at the same hooks and filters nothing.
    track = (
        "nft add table {0} track && nft 'add chain {0} track base {{ type filter hook output priority 0; }}'"
        " && nft add rule {0} track base ct state established counter"
    )
    # What nftables calls the families of IP.
    ip = ("ip", "ip6") if lab.thorough else ("ip",)

    def bridged_frames_meet(family):
        """IP filters see bridged frames only while br_netfilter shows them."""
        make, remove = table(family, FORWARD)
        lab.dom0.check(make)
        apart.expect_still_together(pair, f"a filter of {family} that bridged frames do not meet")
        lab.dom0.check(track.format(family))
        expect("conntrack" in lab.dom0.check(f"nft list hooks {family}"), "conntrack has no hooks")
        apart.expect_parted(lab, pair, f"br_netfilter and {family}", "modprobe br_netfilter", "br_netfilter")
        apart.expect_together(lab, pair, f"br_netfilter with conntrack of {family} alone", remove)
        lab.dom0.check(f"rmmod br_netfilter; nft delete table {family} track")

    with apart.pinging(lab, pair):
        try:
            for what, on, off, reason in facts:
                apart.expect_parted(lab, pair, what, on, reason)
                apart.expect_together(lab, pair, what, off)
            for kind, reason in (("xdp", "XDP"), ("tcx", "tc filters")):
                attach = f"python3 /lab/bpf.py {kind} {one} >/run/bpf 2>&1 & echo $! >/run/bpf.pid"
                detach = "kill $(cat /run/bpf.pid)"
                attached = f"{attach}; until grep -q attached /run/bpf; do nap 0.1; done"
                apart.expect_parted(lab, pair, kind, attached, reason)
                apart.expect_together(lab, pair, kind, detach)

            lab.dom0.check(plain[0])
            apart.expect_still_together(pair, "a plain queueing discipline")
            classify = f"tc filter add dev {one} protocol ip u32 match u32 0 0 action drop"
            apart.expect_parted(lab, pair, "its filter", classify, "queueing discipline")
            apart.expect_together(lab, pair, "its filter", plain[1])

            for family in ip:
                bridged_frames_meet(family)
        finally:
            undo = [off for _, _, off, _ in facts] + [plain[1]]
            undo += [f"nft delete table {family} {name}" for family in ip for name in ("lab", "track")]
            undo += ["kill $(cat /run/bpf.pid)", "rmmod br_netfilter"]
            for command in undo:
                lab.dom0.run(command)

