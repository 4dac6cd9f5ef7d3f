"""dom0's xenstored, which can be replaced while it runs, and stand still."""

import contextlib

from .checks import expect


class Xenstored:
    """dom0's daemon, which has to be the one of this name."""

    def __init__(self, lab, name="oxenstored"):
        self._dom0 = lab.dom0
        self._pid = lab.dom0.read("/run/xenstore.pid")
        program = self._program()
        expect(program.endswith(f"/{name}"), f"dom0 runs {program}, not {name}")

    def _program(self):
        return self._dom0.check(f"readlink /proc/{self._pid}/exe").strip()

    def update(self):
        """Has it go on as another program, in the same process. It refuses to while anybody has a transaction open
        that does not end."""
        before = self._program()
        # It keeps its name, by which the next run in this boot knows it.
        directory = self._dom0.check("mktemp -d -p /run").strip()
        program = f"{directory}/{before.rpartition('/')[2]}"
        self._dom0.check(f"cp {before} {program} && xenstore-control live-update -t 30 {program}")
        running = self._program()
        expect(running == program, f"xenstored is {running}, not {program}")

    @contextlib.contextmanager
    def standing_still(self):
        """It does not run inside the `with` block."""
        self._dom0.check(f"kill -STOP {self._pid}")
        try:
            yield
        finally:
            self._dom0.check(f"kill -CONT {self._pid}")
