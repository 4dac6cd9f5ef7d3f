"""The threads that poll while their CPUs have nothing else to run, and what they receive."""

import dataclasses
import re

from . import tools, xlnet
from .counters import Growth, kernel_counter

FIND = "grep -s ^xl0-idle/ /proc/[0-9]*/comm"
# proc(5): fields of /proc/PID/stat after the name: user and system time in hundredths, and the policy.
UTIME, STIME, POLICY = 11, 12, 38
SCHED_IDLE = 5


@dataclasses.dataclass
class Time:
    """CPU seconds of one thread."""

    policy: int
    seconds: float


def threads(guest):
    """The threads of a guest by the numbers of their CPUs; none if there are none."""
    found = re.findall(r"(/proc/\d+)/comm:xl0-idle/(\d+)", guest.run(FIND).out)
    return {int(cpu): _read(guest, directory) for directory, cpu in found}


def _read(guest, directory):
    fields = guest.read(f"{directory}/stat").rpartition(")")[2].split()
    return Time(int(fields[POLICY]), (int(fields[UTIME]) + int(fields[STIME])) / 100)


class Used(Growth):
    """CPU seconds that the threads of guests use inside a `with` block: by guest's name and CPU."""

    def __init__(self, *guests):
        super().__init__()
        self._guests = guests

    def _figures(self):
        # A thread whose CPU has come inside the block has used nothing before.
        return {
            (guest.name, cpu): time.seconds for guest in self._guests for cpu, time in threads(guest).items()
        }

    def all(self):
        return list(self._grown.values())

    def __str__(self):
        return ", ".join(f"{name} CPU {cpu}: {seconds:.2f} s" for (name, cpu), seconds in self._grown.items())


def polled(guest):
    """How many packets the guest's kernel has received by polling beside softirqs."""
    return kernel_counter(guest, "BusyPollRxPackets")


def received(guest):
    figures = xlnet.statistics(guest)
    return sum(value for name, value in figures.items() if re.fullmatch(r"peer\d+_rx_packets", name))


def transact(client, server, seconds, cpu=None):
    """Transactions for a while; the share of the packets that each side received by polling. With `cpu` programs run
    on that one alone."""
    guests = (client, server)
    before = [(polled(guest), received(guest)) for guest in guests]
    tools.netperf(client, server.ip, "UDP_RR", seconds, cpu=cpu)
    return [
        (polled(guest) - old_polled) / (received(guest) - old_received)
        for guest, (old_polled, old_received) in zip(guests, before, strict=True)
    ]
