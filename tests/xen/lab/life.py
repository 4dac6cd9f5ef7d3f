"""What happens to guests: saved and restored, here or on another host, paused, rebooted, crashed.

Commands that run in a guest go on through all of it that the guest survives.
"""

import shlex
import time

from . import debug
from .checks import expect, wait_until
from .lab import CONSOLE_LOGS, GUEST_TIMEOUT

SAVED = "/var/tmp/{name}.saved"
# Domids may be used again at once.
REUSE = "LIBXL_DOMID_REUSE_TIMEOUT=0"
PORT = 4444
# Receives a guest that another host's dom0 migrates through a connection to this one's.
RECEIVER = f"""
import socket, subprocess, sys
connection, _ = socket.create_server(("", {PORT})).accept()
sys.exit(subprocess.run(["xl", "migrate-receive"], stdin=connection, stdout=connection).returncode)
"""
CONNECT = f"""
until exec 3<>/dev/tcp/{{}}/{PORT}; do nap 0.1; done 2>/dev/null
cat <&3 & exec cat >&3
"""
# Calls a function for a domain, as xl does, but without XenStore, which may be what stands still.
XENCTRL = """
import ctypes, glob, sys
library, *_ = glob.glob("/usr/lib/*/libxenctrl.so.*.*")
xenctrl = ctypes.CDLL(library)
xenctrl.xc_interface_open.restype = ctypes.c_void_p
handle = ctypes.c_void_p(xenctrl.xc_interface_open(None, None, 0))
sys.exit(getattr(xenctrl, sys.argv[1])(handle, int(sys.argv[2])) != 0)
"""
# For what takes seconds on a machine that does nothing else.
PATIENCE = 180 * debug.PACE


class Absence:
    """How long a guest cannot answer: what happens to it is done in `with` blocks of this."""

    # After each, dom0 delivers what waited there, and routes and ARP find their way.
    RECOVERY = 3.0 * debug.PACE

    def __init__(self):
        self.seconds = 0.0
        self._since = 0.0

    def __enter__(self):
        self._since = time.monotonic()

    def __exit__(self, *_):
        self.add(time.monotonic() - self._since)

    def add(self, seconds):
        """What is known of the guest otherwise: that it could not answer for so long."""
        self.seconds += seconds + self.RECOVERY


def _follow(lab, guest):
    """The guest goes on as another domain."""
    guest.new_netfronts += 1
    guest.domid = lab.domid(guest.name)
    expect(guest.domid is not None, f"{guest.name} is gone")
    lab.link.follow(guest.name, guest.domid)
    lab.link.wait_ready(guest.name, 30)
    guest.check("true")


def save(lab, guest):
    """Saves a guest to a file; it is no domain any more until it is restored."""
    lab.link.leave(guest.name)
    lab.dom0.check(f"xl save {guest.name} {SAVED.format(name=guest.name)}", timeout=PATIENCE)


def restore(lab, guest):
    """Restores a guest that was saved."""
    path = SAVED.format(name=guest.name)
    lab.dom0.check(f"xl restore {path} && rm {path}", timeout=PATIENCE)
    _follow(lab, guest)


def checkpoint(lab, guest):
    """Saves a guest that goes on afterwards, to be destroyed and revived."""
    path = SAVED.format(name=guest.name)
    lab.dom0.check(f"xl save -c -D {guest.name} {path}", timeout=PATIENCE)
    guest.check("true")


def start_suspend(lab, guest):
    """Begins to suspend a guest that goes on afterwards. What was saved is not kept: dom0 has room for one guest."""
    path = SAVED.format(name=guest.name)
    return lab.dom0.start(f"xl save -c -D {guest.name} {path} && rm {path}")


def suspend(lab, guest):
    """Suspends a guest that goes on afterwards."""
    start_suspend(lab, guest).check(PATIENCE)
    guest.check("true")


def destroy(lab, guest):
    """Destroys a guest of which there is a checkpoint."""
    lab.keep_log(guest.name)
    lab.link.leave(guest.name)
    lab.dom0.check(f"{REUSE} xl destroy {guest.name}")


def revive(lab, guest):
    """Restores the checkpoint of a destroyed guest, under the domid that it had."""
    path = SAVED.format(name=guest.name)
    lab.dom0.check(f"{REUSE} xl restore {path} && rm {path}", timeout=PATIENCE)
    _follow(lab, guest)


