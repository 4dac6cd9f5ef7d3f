"""Runs cases: one boot for many, each with the state it needs, and a scan of all logs after each."""

import importlib.util
import os
import shutil
import sys
import time
import traceback

from . import debug, kernels, machine_faults, payload, topology, xlnet
from .errors import CaseFailure, LabError
from .lab import Lab
from .needs import Needs
from .progress import step

CASES = payload.TREE / "tests" / "xen" / "cases"
# PVH guests map each other's pages in another way, and are suspended in another way, so these are run once more,
# with all guests PVH.
IN_PVH = ("saved_and_restored", "unload_under_traffic")

# Whether a run of all cases has the long ones, and tries set-ups without the modules, too.
ALL = "XLNET_ALL" in os.environ
# Whether there are modules of an earlier version.
PREVIOUS = payload.PREVIOUS.is_dir()
# A minute or more each, and seldom what a change breaks: in a run of all cases only with ALL=1.
LONG = (
    "address_moves",
    "allocations_fail",
    "arp_blocked",
    "busiest_have_channels",
    "closing_takes_long",
    "closing_without_xenstored",
    "devices_beside",
    "dom0_flooded",
    "dom0_vifs",
    "hostile_attacks",
    "hostile_colluders",
    "hostile_wishes",
    "hvm_guests",
    "idle_cpus_poll",
    "many_guests",
    "moves_between_hosts",
    "network_managers",
    "others_come_and_go",
    "packages_in_dom0",
    "packages_with_ifupdown",
    "packages_with_networkd",
    "packages_with_networkmanager",
    "receiving_follows",
    "shortages",
    "tools_for_programs",
    "tunnels",
    "versions_apart",
)


class Case:
    def __init__(self, name):
        self.name = name
        spec = importlib.util.spec_from_file_location(name, CASES / f"{name}.py")
        self._module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self._module)
        self.needs = getattr(self._module, "NEEDS", Needs())
        self.title = (self._module.__doc__ or name).strip().splitlines()[0]

    def run(self, lab):
        self._module.run(lab)


def names():
    return sorted(path.stem for path in CASES.glob("*.py"))


def ordinary():
    """The cases of a run of all, which is short unless it is asked to be long."""
    return [name for name in names() if (ALL or name not in LONG) and (PREVIOUS or not Case(name).needs.previous)]


class Runner:
    def __init__(self, thorough):
        self._thorough = thorough
        self._lab = None
        self._boots = 0

    def _boot(self, systemd):
        self._boots += 1
        self._lab = Lab(payload.OUT / f"boot-{self._boots}", systemd=systemd)
        self._lab.thorough = self._thorough
        self._lab.boot()

    def stop(self):
        if self._lab is not None:
            self._lab.stop()
            self._lab = None

    def _prepare(self, case, kind):
        if case.needs.previous and not PREVIOUS:
            raise LabError("there are no modules of an earlier version: make test PREVIOUS=DIRECTORY")
        if self._lab is not None and self._lab.systemd != case.needs.systemd:
            self.stop()
        if self._lab is None:
            self._boot(case.needs.systemd)
        lab = self._lab
        lab.type_of = lambda settings: case.needs.type_of(settings, kind)
        lab.destroy(*unwanted(lab, case.needs))
        lab.create_guests(case.needs.guests)
        if case.needs.loaded is False:
            xlnet.unload_all(lab)
        elif case.needs.loaded:
            xlnet.unload_all(lab, besides=("dom0", *xlnet.GUESTS))
            xlnet.load_all(lab)

    def _attempt(self, case, kind, out):
        """Returns what is wrong, or nothing."""
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        wrong = []
        try:
            self._prepare(case, kind)
            self._lab.begin(case.name, out)
            case.run(self._lab)
        except (CaseFailure, LabError) as failure:
            frames = traceback.extract_tb(failure.__traceback__)
            lines = [str(frame.lineno) for frame in frames if frame.filename.startswith(str(CASES))]
            wrong.append(f"{failure}" + (f"\n(line {lines[-1]} of the case)" if lines else ""))
        except Exception:  # a bug in a case must not end the run
            wrong.append(traceback.format_exc())
        if self._lab is not None:
            wrong += self._lab.end(out)
        return wrong

    def run(self, case, kind=None):
        """Runs a case. With `kind`, all guests that it needs are of this type, and the result says so."""
        out = payload.OUT.joinpath(*filter(None, (kind, case.name)))
        started = time.monotonic()
        wrong = self._attempt(case, kind, out)
        if wrong and (log := machine_faults.told(out)):
            step(f"{shown(log)} tells of a fault of the emulated machine: {case.name} is run once more")
            self.stop()
            wrong = self._attempt(case, kind, out / "again")
        report(case, kind, out, wrong, time.monotonic() - started)
        if wrong:
            # Whatever went wrong must not make the next case fail too.
            self.stop()
        return not wrong


