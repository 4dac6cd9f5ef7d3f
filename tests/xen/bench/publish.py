"""Puts the last run into docs/performance.md, its curves beside it."""

import shutil

from lab.payload import TREE

MARK = "<!-- From here on written by `tests/xen/run bench --publish`. -->"
PAGE = TREE / "docs" / "performance.md"
CURVES = TREE / "docs" / "performance"


def publish(out):
    CURVES.mkdir(exist_ok=True)
    for old in CURVES.glob("bench-*.svg"):
        old.unlink()
    for curve in out.glob("bench-*.svg"):
        shutil.copy(curve, CURVES)
    PAGE.write_text(page(PAGE.read_text(), (out / "bench.md").read_text()))


def page(text, run):
    """The page with what follows the mark replaced by the run, as a section of its own."""
    above, mark, _ = text.partition(MARK)
    if not mark:
        raise SystemExit(f"{PAGE} has no line with {MARK}")
    section = run.replace("\n## ", "\n### ").replace("](bench-", f"]({CURVES.name}/bench-")
    return f"{above}{MARK}\n\n## The latest run\n\n{section}"
