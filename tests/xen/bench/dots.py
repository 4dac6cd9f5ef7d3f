"""Dot charts of ratios on a logarithmic axis, as SVG: a dot for each, at the end of a line from 1."""

from .svg import TOP, Axis, document, drawn_key, line, look, mark, text

WIDTH = 810
LEFT, RIGHT, BOTTOM = 150, 250, 30
# From one dot to the next in a group, and from a group's last one to the next group's first.
STEP, GAP = 13, 24
# From a dot to its figure, and the room for that beside the greatest one.
BESIDE, FIGURE = 9, 50


def chart(title, one, groups, names):
    """The text of an SVG document. `groups` has ratios by name, for each group by what it is called; they are drawn in
    the order of `names`. `one` is what 1 stands for."""
    x = Axis([1, *(ratio for ratios in groups.values() for ratio in ratios.values())], 2, LEFT, WIDTH - RIGHT)
    height_of_group = STEP * (len(names) - 1) + GAP
    bottom = TOP + height_of_group * len(groups)
    parts = [text((LEFT + WIDTH - RIGHT) / 2, 20, title, "middle")]
    for tick in x.ticks():
        parts.append(line(x.at(tick), TOP, x.at(tick), bottom, "#dddddd"))
        words = f"1 = {one}" if tick == 1 else f"{tick:g} x"
        parts.append(text(x.at(tick), bottom + 18, words, "middle"))
    for number, (group, ratios) in enumerate(groups.items()):
        top = TOP + height_of_group * number
        parts.append(line(LEFT, top, WIDTH - RIGHT, top, "#dddddd"))
        parts.append(text(LEFT - 8, top + height_of_group / 2 + 4, group, "end"))
        for place, name in enumerate(names):
            if name in ratios:
                parts += drawn(x, top + GAP / 2 + STEP * place, ratios[name], *look(place))
    # After the lines that begin at it.
    parts.append(line(x.at(1), TOP, x.at(1), bottom, "black"))
    for number, name in enumerate(names):
        parts += drawn_key(name, WIDTH - RIGHT + FIGURE, number)
    return document(WIDTH, bottom + BOTTOM, parts)


def drawn(x, y, ratio, colour, marker):
    """A dot at the end of its line, and the figure to the right of both."""
    where = x.at(ratio)
    yield line(x.at(1), y, where, y, colour)
    yield mark(where, y, colour, marker)
    yield text(max(where, x.at(1)) + BESIDE, y + 4, f"{ratio:.2f}", "start")