def fail_to_save(lab, guest):
    """Has a guest suspended, its saving fail for lack of room, and the guest go on."""
    full = "/run/full"
    lab.dom0.check(f"mkdir -p {full} && mount -t tmpfs -o size=8M none {full}")
    try:
        result = lab.dom0.run(f"xl save {guest.name} {full}/saved", timeout=PATIENCE)
        expect(result.status != 0, "a guest was saved to where there is no room")
        expect("resuming" in result.out, f"the guest was not suspended before that failed:\n{result.out}")
    finally:
        lab.dom0.check(f"umount {full}")
    guest.check("true")


def pause(lab, guest):
    """Stops a guest's CPUs."""
    lab.dom0.check(f"python3 -c {shlex.quote(XENCTRL)} xc_domain_pause {guest.domid}")


def unpause(lab, guest):
    """Lets a guest go on."""
    lab.dom0.check(f"python3 -c {shlex.quote(XENCTRL)} xc_domain_unpause {guest.domid}")
    guest.check("true")


def reboot(lab, guest):
    """Reboots a guest, and waits until it is up again: another domain with nothing loaded."""
    lab.keep_log(guest.name)
    lab.link.leave(guest.name)
    guest.start("reboot -f")
    wait_until(f"{guest.name} to reboot", lambda: lab.follow_reboot(guest, "rebooted"), PATIENCE, 0.5)
    guest.restarted = True
    guest.used = False
    lab.link.wait_ready(guest.name, GUEST_TIMEOUT)


def start_crash(lab, guest):
    """Has a guest's kernel crash, as soon as it gets to it."""
    lab.keep_log(guest.name)
    guest.start("echo c >/proc/sysrq-trigger")


def has_crashed(lab, guest):
    """Whether the guest's domain is there, and crashed."""
    state = f"xl list {guest.name} | awk 'NR == 2 {{print $(NF - 1)}}'"
    return "c" in lab.dom0.check(state)


def bury(lab, guest):
    """Destroys a guest that has crashed on purpose, with what its console showed of that."""
    if lab.domid(guest.name) is not None:
        lab.dom0.check(f"xl destroy {guest.name}")
    lab.give_up(guest.name, "crashed")
    lab.dom0.check(f"rm -f {CONSOLE_LOGS}/guest-{guest.name}.log")


def wait_gone(lab, domain, timeout=10):
    """Waits until nothing of a domain is left in Xen: while another domain maps one of its pages, or
    it maps another's, it is listed as a dead one without a name."""
    listed = "xl list | awk 'NR > 1 {print $(NF - 4)}'"
    return wait_until(
        f"domain {domain} to be gone from Xen, pages and all",
        lambda: str(domain) not in lab.dom0.check(listed).split(),
        timeout,
        0.2,
    )


def migrate(lab, guest, there=None):
    """Migrates a guest live, to the host that it is on or to that of another lab, whose dom0s reach each other.
    Returns how many seconds that took, and for how many of them the guest was away: from when it was asked to
    suspend, as before that it runs."""
    node = f"/local/domain/{guest.domid}/control/shutdown"
    # The first event says that the watch is there.
    asked = lab.dom0.start(f"xenstore-watch -n 2 {node} >/dev/null && echo $EPOCHREALTIME")
    lab.link.leave(guest.name)
    way = "exec xl migrate-receive"
    if there:
        receiver = there.dom0.start(f"exec python3 -c {shlex.quote(RECEIVER)}")
        way = f"exec bash -c {shlex.quote(CONNECT.format(there.dom0.ip))}"
    migrate = f"xl migrate -s '' {guest.name} {shlex.quote(way)}"
    output = lab.dom0.check(f"echo $EPOCHREALTIME; {migrate} && echo $EPOCHREALTIME", timeout=PATIENCE)
    begun, *_, ended = output.splitlines()
    took, away = float(ended) - float(begun), float(ended) - float(asked.check())
    if there:
        receiver.check()
        lab.hand_over(guest.name, there)
    _follow(there or lab, guest)
    guest.note(f"migrated in {took:.1f} s, away for {away:.1f} s of them")
    return took, away
