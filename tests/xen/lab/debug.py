"""The debug kernel, see docs/testing.md: what it costs, and what only it can tell."""

import os
import pathlib
import re

# Its build tree, if guests are to run it; otherwise Debian's kernel runs everywhere.
_TREE = os.environ.get("LAB_DEBUG_KERNEL")
ON = _TREE is not None
# Where make puts our modules for it.
MODULES = pathlib.Path(__file__).resolve().parents[3] / "out" / "debug"
# How many times longer everything may take.
PACE = 4 if ON else 1
# For KASAN's shadow, for kmemleak's and lockdep's records; in MiB, for each guest.
MEMORY = 256 if ON else 0
# What is appended to the names of files for guests.
SUFFIX = "-debug" if ON else ""
# The only type of guest whose kernel can have KASAN.
KIND = "pvh"
# KASAN is to go on after its first report.
ARGUMENTS = " kasan_multi_shot" if ON else ""

# The shorter form: only what has been seen to pass on it.
CASES = (
    "allocations_fail",
    "device_goes_down",
    "nothing_left_behind",
    "payload_intact",
    "suspended_under_traffic",
    "traffic_uses_xl0",
    "unload_under_traffic",
)
# What can only be shown on it.
ONLY = ("allocations_fail",)

# kmemleak passes over what is younger than 5 s, and believes no single scan.
_SCAN = """
grep debug_locks /proc/lockdep_stats
cd /sys/kernel/debug
sleep 5
echo scan >kmemleak && echo scan >kmemleak && cat kmemleak
"""
# All modules are ours, as everything else is built in; what is unloaded has no names any more.
_OURS = re.compile(r"\[xl\w+\]$|^    0x[0-9a-f]+$", re.MULTILINE)


def kernel():
    return pathlib.Path(_TREE, "vmlinux.stripped")


def lists():
    """What modprobe looks at, to find that all it is asked for is built in: {path in the guest: file}."""
    if not ON:
        return {}
    installed = pathlib.Path(_TREE, "installed")
    return {str(path.relative_to(installed)): path for path in installed.glob("lib/modules/*/modules.*")}


def findings(guests):
    """Memory that was lost, and whether lockdep still looks: it gives up after its first report."""
    if not ON:
        return []
    found = []
    for guest, command in [(guest, guest.start(_SCAN)) for guest in guests]:
        state, *reports = command.check().split("unreferenced object")
        if re.search(r"debug_locks: +0", state):
            found.append(f"{guest.name}: lockdep has switched itself off")
        for report in reports:
            if _OURS.search(report):
                found.append(f"{guest.name}: unreferenced object{report.rstrip()}")
    return found
