"""The benchmark's command line: what `tests/xen/run bench` passes on."""

import argparse
import os
import signal
import sys

from . import report
from .effort import FULL, QUICK
from .run import OUT, Run
from .settings import SETTINGS


def main():
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and points, within 10 minutes")
    parser.add_argument("--only", default="", metavar="NAME,…", help="these measurements; list prints them")
    arguments = parser.parse_args()
    names = [one.name for setting in SETTINGS for one in setting.measurements]
    if arguments.only == "list":
        print("\n".join(names))
        return 0
    only = [name for name in arguments.only.split(",") if name]
    if unknown := [name for name in only if name not in names]:
        print(f"no such measurement: {' '.join(unknown)}; there are: {' '.join(names)}", file=sys.stderr)
        return 2
    run = Run(QUICK if arguments.quick else FULL, only)
    # Whoever ends this early still gets what was measured.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        run.run()
    except KeyboardInterrupt:
        run.failures.append("interrupted: the figures are not complete")
    finally:
        write(run)
    return 1 if run.failures else 0


def write(run):
    run.results.write(OUT / "bench.json")
    text = report.markdown(run, machine(run))
    (OUT / "bench.md").write_text(text)
    print(text)
    print("The same in out/bench.md, all rounds in out/bench.json; logs in out/bench/.")


def machine(run):
    """What it ran on, in a line."""
    with open("/proc/cpuinfo") as cpuinfo:
        model = next(line.split(":")[1].strip() for line in cpuinfo if line.startswith("model name"))
    versions = ", ".join(f"{name} {version}" for name, version in run.versions.items())
    return (
        f"{versions}; QEMU on {os.cpu_count()} CPUs ({model}); medians of {run.effort.rounds} rounds,"
        " in brackets the least and the greatest."
    )


if __name__ == "__main__":
    sys.exit(main())
