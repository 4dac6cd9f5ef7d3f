"""The figure of make migration: transactions per second over time, as an SVG."""

WIDTH, PANEL, LEFT, RIGHT, TOP, GAP, BOTTOM = 900, 200, 60, 20, 30, 50, 50
COLOURS = {"netfront": "#d55e00", "xlnet": "#0072b2"}
TITLES = {"netfront": "without xlnet", "xlnet": "with xlnet"}
PLACES = ("two hosts", "one host", "two hosts")


def figure(journeys):
    """One panel for each journey, all with the same axes; the guest moves in the grey bands."""
    last = max(end for seen in journeys for _, end, _ in seen["samples"])
    most = max(rate for seen in journeys for *_, rate in seen["samples"])
    height = TOP + len(journeys) * (PANEL + GAP) - GAP + BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
    ]
    for number, seen in enumerate(journeys):
        parts += panel(seen, TOP + number * (PANEL + GAP), last, ticks(most))
    parts.append(text((WIDTH + LEFT - RIGHT) / 2, height - 10, "seconds"))
    return "\n".join([*parts, "</svg>\n"])


def panel(seen, top, last, rates):
    bottom = top + PANEL

    def x(time):
        return LEFT + (WIDTH - LEFT - RIGHT) * time / last

    def y(rate):
        return bottom - PANEL * rate / rates[-1]

    yield text(
        (WIDTH + LEFT - RIGHT) / 2, top - 12, f"TCP_RR transactions per second, {TITLES[seen['with']]}"
    )
    for start, end in seen["moves"]:
        yield f'<path d="M{x(start):.1f} {top}V{bottom}H{x(end):.1f}V{top}Z" fill="#e4e4e4"/>'
        yield text(x((start + end) / 2), top + 14, "g2 moves")
    for rate in rates:
        yield f'<path d="M{LEFT} {y(rate):.1f}H{WIDTH - RIGHT}" stroke="#dddddd"/>'
        yield text(LEFT - 6, y(rate) + 4, rate, "end")
    for time in ticks(last)[:-1]:
        yield text(x(time), bottom + 18, time)
    for place, device, (start, end) in zip(PLACES, seen["devices"], seen["stays"], strict=True):
        yield text(x((start + end) / 2), top + 14, f"{place}: {device}")
    points = (f"{x(time):.1f},{y(rate):.1f}" for *span, rate in seen["samples"] for time in span)
    yield f'<polyline points="{" ".join(points)}" fill="none" stroke="{COLOURS[seen["with"]]}"/>'


def ticks(most):
    """Round numbers, about five, from 0 to over the greatest."""
    step = 1
    while most / step > 6:
        step *= 2.5 if str(step)[0] == "2" else 2
        step = int(step)
    return [step * number for number in range(int(most / step) + 2)]


def text(x, y, words, anchor="middle"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{words}</text>'
