"""The figures of a run: by metric, path and parameters, a value for each round."""

import dataclasses
import json
import statistics

from .metrics import METRICS, times_better


@dataclasses.dataclass(frozen=True)
class Key:
    metric: str
    path: str
    params: tuple


class Results:
    def __init__(self):
        self._rounds = {}

    def add(self, metric, path, value, params):
        self._rounds.setdefault(Key(metric, path, tuple(params.items())), []).append(value)

    def rounds(self, metric, path, **params):
        """The values measured, in the order of rounds; none if there are none."""
        return self._rounds.get(Key(metric, path, tuple(params.items())), [])

    def median(self, metric, path, **params):
        rounds = self.rounds(metric, path, **params)
        return statistics.median(rounds) if rounds else None

    def times_better(self, metric, path, baseline, **params):
        """How many times better a path's median is than another's; None if there is no telling."""
        value, other = (self.median(metric, name, **params) for name in (path, baseline))
        return times_better(metric, value, other) if value and other else None

    def metrics(self):
        """The metrics that have figures, in the order in which METRICS has them."""
        present = {key.metric for key in self._rounds}
        return [name for name in METRICS if name in present]

    def paths(self, metric):
        return list(dict.fromkeys(key.path for key in self._rounds if key.metric == metric))

    def params(self, metric):
        """The sets of parameters that a metric was measured with, each a dict."""
        found = dict.fromkeys(key.params for key in self._rounds if key.metric == metric)
        return [dict(params) for params in found]

    def document(self):
        """What bench.json holds."""
        return [
            {
                "metric": key.metric,
                "path": key.path,
                "unit": METRICS[key.metric].unit,
                "median": significant(statistics.median(rounds)),
                "rounds": [significant(value) for value in rounds],
                "params": dict(key.params),
            }
            for key, rounds in self._rounds.items()
        ]

    def write(self, path, whole):
        """`whole`: all was measured that there is to measure."""
        lines = ",\n".join(json.dumps(entry) for entry in self.document())
        path.write_text(f'{{"whole": {json.dumps(whole)}, "figures": [\n{lines}\n]}}\n')


def significant(value):
    """Six significant digits: more than any figure here is worth."""
    return float(f"{value:.6g}")
