"""What programs see that are not netperf: NetPIPE, sockperf's percentiles, Redis."""

import re

from lab.errors import CaseFailure

PERCENTILES = ("50", "99", "99.9")
NETPIPE_MAX = 131072
# NetPIPE takes the best of seven trials of so many round trips each.
NETPIPE_TRIPS = 20
REDIS_REQUESTS = 3000
REDIS_CLIENTS = 20


def latency(pair):
    """A message and its answer at a time: most latencies are the same, a few are what users notice."""
    for name, option in (("TCP", "--tcp"), ("UDP", "")):
        where = f"-i {pair.address} -p 11111 {option}"
        with pair.service(f"sockperf server {where}", 0.5):
            command = f"sockperf ping-pong {where} -t {pair.effort.seconds} --full-rtt"
            found = sockperf_percentiles(pair.client.check(command, timeout=pair.effort.seconds + 60))
        for percentile in PERCENTILES:
            yield "latency", found[float(percentile)], {"protocol": name, "percentile": percentile}


def sockperf_percentiles(output):
    found = re.findall(r"percentile ([\d.]+) =\s+([\d.]+)", output)
    if not found:
        raise CaseFailure(f"sockperf measured nothing:\n{output}")
    return {float(percentile): float(microseconds) for percentile, microseconds in found}


def netpipe(pair):
    with pair.service("NPtcp -p 0", 0.5):
        output = pair.client.check(
            f"NPtcp -p 0 -h {pair.address} -l 1 -u {NETPIPE_MAX} -n {NETPIPE_TRIPS} -o /tmp/netpipe >&2"
            " && cat /tmp/netpipe",
            timeout=180,
        )
    for size, megabits, seconds in netpipe_points(output):
        yield "netpipe_latency", seconds * 1e6, {"bytes": size}
        yield "netpipe_bandwidth", megabits, {"bytes": size}


def netpipe_points(output):
    """Size, Mb/s and seconds one way, of the powers of two among the sizes that NetPIPE takes."""
    points = []
    for line in output.splitlines():
        if re.fullmatch(r"\s*\d+\s+[\d.]+\s+[\d.]+\s*", line):
            size, megabits, seconds = line.split()
            if int(size).bit_count() == 1:
                points.append((int(size), float(megabits), float(seconds)))
    if not points:
        raise CaseFailure(f"NetPIPE measured nothing:\n{output}")
    return points


def redis(pair):
    with pair.service("redis-server --save '' --protected-mode no", 2):
        output = pair.client.check(
            f"redis-benchmark -h {pair.address} -t set,get -n {REDIS_REQUESTS} -c {REDIS_CLIENTS}"
            " -d 64 --csv",
            timeout=120,
        )
    for command, figures in redis_figures(output).items():
        yield "redis", figures["rps"], {"command": command}
        for percentile in ("50", "99"):
            value = figures[f"p{percentile}_latency_ms"]
            yield "redis_latency", value, {"command": command, "percentile": percentile}


def redis_figures(output):
    """Figures by command, from redis-benchmark's CSV."""
    rows = [re.findall(r'"([^"]*)"', line) for line in output.splitlines() if line.startswith('"')]
    if len(rows) < 2:
        raise CaseFailure(f"redis-benchmark measured nothing:\n{output}")
    heading, *lines = rows
    return {line[0]: dict(zip(heading[1:], map(float, line[1:]), strict=True)) for line in lines}
