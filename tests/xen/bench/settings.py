"""The settings that are measured: which guests run, and how one goes round their paths."""

from functools import partial

from lab import xlnet

from . import paths
from .pair import MEASUREMENTS as PAIR_MEASUREMENTS
from .pair import Pair


class PairSetting:
    """Two guests with one virtual CPU each."""

    name = "pair"
    measurements = PAIR_MEASUREMENTS

    def run(self, lab, run):
        lab.create_guests(("g1", "g2"))
        client, server = guests = lab.guests()
        xlnet.load_all(lab)
        wanted = run.wanted(self)
        for number in range(1, run.effort.rounds + 1):
            # Alternately, so that whatever changes on this machine meanwhile hits all paths alike.
            for path in paths.PATHS.values():
                takers = [one for one in wanted if path.name in one.paths]
                if not takers:
                    continue
                paths.take(lab, guests, path)
                pair = Pair(lab, client, server, path, run.effort)
                for measurement in takers:
                    where = f"round {number} of {run.effort.rounds}, {path.name}"
                    run.measure(measurement.name, path.name, where, partial(pair.figures, measurement))


SETTINGS = (PairSetting(),)
