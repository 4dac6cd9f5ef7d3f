"""Guests that all talk to each other, and what a channel costs when one of them comes that talks to all."""

import itertools
import re
import statistics
import time
from functools import partial

from lab import tools, xen, xlnet
from lab.checks import expect, last_json
from lab.topology import Settings

from .cost import LOAD_START, METER_START
from .link import Measurement, turns
from .paths import PATHS, load, take

COUNTS = (2, 4, 8, 24)
# More streams at once than among so many guests say nothing on two CPUs.
STREAMS = 8
# In MiB: so many guests fit into the machine.
MEMORY = 224
# An idle channel closes after so many seconds, where it is measured how soon one opens.
IDLE = 3
WISHES = 5
# Before channels are opened, as the others pause when a guest has just closed one; and for opening them.
PAUSE = 5
# Eight guests on two CPUs take their time to begin.
START = 3
MARGIN = 4
UP = "bench: xl0 up"


def all_to_all(lab, guests, effort):
    """A stream between each two guests, all at once; what each and all carry, and dom0's CPU."""
    seconds = effort.seconds
    meter = lab.dom0.start(f"/lab/cpu-times.py {METER_START + LOAD_START + START} {seconds}")
    time.sleep(METER_START)
    started = {pair: start_stream(*pair, seconds) for pair in senders(guests)}
    figures = {pair: tools.netperf_figure(command.check(seconds + 120)) for pair, command in started.items()}
    total = sum(figures.values())
    count = {"guests": len(guests)}
    yield "scale_total", total, count
    for (client, server), figure in figures.items():
        yield "scale_pair", figure, {**count, "pair": f"{client.name} {server.name}"}
    dom0 = last_json(meter.check())["0"]
    yield "scale_dom0", 100 * dom0, count
    yield "scale_dom0_gb", dom0 / (total / 8000), count


def senders(guests):
    """Each two guests once; who sends alternates, so that each sends as much as it receives."""
    for (one, first), (two, second) in itertools.combinations(enumerate(guests), 2):
        yield (first, second) if (one + two) % 2 else (second, first)


def start_stream(client, server, seconds):
    return tools.start_netperf(client, server.ip, "TCP_STREAM", seconds + START + MARGIN)


def wishes(pair):
    """How long it takes from the first packet of a guest to another until it has a channel, which neither keeps."""
    for guest in pair:
        xlnet.unload(guest)
        xlnet.load(guest, f"idle_close={IDLE}")
    last, first = pair
    xlnet.from_first_packet(last, first)
    took = []
    for _ in range(WISHES):
        xlnet.wait_until_dormant(pair)
        took.append(xlnet.from_first_packet(last, first))
    for guest in pair:
        xlnet.unload(guest)
        xlnet.load(guest)
    return statistics.median(took)


def channels(lab, guests):
    """The last guest comes and has channels to all others, as it talked to them: how long that takes and what they
    cost."""
    *_, last = guests
    others = len(guests) - 1
    last.check("ip link set xl0 down")
    time.sleep(PAUSE)
    free = free_memory(last)
    last.mark(UP)
    meter = lab.dom0.start(f"/lab/cpu-times.py 0 {PAUSE}")
    last.check("ip link set xl0 up")
    # Whoever looks meanwhile takes the time that is measured.
    time.sleep(PAUSE)
    times = connection_times(last.kernel_log())
    expect(len(times) == others, f"{last.name} has {len(times)} channels, not {others}, after {PAUSE} s")
    count = {"guests": len(guests)}
    yield "channel_first", times[0], count
    yield "channel_each", times[-1] / others, count
    yield "channel_dom0", last_json(meter.check())["0"] * PAUSE * 1000 / others, count
    nodes = lab.dom0.check(f"xenstore-ls -f /local/domain/{last.domid} | grep -c xlnet")
    yield "channel_nodes", int(nodes), count
    yield "channel_memory", (free - free_memory(last)) / others, count
    if others == 1:
        found = [one for one in xen.between(lab, *guests) if isinstance(one, xen.Grant)]
        yield "channel_grants", len(found), count
    yield "channel_wish", wishes((last, guests[0])), count


def connection_times(log):
    """Milliseconds from xl0's start to each channel, by the kernel log's own clock."""
    lines = log.splitlines()
    begin = max(number for number, line in enumerate(lines) if UP in line)
    started, *connected = (
        float(match[1]) * 1000
        for line in (
            lines[begin],
            *(line for line in lines[begin:] if re.search(r"peer \d+: connected", line)),
        )
        if (match := re.search(r"\[\s*([\d.]+)\]", line))
    )
    return [when - started for when in connected]


def free_memory(guest):
    """KiB that nothing uses, caches and the CPUs' own lists emptied."""
    output = guest.check(
        "cd /proc/sys/vm; for _ in 1 2 3; do sync; echo 3 >drop_caches; echo 1 >compact_memory; done;"
        " grep MemFree /proc/meminfo"
    )
    return int(output.split()[1])


class ScaleSetting:
    name = "scale"
    measurements = (
        Measurement("scale", all_to_all, ("eth0", "xl0"), quick=False),
        Measurement("channels", channels, ("xl0",), quick=False),
    )

    def run(self, lab, run):
        for count in COUNTS:
            memory = {"memory": MEMORY} if count > STREAMS else {}
            lab.create_all([Settings(f"s{n}", f"10.0.0.{20 + n}", **memory) for n in range(1, count + 1)])
            load(lab)
            for name, where in turns(("eth0", "xl0"), run.effort.rounds):
                self.measure(lab, run, name, f"{count} guests, {where}")

    def measure(self, lab, run, name, where):
        wanted = {one.name for one in run.wanted(self)}
        guests = lab.guests()
        # Of many only the last one talks, to all others.
        talking = guests if len(guests) <= STREAMS else guests[-1:]
        with run.noting(where):
            take(guests, PATHS[name], talking)
            if "scale" in wanted and len(guests) <= STREAMS:
                figures = partial(all_to_all, lab, guests, run.effort)
                run.measure("scale", name, where, figures)
            if "channels" in wanted and name == "xl0":
                run.measure("channels", name, where, partial(channels, lab, guests))
