"""A run with one kernel after the other, see docs/kernels.md: which it is, and what it tries."""

import os

# The kernel, if this is such a run.
NAME = os.environ.get("LAB_KERNEL", "")
# Where its modules and logs are, in out/.
DIRECTORY = f"kernels/{NAME}" if NAME else ""

# The short list: each wrapper of the kernel's interfaces is used, in each type of guest.
CASES = (
    "boot",
    "bad_arguments",
    "bridges_keep_apart",
    "connections_move",
    "device_goes_down",
    "hvm_guests",
    "idle_cpu_polls",
    "migrated_live",
    "modules_come_and_go",
    "payload_intact",
    "pvh_guests",
    "queue_pairs",
    "routes_appear",
    "saved_and_restored",
    "tools_tell",
    "traffic_uses_xl0",
    "without_xen",
)
CASES_PVH = ("unload_under_traffic",)
