"""A run: boots the lab for each setting, goes round the paths, and keeps whatever was measured."""

import contextlib

from lab import payload, xen
from lab.errors import CaseFailure, LabError
from lab.lab import Lab
from lab.progress import step

from .metrics import METRICS
from .results import Results
from .settings import SETTINGS

# Room for 24 small guests beside dom0.
MEMORY = 8192
# Lines of a failed command's output that are repeated.
SHOWN = 5


class Run:
    def __init__(self, effort, only):
        self.effort = effort
        self.results = Results()
        self.failures = []
        self.versions = {}
        # Whether all was measured that there is to measure, but for what failed.
        self.whole = False
        self._only = only

    def wanted(self, setting):
        if self._only:
            return [one for one in setting.measurements if one.name in self._only]
        return [one for one in setting.measurements if one.quick or not self.effort.quick]

    def run(self):
        for setting in SETTINGS:
            if self.wanted(setting):
                self._run(setting)
        # Who interrupts a run does not get here.
        self.whole = not self._only and not self.effort.quick

    def _run(self, setting):
        out = payload.OUT / "bench" / setting.name
        lab = Lab(out, memory=MEMORY)
        try:
            lab.boot()
            # What the guests run for the benchmark alone.
            lab.dom0.check("cat /boot/guest-bench.cpio >>/boot/guest.cpio")
            self.versions["Xen"] = xen.version(lab)
            self.versions["kernel"] = lab.dom0.check("uname -r").strip()
            lab.begin(f"bench {setting.name}", out)
            with self.noting(setting.name):
                setting.run(lab, self)
            self.failures += lab.end(out)
        except LabError as failure:
            self._failed(setting.name, failure)
        finally:
            lab.stop()

    def measure(self, name, path, where, figures):
        """Takes one measurement. `figures` gives triples of metric, value and parameters."""
        with self.noting(f"{where}, {name}"):
            for metric, value, params in figures():
                self.results.add(metric, path, value, params)
                words = [metric, *(f"{key}={value}" for key, value in params.items())]
                step(f"{where}: {' '.join(words)} {value:.4g} {METRICS[metric].unit}")

    @contextlib.contextmanager
    def noting(self, where):
        """What fails in the `with` block is noted, and the run goes on after it."""
        try:
            yield
        except (CaseFailure, LabError) as failure:
            self._failed(where, failure)

    def _failed(self, where, failure):
        # The command and how it ended; all it said is in the transcript.
        first, *others = str(failure).splitlines()
        text = "\n".join((f"{where}: {first}", *others[-SHOWN:]))
        self.failures.append(text)
        step(f"FAILED {text}")
