"""The five measurements between two guests, each by its usual tool."""

import dataclasses
import typing

from . import tools


def _netperf(test):
    def measure(guest, address, seconds):
        return tools.netperf(guest, address, test, seconds)

    return measure


@dataclasses.dataclass(frozen=True)
class Metric:
    name: str
    title: str
    unit: str
    more_is_better: bool
    measure: typing.Callable


METRICS = (
    Metric("ping_rtt_us", "flood ping, mean", "us", False, tools.flood_ping),
    Metric("tcp_rr", "TCP_RR", "/s", True, _netperf("TCP_RR")),
    Metric("udp_rr", "UDP_RR", "/s", True, _netperf("UDP_RR")),
    Metric("tcp_stream_mbps", "TCP_STREAM", "Mb/s", True, _netperf("TCP_STREAM")),
    Metric("udp_stream_mbps", "UDP_STREAM, received", "Mb/s", True, _netperf("UDP_STREAM")),
)
