"""What is measured: the name in bench.json, the title for people, the unit, what is better."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Metric:
    title: str
    unit: str
    more_is_better: bool
    # Whether its figures are rows of the main table, one for each set of parameters.
    main: bool = False


METRICS = {
    "ping": Metric("flood ping, mean round trip", "us", False),
    "tcp_rr": Metric("TCP_RR", "transactions/s", True),
    "udp_rr": Metric("UDP_RR", "transactions/s", True),
    "tcp_crr": Metric("TCP_CRR", "connections/s", True),
    "tcp_stream": Metric("TCP_STREAM", "Mb/s", True),
    "udp_stream": Metric("UDP_STREAM, received", "Mb/s", True),
    "ping_ipv6": Metric("flood ping, mean round trip, IPv6", "us", False),
    "tcp_rr_ipv6": Metric("TCP_RR, IPv6", "transactions/s", True),
    "udp_rr_ipv6": Metric("UDP_RR, IPv6", "transactions/s", True),
    "tcp_stream_ipv6": Metric("TCP_STREAM, IPv6", "Mb/s", True),
    "udp_stream_ipv6": Metric("UDP_STREAM, received, IPv6", "Mb/s", True),
    "cpus_ping": Metric("flood ping, mean round trip", "us", False, main=True),
    "cpus_tcp_rr": Metric("TCP_RR", "transactions/s", True, main=True),
    "cpus_udp_rr": Metric("UDP_RR", "transactions/s", True, main=True),
    "cpus_tcp_stream": Metric("TCP_STREAM", "Mb/s", True, main=True),
    "cpus_udp_stream": Metric("UDP_STREAM, received", "Mb/s", True, main=True),
    "pvh_ping": Metric("flood ping, mean round trip, PVH guests", "us", False, main=True),
    "pvh_tcp_rr": Metric("TCP_RR, PVH guests", "transactions/s", True, main=True),
    "pvh_udp_rr": Metric("UDP_RR, PVH guests", "transactions/s", True, main=True),
    "pvh_tcp_crr": Metric("TCP_CRR, PVH guests", "connections/s", True, main=True),
    "pvh_tcp_stream": Metric("TCP_STREAM, PVH guests", "Mb/s", True, main=True),
    "pvh_udp_stream": Metric("UDP_STREAM, received, PVH guests", "Mb/s", True, main=True),
    "tcp_sizes": Metric("TCP_STREAM by message size", "Mb/s", True),
    "udp_sizes": Metric("UDP_STREAM, received, by message size", "Mb/s", True),
    "latency": Metric("round trip of 14 bytes (sockperf), percentiles", "us", False),
    "netpipe_latency": Metric("NetPIPE, TCP, one way, by size", "us", False),
    "netpipe_bandwidth": Metric("NetPIPE, TCP, bandwidth by size", "Mb/s", True),
    "redis": Metric("Redis, 20 clients, 64 bytes", "requests/s", True),
    "redis_latency": Metric("Redis, 20 clients, 64 bytes, latency percentiles", "ms", False),
    "tcp_both": Metric("TCP_STREAM in both directions at once, sum", "Mb/s", True),
    "ping_beside": Metric("ping beside a stream, mean round trip", "us", False),
    "stream_beside": Metric("stream beside pings", "Mb/s", True),
    "tcp_fifo": Metric("TCP_STREAM by size of the FIFO", "Mb/s", True),
    "udp_fifo": Metric("UDP_STREAM, received, by size of the FIFO", "Mb/s", True),
    "events": Metric("events per packet under load", "events/packet", False),
    "smp_tcp": Metric("TCP_STREAM, guests with two CPUs, sum of all flows", "Mb/s", True),
    "smp_udp": Metric("UDP_STREAM, received, guests with two CPUs, sum of all flows", "Mb/s", True),
    "smp_reordered": Metric("TCP segments out of order, guests with two CPUs", "segments", False),
    "scale_total": Metric("TCP_STREAM between each two guests at once, sum", "Mb/s", True),
    "scale_pair": Metric("TCP_STREAM between each two guests at once, each", "Mb/s", True),
    "scale_dom0": Metric("dom0's CPU meanwhile", "% of a CPU", False),
    "scale_dom0_gb": Metric("dom0's CPU for what was carried", "s/GB", False),
    "channel_first": Metric("first channel of a guest that comes", "ms", False),
    "channel_each": Metric("all channels of a guest that comes, for each", "ms", False),
    "channel_wish": Metric("from the first packet to xl0", "ms", False),
    "channel_dom0": Metric("dom0's CPU for a channel that comes", "ms", False),
    "channel_nodes": Metric("XenStore's nodes for a guest and its peers", "nodes", False),
    "channel_memory": Metric("memory of a channel, on one side", "KiB", False),
    "channel_grants": Metric("grants of a channel, on both sides", "grants", False),
    "passed_tcp": Metric("TCP_STREAM to a peer, through a guest that passes it on", "Mb/s", True),
    "passed_udp": Metric("UDP_STREAM to a peer, received, through a guest that passes it on", "Mb/s", True),
    "beside_udp_rr": Metric("UDP_RR over eth0 with who is no peer", "transactions/s", True),
    "busy_third": Metric("CPU time of a guest that computes on all CPUs beside two with TCP_RR", "% of a CPU", True),
    "busy_talkers": Metric("CPU time of the two, beside the one that computes", "% of a CPU", False),
    "busy_tcp_rr": Metric("TCP_RR beside a guest that computes on all CPUs", "transactions/s", True),
    "idle_cpu": Metric("CPU time of guests that do nothing", "% of a CPU", False),
    "cpu_per_gb": Metric("CPU time of TCP_STREAM", "s/GB", False),
    "cpu_per_million": Metric("CPU time of TCP_RR", "s/million", False),
    "cpus_per_gb": Metric("CPU time of TCP_STREAM, guests with several CPUs", "s/GB", False),
    "cpus_per_million": Metric("CPU time of TCP_RR, guests with several CPUs", "s/million", False),
    "cpus_ipis": Metric("IPIs of TCP_RR, guests with several CPUs", "IPIs/transaction", False),
}


def so_many_cpus(cpus):
    """The parameter of figures that are of guests with so many CPUs."""
    return "1 CPU" if cpus == 1 else f"{cpus} CPUs"


def times_better(metric, value, baseline):
    """How many times better one value is than another."""
    if METRICS[metric].more_is_better:
        value, baseline = baseline, value
    return baseline / value if value else float("inf")
