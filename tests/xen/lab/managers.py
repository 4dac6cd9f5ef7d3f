"""What a network manager does to the networks of a Debian guest: xlnet's routes must be there in time afterwards."""

import datetime
import re
import time

from . import xlnet
from .checks import expect
from .counters import Movement

# It tells what is removed and added, and when, in the guest's time.
MONITOR = "exec ip -ts monitor rule route nexthop address"
# Packets: less than that goes over the NIC at any time.
MANY = 50


def last(pattern, events):
    """When the last event was, in seconds, that has the pattern; events are what ip prints of them."""
    times = re.findall(rf"^\[(\S+)\] {pattern}", events, re.MULTILINE)
    return max((datetime.datetime.fromisoformat(at).timestamp() for at in times), default=None)


class Managers:
    """To be made when the guest, whose NIC is called `nic`, has all routes to the other, and to be used while there is
    traffic between them."""

    def __init__(self, lab, guest, peer, nic):
        self._lab, self._guest, self._peer, self._nic = lab, guest, peer, nic
        self._standing = xlnet.standing(guest)

    def do(self, script):
        """Runs a script in the Debian guest, by whose end its NIC has its addresses; all must be as before in time."""
        guest, nic = self._guest, self._nic
        monitor = guest.start(MONITOR)
        guest.check(script, timeout=120)
        xlnet.wait_for_routes(self._lab, (guest.name, self._peer.name))
        with Movement({guest: [nic, "xl0"]}, ("tx",)) as moved:
            guest.check("nap 3")
        monitor.kill()
        self._expect_in_time(script, monitor.wait().out)
        expect(moved[guest, "xl0"] > MANY > moved[guest, nic], f"after {script}: {moved}")
        standing = xlnet.standing(guest)
        expect(standing == self._standing, f"after {script}: not {self._standing} but {standing}")

    def _expect_in_time(self, script, events):
        """The routes must come soon after they went, or the address of their family came, whichever was later; one of
        IPv6 comes once more when the link has been asked for it. As everything is late on a busy machine, so may the
        routes be."""
        asked = time.monotonic()
        xlnet.uptime(self._guest)
        latency = time.monotonic() - asked
        for own, address in zip(self._guest.addresses, self._peer.addresses, strict=True):
            took = self._without_route(script, events, own, address)
            said = f"{took:.2f} s without a route to {address} with {script}; to ask for the time took {latency:.2f} s"
            self._guest.note(said)
            expect(took <= xlnet.CONVERGENCE + 3 * latency, f"{said}:\n{events}")

    def _without_route(self, script, events, own, address):
        """For how many seconds there was no route to the address, though there was the guest's own of its family."""
        route = f"{address} nhid"
        back = last(route, events)
        if back is None:
            expect(
                last(f"Deleted {route}", events) is None,
                f"after {script} there is no route to {address} any more:\n{events}",
            )
            return 0.0
        before = events[: events.rindex(f"] {route}")]
        causes = last(f"Deleted {route}", before), last(rf"\d+: {self._nic} +inet6? {own}/", before)
        return back - max(filter(None, causes), default=back)
