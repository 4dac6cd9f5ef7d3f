"""What no log may contain after a case, whatever the case itself printed."""

import re

from . import debug

# Xen's and the kernel's spelling is exact, so that "report a bug" is none.
KERNEL = re.compile(
    r"\bBUG\b|WARNING:|\b[Oo]ops\b|RIP:|Call Trace|g\.e\. .*still in use|blocked for more than"
    r"|hung task|[Rr][Cc][Uu].*(?:stall|starved)|Kernel panic|general protection fault"
    r"|soft lockup|hard LOCKUP|refcount_t:|list_(?:add|del) corruption|UBSAN:|KASAN:"
    r"|unreferenced object|NETDEV WATCHDOG|page allocation failure|scheduling while atomic"
    r"|Bad page state|unregister_netdevice: waiting"
    # What debug kernels say besides. That kmemleak found something is no fault of ours yet; lab.debug looks.
    # Nor is it that the reference tracker itself had no memory, where allocations are made to fail.
    r"|INFO: trying to register non-static key|suspicious RCU usage|turning off the locking"
    r"|possible (?:circular|recursive) locking|sleeping function called|ODEBUG[: ]|ref_tracker: (?!memory allocation failure)"
    r"|kmemleak: (?!\d+ new suspected memory leaks|Kernel memory leak detector initialized)"
)
# What the stock kernel warns of without any of ours in it: a guest that is restored while netfront has
# packets under way, as netfront takes a reference to pages of the slab allocator.
# And, in a debug kernel, one whose netfront is given an XDP program: it allocates memory within the condition that it
# waits for.
NETFRONT = re.compile(
    r"WARNING: (?:\S+ )?at xennet_disconnect_backend\b.*?---\[ end trace [^\n]*"
    r"|do not call blocking ops when !TASK_RUNNING(?:(?!---\[ end trace).)* xennet_xdp\+.*?---\[ end trace [^\n]*",
    re.DOTALL,
)
# What comes before a guest's first program, and what the debug kernel for PV guests warns of there: a register that
# Xen does not have, and the order of its first switches between tasks.
BOOT = re.compile(r"\A.*Run /init as init process", re.DOTALL)
PV_BOOT = re.compile(
    r"unchecked MSR access error: RDMSR from 0xc0010055 .*?</TASK>"
    r"|WARNING: at xen_(?:end|start)_context_switch\b.*?---\[ end trace [^\n]*",
    re.DOTALL,
)
# Xen's boot messages warn about the emulated CPU; only what comes after the boot is scanned.
XEN = re.compile(
    r"\bBUG\b|WARN|Oops|RIP:|Call [Tt]race|still in use|Assertion|[Pp]anic|FATAL|crash|grant_table\.c"
)


def findings(source, log, pattern=KERNEL):
    """The offending lines, each with the place it was seen at."""
    if debug.ON:
        log = BOOT.sub(lambda boot: PV_BOOT.sub("", boot[0]), log)
    lines = NETFRONT.sub("", log).splitlines()
    return [f"{source}: {line.strip()}" for line in lines if pattern.search(line)]


def all_findings(logs):
    """The same for pairs of (source, log); Xen's own log is the one called xen."""
    found = []
    for source, log in logs:
        found += findings(source, log, XEN if source == "xen" else KERNEL)
    return found
