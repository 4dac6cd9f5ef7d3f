"""The hostile guest: loads xlhostile with a lie, and sees what the others make of it."""

import contextlib
import re

from . import debug, families, xlnet
from .errors import CaseFailure

# What the throughput is measured with: a quarter of a second of it on the emulated machine, or a whole one on a slow one.
BYTES = 20_000_000
SEPARATOR = "----"
# What is no complaint of anybody's.
HARMLESS = r"xlnet: peer \d+: connected"


def begin(liar, lie):
    """Has the guest advertise itself and lie to whom it is introduced to."""
    liar.check(f"xenstore-write data/hostile/lie {lie} && insmod /lab/modules/xlhostile.ko")


@contextlib.contextmanager
def lying(liar, lie):
    begin(liar, lie)
    try:
        yield
    finally:
        liar.run("rmmod xlhostile")


def start_waiting(guest, mark, text, timeout):
    """Starts a loop in the guest that ends when its kernel log has the text after the mark, or fails."""
    return guest.start(
        f"for ((i = 0; i < {timeout * debug.PACE * 10}; i++)); do\n"
        f"  log_since '{mark}' | grep -qF '{text}' && exit\n"
        "  nap 0.1\n"
        f"done; echo 'not in the kernel log within {timeout} s: {text}'; exit 1"
    )


def expect_eth0(liar, others):
    """The guests reach the liar over eth0, now or in a moment, in each family that they have."""
    for command in [other.start(_reaches_by_eth0(families.shared(other, liar))) for other in others]:
        command.check()


def _reaches_by_eth0(addresses):
    """A script that waits until none of the addresses is on xl0, and pings the first of them."""
    on_xl0 = " || ".join(f"on_xl0 {address}" for address in addresses)
    return (
        "for i in {1..50}; do\n"
        f"  {on_xl0} || exec ping -q -c 2 -i 0.1 -W 5 {addresses[0]}\n"
        "  nap 0.1\n"
        "done\n"
        f"for address in {' '.join(addresses)}; do ip route get $address; done; exit 1"
    )


def lines(log):
    """What xlnet says in a kernel log, without time stamps, and without that channels opened. What the rest of the
    kernel must not say, the scan after the case finds."""
    found = []
    for line in log.splitlines():
        text = re.sub(r"^\[[ \d.]+\] ", "", line).strip()
        if text.startswith("xlnet: ") and not re.fullmatch(HARMLESS, text):
            found.append(text)
    return found


def waiting(guest):
    """Packets that wait in xl0's queues."""
    return sum(map(int, re.findall(r"backlog \S+ (\d+)p", guest.check("tc -s qdisc show dev xl0"))))


def counter(guest, peer, name):
    return xlnet.statistics(guest).get(f"peer{peer.domid}_{name}", 0)


def throughput(here, there):
    """Mb/s from one guest to another for so much data, of which no packet may leave xl0."""
    mark = "lab: throughput"
    script = (
        f"echo '{mark}' >/dev/kmsg; ethtool -S xl0 && echo {SEPARATOR}",
        f"netperf -P 0 -H {there.ip} -t TCP_STREAM -l -{BYTES} && echo {SEPARATOR}",
        f"{{ on_xl0 {there.ip} || ip route; }} && echo {SEPARATOR} && ethtool -S xl0",
    )
    before, measured, others, after = here.check(" && ".join(script)).split(SEPARATOR)
    before, after = map(xlnet.parse_statistics, (before, after))
    changes = {name: value - before.get(name, 0) for name, value in after.items()}
    moved = {name: change for name, change in changes.items() if change}
    astray = moved.keys() & {"fallback_packets", "tx_drops"}
    if astray or others.strip():
        raise CaseFailure(
            f"{here.name} does not reach {there.name} over xl0 alone:\n{others}\n{moved}\n{here.kernel_log(mark)}"
        )
    return float(measured.split()[4])
