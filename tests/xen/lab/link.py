"""The driver's end of the control channel: JSON lines to dom0's agent, over QEMU's socket.

The network under test carries none of it.
"""

import base64
import itertools
import json
import socket
import threading
import time

from . import debug
from .errors import CommandTimeout, LabError


class Pending:
    """A command whose answer has not come yet."""

    def __init__(self, identifier, domain, command):
        self.identifier = identifier
        self.domain = domain
        self.command = command
        self.done = threading.Event()
        self.status = None
        self.output = ""
        self.failure = None

    def finish(self, status, output):
        self.status = status
        self.output = output.decode(errors="replace")
        self.done.set()

    def fail(self, failure):
        self.failure = failure
        self.done.set()


class Link:
    def __init__(self, path):
        self._path = path
        self._socket = None
        self._identifiers = itertools.count(1)
        self._pending = {}
        self._ready = {}
        # Which domain a guest is now.
        self._domids = {}
        self._lock = threading.Lock()

    def connect(self, timeout):
        deadline = time.monotonic() + timeout
        while True:
            try:
                self._socket = socket.socket(socket.AF_UNIX)
                self._socket.connect(self._path)
                break
            except OSError as error:
                if time.monotonic() > deadline:
                    raise LabError(f"QEMU's socket {self._path}: {error}") from error
                time.sleep(0.05)
        threading.Thread(target=self._read, daemon=True).start()

    def close(self):
        if self._socket is not None:
            self._socket.close()

    def wait_ready(self, domain, timeout):
        timeout *= debug.PACE
        if not self._event(domain).wait(timeout):
            raise CommandTimeout(f"{domain}: no answer from its agent within {timeout:.0f} s")

    def attach(self, name, domid):
        """Connects a new guest's console; wait_ready tells when its agent answers."""
        self._event(name).clear()
        self._attach(name, domid, fresh=True)

    def leave(self, name):
        """From now on the end of a guest's console ends nothing: it will go on as another domain,
        and so will the commands that run in it."""
        self._domids.pop(name, None)
        self._event(name).clear()

    def follow(self, name, domid):
        """Connects the console of the domain that a guest which was left is now; wait_ready tells
        when that is done."""
        self._attach(name, domid, fresh=False)

    def _attach(self, name, domid, fresh):
        self._domids[name] = domid
        self._send({"attach": name, "domid": domid, "fresh": fresh})

    def submit(self, domain, command):
        pending = Pending(next(self._identifiers), domain, command)
        self._pending[pending.identifier] = pending
        if domain == "dom0":
            self._send({"run": pending.identifier, "command": command})
        else:
            encoded = base64.b64encode(command.encode()).decode()
            self._send({"to": domain, "line": f"{pending.identifier} {encoded}"})
        return pending

    def kill(self, pending):
        if pending.domain == "dom0":
            self._send({"kill": pending.identifier})
        else:
            self._send({"to": pending.domain, "line": f"{pending.identifier} kill"})

    def forget(self, domain, reason):
        """Fails every command that waits for a domain which is gone."""
        for identifier, pending in list(self._pending.items()):
            if pending.domain == domain:
                del self._pending[identifier]
                pending.fail(f"{domain} is gone ({reason})")

    def _event(self, domain):
        with self._lock:
            return self._ready.setdefault(domain, threading.Event())

    def _send(self, message):
        with self._lock:
            self._socket.sendall(json.dumps(message).encode() + b"\n")

    def _read(self):
        received = b""
        while True:
            try:
                chunk = self._socket.recv(1 << 16)
            except OSError:
                chunk = b""
            if not chunk:
                for domain in list(self._ready):
                    self.forget(domain, "the machine has stopped")
                return
            *lines, received = (received + chunk).split(b"\n")
            for line in lines:
                self._dispatch(json.loads(line))

    def _dispatch(self, message):
        if "ready" in message:
            self._event("dom0").set()
        elif "done" in message:
            self._finish(message["done"], message["status"], base64.b64decode(message["output"]))
        elif "from" in message:
            self._guest_line(message["from"], message["line"])
        elif "lost" in message:
            self._lost(message["lost"], message["domid"], message["reason"])

    def _lost(self, name, domid, reason):
        # A console that was left, or replaced, is nobody's any more.
        if domid is None or domid == self._domids.get(name):
            self.forget(name, reason)

    def _guest_line(self, name, line):
        if line == "@ready":
            self._event(name).set()
            return
        identifier, status, *output = line[1:].split(" ")
        self._finish(int(identifier), int(status), base64.b64decode("".join(output)))

    def _finish(self, identifier, status, output):
        pending = self._pending.pop(identifier, None)
        if pending is not None:
            pending.finish(status, output)
