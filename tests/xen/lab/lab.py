"""The lab as cases see it: boot, guests, logs."""

import dataclasses
import os
import pathlib
import shutil
import tempfile
import time

from . import debug, payload, scan, topology, xen
from .domain import Domain, since
from .errors import CaseFailure, CommandTimeout, LabError
from .link import Link
from .progress import step
from .qemu import LOG_ARGUMENTS, Machine
from .transcript import Transcript

# In MiB, of the machine. Eleven guests are the most that cases have in it.
MEMORY = 4096 + 12 * debug.MEMORY
BOOT_TIMEOUT = 240
GUEST_TIMEOUT = 300
# How often it is looked whether a guest that boots has become another domain.
GLANCE = 3
# Where xenconsoled writes what guests' consoles show; one that was restored has two names.
CONSOLE_LOGS = "/var/log/xen/console"
# In place of the log of a domain that gives none; the scan finds it.
NO_ANSWER = "BUG: this domain does not answer"


class Guest(Domain):
    def __init__(self, name, link, transcript, settings, domid):
        super().__init__(name, link, transcript, settings.ip)
        self.settings = settings
        self.domid = domid
        # Whether its kernel is another than the one it was created with.
        self.restarted = False
        # Whether there was traffic to or from it.
        self.used = False
        # How often its netfront began anew: after a restore, or with another NIC.
        self.new_netfronts = 0

    @property
    def vif(self):
        """The name of dom0's end of eth0."""
        return f"vif{self.domid}.0"


