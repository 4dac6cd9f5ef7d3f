"""The five measurements between two guests, each by its usual tool."""

import dataclasses
import re
import typing

from .errors import CaseFailure


def _ping(guest, address, seconds):
    """The mean round trip of a flood ping, which sends as soon as an answer is there."""
    output = guest.check(f"ping -q -f -w {seconds} {address}", timeout=seconds + 30)
    match = re.search(r"= [\d.]+/([\d.]+)/", output)
    if match is None:
        raise CaseFailure(f"{guest.name}: ping {address} measured nothing:\n{output}")
    return float(match[1]) * 1000


def _netperf(test, options=""):
    def measure(guest, address, seconds):
        command = f"netperf -P 0 -H {address} -t {test} -l {seconds} {options}"
        lines = [line.split() for line in guest.check(command, timeout=seconds + 60).splitlines()]
        # A stream of datagrams has a second line, what was received; only that counts.
        return float([line for line in lines if len(line) >= 4][-1][-1])

    return measure


@dataclasses.dataclass(frozen=True)
class Metric:
    name: str
    title: str
    unit: str
    more_is_better: bool
    measure: typing.Callable


METRICS = (
    Metric("ping_rtt_us", "flood ping, mean", "us", False, _ping),
    Metric("tcp_rr", "TCP_RR", "/s", True, _netperf("TCP_RR")),
    Metric("udp_rr", "UDP_RR", "/s", True, _netperf("UDP_RR")),
    Metric("tcp_stream_mbps", "TCP_STREAM", "Mb/s", True, _netperf("TCP_STREAM")),
    Metric("udp_stream_mbps", "UDP_STREAM, received", "Mb/s", True, _netperf("UDP_STREAM", "-- -R 1")),
)
