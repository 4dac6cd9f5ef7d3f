"""The administrator's policy is applied under traffic: bridges, guests, groups, overrides, switches, a dry run."""

import time

from lab import apart, xlnet
from lab.checks import expect, wait_until

# Bytes of a line: nearly as many as XenStore takes for a node's value, 2048.
LONGEST = 2040


def run(lab):
    g1, g2 = pair = lab.guest("g1"), lab.guest("g2")
    dom0 = lab.dom0
    names = f"guest g1 allow {{}}\nguest {uuid(lab, g2)} allow {{}}\n"

    def apply(text, command="apply"):
        return f"mkdir -p /etc/xlnet && printf '{text}' >/etc/xlnet/policy && xl-policy {command}"

    changes = [
        ("a bridge that is ignored", apply("bridge xenbr0 ignore\n"), "not served"),
        ("other bridges only", apply("bridge * ignore\nbridge xenbr1 serve\n"), "not served"),
        ("a guest that is denied", apply("guest g1 deny\n"), "denies"),
        ("a guest that is metered", apply("guest g1 allow metered\n"), "metered"),
        ("a bridge that is metered", apply("bridge xenbr0 serve metered\n"), "metered"),
        ("two groups", apply(names.format("group=a", "group=b")), "different groups"),
        ("a group and none", apply(names.format("group=a", "")), "different groups"),
        ("the switch", "xl-policy off", "has xl0 off"),
        ("the switch for a bridge", "xl-policy off bridge xenbr0", "not served"),
        ("the switch for a guest", "xl-policy off guest g2", "denies"),
    ]
    undo = "xl-policy on; xl-policy on bridge xenbr0; xl-policy on guest g2"
    open_again = f"{{ {undo}; }} && " + apply("# everybody\n")
    with apart.pinging(lab, pair):
        try:
            dom0.check(apply("bridge xenbr0 serve\n"))
            apart.expect_still_together(pair, "a bridge that is served")
            for what, command, reason in changes if lab.thorough else changes[::3]:
                apart.expect_parted(lab, pair, what, command, reason)
                apart.expect_together(lab, pair, what, open_again)
            dom0.check(apply(names.format("group=a", "group=a")))
            apart.expect_still_together(pair, "one group for both")

            # One that is not understood is refused, and changes nothing.
            result = dom0.run(apply("bridge * ignore\nguest g1 dney\n"))
            expect(result.status != 0 and "line 2: 'dney'" in result.out, f"not refused: {result}")
            apart.expect_still_together(pair, "a policy that is not understood")
            # Not even with a word that leaves no room in XenStore for what is said about it.
            result = dom0.run(apply(f"{'d' * LONGEST}\n"))
            expect(result.status != 0 and "line 1: 'dddd" in result.out, f"not refused: {result}")
            apart.expect_still_together(pair, "a long word that is not understood")

            # An override holds on its bridge, and only for what it names.
            chain = "nft add table bridge lab && nft 'add chain bridge lab c { type filter hook forward priority 0; }'"
            dom0.check(apply("bridge xenbr0 serve override=bridge-filter\n"))
            dom0.check(chain)
            apart.expect_still_together(pair, "a filter that is overridden")
            apart.expect_parted(lab, pair, "without the override", apply("# none\n"), "nftables")
            apart.expect_together(lab, pair, "without the filter", "nft delete table bridge lab")

            # A dry run introduces nobody and says who would meet.
            text = "printf 'guest g9 deny\\n' >/run/dry && xl-policy dry-run /run/dry"
            dom0.check(text)
            wait_until("the guests to part", lambda: not xlnet.has_route(g1, g2), 5)
            wait_until("the dry run", lambda: "would meet" in dom0.check("xl-status why g1 g2"), 5)
            expect("would meet g2" in dom0.check("xl-status"), "xl-status does not say who would meet")
            apart.expect_together(lab, pair, "no dry run", "xl-policy apply")
        finally:
            dom0.run(f"nft delete table bridge lab; rm -f /etc/xlnet/policy; {undo}")
            dom0.run("rm -f /run/xlnet/policy; xenstore-rm /local/domain/0/xlnet/policy")

    # nic= is the policy where there is none, and may name bridges that come later.
    for bridges, together in (("xenbr0", True), ("xenbr1,later", False)):
        xlnet.unload(dom0)
        xlnet.load(dom0, f"nic={bridges}")
        if together:
            xlnet.wait_for_routes(lab)
        else:
            wait_until("g1's reason", lambda: "not served" in g1.run("xenstore-read xlnet/why").out, 5)
            expect(not xlnet.has_route(g1, g2), f"guests meet with nic={bridges}")
    dom0.check("ip link set xenbr0 down && ip link set xenbr0 name later && ip link set later up")
    try:
        xlnet.wait_for_routes(lab)
    finally:
        dom0.run("ip link set later down; ip link set later name xenbr0; ip link set xenbr0 up")
    xlnet.unload(dom0)
    xlnet.load(dom0)
    xlnet.wait_for_routes(lab)


    hold_from_the_first(lab, g1)


def hold_from_the_first(lab, guest):
    """What the file denies does not happen even for a moment when the module is loaded as modprobe does it."""
    dom0 = lab.dom0
    xlnet.unload(dom0)
    # The module under test lies where modprobe does not look.
    insmod = "#!/bin/sh\\nexec insmod /lab/modules/$2.ko\\n"
    dom0.check(f"mkdir -p /run/bin && printf '{insmod}' >/run/bin/modprobe && chmod +x /run/bin/modprobe")
    mark = "lab: a policy that is there before the module"
    guest.mark(mark)
    try:
        for policy, refused in (("guest g1 deny\\n", None), ("guest g1 dney\\n", "'dney'")):
            dom0.check(f"mkdir -p /etc/xlnet && printf '{policy}' >/etc/xlnet/policy")
            result = dom0.run("PATH=/run/bin:$PATH xl-policy load")
            right = refused in result.out if refused else result.status == 0
            expect(right, f"xl-policy load with '{policy}': {result}")
            with xlnet.talking(guest, lab.guest("g2")):
                time.sleep(xlnet.CONVERGENCE)
            log = guest.kernel_log(mark)
            expect("connected" not in log, f"{guest.name} met somebody with '{policy}':\n{log}")
            xlnet.unload(dom0)
    finally:
        dom0.run("rm -rf /run/bin /etc/xlnet/policy; xenstore-rm /local/domain/0/xlnet/policy")
    xlnet.load(dom0)
    xlnet.wait_for_routes(lab)


def uuid(lab, guest):
    return lab.dom0.check(f"xenstore-read /local/domain/{guest.domid}/vm").strip().removeprefix("/vm/")
