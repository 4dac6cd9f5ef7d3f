"""What the emulated machine does to guests that is none of their doing; docs/testing.md has the reasons."""

import re

# By the logs that tell it: Xen when a PVH guest's CPU cannot go on, and a debug kernel when its idle task, with
# interrupts off, was interrupted.
_FAULTS = {
    "xen.log": re.compile(r"Triple fault"),
    "*-console.log": re.compile(r"spinlock recursion on CPU#\d+, swapper/\d+/0\b[^\n]*\n[^\n]*lock: jiffies_lock"),
}


def told(out):
    """The file that tells of such a fault in a case whose logs are in `out`, or nothing."""
    for name, fault in _FAULTS.items():
        for log in out.rglob(name):
            if fault.search(log.read_text(errors="replace")):
                return log
    return None
