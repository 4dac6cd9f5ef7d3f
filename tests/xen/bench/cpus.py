"""Guests with several CPUs: what the main figures are then, and where a transaction's time goes.

Two guests with two CPUs each and dom0 are more virtual CPUs than the lab has. So programs are measured as the
scheduler places them, and once more with those of each guest on one CPU of it, by which each guest has one busy CPU.
"""

from functools import partial

from lab import payload, tools
from lab.checks import expect
from lab.topology import Settings

from . import cost
from .link import Measurement, go_round
from .paths import load

# dom0 offers as many queues as this says when a guest's backend is made.
MAX_QUEUES = "/sys/module/xen_netback/parameters/max_queues"
# Where programs run: anywhere, or on that CPU. It is not the first, which has what is bound to none.
PROGRAMS = {"free": None, "pinned": 1}


def ping(cpus, pair):
    for programs, cpu in PROGRAMS.items():
        figure = tools.flood_ping(pair.client, pair.address, pair.effort.seconds, cpu)
        yield "cpus_ping", figure, row(cpus, programs)


def netperf(metric, test, cpus, pair):
    for programs, cpu in PROGRAMS.items():
        yield metric, pair.netperf(test, pair.effort.seconds, cpu=cpu), row(cpus, programs)


def per_gigabyte(cpus, pair):
    for programs, cpu in PROGRAMS.items():
        yield from cost.per_gigabyte(pair, "cpus_per_gb", cpu, **row(cpus, programs))


def per_million_transactions(cpus, pair):
    for programs, cpu in PROGRAMS.items():
        yield from cost.per_million_transactions(
            pair, "cpus_per_million", cpu, "cpus_ipis", **row(cpus, programs)
        )


def row(cpus, programs):
    return {"guests": f"{cpus} CPUs", "programs": programs}


# A measurement, the paths it is taken on, and whether a quick run takes it.
ALL = ("eth0", "xl0-before", "xl0", "xl0-busypoll", "lo")
PLAIN = ("eth0", "xl0-before", "xl0", "lo")
BETWEEN = ("eth0", "xl0-before", "xl0", "xl0-busypoll")
MEASUREMENTS = {
    "ping": (ping, PLAIN, True),
    "tcp_rr": (partial(netperf, "cpus_tcp_rr", "TCP_RR"), ALL, True),
    "udp_rr": (partial(netperf, "cpus_udp_rr", "UDP_RR"), ALL, True),
    "tcp_stream": (partial(netperf, "cpus_tcp_stream", "TCP_STREAM"), PLAIN, True),
    "udp_stream": (partial(netperf, "cpus_udp_stream", "UDP_STREAM"), PLAIN, True),
    "cpu_per_gb": (per_gigabyte, ("eth0", "xl0-before", "xl0"), False),
    "cpu_per_million": (per_million_transactions, BETWEEN, False),
}


class CpusSetting:
    """Guests with so many CPUs, and as many queues of eth0. `quick`: measured in a quick run, too."""

    def __init__(self, cpus, quick):
        self.name = f"cpus{cpus}"
        self.measurements = tuple(
            Measurement(f"{self.name}_{name}", partial(measure, cpus), paths, quick and always)
            for name, (measure, paths, always) in MEASUREMENTS.items()
        )
        self._cpus = cpus

    def run(self, lab, run):
        lab.dom0.check(f"echo {self._cpus} >{MAX_QUEUES}")
        names = [f"m{self._cpus}{side}" for side in "ab"]
        lab.create_all([Settings(name, f"10.0.0.{41 + n}", vcpus=self._cpus) for n, name in enumerate(names)])
        guests = [lab.guest(name) for name in names]
        for guest in guests:
            expect_queues(guest, self._cpus)
        load(lab)
        paths = [path for path in ALL if path != "xl0-before" or payload.BEFORE.is_file()]
        go_round(run, lab, run.wanted(self), {path: guests for path in paths})


def expect_queues(guest, count):
    """The guest's eth0 has so many queues."""
    found = int(guest.check("ls -d /sys/class/net/eth0/queues/tx-* | wc -l"))
    expect(found == count, f"eth0 of {guest.name} has {found} queues, not {count}")
