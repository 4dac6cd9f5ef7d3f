"""What xl0 is worth by the kind of guest: in times of eth0, whose queues are as many as the guest's CPUs."""

from .cpus import placings

TITLE = "What xl0 is worth, by the kind of guest"
PICTURE = "bench-guests.svg"
# What names of metrics end with, and how the test is called.
TESTS = {
    "ping": "flood ping",
    "tcp_rr": "TCP_RR",
    "udp_rr": "UDP_RR",
    "tcp_stream": "TCP_STREAM",
    "udp_stream": "UDP_STREAM, received",
}


def kinds():
    """Each kind of guest: what it is called, what names of its metrics begin with, and their parameters."""
    yield "PV, 1 CPU", "", {}
    for guests, metrics, counts in (("PV", "cpus_", (2, 4)), ("PVH", "pvh_", (1, 2))):
        for cpus in counts:
            for params, _ in placings(cpus):
                yield ", ".join((guests, *params.values())), metrics, params


def ratios(results):
    """How many times better xl0 is than eth0, by the kind of guest and by test, where both were measured."""
    found = {
        kind: {
            test: ratio
            for name, test in TESTS.items()
            if (ratio := results.times_better(f"{metrics}{name}", "xl0", "eth0", **params))
        }
        for kind, metrics, params in kinds()
    }
    return {kind: tests for kind, tests in found.items() if tests}
