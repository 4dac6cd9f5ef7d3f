"""Two guests with one virtual CPU each: what is measured between them, by name."""

import dataclasses
import time

from lab import families, payload, tools, xlnet

from . import applications, cost, fifo
from .effort import UDP_MAX
from .link import Measurement, go_round
from .paths import load

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


def ipv6(metric, test):
    """The same between the guests' IPv6 addresses: netperf's test, or pings."""

    def measure(pair):
        address, seconds = pair.ipv6_address, pair.effort.seconds
        if pair.path.device == "xl0":
            for guest, peer in ((pair.client, pair.server), (pair.server, pair.client)):
                xlnet.wait_for_route(guest, families.ipv6_address(peer), talking=True)
        if test:
            yield metric, pair.netperf(test, seconds, address=address), {}
        else:
            yield metric, tools.flood_ping(pair.client, address, seconds), {}

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


def both_ways(pair):
    """A stream in each direction at once: what both carry together."""
    there = tools.start_netperf(pair.client, pair.server.ip, "TCP_STREAM", pair.effort.seconds)
    back = tools.start_netperf(pair.server, pair.client.ip, "TCP_STREAM", pair.effort.seconds)
    figures = [tools.netperf_figure(stream.check(pair.effort.seconds + 60)) for stream in (there, back)]
    yield "tcp_both", sum(figures), {}


# In seconds: for how long a stream runs before it is measured beside it, and how often a ping is sent.
SETTLING = 0.5
INTERVAL = 0.02


def ping_beside(pair):
    """What a ping waits behind a stream to the same guest, which takes the same queue and channel."""
    seconds = pair.effort.seconds
    for test in ("TCP_STREAM", "UDP_STREAM"):
        stream = tools.start_netperf(pair.client, pair.address, test, seconds + 2)
        time.sleep(SETTLING)
        figure = tools.paced_ping(pair.client, pair.address, seconds, INTERVAL)
        yield "ping_beside", figure, {"stream": test}
        yield "stream_beside", tools.netperf_figure(stream.check(seconds + 60)), {"stream": test}


# Busy polling is for sockets that wait for single packets.
PLAIN = ("eth0", "xl0-before", "xl0", "lo")
# In these both families are measured.
OF_EACH = ("eth0", "xl0")
BETWEEN = ("eth0", "xl0-before", "xl0", "xl0-busypoll")

MEASUREMENTS = (
    Measurement("ping", ping, PLAIN),
    Measurement("tcp_rr", transactions("tcp_rr", "TCP_RR")),
    Measurement("udp_rr", transactions("udp_rr", "UDP_RR")),
    Measurement("tcp_crr", transactions("tcp_crr", "TCP_CRR")),
    Measurement("tcp_stream", stream("tcp_stream", "TCP_STREAM"), PLAIN),
    Measurement("udp_stream", stream("udp_stream", "UDP_STREAM"), PLAIN),
    Measurement("ping_ipv6", ipv6("ping_ipv6", None), OF_EACH),
    Measurement("tcp_rr_ipv6", ipv6("tcp_rr_ipv6", "TCP_RR"), OF_EACH),
    Measurement("udp_rr_ipv6", ipv6("udp_rr_ipv6", "UDP_RR"), OF_EACH),
    Measurement("tcp_stream_ipv6", ipv6("tcp_stream_ipv6", "TCP_STREAM"), OF_EACH),
    Measurement("udp_stream_ipv6", ipv6("udp_stream_ipv6", "UDP_STREAM"), OF_EACH),
    Measurement("tcp_sizes", by_size("tcp_sizes", "TCP_STREAM", 65536), PLAIN),
    Measurement("udp_sizes", by_size("udp_sizes", "UDP_STREAM", UDP_MAX), PLAIN),
    Measurement("latency", applications.latency, quick=False),
    Measurement("netpipe", applications.netpipe, PLAIN, quick=False),
    Measurement("redis", applications.redis, quick=False),
    Measurement("ping_beside", ping_beside, PLAIN),
    Measurement("tcp_both", both_ways, ("eth0", "xl0"), quick=False),
    Measurement("fifo_sizes", fifo.by_size, ("xl0",), quick=False),
    Measurement("cpu_per_gb", cost.per_gigabyte, ("eth0", "xl0")),
    Measurement("cpu_per_million", cost.per_million_transactions, BETWEEN, quick=False),
)


class PairSetting:
    name = "pair"
    measurements = MEASUREMENTS

    def run(self, lab, run):
        lab.create_guests(("g1", "g2"))
        load(lab)
        for guest in lab.guests():
            guest.check("echo 'tcp 6' >/etc/protocols")  # NetPIPE asks for its number
        pairs = {name: lab.guests() for name in ("eth0", "xl0-before", "xl0", "xl0-busypoll", "lo")}
        if not payload.BEFORE.is_file():
            del pairs["xl0-before"]
        with families.dressed(*lab.guests()):
            go_round(run, lab, run.wanted(self), pairs)
