"""The rules that Xen's own vif script makes part nobody while `xl-policy watch` sees that they hold nothing back."""

from lab import apart, xlnet
from lab.checks import expect

# A rule that holds something back, though not what the guests send here.
DROP = "iptables -{} FORWARD -p tcp --dport 23 -j DROP"
WATCH = "xl-policy watch >/run/xl-policy.log 2>&1 & echo $! >/run/xl-policy.pid"
# In dom0 it takes a while to be told, to read the rules and to say so.
OPEN = 2 * xlnet.CONVERGENCE
END = "kill $(cat /run/xl-policy.pid)"


# Debian has Xen's scripts return before they make rules, which upstream's do.
SCRIPTS = "cp -r /etc/xen/scripts /run && sed -i '/disabled in Debian/,/return 0/d' /run/scripts/vif-common.sh"


def online(guest):
    """Xen's script for a vif, which is on its bridge already."""
    path = f"backend/vif/{guest.domid}/0"
    return f"XENBUS_PATH={path} vif={guest.vif} bash /run/scripts/vif-bridge online type_if=vif"


def run(lab):
    g1, g2 = pair = lab.guest("g1"), lab.guest("g2")
    dom0 = lab.dom0
    with apart.Pings(g1, g2):
        try:
            dom0.check(f"{SCRIPTS} && {online(g1)} && {online(g2)}")
            rules = dom0.check("iptables -S FORWARD")
            expect(rules.count("--physdev-in") == 2, f"not the rules of Xen's script:\n{rules}")
            apart.expect_parted(lab, pair, "rules of Xen's script", "modprobe br_netfilter", "br_netfilter")
            apart.expect_together(lab, pair, "rules that hold nothing back", WATCH, OPEN)
            apart.expect_parted(lab, pair, "a rule that drops", DROP.format("A"), "br_netfilter")
            apart.expect_together(lab, pair, "rules that hold nothing back again", DROP.format("D"), OPEN)
            apart.expect_parted(lab, pair, "a policy that drops", "iptables -P FORWARD DROP", "br_netfilter")
            apart.expect_together(lab, pair, "a policy that accepts", "iptables -P FORWARD ACCEPT", OPEN)
            apart.expect_parted(lab, pair, "nobody who watches the rules", END, "br_netfilter")
        finally:
            dom0.run(f"{END}; iptables -P FORWARD ACCEPT; nft delete table ip filter; rmmod br_netfilter")
            dom0.run("rm -rf /run/scripts")
    apart.expect_together(lab, pair, "no rules", "true")
