"""systemd-networkd and NetworkManager, in a real Debian guest, leave xl0 alone and in use, whatever they do."""

import datetime
import re
import time

from lab import debian, families, life, traffic, xlnet
from lab.checks import expect
from lab.counters import Movement
from lab.needs import Needs

NEEDS = Needs(guests=("d1", "g2"), loaded=None)
# But for our own file, which comes before it, this would have xl0 set up.
FOR_ALL = "[Match]\nName=x*\n[Network]\nLinkLocalAddressing=ipv4"
# It tells what is removed and added, and when, in the guest's time.
MONITOR = "exec ip -ts monitor rule route nexthop address"
# Packets: less than that goes over the NIC at any time.
MANY = 50


def last(pattern, events):
    """When the last event was, in seconds, that has the pattern; events are what ip prints of them."""
    times = re.findall(rf"^\[(\S+)\] {pattern}", events, re.MULTILINE)
    return max((datetime.datetime.fromisoformat(at).timestamp() for at in times), default=None)


def without_route(script, events, own, address):
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
    causes = last(f"Deleted {route}", before), last(rf"\d+: {debian.NIC} +inet6? {own}/", before)
    return back - max(filter(None, causes), default=back)


class Managers:
    def __init__(self, lab):
        self._lab = lab
        self._d1, self._g2 = lab.guest("d1"), lab.guest("g2")
        self._standing = xlnet.standing(self._d1)

    def do(self, script):
        """Runs a script in the Debian guest, by whose end its NIC has its addresses; all must be as before in time."""
        monitor = self._d1.start(MONITOR)
        self._d1.check(script, timeout=120)
        xlnet.wait_for_routes(self._lab, ("d1", "g2"))
        with Movement({self._d1: [debian.NIC, "xl0"]}, ("tx",)) as moved:
            self._d1.check("nap 3")
        monitor.kill()
        self._expect_in_time(script, monitor.wait().out)
        expect(moved[self._d1, "xl0"] > MANY > moved[self._d1, debian.NIC], f"after {script}: {moved}")
        standing = xlnet.standing(self._d1)
        expect(standing == self._standing, f"after {script}: not {self._standing} but {standing}")

    def _expect_in_time(self, script, events):
        """The routes must come soon after they went, or the address of their family came, whichever was later; one of
        IPv6 comes once more when the link has been asked for it. As everything is late on a busy machine, so may the
        routes be."""
        asked = time.monotonic()
        xlnet.uptime(self._d1)
        latency = time.monotonic() - asked
        for own, address in zip(self._d1.addresses, self._g2.addresses, strict=True):
            took = without_route(script, events, own, address)
            said = f"{took:.2f} s without a route to {address} with {script}; to ask for the time took {latency:.2f} s"
            self._d1.note(said)
            expect(took <= xlnet.CONVERGENCE + 3 * latency, f"{said}:\n{events}")

    def expect_unmanaged(self, said):
        """The manager that runs says that xl0 is none of its business, and it has no address."""
        expect("unmanaged" in self._d1.check(said), "xl0 is not left alone")
        addresses = self._d1.check("ip -br address show dev xl0").split()
        expect(addresses == ["xl0", "UNKNOWN"], f"xl0 has an address: {addresses}")


def run(lab):
    d1, g2 = lab.guest("d1"), lab.guest("g2")
    debian.have_networkd_add_ipv6(d1)
    debian.make_profile(d1)
    with families.dressed(g2):
        xlnet.load_all(lab, ("d1", "g2"))
        manage(lab, d1, g2)
        xlnet.unload_all(lab)


def manage(lab, d1, g2):
    managers, absence, there = Managers(lab), life.Absence(), debian.until_addressed(d1)
    with traffic.mixture(d1, g2) as mixture:
        # It removes the route, not the rule and the next hops, which are the kernel's by what they say.
        d1.check(f"echo '{FOR_ALL}' >/etc/systemd/network/90-all.network")
        managers.do("systemctl restart systemd-networkd")
        managers.do("networkctl reload")
        managers.do("udevadm trigger && udevadm settle")
        managers.do(f"networkctl reconfigure {debian.NIC} && {there}")
        managers.expect_unmanaged("networkctl --no-legend list xl0")
        with absence:
            # It has the address removed and added.
            d1.check("systemctl stop systemd-networkd.socket systemd-networkd")
            managers.do(f"systemctl start NetworkManager && nmcli -w 60 connection up lan && {there}")
        with absence:
            managers.do(f"nmcli networking off && nap 1 && nmcli networking on && {there}")
        managers.expect_unmanaged("nmcli -t -f DEVICE,STATE device | grep ^xl0:")
        # Each may move the path to the NIC and back.
        mixture.finish(absence.seconds, changes=2 * 6)
