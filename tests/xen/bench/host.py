"""What polling costs a host on whose CPUs somebody else computes, and what xlnet costs one where nothing is done."""

import contextlib
from functools import partial

from lab import debug, tools
from lab.checks import expect
from lab.topology import Settings

from . import cost
from .cpus import PROGRAMS
from .link import Measurement, go_round, turns
from .paths import STATES, bring, load

TALKERS = (Settings("h1", "10.0.0.81", vcpus=2), Settings("h2", "10.0.0.82", vcpus=2))
# Computes on as many CPUs as the machine has, and is no peer.
THIRD = Settings("h3", "10.0.0.83", vcpus=debug.CPUS)
# A CPU that finds the host short of CPUs pauses before it polls again, and for longer each time, up to 1.6 s: in so
# many seconds the pauses have become that long.
PAUSES_LONG = 5
SECONDS = 8
# In so many seconds a new device has said to the network what it has to.
QUIET = 10


def busy(pair):
    """Two guests have transactions, or do nothing, while a third one computes: what each gets of the CPUs."""
    guests = {"sender": pair.client, "receiver": pair.server, "third": pair.lab.guest(THIRD.name)}
    with computing(guests["third"]):
        for programs, cpu in PROGRAMS.items():
            transact = partial(tools.start_netperf, pair.client, pair.address, "TCP_RR", cpu=cpu)
            rates, running = cost.rates(pair.lab, guests, SECONDS, transact, PAUSES_LONG)
            yield "busy_tcp_rr", tools.netperf_figure(running.check()), {"TCP_RR": programs}
            yield from shares(rates, programs)
        rates, _ = cost.rates(pair.lab, guests, SECONDS, settle=PAUSES_LONG)
        yield from shares(rates, "none")


@contextlib.contextmanager
def computing(guest):
    """The guest computes on all of its CPUs until the end of the `with` block."""
    loops = [guest.start("exec sh -c 'while :; do :; done'") for _ in range(guest.settings.vcpus)]
    try:
        yield
        expect(all(loop.running() for loop in loops), f"{guest.name} did not compute all the time")
    finally:
        for loop in loops:
            loop.kill()
        for loop in loops:
            loop.wait()


def shares(rates, programs):
    """Figures in hundredths of a CPU, by where the programs of the two ran that have transactions."""
    yield "busy_third", 100 * rates["third"], {"TCP_RR": programs}
    for name in ("sender", "receiver", "dom0"):
        yield "busy_talkers", 100 * rates[name], {"TCP_RR": programs, "of": name}
    yield "busy_talkers", 100 * (rates["sender"] + rates["receiver"]), {"TCP_RR": programs, "of": "both guests"}


def idle(lab, guests):
    """What dom0 and guests use that do nothing. With the modules their channel is open, and carries nothing."""
    rates, _ = cost.rates(lab, {guest.name: guest for guest in guests}, SECONDS, settle=QUIET)
    for name in ("dom0", *(guest.name for guest in guests)):
        yield "idle_cpu", 100 * rates[name], {"of": name}


BUSY = Measurement("busy_host", busy, ("xl0", "xl0-nopoll"), quick=False)
IDLE = Measurement("idle_host", idle, STATES, quick=False)


class HostSetting:
    name = "host"
    measurements = (BUSY, IDLE)

    def run(self, lab, run):
        lab.create_all(TALKERS)
        load(lab)
        guests = lab.guests()
        lab.create_all([THIRD])
        wanted = run.wanted(self)
        if BUSY in wanted:
            go_round(run, lab, [BUSY], {path: guests for path in BUSY.paths})
        if IDLE in wanted:
            for state, where in turns(STATES, run.effort.rounds):
                with run.noting(where):
                    bring(lab, guests, state)
                    run.measure(IDLE.name, state, where, partial(idle, lab, guests))
