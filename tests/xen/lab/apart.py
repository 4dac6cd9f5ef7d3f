"""What dom0 enforces, switched on and off under traffic: the channel goes, and comes back."""

import contextlib
import time

from . import debug, families, xlnet
from .checks import expect, wait_until

# From one second after a change on that parts two guests, nothing may pass between them on xl0.
SETTLED = 1.0 * debug.PACE
# How long traffic is then watched.
WATCHED = 1.0 * debug.PACE


def packets(guest):
    """What passed over the guest's xl0 so far."""
    names = ("tx_packets", "rx_packets")
    output = guest.check("cat " + " ".join(f"/sys/class/net/xl0/statistics/{name}" for name in names))
    return sum(map(int, output.split()))


class Pings:
    """Pings from one guest to another, in each family that both have, whether they are answered or not, until the end
    of the block."""

    def __init__(self, here, there):
        self._here, self._there = here, there

    def __enter__(self):
        addresses = families.shared(self._here, self._there)
        self._commands = [self._here.start(f"exec ping -q -i 0.05 {address}") for address in addresses]
        return self

    def __exit__(self, *_):
        for command in self._commands:
            command.kill()


@contextlib.contextmanager
def pinging(lab, pair):
    """One of two that are together pings the other until the end of the `with` block, in full in both families."""
    with families.dressed(*pair, when=lab.thorough):
        xlnet.wait_for_routes(lab, [guest.name for guest in pair])
        with Pings(*pair):
            yield


def expect_no_packets(guests, what):
    """Nothing passes over the guests' xl0 while they ping each other."""
    before = {guest.name: packets(guest) for guest in guests}
    time.sleep(WATCHED)
    for guest in guests:
        moved = packets(guest) - before[guest.name]
        expect(moved == 0, f"{what}: {moved} packets on {guest.name}'s xl0")


def expect_parted(lab, pair, what, command, reason):
    """The command in dom0 parts the two within a second, and xl-status says why."""
    lab.dom0.note(f"==== {what}")
    changes = [
        xlnet.RouteChange(here, address, present=False)
        for here, there in both(pair)
        for address in families.shared(here, there)
    ]
    lab.dom0.check(command)
    for change in changes:
        change.finish()
    time.sleep(SETTLED)
    expect_no_packets(pair, what)
    for here, there in both(pair):
        expect(there.domid not in xlnet.peers(here), f"{what}: {here.name} still has its peer")
    one, other = pair
    why = f"xl-status why {one.name} {other.name}"
    wait_until(f"{what}: '{reason}' of {why}", lambda: reason in lab.dom0.check(why), 5)


def wait_for_log(dom0, mark, reason):
    """What parts guests is in dom0's log, too; no more than one line in ten seconds after many changes."""

    def lines():
        return [line for line in dom0.kernel_log(mark).splitlines() if "xldiscovery" in line]

    wait_until(f"'{reason}' in the log", lambda: any(reason in line for line in lines()), 5)


def expect_together(lab, pair, what, command, timeout=xlnet.CONVERGENCE + SETTLED):
    """After the command in dom0 the two meet again, as quickly as guests that have just come."""
    lab.dom0.note(f"==== after {what}")
    lab.dom0.check(command)
    xlnet.wait_for_routes(lab, [guest.name for guest in pair], timeout=timeout)


def expect_still_together(pair, what):
    """The two go on meeting: long enough for a wrong decision to be carried out."""
    time.sleep(2 * SETTLED)
    for here, there in both(pair):
        for address in families.shared(here, there):
            expect(xlnet.is_on_xl0(here, address), f"{what}: {here.name} lost its route to {address}")


def both(pair):
    here, there = pair
    return (here, there), (there, here)
