"""Guests with two virtual CPUs: what one and two flows carry, and whether a flow keeps its order."""

from lab import tools
from lab.counters import out_of_order
from lab.topology import Settings

from .cpus import MAX_QUEUES, expect_queues
from .link import Measurement, go_round
from .paths import load

VCPUS = 2
FLOWS = (1, 2)
# Guests by the number of eth0's queues.
GUESTS = {
    1: (Settings("o1", "10.0.0.41", vcpus=VCPUS), Settings("o2", "10.0.0.42", vcpus=VCPUS)),
    VCPUS: (Settings("m1", "10.0.0.43", vcpus=VCPUS), Settings("m2", "10.0.0.44", vcpus=VCPUS)),
}


def flows(metric, test):
    def measure(pair):
        for count in FLOWS:
            before = out_of_order(pair.serving)
            started = [
                tools.start_netperf(pair.client, pair.address, test, pair.effort.seconds)
                for _ in range(count)
            ]
            total = sum(tools.netperf_figure(one.check(pair.effort.seconds + 60)) for one in started)
            yield metric, total, {"flows": count}
            if test == "TCP_STREAM":
                yield "smp_reordered", out_of_order(pair.serving) - before, {"flows": count}

    return measure


class SmpSetting:
    name = "smp"
    measurements = (
        Measurement("smp_tcp", flows("smp_tcp", "TCP_STREAM"), quick=False),
        Measurement("smp_udp", flows("smp_udp", "UDP_STREAM"), quick=False),
    )

    def run(self, lab, run):
        for queues, settings in GUESTS.items():
            lab.dom0.check(f"echo {queues} >{MAX_QUEUES}")
            lab.create_all(settings)
            for one in settings:
                expect_queues(lab.guest(one.name), queues)
        load(lab)
        single, multiple = ([lab.guest(one.name) for one in settings] for settings in GUESTS.values())
        pairs = {
            "eth0": single,
            "eth0-queues": multiple,
            "xl0": multiple,
            "xl0-one-pair": multiple,
            "lo": multiple,
        }
        go_round(run, lab, run.wanted(self), pairs)
