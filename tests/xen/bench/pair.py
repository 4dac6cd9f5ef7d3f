"""Two guests with one virtual CPU each: what is measured between them, by name."""

import dataclasses
import typing

from lab import xlnet

from . import cost, tools
from .effort import UDP_MAX
from .paths import PATHS, Taken


class Pair:
    """Client, server and the path between them."""

    def __init__(self, lab, client, server, path, effort):
        self.lab = lab
        self.client = client
        self.server = server
        self.path = path
        self.effort = effort

    @property
    def address(self):
        return "127.0.0.1" if self.path.device == "lo" else self.server.ip

    def netperf(self, test, seconds, options=""):
        return tools.netperf(self.client, self.address, test, seconds, options)

    def figures(self, measurement):
        """What a measurement yields, if the client's packets took the path they were to take."""
        with Taken(self.client, self.path):
            return list(measurement.measure(self))


# Each of these yields (metric, value, parameters).


def ping(pair):
    yield "ping", tools.flood_ping(pair.client, pair.address, pair.effort.seconds), {}


def transactions(metric, test):
    def measure(pair):
        yield metric, pair.netperf(test, pair.effort.seconds), {}

    return measure


def stream(metric, test):
    def measure(pair):
        if pair.path.device != "xl0":
            yield metric, pair.netperf(test, pair.effort.seconds), {}
            return
        before = sent_by(pair.client), sent_by(pair.server)
        yield metric, pair.netperf(test, pair.effort.seconds), {}
        after = sent_by(pair.client), sent_by(pair.server)
        sender, receiver = (new.since(old) for new, old in zip(after, before, strict=True))
        packets = sender.packets + receiver.packets
        yield "events", sender.events / packets, {"test": test, "sent by": "sender"}
        yield "events", receiver.events / packets, {"test": test, "sent by": "receiver"}
        yield "events", (sender.events + receiver.events) / packets, {"test": test, "sent by": "both"}

    return measure


@dataclasses.dataclass
class Sent:
    """Packets and events that a guest has sent on xl0."""

    packets: int
    events: int

    def since(self, earlier):
        return Sent(self.packets - earlier.packets, self.events - earlier.events)


def sent_by(guest):
    figures = xlnet.statistics(guest)

    def total(suffix):
        return sum(value for name, value in figures.items() if name.endswith(suffix))

    return Sent(total("_tx_packets"), total("_tx_events") + total("_rx_events"))


def by_size(metric, test, largest):
    def measure(pair):
        for size in pair.effort.message_sizes:
            size = min(size, largest)
            value = pair.netperf(test, pair.effort.sweep_seconds, f"-m {size}")
            yield metric, value, {"bytes": size}

    return measure


@dataclasses.dataclass(frozen=True)
class Measurement:
    """`quick`: taken in a quick run too."""

    name: str
    measure: typing.Callable
    paths: tuple = tuple(PATHS)
    quick: bool = True


# Busy polling is for sockets that wait for single packets.
PLAIN = ("eth0", "xl0", "lo")
BETWEEN = ("eth0", "xl0", "xl0-busypoll")

MEASUREMENTS = (
    Measurement("ping", ping, PLAIN),
    Measurement("tcp_rr", transactions("tcp_rr", "TCP_RR")),
    Measurement("udp_rr", transactions("udp_rr", "UDP_RR")),
    Measurement("tcp_crr", transactions("tcp_crr", "TCP_CRR")),
    Measurement("tcp_stream", stream("tcp_stream", "TCP_STREAM"), PLAIN),
    Measurement("udp_stream", stream("udp_stream", "UDP_STREAM"), PLAIN),
    Measurement("tcp_sizes", by_size("tcp_sizes", "TCP_STREAM", 65536), PLAIN),
    Measurement("udp_sizes", by_size("udp_sizes", "UDP_STREAM", UDP_MAX), PLAIN),
    Measurement("cpu_per_gb", cost.per_gigabyte, ("eth0", "xl0")),
    Measurement("cpu_per_million", cost.per_million_transactions, BETWEEN, quick=False),
)
