"""The benchmark's command line: what `tests/xen/run bench` passes on."""

import argparse
import dataclasses
import os
import signal
import sys

from lab import payload

from . import plots, report
from .effort import FULL, QUICK
from .publish import publish
from .run import Run
from .settings import SETTINGS


def main():
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and points, within 20 minutes")
    parser.add_argument("--only", default="", metavar="NAME,…", help="these measurements; list prints them")
    parser.add_argument("--rounds", type=int, metavar="N", help="so many instead of 5, or 3 in a quick run")
    parser.add_argument("--publish", action="store_true", help="put what the last run has into docs/performance.md")
    arguments = parser.parse_args()
    if arguments.publish:
        publish(payload.OUT)
        return 0
    names = [one.name for setting in SETTINGS for one in setting.measurements]
    if arguments.only == "list":
        print("\n".join(names))
        return 0
    only = [name for name in arguments.only.split(",") if name]
    if unknown := [name for name in only if name not in names]:
        print(f"no such measurement: {' '.join(unknown)}; there are: {' '.join(names)}", file=sys.stderr)
        return 2
    effort = QUICK if arguments.quick else FULL
    if arguments.rounds:
        effort = dataclasses.replace(effort, rounds=arguments.rounds)
    run = Run(effort, only)
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
    run.results.write(payload.OUT / "bench.json", run.whole)
    text = report.markdown(run, machine(run), plots.write(run.results, payload.OUT))
    (payload.OUT / "bench.md").write_text(text)
    print(text)
    print("The same in out/bench.md, pictures in out/bench-*.svg, all rounds in out/bench.json.")
    print("Logs are in out/bench/.")


def machine(run):
    """What it ran on, in a line."""
    with open("/proc/cpuinfo") as cpuinfo:
        model = next(line.split(":")[1].strip() for line in cpuinfo if line.startswith("model name"))
    versions = ", ".join(f"{name} {version}" for name, version in run.versions.items())
    return f"{versions}; QEMU on {os.cpu_count()} CPUs ({model}); medians of {run.effort.rounds} rounds"


if __name__ == "__main__":
    sys.exit(main())
