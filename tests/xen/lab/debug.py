"""The debug kernels, see docs/testing.md: what they cost, and what only they can tell."""

import os
import pathlib
import re

# Their build trees, by the type of guest, if guests are to run them; otherwise Debian's kernel runs everywhere.
_TREES = dict(word.split("=", 1) for word in os.environ.get("LAB_DEBUG_KERNELS", "").split())
ON = bool(_TREES)
# The types of guests that have files of their own.
TYPES = tuple(_TREES)
# How many times longer everything may take.
PACE = 4 if ON else 1
# For KASAN's shadow, for kmemleak's and lockdep's records; in MiB, for each guest.
MEMORY = 256 if ON else 0
# Emulated ones. PVH guests are kept off CPU 0, and two of them that have KASAN do not come up on one other.
CPUS = 4 if ON else 2
# Datagrams may wait for seconds for a program, which has little time; KASAN, which is for PVH guests alone, is to go on
# after its first report. Nor is their idle task to take the timekeeper's lock in an interrupt, see docs/testing.md.
_ROOM = f" sysctl.net.core.rmem_default={8 << 20}"
ARGUMENTS = {"pv": _ROOM, "pvh": f"{_ROOM} kasan_multi_shot nohz=off"} if ON else {}

# The shorter form: only what has been seen to pass, in guests of the types that the cases ask for as in PVH guests,
# whose kernel has KASAN.
CASES = (
    "address_moves",
    "allocations_fail",
    "arp_blocked",
    "arp_of_the_nic_only",
    "bad_arguments",
    "boot",
    "bridges_keep_apart",
    "busiest_have_channels",
    "closing_takes_long",
    "closing_without_xenstored",
    "connections_move",
    "conntrack_keeps_state",
    "device_goes_down",
    "devices_beside",
    "dhcp_renewals",
    "dom0_attachment",
    "dom0_filters",
    "dom0_flooded",
    "dom0_harmless_rules",
    "dom0_openvswitch",
    "dom0_policy",
    "dom0_tells",
    "dom0_vifs",
    "firewalls_hold",
    "foreign_sources",
    "gateway_does_not_flap",
    "grants_read_only",
    "grants_reserved",
    "hostile_adverts",
    "hostile_colluders",
    "hostile_peer",
    "hostile_wishes",
    "idle_channels_close",
    "ipv6_addresses_follow",
    "ipv6_leaves_xl0_alone",
    "ipv6_switched_off",
    "many_guests",
    "migrated_live",
    "modules_come_and_go",
    "moves_between_hosts",
    "ndp_of_the_nic_only",
    "netconsole_keeps_off",
    "nic_changes",
    "nic_comes_late",
    "nic_programs_run",
    "nothing_left_behind",
    "one_family_parted",
    "others_come_and_go",
    "others_stay_on_eth0",
    "payload_intact",
    "peer_crashed",
    "peer_destroyed",
    "peer_paused",
    "peer_reboots",
    "pods_behind_guests",
    "pvh_guests",
    "queue_pairs",
    "receiving_follows",
    "removed_by_hand",
    "routes_appear",
    "routes_have_their_mtu",
    "routes_of_others_win",
    "saved_and_restored",
    "scan_notices",
    "shortages",
    "sockets_see_eth0",
    "statistics_stay_whole",
    "suspended_under_traffic",
    "switch_to_eth0",
    "tools_for_programs",
    "tools_tell",
    "traces_tell",
    "traffic_uses_xl0",
    "tunnels",
    "unload_under_traffic",
    "unload_while_suspended",
    "versions_apart",
    "xenstored_live_update",
)

# kmemleak passes over what is younger than 5 s, and believes no single scan.
_SCAN = """
grep debug_locks /proc/lockdep_stats
cd /sys/kernel/debug
sleep 5
echo scan >kmemleak && echo scan >kmemleak && cat kmemleak
"""
# All modules are ours, as everything else is built in; what is unloaded has no names any more.
_OURS = re.compile(r"\[xl\w+\]$|^    0x[0-9a-f]+$", re.MULTILINE)


def fewer(guests, count):
    """A case's guests, or what it has for each of them: no more than `count` with these kernels, of which many on the
    emulated machine's CPUs do not answer each other in time."""
    return guests[:count] if ON else guests


def suffix(type):
    """What is appended to the names of files for guests of this type."""
    return f"-debug-{type}" if type in TYPES else ""


def kernel(type):
    return pathlib.Path(_TREES[type], "vmlinux.stripped")


def lists(type):
    """What modprobe looks at, to find that all it is asked for is built in: {path in the guest: file}."""
    installed = pathlib.Path(_TREES[type], "installed")
    return {str(path.relative_to(installed)): path for path in installed.glob("lib/modules/*/modules.*")}


def findings(guests):
    """Memory that was lost, and whether lockdep still looks: it gives up after its first report."""
    found = []
    for guest, command in [(guest, guest.start(_SCAN)) for guest in guests if guest.settings.type in TYPES]:
        state, *reports = command.check().split("unreferenced object")
        if re.search(r"debug_locks: +0", state):
            found.append(f"{guest.name}: lockdep has switched itself off")
        for report in reports:
            if _OURS.search(report):
                found.append(f"{guest.name}: unreferenced object{report.rstrip()}")
    return found
