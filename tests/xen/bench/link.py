"""What is measured, and between whom."""

import contextlib
import dataclasses
import time
import typing
from functools import partial

from lab import families, tools

from .paths import PATHS, Taken, take


@dataclasses.dataclass(frozen=True)
class Measurement:
    """`quick`: taken in a quick run too."""

    name: str
    measure: typing.Callable
    paths: tuple = tuple(PATHS)
    quick: bool = True


class Pair:
    """Client, server and the path between them."""

    def __init__(self, lab, client, server, path, effort):
        self.lab = lab
        self.client = client
        self.server = server
        self.path = path
        self.effort = effort

    @property
    def address(self):
        """The address at which the client reaches the server."""
        return "127.0.0.1" if self.path.device == "lo" else self.server.ip

    @property
    def ipv6_address(self):
        """The same in IPv6, on any path but lo."""
        return families.ipv6_address(self.server)

    @property
    def serving(self):
        """The guest that the server's programs run in."""
        return self.client if self.path.device == "lo" else self.server

    @contextlib.contextmanager
    def service(self, command, seconds):
        """Runs a server in the background of a `with` block, which begins that much later."""
        running = self.serving.start(f"exec {command}")
        try:
            time.sleep(seconds)
            yield
        finally:
            running.kill()

    def netperf(self, test, seconds, options="", address=None, cpu=None):
        return tools.netperf(self.client, address or self.address, test, seconds, options, cpu)

    def figures(self, measurement):
        """What a measurement yields, if the client's packets took the path they were to take."""
        with Taken(self.client, self.path):
            return list(measurement.measure(self))


def turns(names, rounds):
    """Whose turn it is in each of the rounds, and what to call that. Each is a round's first one in turn, as what comes
    later in a boot, or after another one, has it easier or harder."""
    for number in range(rounds):
        first = number % len(names)
        for name in (*names[first:], *names[:first]):
            yield name, f"round {number + 1} of {rounds}, {name}"


def go_round(run, lab, wanted, pairs):
    """Takes the wanted measurements on every path in turn, in rounds, so that whatever changes on this machine
    meanwhile hits all paths alike. `pairs` has the client and the server of each path."""
    takers = {name: [one for one in wanted if name in one.paths] for name in pairs}
    for name, where in turns([name for name in pairs if takers[name]], run.effort.rounds):
        with run.noting(where):
            take(pairs[name], PATHS[name])
            pair = Pair(lab, *pairs[name], PATHS[name], run.effort)
            for measurement in takers[name]:
                run.measure(measurement.name, name, where, partial(pair.figures, measurement))
