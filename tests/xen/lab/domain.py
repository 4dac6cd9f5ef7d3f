"""A domain of the lab and what one does in it: commands, modules, the kernel log."""

import contextlib
import dataclasses
import shlex

from . import debug, families
from .errors import CaseFailure, CommandTimeout, LabError

# Where the modules under test lie in dom0 and in guests.
MODULES = "/lab/modules"


@dataclasses.dataclass
class Result:
    status: int
    out: str


class Command:
    """A command running in the background of a domain."""

    def __init__(self, domain, pending):
        self._domain = domain
        self._pending = pending

    def running(self):
        return not self._pending.done.is_set()

    def wait(self, timeout=60):
        timeout *= debug.PACE
        pending = self._pending
        if not pending.done.wait(timeout):
            self.kill()
            pending.done.wait(5)
            self._domain.note(f"TIMEOUT after {timeout} s: {pending.command}", pending.output)
            raise CommandTimeout(
                f"{self._domain.name}: no end after {timeout} s: {pending.command}\n{pending.output}"
            )
        if pending.failure:
            self._domain.note(f"LOST: {pending.command}")
            raise LabError(f"{pending.failure}; it ran: {pending.command}")
        self._domain.note(f"[{pending.status}] {pending.command}", pending.output)
        return Result(pending.status, pending.output)

    def check(self, timeout=60):
        """Waits, and is a failure unless the command succeeded; returns its output."""
        result = self.wait(timeout)
        if result.status != 0:
            raise CaseFailure(
                f"{self._domain.name}: exit status {result.status}: "
                f"{self._pending.command}\n{result.out.strip()}"
            )
        return result.out

    def kill(self):
        self._domain.link.kill(self._pending)


class Domain:
    """dom0 or a guest. `ip` is its address on eth0 (dom0: on xenbr0)."""

    def __init__(self, name, link, transcript, ip=None):
        self.name = name
        self.link = link
        self.ip = ip
        # Its address of IPv6, while it has one besides.
        self.ipv6 = None
        # Whether it is no domain any more.
        self.gone = False
        # With which parameters insmod() loaded each module last.
        self.parameters = {}
        self._transcript = transcript

    @property
    def addresses(self):
        """Those by which it is reached: its address, and that of IPv6 while it has one besides."""
        return [self.ip, self.ipv6] if self.ipv6 not in (None, self.ip) else [self.ip]

    @property
    def version(self):
        """Of IP, that of the address."""
        return families.version(self.ip)

    @property
    def host(self):
        """The address as it stands in front of a port."""
        return families.host(self.ip)

    def move(self, link, transcript):
        """The domain is on another host now; no command may be running in it."""
        self.link = link
        self._transcript = transcript

    def note(self, text, output=""):
        self._transcript.note(self.name, text, output)

    def start(self, command):
        self._transcript.note(self.name, f"$ {command}")
        return Command(self, self.link.submit(self.name, command))

    def run(self, command, timeout=60):
        return self.start(command).wait(timeout)

    def check(self, command, timeout=60):
        return self.start(command).check(timeout)

    @contextlib.contextmanager
    def applied(self, command, undo):
        """What the command does holds for the `with` block."""
        self.check(command)
        try:
            yield
        finally:
            self.check(undo)

    def read(self, path):
        return self.check(f"cat {shlex.quote(path)}").strip()

    def insmod(self, module, *parameters):
        self.check(" ".join(["insmod", f"{MODULES}/{module}.ko", *parameters]))
        self.parameters[module] = parameters

    def rmmod(self, module):
        self.check(f"rmmod {module}")

    def has_module(self, module):
        return self.run(f"test -e /sys/module/{module}").status == 0

    def start_marking(self, text):
        """Writes a line into the kernel log from which kernel_log() can begin."""
        return self.start(f"echo {shlex.quote(text)} >/dev/kmsg")

    def mark(self, text):
        self.start_marking(text).check()

    def kernel_log(self, mark=None):
        """The kernel log, or what it holds after the last line with the mark."""
        return since(mark, self.start_kernel_log(mark).check())

    def start_kernel_log(self, mark=None):
        """Starts to read the kernel log, or what it holds from the last line with the mark on: all of it is much
        to send over a console."""
        if mark is None:
            return self.start("dmesg")
        return self.start(f"log_since {shlex.quote(mark)}")


def since(mark, log):
    """What follows the last line with the mark; all of a log that has none, as it began later."""
    return log.rpartition(mark)[2] if mark else log
