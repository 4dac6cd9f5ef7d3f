"""What traffic costs: CPU time of sender, receiver, dom0, and of the emulated machine as a whole.

Xen accounts each domain's time; a hypercall's is its caller's. What QEMU's process uses on top of all
domains is the rest: Xen's own idle time and scheduling, and the emulation of devices. All are rates,
taken while the load runs evenly and nothing else happens, and divided by the load's rate.
"""

import time

from lab import tools
from lab.checks import expect, last_json

# The meter starts while dom0 is idle, then the load, and both get time to run evenly.
METER_START = 1.0
LOAD_START = 2.0
# How much longer the load runs, as dom0 and netperf are slow to begin on a busy machine.
MARGIN = 6


def load_and_rates(pair, test):
    """netperf's figure, and CPU seconds a second by whose they are."""
    seconds = pair.effort.seconds
    meter = pair.lab.dom0.start(f"/lab/cpu-times.py {METER_START + LOAD_START} {seconds}")
    time.sleep(METER_START)
    load = tools.start_netperf(pair.client, pair.address, test, seconds + MARGIN)
    time.sleep(LOAD_START)
    began, used = time.monotonic(), pair.lab.machine_cpu_seconds()
    time.sleep(seconds)
    machine = (pair.lab.machine_cpu_seconds() - used) / (time.monotonic() - began)
    domains = last_json(meter.check())
    expect(load.running(), f"{test} ended before its cost was taken")
    figure = tools.netperf_figure(load.check(seconds + 60))
    names = {"dom0": 0, "sender": pair.client.domid, "receiver": pair.server.domid}
    rates = {name: domains[str(domid)] for name, domid in names.items()}
    rates["rest"] = machine - sum(rates.values())
    rates["total"] = machine
    return figure, rates


def per_gigabyte(pair):
    megabits, rates = load_and_rates(pair, "TCP_STREAM")
    for name, rate in rates.items():
        yield "cpu_per_gb", rate / (megabits / 8000), {"of": name}


def per_million_transactions(pair):
    transactions, rates = load_and_rates(pair, "TCP_RR")
    for name, rate in rates.items():
        yield "cpu_per_million", rate / (transactions / 1e6), {"of": name}
