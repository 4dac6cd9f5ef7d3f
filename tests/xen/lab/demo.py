"""make demo: what xl0 is worth, measured between two guests, against eth0 in the same boot."""

import json
import statistics

from . import payload, report, xen, xlnet
from .checks import expect
from .counters import Movement
from .lab import Lab
from .measure import METRICS
from .progress import step

ROUNDS = 3
SECONDS = 2


def measure(lab, path, values):
    """One round over one path; it counts only if the packets took that path."""
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    other = {"eth0": "xl0", "xl0": "eth0"}[path]
    for metric in METRICS:
        with Movement({g1: ["eth0", "xl0"]}) as moved:
            value = metric.measure(g1, g2.ip, SECONDS)
        expect(
            moved[g1, path] > 10 * moved[g1, other],
            f"{metric.name} was to be measured over {path}, but these moved: {moved}",
        )
        values.setdefault(metric.name, {}).setdefault(path, []).append(value)


def run():
    lab = Lab(payload.OUT / "demo")
    values = {}
    try:
        lab.boot()
        lab.create_guests(("g1", "g2"))
        lab.begin("demo", lab.out)
        xlnet.load(lab.dom0)
        for number in range(1, ROUNDS + 1):
            # Alternately, so that whatever changes on this machine meanwhile hits both alike.
            step(f"round {number} of {ROUNDS} over eth0")
            measure(lab, "eth0", values)
            xlnet.load_all(lab)
            step(f"round {number} of {ROUNDS} over xl0")
            measure(lab, "xl0", values)
            if number == ROUNDS:
                show_state(lab)
            for guest in lab.guests():
                xlnet.unload(guest)
        found = lab.end(lab.out)
        kernel = lab.guest("g1").check("uname -r").strip()
        write(kernel, xen.version(lab), values)
    finally:
        lab.stop()
    print(report.table(values))
    print("\nThe same in out/demo.json; logs in out/demo/.")
    for line in found:
        print(f"In a log: {line}")
    return 1 if found else 0


def show_state(lab):
    for guest in lab.guests():
        for command in ("ip route", "ethtool -S xl0"):
            print(f"\n{guest.name}# {command}\n{guest.check(command).rstrip()}")
    print(flush=True)


def write(kernel, xen_version, values):
    metrics = {
        name: {path: round(statistics.median(rounds), 2) for path, rounds in paths.items()}
        for name, paths in values.items()
    }
    document = {"kernel": kernel, "xen": xen_version, "metrics": metrics}
    (payload.OUT / "demo.json").write_text(json.dumps(document, indent=2) + "\n")
