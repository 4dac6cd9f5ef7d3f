"""Line charts with logarithmic axes, as SVG."""

import dataclasses
import math
from html import escape

WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 150, 40, 50
# Told apart by people who see colours differently, too; each series also has its own marker.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000")
MARKERS = (
    "M-4 -4H4V4H-4Z",
    "M0 -5L5 0L0 5L-5 0Z",
    "M0 -5L5 4H-5Z",
    "M-4 0A4 4 0 1 0 4 0A4 4 0 1 0 -4 0Z",
    "M-5 -1.5H-1.5V-5H1.5V-1.5H5V1.5H1.5V5H-1.5V1.5H-5Z",
)


@dataclasses.dataclass(frozen=True)
class Series:
    """`points` are (x, y, least y, greatest y), sorted by x, all above 0."""

    name: str
    points: list


class Axis:
    """A logarithmic axis from the least to the greatest value, widened to whole powers of the base."""

    def __init__(self, values, base, start, end):
        self._base = base
        self._low = math.floor(math.log(min(values), base) + 1e-9)
        self._high = max(math.ceil(math.log(max(values), base) - 1e-9), self._low + 1)
        self._start = start
        self._end = end

    def at(self, value):
        share = (math.log(value, self._base) - self._low) / (self._high - self._low)
        return self._start + share * (self._end - self._start)

    def ticks(self):
        # At most ten labels, or they run into each other.
        step = math.ceil((self._high - self._low + 1) / 10)
        return [self._base**power for power in range(self._low, self._high + 1, step)]


def chart(title, x_label, y_label, series):
    """The text of an SVG document."""
    points = [point for one in series for point in one.points]
    x = Axis([point[0] for point in points], 2, LEFT, WIDTH - RIGHT)
    y = Axis([value for point in points for value in point[1:]], 10, HEIGHT - BOTTOM, TOP)
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts = [
        text(middle, 20, title, "middle"),
        text(middle, HEIGHT - 10, x_label, "middle"),
        f'<g transform="translate(18 {HEIGHT / 2}) rotate(-90)">{text(0, 0, y_label, "middle")}</g>',
    ]
    for tick in x.ticks():
        parts.append(line(x.at(tick), TOP, x.at(tick), HEIGHT - BOTTOM, "#dddddd"))
        parts.append(text(x.at(tick), HEIGHT - BOTTOM + 18, short(tick), "middle"))
    for tick in y.ticks():
        parts.append(line(LEFT, y.at(tick), WIDTH - RIGHT, y.at(tick), "#dddddd"))
        parts.append(text(LEFT - 6, y.at(tick) + 4, short(tick), "end"))
    for number, one in enumerate(series):
        parts += drawn(one, x, y, *look(number))
        parts += drawn_key(one.name, WIDTH - RIGHT + 15, number)
    return document(WIDTH, HEIGHT, parts)


def document(width, height, parts):
    """The text of an SVG document on a white ground."""
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
            ' font-family="sans-serif" font-size="12">',
            f'<rect width="{width}" height="{height}" fill="white"/>',
            *parts,
            "</svg>\n",
        )
    )


def look(number):
    """The colour and the marker of a series."""
    return COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]


def drawn(series, x, y, colour, marker):
    """The medians joined by a line, and a bar from the least to the greatest value of each."""
    path = " ".join(f"{x.at(point[0]):.1f},{y.at(point[1]):.1f}" for point in series.points)
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for where, median, least, greatest in series.points:
        yield line(x.at(where), y.at(least), x.at(where), y.at(greatest), colour)
        yield mark(x.at(where), y.at(median), colour, marker)


def drawn_key(name, begin, number):
    """What a series looks like, below that of the one before."""
    colour, marker = look(number)
    place = TOP + 10 + 20 * number
    yield line(begin, place, begin + 24, place, colour)
    yield mark(begin + 12, place, colour, marker)
    yield text(begin + 32, place + 4, name, "start")


def mark(x, y, colour, marker):
    return f'<path d="{marker}" transform="translate({x:.1f} {y:.1f})" fill="{colour}"/>'


def line(x1, y1, x2, y2, colour):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def text(x, y, words, anchor):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def short(value):
    """65536 as 64Ki, as long as that is exact; small and other numbers as they are."""
    if value >= 1024 and value % 1024 == 0:
        return f"{value // 1024}Ki"
    return f"{value:g}"
