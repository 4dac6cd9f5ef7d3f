"""Puts what the last run has into docs/performance.md, its pictures beside it; what it has not stays as it is."""

import json
import shutil

from lab.payload import TREE

from .guests import PICTURE
from .report import GUESTS_BEGIN, GUESTS_END

MARK = "<!-- From here on written by `tests/xen/run bench --publish`. -->"
PAGE = TREE / "docs" / "performance.md"
PICTURES = TREE / "docs" / "performance"


def publish(out):
    guests, run = parted((out / "bench.md").read_text())
    whole = json.loads((out / "bench.json").read_text())["whole"]
    page = PAGE.read_text()
    PICTURES.mkdir(exist_ok=True)
    if guests:
        page = with_guests(page, guests)
        shutil.copy(out / PICTURE, PICTURES)
    if whole:
        page = with_run(page, run)
        for old in curves(PICTURES):
            old.unlink()
        for curve in curves(out):
            shutil.copy(curve, PICTURES)
    PAGE.write_text(page)
    print(f"By the kind of guest: {'replaced' if guests else 'not measured, stays'}.")
    print(f"The latest run: {'replaced' if whole else 'not all was measured, stays'}.")


def curves(where):
    """A run's pictures but the one by the kind of guest."""
    return [path for path in where.glob("bench-*.svg") if path.name != PICTURE]


def parted(report):
    """What a report says by the kind of guest, if it does, and the rest."""
    begin, end = report.find(GUESTS_BEGIN), report.find(GUESTS_END)
    if end < 0:
        return None, report
    return report[begin : end + len(GUESTS_END)], report[end + len(GUESTS_END) :].lstrip()


def with_guests(page, guests):
    """The page with what it says by the kind of guest replaced."""
    above, _, others = page.partition(GUESTS_BEGIN)
    _, end, below = others.partition(GUESTS_END)
    if not end:
        raise SystemExit(f"{PAGE} has no lines with {GUESTS_BEGIN} and {GUESTS_END}")
    return above + linked(guests) + below


def with_run(page, run):
    """The page with what follows the mark replaced by the run, as a section of its own."""
    above, mark, _ = page.partition(MARK)
    if not mark:
        raise SystemExit(f"{PAGE} has no line with {MARK}")
    section = linked(run.replace("\n## ", "\n### "))
    return f"{above}{MARK}\n\n## The latest run\n\n{section}"


def linked(text):
    """Its pictures are where the page has them."""
    return text.replace("](bench-", f"]({PICTURES.name}/bench-")