class Lab:
    """A booted machine. Logs go to `out`. With `terminal`, dom0's console is this terminal. `host`, `lan` and
    `systemd` are those of qemu.Machine."""

    def __init__(self, out, terminal=False, memory=MEMORY, host=1, lan=None, systemd=False):
        # Whether set-ups are tried without the modules, too: what a person does who asks for a case.
        self.thorough = True
        # Says of which type a guest is to be that is created.
        self.type_of = lambda settings: settings.type
        self.host = host
        self.systemd = systemd
        self.out = pathlib.Path(out)
        self.out.mkdir(parents=True, exist_ok=True)
        self._scratch = tempfile.mkdtemp(prefix="lab.")
        self._machine_settings = {
            "terminal": terminal,
            "memory": memory,
            "host": host,
            "lan": lan,
            "systemd": systemd,
        }
        self._guests = {}
        self._ended_logs = []
        self._mark = None
        self._machine = None
        self.transcript = Transcript(self.out / "transcript.log")
        self.link = Link(os.path.join(self._scratch, "agent"))
        self.dom0 = Domain("dom0", self.link, self.transcript, topology.DOM0_IPS[host])
        self.xen_log = xen.Log(self.dom0)

    def boot(self, extra_files=()):
        disk = os.path.join(self._scratch, "payload.tar")
        debian = os.environ.get("LAB_DEBIAN")
        payload.write(disk, extra_files, bool(debian))
        step("booting Xen and dom0")
        self._machine = Machine(
            os.environ["LAB_IMAGE"],
            disk,
            os.path.join(self._scratch, "agent"),
            self.out,
            debian=debian,
            **self._machine_settings,
        )
        self.link.connect(10)
        self._wait_for_dom0()

    def _wait_for_dom0(self):
        try:
            self.link.wait_ready("dom0", BOOT_TIMEOUT)
        except LabError:
            self._machine.check_running()
            raise
        self.xen_log.pass_over_boot()

    def reboot_dom0(self):
        """Reboots dom0, which has systemd, and with it Xen, and waits until it answers again. No guest may be there:
        Debian's xendomains would save it."""
        self._keep_log(self.dom0)
        self.xen_log.fetch()
        self.link.leave("dom0")
        # Its agent may be gone before it answers.
        self.dom0.start("systemctl reboot")
        self._wait_for_dom0()
        self.link.forget("dom0", "rebooted")

    def stop(self):
        if self._machine is not None:
            self._machine.stop()
        self.link.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def wait_for_power_off(self):
        self._machine.wait()

    def machine_cpu_seconds(self):
        """The CPU time of this machine that the lab has used since its boot."""
        return self._machine.cpu_seconds()

    # Guests

    def guest(self, name):
        return self._guests[name]

    def guests(self):
        return list(self._guests.values())

    def domid(self, name):
        """The id of the domain with this name, None if there is none."""
        result = self.dom0.run(f"xl domid {name}")
        return int(result.out) if result.status == 0 else None

    def domains(self):
        return [self.dom0, *self._guests.values()]

    def create_guests(self, names, console="agent"):
        """Creates guests of the topology; those that are there already stay as they are."""
        self.create_all([topology.GUESTS[name] for name in names], console)

    def create_guest(self, name, console="agent", **settings):
        """Creates one guest; settings are those of topology.Settings."""
        self.create_all([topology.Settings(name=name, **settings)], console)
        return self._guests[name]

    def create_all(self, wanted, console="agent"):
        """Creates guests one after the other, then waits for all: their boots overlap."""
        missing = [settings for settings in wanted if settings.name not in self._guests]
        missing = [dataclasses.replace(settings, type=self.type_of(settings)) for settings in missing]
        for settings in missing:
            step(f"creating guest {settings.name} ({settings.type}, {settings.bridge})")
            self._create(settings, console)
        if console == "agent":
            for settings in missing:
                self._wait_booted(self._guests[settings.name])
                step(f"guest {settings.name} is up")

    def _wait_booted(self, guest):
        """Waits until a guest's agent answers. The emulated machine has a PVH guest triple-fault now and then
        before its kernel prints a word, which Xen takes for a reboot: xl creates another domain for it."""
        patience = GUEST_TIMEOUT * debug.PACE
        deadline = time.monotonic() + patience
        while True:
            try:
                return self.link.wait_ready(guest.name, GLANCE)
            except CommandTimeout as timeout:
                if time.monotonic() > deadline:
                    raise CommandTimeout(f"{guest.name} did not boot within {patience} s") from timeout
            before = guest.domid
            if self.follow_reboot(guest, "did not boot"):
                step(f"guest {guest.name} did not boot as domain {before}, it is tried again as {guest.domid}")

    def follow_reboot(self, guest, reason):
        """Whether a guest is another domain by now, which it is then taken for; what ran in it has ended."""
        domid = self.domid(guest.name)
        if domid in (None, guest.domid):
            return False
        self.link.forget(guest.name, reason)
        guest.domid = domid
        self.link.attach(guest.name, domid)
        return True

    def _create(self, settings, console):
        config = topology.config(settings, console, LOG_ARGUMENTS)
        if settings.debian:
            self.dom0.check(f"/lab/disk {settings.name}")
        path = f"/etc/xen/{settings.name}.cfg"
        self.dom0.check(f"cat >{path} <<'END'\n{config}END\nxl create -q {path}", timeout=120)
        domid = int(self.dom0.check(f"xl domid {settings.name}"))
        guest = Guest(settings.name, self.link, self.transcript, settings, domid)
        self._guests[settings.name] = guest
        if console == "agent":
            self.link.attach(settings.name, domid)

    def destroy(self, *names):
        """Destroys guests, side by side."""
        for name in names:
            self.keep_log(name)
        for command in [self.dom0.start(f"xl destroy {name}") for name in names]:
            command.check()
        for name in names:
            self.give_up(name, "destroyed")

    def keep_log(self, name):
        """Keeps a guest's kernel log, as far as it can be had, for the scan: its kernel will end."""
        self._keep_log(self._guests[name])

    def _keep_log(self, domain):
        try:
            log = domain.kernel_log(self._mark)
        except LabError as error:
            log = f"(no kernel log: {error})"
        self._ended_logs.append((domain.name, log))

    def hand_over(self, name, other):
        """The guest has moved to another host."""
        guest = self._guests.pop(name)
        guest.move(other.link, other.transcript)
        other._guests[name] = guest

    def give_up(self, name, reason):
        """Forgets a guest that is gone."""
        self._guests.pop(name).gone = True
        self.link.forget(name, reason)

    # Logs

    def begin(self, name, out):
        """Begins a case: from here on all logs are its own."""
        self.transcript.move(pathlib.Path(out) / "transcript.log")
        self.mark(f"lab: case {name}")

    def mark(self, text):
        """Begins a stretch of all logs, which logs() then reads."""
        self._mark = text
        for command in [domain.start_marking(text) for domain in self.domains()]:
            command.check()
        self.xen_log.fetch()
        self.xen_log.mark()
        self._ended_logs.clear()

    def logs(self):
        """Pairs of (name, log since the mark) of every domain, the guests' consoles, and Xen."""
        # Side by side, as this is done after every case.
        reading = [(domain.name, domain.start_kernel_log(self._mark)) for domain in self.domains()]
        for name in self._guests:
            # Lines of the command channel are not log lines.
            files = f"guest-{name}.log guest-{name}--incoming.log"
            command = self.dom0.start(f"cd {CONSOLE_LOGS}; grep -ahsv ^@ {files}")
            reading.append((f"{name}-console", command))
        logs = [*self._ended_logs]
        for name, command in reading:
            try:
                logs.append((name, since(self._mark, command.wait().out)))
            except LabError as error:
                logs.append((name, f"{NO_ANSWER}: {error}"))
        self.xen_log.fetch()
        logs.append(("xen", self.xen_log.since_mark()))
        return logs

    def findings(self):
        """What the logs since the mark contain that they must not."""
        return scan.all_findings(self.logs())

    def end(self, out):
        """Ends a case: writes its logs and returns what the scan found in them."""
        try:
            logs = self.logs()
        except LabError as error:
            return [f"dom0 does not answer: {error}"]
        for name, log in logs:
            (pathlib.Path(out) / f"{name}.log").write_text(log)
        silent = [name for name, log in logs if log.startswith(NO_ANSWER)]
        return scan.all_findings(logs) + self._debug_findings(silent)

    def _debug_findings(self, silent):
        """What the debug kernels find that is in no log; of guests that do not answer the scan has told."""
        try:
            return debug.findings([guest for guest in self.guests() if guest.name not in silent])
        except CaseFailure as failure:
            return [str(failure)]
        except LabError:
            return []
