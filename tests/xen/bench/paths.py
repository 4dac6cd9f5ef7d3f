"""The paths that packets between two guests can take, and how to make them take one.

eth0          netfront, netback and dom0's bridge: xl0 is set down, the modules stay loaded
eth0-queues   the same with as many queues as the guest has virtual CPUs
xl0           what xlnet does by itself
xl0-before    what another build of it does, see `make bench BEFORE=…`
xl0-nopoll    the same, with CPUs that sleep when they are idle
xl0-one-pair  the same with one queue pair, whatever the number of virtual CPUs
xl0-busypoll  the same, with sockets that poll the device instead of sleeping
lo            the guest's own loopback: both ends on one guest, the yardstick
unloaded      eth0 of a guest without the module
loaded        eth0 of one with it, for what xl0 does not carry
"""

import dataclasses

from lab import xlnet
from lab.checks import expect
from lab.counters import Movement
from lab.domain import MODULES

# How long a socket polls before it sleeps, in microseconds. Longer than a round trip of this machine.
BUSY_POLL_US = 2000
# How many seconds a path may take to be taken, with many guests on a busy machine.
SETTLING = 60
# The paths of guests without the module and with it.
STATES = ("unloaded", "loaded")
DEVICES = ["eth0", "xl0", "lo"]
# Loads a build of xlnet, with its parameters. Each path of xl0's begins so: when one was only set up after eth0's turn, the
# same build had 0.93 to 0.98 of itself.
RELOAD = "rmmod xlnet && insmod {directory}/{build}"


@dataclasses.dataclass(frozen=True)
class Path:
    name: str
    device: str
    busy_poll: int = 0
    module: str = "xlnet.ko"
    parameters: str = ""
    # Between two guests. 0: as many as a guest has virtual CPUs, as when the module is loaded.
    queue_pairs: int = 0

    @property
    def build(self):
        """What insmod is given for it."""
        return " ".join(filter(None, (self.module, xlnet.OPEN, self.parameters)))


PATHS = {
    path.name: path
    for path in (
        Path("eth0", "eth0"),
        Path("eth0-queues", "eth0"),
        Path("xl0", "xl0"),
        Path("xl0-before", "xl0", module="before.ko"),
        Path("xl0-nopoll", "xl0", parameters="idle_poll=0"),
        Path("xl0-one-pair", "xl0", queue_pairs=1),
        Path("xl0-busypoll", "xl0", BUSY_POLL_US),
        Path("lo", "lo"),
        Path("unloaded", "eth0"),
        Path("loaded", "eth0"),
    )
}


def load(lab):
    """Loads the modules where they are missing, without waiting for anything to come of it."""
    for domain in lab.domains():
        if not domain.has_module(xlnet.module_of(domain)):
            xlnet.load(domain)


def take(guests, path, talking=None):
    """Makes packets between the guests take the path, and waits until what those that talk send to all others does:
    all of them, if not said."""
    for guest in guests:
        guest.check(f"echo {path.busy_poll} | tee /proc/sys/net/core/busy_read >/proc/sys/net/core/busy_poll")
        if path.device == "xl0":
            guest.check(RELOAD.format(directory=MODULES, build=path.build))
            if path.queue_pairs:
                guest.check(f"ethtool -L xl0 combined {path.queue_pairs}")
    if path.device != "lo":
        state = "up" if path.device == "xl0" else "down"
        for guest in guests:
            guest.check(f"ip link set xl0 {state}")
        settle(talking or guests, guests, path.device)
    if path.queue_pairs:
        xlnet.wait_to_agree(guests, path.queue_pairs)


def bring(lab, guests, state):
    """Has the guests be peers that are `loaded`, or have no module."""
    for guest in guests:
        if guest.has_module("xlnet") != (state == "loaded"):
            (xlnet.load if state == "loaded" else xlnet.unload)(guest)
    if state == "loaded":
        xlnet.wait_for_routes(lab, [guest.name for guest in guests])


def settle(talking, guests, device):
    """Waits until each guest that talks reaches all others by the device, and has neighbour entries for them. One
    slow loop for each guest: more would take the time that they wait for from each other."""
    waiting = []
    for guest in talking:
        others = " ".join(other.ip for other in guests if other is not guest)
        command = f"""for ip in {others}; do
            tries=0
            until [[ $(ip -4 route get $ip) == *'dev {device}'* ]]; do
                (( tries++ < {SETTLING} )) ||
                    {{ echo "after {SETTLING} s packets to $ip do not take {device}"; exit 1; }}
                ping -q -c 1 -W 1 $ip >/dev/null
                sleep 1
            done
            ping -q -c 2 -i 0.2 -W 5 $ip || exit
        done"""
        waiting.append(guest.start(command))
    for command in waiting:
        command.check(timeout=2 * SETTLING)


class Taken:
    """A `with` block in which the guest's packets must have taken the path's device, or what was
    measured there does not count."""

    def __init__(self, guest, path):
        self._guest = guest
        self._path = path
        self._moved = Movement({guest: DEVICES})

    def __enter__(self):
        self._moved.__enter__()

    def __exit__(self, kind, error, trace):
        self._moved.__exit__(kind, error, trace)
        if kind is not None:
            return
        packets = {device: self._moved[self._guest, device] for device in DEVICES}
        right = packets.pop(self._path.device)
        expect(
            right > 10 * sum(packets.values()),
            f"measured over {self._path.name}, but these packets moved: {self._moved}",
        )
