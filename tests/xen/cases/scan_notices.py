"""The scan of the logs after each case notices what it must, from every domain."""

from lab import scan
from lab.checks import expect
from lab.needs import Needs

NEEDS = Needs(loaded=None)

KERNEL_LINES = (
    "BUG: kernel NULL pointer dereference, address: 0000000000000008",
    "WARNING: CPU: 0 PID: 1 at net/core/dev.c:1 f+0x1/0x2",
    "Oops: general protection fault, probably for non-canonical address",
    "RIP: 0010:xennet_poll+0x1/0x2",
    "Call Trace:",
    "xen_netfront: WARNING: g.e. 0x208 still in use!",
    "deferring g.e. 0x208 (pfn 0x1234) still in use",
    "INFO: task ip:12 blocked for more than 120 seconds.",
    "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
    "rcu: INFO: rcu_preempt self-detected stall on CPU",
    "Kernel panic - not syncing: Fatal exception",
    "watchdog: BUG: soft lockup - CPU#0 stuck for 22s!",
    "unregister_netdevice: waiting for xl0 to become free. Usage count = 2",
    "BUG: KASAN: slab-use-after-free in f+0x1/0x2",
    "UBSAN: array-index-out-of-bounds in net/core/dev.c:1:2",
    "WARNING: possible circular locking dependency detected",
    "WARNING: suspicious RCU usage",
    "INFO: trying to register non-static key.",
    "BUG: sleeping function called from invalid context at kernel/locking/mutex.c:1",
    "ODEBUG: free active (active state 0) object: 0000000012345678 object type: timer_list hint: f+0x0/0x1",
    "ref_tracker: netdev@0000000012345678 has 1/2 users at",
    "kmemleak: Kernel memory leak detector disabled",
)
XEN_LINES = (
    "(XEN) Xen BUG at grant_table.c:1",
    "(XEN) grant_table.c:1803:d1v0 Bad ref 0x100 for d2",
    "(XEN) Xen WARN at common/event_channel.c:1",
    "(XEN) Assertion 'x' failed at common/domain.c:1",
    "(XEN) Domain 1 (vcpu#0) crashed on cpu#1:",
)
HARMLESS = (
    'PCI: if necessary, use "pci=nocrs" and report a bug',
    "xlnet: loaded",
    "kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)",
    "vif vif-0 eth0: entered promiscuous mode",
)
# netfront's own, and what follows it.
NETFRONT = """
WARNING: include/linux/mm.h:2128 at xennet_disconnect_backend+0x1c7/0x520 [xen_netfront], CPU#0: xenwatch/29
RIP: e030:xennet_disconnect_backend+0x1c7/0x520 [xen_netfront]
Call Trace:
---[ end trace 0000000000000000 ]---
"""


def run(lab):
    for pattern, lines in ((scan.KERNEL, KERNEL_LINES), (scan.XEN, XEN_LINES)):
        for line in lines:
            expect(scan.findings("self-test", line, pattern), f"the scan overlooks: {line}")
        for line in HARMLESS:
            expect(not scan.findings("self-test", line, pattern), f"the scan stumbles over: {line}")
    for line in KERNEL_LINES:
        found = scan.findings("self-test", line + NETFRONT + line)
        expect(len(found) == 2, f"netfront's warning hides what is around it: {found}")

    expect(not lab.findings(), "the logs were not clean to begin with")
    for domain in lab.domains():
        domain.check("echo 'WARNING: written by the self-test' >/dev/kmsg")
        found = lab.findings()
        expect(
            len(found) == 1 and found[0].startswith(f"{domain.name}: "),
            f"a WARNING in {domain.name}'s kernel log gave: {found}",
        )
        # What was planted must not fail this case.
        lab.mark(f"lab: case scan_notices goes on after {domain.name}")
    expect(not lab.findings(), "an old finding is found again")
