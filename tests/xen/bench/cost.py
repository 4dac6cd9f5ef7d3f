"""What traffic costs: CPU time of sender, receiver, dom0, and of the emulated machine as a whole.

Xen accounts each domain's time; a hypercall's is its caller's. What QEMU's process uses on top of all
domains is the rest: Xen's own idle time and scheduling, and the emulation of devices. All are rates,
taken while the load runs evenly and nothing else happens, and divided by the load's rate.

What is stolen is no CPU time: for so long one of a guest's CPUs could have run and did not, as another domain did. It
is the guest's own account, as are the IPIs that its CPUs received.
"""

import time
from functools import partial

from lab import tools
from lab.checks import expect, last_json

# The meter starts while dom0 is idle, then the load, and both get time to run evenly.
METER_START = 1
LOAD_START = 2
# How much longer the load runs, as dom0 and netperf are slow to begin on a busy machine.
MARGIN = 4
# Prints, at two moments, the hundredths of a second that were stolen from a guest, and the IPIs to reschedule and to call
# a function. Nothing is forked.
ACCOUNT = """
account() {{
	read -r _ _ _ _ _ _ _ _ stolen _ </proc/stat
	ipis=0
	while read -r kind counts; do
		[[ $kind == @(RES|CAL): ]] || continue
		for count in $counts; do
			[[ $count == *[!0-9]* ]] || ((ipis += count))
		done
	done </proc/interrupts
	echo $stolen $ipis
}}
nap {lead}
account
nap {seconds}
account
"""


def rates(lab, guests, seconds, begin=None, settle=LOAD_START):
    """CPU seconds a second by whose they are: dom0's, the guests' by what they are called, the rest, and the total.
    And the load that runs meanwhile, if there is one: `begin` starts it, for as long as it is told. All have had
    `settle` seconds by then, to run evenly or to become quiet."""
    meter = lab.dom0.start(f"/lab/cpu-times.py {METER_START + settle} {seconds}")
    time.sleep(METER_START)
    load = begin(settle + seconds + MARGIN) if begin else None
    time.sleep(settle)
    began, used = time.monotonic(), lab.machine_cpu_seconds()
    time.sleep(seconds)
    machine = (lab.machine_cpu_seconds() - used) / (time.monotonic() - began)
    domains = last_json(meter.check())
    expect(load is None or load.running(), "the load ended before its cost was taken")
    names = {"dom0": 0, **{name: guest.domid for name, guest in guests.items()}}
    found = {name: domains[str(domid)] for name, domid in names.items()}
    return {**found, "rest": machine - sum(found.values()), "total": machine}, load


def load_and_rates(pair, test, cpu=None):
    """netperf's figure, CPU seconds a second by whose they are, and a guest's IPIs a second. With `cpu` the programs run
    on that one of each guest."""
    seconds = pair.effort.seconds
    guests = {"sender": pair.client, "receiver": pair.server}
    account = ACCOUNT.format(lead=METER_START + LOAD_START, seconds=seconds)
    accounts = {name: guest.start(account) for name, guest in guests.items()}
    begin = partial(tools.start_netperf, pair.client, pair.address, test, cpu=cpu)
    used, load = rates(pair.lab, guests, seconds, begin)
    figure = tools.netperf_figure(load.check(seconds + 60))
    ipis = {}
    for name, command in accounts.items():
        stolen, sent = accounted(command.check(seconds + 60))
        used[f"{name}, stolen"] = stolen / 100 / seconds
        ipis[name] = sent / seconds
    return figure, used, ipis


def accounted(output):
    """By how much what ACCOUNT prints has grown: hundredths of a second that were stolen, and IPIs."""
    before, after = ([int(word) for word in line.split()] for line in output.splitlines())
    return [new - old for old, new in zip(before, after, strict=True)]


def per_gigabyte(pair, metric="cpu_per_gb", cpu=None, **params):
    megabits, used, _ = load_and_rates(pair, "TCP_STREAM", cpu)
    yield from each(metric, used, megabits / 8000, params)


def per_million_transactions(pair, metric="cpu_per_million", cpu=None, ipis_metric=None, **params):
    """With `ipis_metric` the IPIs for each transaction, too."""
    transactions, used, ipis = load_and_rates(pair, "TCP_RR", cpu)
    yield from each(metric, used, transactions / 1e6, params)
    if ipis_metric:
        yield from each(ipis_metric, ipis, transactions, params)


def each(metric, used, load, params):
    for name, rate in used.items():
        yield metric, rate / load, {**params, "of": name}