def unwanted(lab, needs):
    """The names of the guests that cannot stay for a case."""
    kept = {
        guest.name: guest.domid
        for guest in lab.guests()
        if guest.name in needs.guests and guest.settings.type == lab.type_of(topology.GUESTS[guest.name])
    }
    last = 0
    for name in needs.guests if needs.ascending else ():
        if kept.get(name, sys.maxsize) < last:
            del kept[name]
        # What is created anew will have the highest.
        last = kept.get(name, sys.maxsize)
    return [guest.name for guest in lab.guests() if guest.name not in kept]


def shown(path):
    """A path as people are told it."""
    return path.relative_to(payload.TREE)


def report(case, kind, out, wrong, seconds):
    which = ", ".join(filter(None, (kind, kernels.NAME)))
    name = f"{case.name} [{which}]" if which else case.name
    print(f"{'FAIL' if wrong else 'ok  '}  {name}  ({seconds:.1f} s)  {case.title}", flush=True)
    for text in wrong:
        print("      " + text.strip().replace("\n", "\n      "))
    if wrong:
        run = "DEBUG_KERNEL=1 " if debug.ON else "KERNELS=all " if kernels.NAME else ""
        alone = f"make test {run}CASE={case.name}"
        print(f"      logs: {shown(out)}/   alone: {alone}", flush=True)
    if results := os.environ.get("XLNET_RESULTS"):
        with open(results, "a") as file:
            file.write(f"{'failed' if wrong else 'passed'} {name} {seconds:.1f}\n")


def run(wanted):
    """All cases, or the named ones."""
    return run_in_both(wanted, ordinary(), IN_PVH)


def run_debug(wanted):
    """The shorter form, or the named cases, with debug kernels."""
    return run_in_both(wanted, debug.CASES, debug.CASES)


def run_kernel(wanted):
    """The short list, or the named cases, with one kernel among several."""
    return run_in_both(wanted, kernels.CASES, kernels.CASES_PVH)


def want_debian(mode, wanted):
    """Whether one of the named cases, or of all that such a run has, needs a guest with Debian's disk."""
    return any(topology.GUESTS[guest].debian for needs in _all_needs(mode, wanted) for guest in needs.guests)


def want_packages(mode, wanted):
    """The same for xlnet's packages."""
    return any(needs.packages for needs in _all_needs(mode, wanted))


def _all_needs(mode, wanted):
    cases = kernels.CASES if mode == "kernel" else ordinary()
    return [Case(name).needs for name in wanted or cases if name in names()]


def run_in_both(wanted, cases, in_pvh):
    """The wanted ones of the cases, or all, in guests of the types that they ask for; then those of `in_pvh`
    in PVH guests."""
    unknown = [name for name in wanted if name not in names()]
    if unknown:
        print(f"no such case: {' '.join(unknown)}; there are: {' '.join(names())}")
        return 2
    again = [name for name in in_pvh if name in (wanted or in_pvh)]
    to_run = [*in_order(wanted or cases, None), *in_order(again, "pvh")]
    # Set-ups that work without the modules once go on doing so; a whole run has no time to see it each time.
    runner, failed = Runner(thorough=bool(wanted) or ALL), 0
    try:
        for case, kind in to_run:
            step(f"case {case.name}")
            failed += not runner.run(case, kind)
    finally:
        runner.stop()
    if "XLNET_RESULTS" not in os.environ:
        print(f"{len(to_run) - failed} passed, {failed} failed")
    return 1 if failed else 0


def in_order(wanted, kind):
    """Pairs of a case and the type of its guests; those that need the same guests and modules follow each
    other, and those with PVH guests come last: others with them may follow. First come those for which dom0 is booted
    in another way."""
    cases = sorted(
        map(Case, wanted),
        key=lambda case: (
            not case.needs.systemd,
            "pvh" in case.needs.types.values(),
            sorted(case.needs.types.items()),
            sorted(case.needs.guests),
            case.needs.loaded is not False,
            case.name,
        ),
    )
    return [(case, kind) for case in cases]
