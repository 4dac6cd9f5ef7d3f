"""The figures as tables for people, in Markdown that a terminal shows well too."""

import statistics

from . import goals, guests
from .metrics import METRICS
from .paths import PATHS

# What is compared with what.
COMPARED = (
    ("xl0", "eth0"),
    ("xl0", "xl0-before"),
    ("xl0", "xl0-nopoll"),
    ("xl0", "xl0-one-pair"),
    ("xl0", "lo"),
    ("loaded", "unloaded"),
)
# Between these is what is said by the kind of guest, here and in docs/performance.md.
GUESTS_BEGIN = "<!-- What `tests/xen/run bench --publish` writes by the kind of guest begins here. -->"
GUESTS_END = "<!-- It ends here. -->"


def markdown(run, machine, plots):
    """All there is to say about a run. `plots` are names of files by metric."""
    results = run.results
    parts = [*by_guests(results, machine), f"{machine}, in brackets the least and the greatest."]
    plain = [metric for metric in results.metrics() if METRICS[metric].main or results.params(metric) == [{}]]
    if plain:
        rows = [(title(metric, params), metric, params) for metric in plain for params in results.params(metric)]
        parts.append(comparison("metric", rows, results))
    for metric in results.metrics():
        if metric in plain:
            continue
        rows = [(words(params), metric, params) for params in results.params(metric)]
        parts.append(f"## {title(metric, {})}\n\n" + comparison(", ".join(results.params(metric)[0]), rows, results))
        if metric in plots:
            parts.append(f"![{METRICS[metric].title}]({plots[metric]})")
    if met := goals.lines(results):
        parts.append("## Goals\n\n" + table(("goal", "wanted", "measured", "met"), met))
    if run.failures:
        parts.append("## Failures\n\n" + "\n".join(f"- {text}" for text in run.failures))
    return "\n\n".join(parts) + "\n"


def by_guests(results, machine):
    """What xl0 is worth by the kind of guest, if that was measured."""
    if ratios := guests.ratios(results):
        rows = [(kind, *(times(found.get(test)) for test in guests.TESTS.values())) for kind, found in ratios.items()]
        yield "\n\n".join(
            (
                GUESTS_BEGIN,
                f"**{guests.TITLE}**: how many times better than eth0. {machine}.",
                table(("guests", *guests.TESTS.values()), rows),
                f"![{guests.TITLE}]({guests.PICTURE})",
                GUESTS_END,
            )
        )


def title(metric, params):
    """What is measured, with which parameters, in which unit."""
    return ", ".join(filter(None, (METRICS[metric].title, words(params), METRICS[metric].unit)))


def words(params):
    return ", ".join(str(value) for value in params.values())


def comparison(heading, rows, results):
    """A table with a column for each path, and how many times better some are than others."""
    metrics = {metric for _, metric, _ in rows}
    present = {path for metric in metrics for path in results.paths(metric)}
    columns = [path for path in PATHS if path in present]
    compared = [pair for pair in COMPARED if present.issuperset(pair)]
    lines = []
    for title, metric, params in rows:
        cells = [cell(results.rounds(metric, path, **params)) for path in columns]
        ratios = [times(results.times_better(metric, *pair, **params)) for pair in compared]
        lines.append((title, *cells, *ratios))
    return table((heading, *columns, *map(" : ".join, compared)), lines)


def cell(rounds):
    """The median, and how far the rounds are apart."""
    if not rounds:
        return "-"
    if len(rounds) == 1:
        return figure(rounds[0])
    return f"{figure(statistics.median(rounds))} ({figure(min(rounds))}..{figure(max(rounds))})"


def figure(value):
    """Three digits that count, without an exponent."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def times(ratio):
    return "-" if ratio is None else f"{ratio:.2f} x"


def table(heading, rows):
    """A Markdown table with aligned columns: text to the left, everything else to the right."""
    widths = [max(len(line[column]) for line in (heading, *rows)) for column in range(len(heading))]

    def line(cells):
        first, *others = (
            text.ljust(width) if column == 0 else text.rjust(width)
            for column, (text, width) in enumerate(zip(cells, widths, strict=True))
        )
        return "| " + " | ".join((first, *others)) + " |"

    rule = "|" + "|".join(
        "-" * (width + 2) if column == 0 else "-" * (width + 1) + ":" for column, width in enumerate(widths)
    )
    return "\n".join((line(heading), rule + "|", *map(line, rows)))
