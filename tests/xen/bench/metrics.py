"""What is measured: the name in bench.json, the title for people, the unit, what is better."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Metric:
    title: str
    unit: str
    more_is_better: bool


METRICS = {
    "ping": Metric("flood ping, mean round trip", "us", False),
    "tcp_rr": Metric("TCP_RR", "transactions/s", True),
    "udp_rr": Metric("UDP_RR", "transactions/s", True),
    "tcp_crr": Metric("TCP_CRR", "connections/s", True),
    "tcp_stream": Metric("TCP_STREAM", "Mb/s", True),
    "udp_stream": Metric("UDP_STREAM, received", "Mb/s", True),
    "tcp_sizes": Metric("TCP_STREAM by message size", "Mb/s", True),
    "udp_sizes": Metric("UDP_STREAM, received, by message size", "Mb/s", True),
    "events": Metric("events per packet under load", "events/packet", False),
    "cpu_per_gb": Metric("CPU time of TCP_STREAM", "s/GB", False),
    "cpu_per_million": Metric("CPU time of TCP_RR", "s/million", False),
}


def times_better(metric, value, baseline):
    """How many times better one value is than another."""
    if METRICS[metric].more_is_better:
        value, baseline = baseline, value
    return baseline / value if value else float("inf")
