"""The pictures of a run as SVG files: curves in the manner of the figures in XenLoop's paper, and dots by the kind of
guest."""

import statistics

from . import dots, guests
from .metrics import METRICS
from .paths import PATHS
from .svg import Series, chart

# Metric: what is on the horizontal axis, which is also the name of the parameter.
CURVES = {
    "tcp_sizes": "bytes",
    "udp_sizes": "bytes",
    "netpipe_latency": "bytes",
    "netpipe_bandwidth": "bytes",
    "tcp_fifo": "KiB",
    "udp_fifo": "KiB",
    "scale_total": "guests",
}


def write(results, directory):
    """Writes a file for each picture that has figures; returns the names of those of curves by metric."""
    for earlier in directory.glob("bench-*.svg"):
        earlier.unlink()
    if ratios := guests.ratios(results):
        title = f"{guests.TITLE}: times better than eth0"
        (directory / guests.PICTURE).write_text(dots.chart(title, "eth0", ratios, guests.TESTS.values()))
    written = {}
    for metric, parameter in CURVES.items():
        series = [one for path in PATHS if (one := curve(results, metric, path, parameter)).points]
        if series:
            metadata = METRICS[metric]
            name = f"bench-{metric}.svg"
            text = chart(metadata.title, parameter, metadata.unit, series)
            (directory / name).write_text(text)
            written[metric] = name
    return written


def curve(results, metric, path, parameter):
    points = []
    for params in results.params(metric):
        rounds = results.rounds(metric, path, **params)
        # A logarithmic axis has no zero.
        if rounds and min(rounds) > 0:
            points.append((params[parameter], statistics.median(rounds), min(rounds), max(rounds)))
    return Series(path, sorted(points))
