"""Guests with several CPUs, and PVH guests: what the main figures are then, and where a transaction's time goes.

Two guests with two CPUs each and dom0 are more virtual CPUs than the lab has. So programs are measured as the
scheduler places them, and once more with those of each guest on one CPU of it, by which each guest has one busy CPU.
"""

from functools import partial

from lab import payload, tools
from lab.checks import expect
from lab.topology import Settings

from . import cost
from .link import Measurement, go_round
from .metrics import so_many_cpus
from .paths import load

# dom0 offers as many queues as this says when a guest's backend is made.
MAX_QUEUES = "/sys/module/xen_netback/parameters/max_queues"
# Where programs run: anywhere, or on that CPU. It is not the first, which has what is bound to none.
PROGRAMS = {"free": None, "pinned": 1}


def ping(metrics, cpus, pair):
    for params, cpu in placings(cpus):
        yield f"{metrics}_ping", tools.flood_ping(pair.client, pair.address, pair.effort.seconds, cpu), params


def netperf(name, test, metrics, cpus, pair):
    for params, cpu in placings(cpus):
        yield f"{metrics}_{name}", pair.netperf(test, pair.effort.seconds, cpu=cpu), params


def per_gigabyte(metrics, cpus, pair):
    for params, cpu in placings(cpus):
        yield from cost.per_gigabyte(pair, f"{metrics}_per_gb", cpu, **params)


def per_million_transactions(metrics, cpus, pair):
    for params, cpu in placings(cpus):
        yield from cost.per_million_transactions(
            pair, f"{metrics}_per_million", cpu, f"{metrics}_ipis", **params
        )


def placings(cpus):
    """Parameters of figures, and the CPU that programs run on, if one is given them. A guest with one has no choice."""
    if cpus == 1:
        return [({"guests": so_many_cpus(cpus)}, None)]
    return [({"guests": so_many_cpus(cpus), "programs": programs}, cpu) for programs, cpu in PROGRAMS.items()]


# Each a measurement and the paths it is taken on.
ALL = ("eth0", "xl0-before", "xl0", "xl0-busypoll", "lo")
PLAIN = ("eth0", "xl0-before", "xl0", "lo")
BETWEEN = ("eth0", "xl0-before", "xl0", "xl0-busypoll")
MAIN = {
    "ping": (ping, PLAIN),
    "tcp_rr": (partial(netperf, "tcp_rr", "TCP_RR"), ALL),
    "udp_rr": (partial(netperf, "udp_rr", "UDP_RR"), ALL),
    "tcp_stream": (partial(netperf, "tcp_stream", "TCP_STREAM"), PLAIN),
    "udp_stream": (partial(netperf, "udp_stream", "UDP_STREAM"), PLAIN),
}
COST = {
    "cpu_per_gb": (per_gigabyte, ("eth0", "xl0-before", "xl0")),
    "cpu_per_million": (per_million_transactions, BETWEEN),
}
CONNECTIONS = {"tcp_crr": (partial(netperf, "tcp_crr", "TCP_CRR"), ALL)}


class TwoGuestsSetting:
    """Two guests of a type with so many CPUs, and as many queues of eth0."""

    type = "pv"
    # What the names of its metrics begin with.
    metrics = "cpus"

    def __init__(self, name, cpus):
        self.name = name
        self._cpus = cpus

    def named(self, measurements, quick):
        """The measurements by names that begin with the setting's."""
        return tuple(
            Measurement(f"{self.name}_{name}", partial(measure, self.metrics, self._cpus), paths, quick)
            for name, (measure, paths) in measurements.items()
        )

    def run(self, lab, run):
        lab.dom0.check(f"echo {self._cpus} >{MAX_QUEUES}")
        two = [
            Settings(f"m{self._cpus}{side}", f"10.0.0.{41 + n}", type=self.type, vcpus=self._cpus)
            for n, side in enumerate("ab")
        ]
        lab.create_all(two)
        guests = [lab.guest(settings.name) for settings in two]
        for guest in guests:
            expect_queues(guest, self._cpus)
        load(lab)
        paths = [path for path in ALL if path != "xl0-before" or payload.BEFORE.is_file()]
        go_round(run, lab, run.wanted(self), {path: guests for path in paths})


class CpusSetting(TwoGuestsSetting):
    """Guests with several CPUs. `quick`: their main figures are measured in a quick run, too."""

    def __init__(self, cpus, quick):
        super().__init__(f"cpus{cpus}", cpus)
        self.measurements = (*self.named(MAIN, quick), *self.named(COST, quick=False))


class PvhSetting(TwoGuestsSetting):
    """PVH guests. The lab keeps them off the first of its two CPUs, so both share the other one."""

    type = "pvh"
    metrics = "pvh"

    def __init__(self, name, cpus):
        super().__init__(name, cpus)
        self.measurements = self.named({**MAIN, **CONNECTIONS}, quick=False)


def expect_queues(guest, count):
    """The guest's eth0 has so many queues."""
    found = int(guest.check("ls -d /sys/class/net/eth0/queues/tx-* | wc -l"))
    expect(found == count, f"eth0 of {guest.name} has {found} queues, not {count}")
