"""Measured values as a table for people."""

import statistics

from .measure import METRICS


def _cell(rounds):
    """The median, and how far the rounds are apart."""
    return f"{statistics.median(rounds):10.1f} ({min(rounds):.1f}..{max(rounds):.1f})"


def table(values):
    """Values by metric and path; the ratio says how many times better xl0 is."""
    lines = [f"{'metric':28} {'eth0 (netfront)':30} {'xl0':30} better"]
    for metric in METRICS:
        paths = values[metric.name]
        eth0, xl0 = (statistics.median(paths[path]) for path in ("eth0", "xl0"))
        ratio = xl0 / eth0 if metric.more_is_better else eth0 / xl0
        name = f"{metric.title} {metric.unit}"
        lines.append(f"{name:28} {_cell(paths['eth0']):30} {_cell(paths['xl0']):30} {ratio:5.2f} x")
    return "\n".join(lines)
