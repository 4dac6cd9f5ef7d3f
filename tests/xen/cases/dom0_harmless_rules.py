"""The rules that Xen's own vif script makes part nobody while `xl-policy watch` sees that they hold nothing back."""

from lab import apart, xlnet
from lab.checks import expect

# What makes and removes rules of each family's, and what nftables calls that.
IPTABLES = {"iptables": "ip", "ip6tables": "ip6"}
# A rule that holds something back, though not what the guests send here.
DROP = "{} -{} FORWARD -p tcp --dport 23 -j DROP"
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
    tools = [*IPTABLES] if lab.thorough else ["iptables"]
    with apart.pinging(lab, pair):
        try:
            dom0.check(f"{SCRIPTS} && {online(g1)} && {online(g2)}")
            rules = dom0.check("iptables -S FORWARD")
            expect(rules.count("--physdev-in") == 2, f"not the rules of Xen's script:\n{rules}")
            apart.expect_parted(lab, pair, "rules of Xen's script", "modprobe br_netfilter", "br_netfilter")
            apart.expect_together(lab, pair, "rules that hold nothing back", WATCH, OPEN)
            for tool in tools:
                rule, policy = f"a rule of {tool} that drops", f"a policy of {tool} that drops"
                apart.expect_parted(lab, pair, rule, DROP.format(tool, "A"), "br_netfilter")
                apart.expect_together(lab, pair, rule, DROP.format(tool, "D"), OPEN)
                apart.expect_parted(lab, pair, policy, f"{tool} -P FORWARD DROP", "br_netfilter")
                apart.expect_together(lab, pair, policy, f"{tool} -P FORWARD ACCEPT", OPEN)
            apart.expect_parted(lab, pair, "nobody who watches the rules", END, "br_netfilter")
        finally:
            dom0.run(f"{END}; rmmod br_netfilter")
            for tool in tools:
                dom0.run(f"{tool} -P FORWARD ACCEPT; nft delete table {IPTABLES[tool]} filter")
            dom0.run("rm -rf /run/scripts")
    apart.expect_together(lab, pair, "no rules", "true")
