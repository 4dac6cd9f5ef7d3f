"""The paths that packets between two guests can take, and how to make them take one.

    eth0          netfront, netback and dom0's bridge: xl0 is set down, the modules stay loaded
    xl0           what xlnet does by itself
    xl0-busypoll  the same, with sockets that poll the device instead of sleeping
    lo            the guest's own loopback: both ends on one guest, the yardstick
"""

import dataclasses

from lab import xlnet
from lab.checks import expect, wait_until
from lab.counters import Movement

# How long a socket polls before it sleeps, in microseconds. Longer than a round trip of this machine.
BUSY_POLL_US = 2000
DEVICES = ["eth0", "xl0", "lo"]


@dataclasses.dataclass(frozen=True)
class Path:
    name: str
    title: str
    device: str
    busy_poll: int = 0


PATHS = {
    path.name: path
    for path in (
        Path("eth0", "eth0 (netfront)", "eth0"),
        Path("xl0", "xl0", "xl0"),
        Path("xl0-busypoll", "xl0, busy polling", "xl0", BUSY_POLL_US),
        Path("lo", "lo (one guest)", "lo"),
    )
}


def take(lab, guests, path):
    """Makes packets between the guests take the path, and waits until they do."""
    for guest in guests:
        guest.check(f"echo {path.busy_poll} | tee /proc/sys/net/core/busy_read >/proc/sys/net/core/busy_poll")
    if path.device == "lo":
        return
    state = "up" if path.device == "xl0" else "down"
    for guest in guests:
        guest.check(f"ip link set xl0 {state}")
    if path.device == "xl0":
        xlnet.wait_for_routes(lab, [guest.name for guest in guests])
    for guest in guests:
        for other in guests:
            if guest is not other:
                settle(guest, other, path.device)


def settle(guest, other, device):
    wait_until(
        f"{guest.name} reaches {other.name} by {device}",
        lambda: xlnet.device_to(guest, other.ip) == device,
        timeout=10,
    )
    guest.check(f"ping -q -c 3 -i 0.2 -W 5 {other.ip}")


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
