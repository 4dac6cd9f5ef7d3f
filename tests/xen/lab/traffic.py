"""Checked traffic between two guests that runs beside what a case does, until the case ends it.

The programs run as long as the case needs them, so no case has to guess how long it will take.
"""

import contextlib
import itertools
import math
import re

from . import debug, families
from .checks import expect, last_json, wait_until
from .counters import Movement
from .errors import CaseFailure

PORT = 7
# A case that forgets to end its traffic does not leave it running for ever.
LIMIT = 1800
# Datagrams, and pings, in a second.
UDP_RATE = 50
PING_RATE = 10
# The size of datagrams of the family that is not what a case is about: the NIC takes them in pieces.
LARGE = 3000
# How long a busy machine may leave a guest standing that has nothing to complain of. What falls in a
# hole meanwhile counts as lost; this finds what waits for ever.
NOISE = 10.0 * debug.PACE
# For how many seconds two who meet send each other blocks: one has to come back.
MEETING = 1 * debug.PACE

# While a server stands still, TCP doubles the pause after which it tries again, up to 120 s.
BACKOFF = 150

_numbers = itertools.count(1)


class Client:
    """A program in a guest that ends when it is asked to."""

    def __init__(self, domain, command):
        self._domain = domain
        self._end = f"/tmp/.end-{next(_numbers)}"
        self._command = domain.start(command.format(until=self._end))

    def expect_running(self):
        """It is a failure if the program has ended already."""
        if not self._command.running():
            output = self._command.wait().out
            raise CaseFailure(f"the traffic ended before what it ran beside; it said:\n{output}")

    def finish(self, timeout=120):
        """Ends the program and returns what it printed."""
        self.expect_running()
        self._ask_to_end()
        return self._command.wait(timeout).out

    def _ask_to_end(self):
        self._domain.check(f"touch {self._end}")

    def kill(self):
        self._command.kill()


class Interruptible(Client):
    """A program that ends, and reports, when it is interrupted. No shell waits beside it: each `sleep` of one
    takes a guest 60 ms here."""

    def __init__(self, domain, program):
        super().__init__(domain, f"echo $$ >{{until}}; exec {program}")

    def _ask_to_end(self):
        self._domain.check(f"kill -INT $(cat {self._end})")


class Stream:
    """TCP connections that send a pattern to an echo server and check what comes back."""

    def __init__(self, client, server, connections, pause=0):
        command = f"traffic tcp {families.host(server.ip)}:{PORT} seconds={LIMIT} connections={connections} pause={pause}"
        self._domain = client
        self._server = server
        self._client = Client(client, command + " until={until}")

    def _received(self):
        """The bytes received so far, by all connections."""
        # Without the module ss knows addresses and states only.
        load = "{ [ -e /sys/module/tcp_diag ] || modprobe tcp_diag; }"
        query = f"{load} && ss -Htin dst {families.host(self._server.ip)} dport = :{PORT}"
        return sum(map(int, re.findall(r"bytes_received:(\d+)", self._domain.check(query))))

    def wait_until(self, what, condition, timeout):
        """Waits for the condition to hold while the stream runs."""

        def holds():
            self._client.expect_running()
            return condition()

        wait_until(what, holds, timeout, 0.5)

    def wait_alive(self, timeout=BACKOFF):
        """Waits until data flow, or flow again after the server was away."""
        begun = self._received()
        self.wait_until("the connection to go on", lambda: self._received() > begun, timeout)

    def finish(self):
        """Ends the stream; every connection must have lived and every byte must be right. Returns
        the program's report."""
        report = last_json(self._client.finish())
        expect(report["broken"] == 0 and report["corrupt"] == 0, f"TCP: {report}")
        expect(report["bytes"] > 0, f"TCP: nothing was sent: {report}")
        return report

    def kill(self):
        self._client.kill()


def _expect_few_lost(lost, rate, outage, changes, report):
    """No more may be lost than are sent in `outage` seconds, and one for each change of path."""
    expect(
        lost <= outage * rate + changes,
        f"more lost than in {outage} s and with {changes} changes of path: {report}",
    )


class Datagrams:
    """Numbered datagrams at a fixed rate, which an echo server sends back; it may have more addresses than one."""

    def __init__(self, client, server, size=1000, address=None):
        target = families.host(address or server.ip)
        command = f"traffic udp {target}:{PORT} seconds={LIMIT} rate={UDP_RATE} size={size}"
        self._client = Client(client, command + " until={until}")

    def finish(self, outage, changes=0):
        """Ends the stream. No more may be lost than are sent in so many seconds of `outage`, and one
        for each of the path's `changes`, and no longer gap may be between answers; none may be wrong
        or come twice."""
        report = last_json(self._client.finish())
        expect(report["corrupt"] == 0 and report["duplicates"] == 0, f"UDP: {report}")
        lost = report["lost"] + report["refused"]
        _expect_few_lost(lost, UDP_RATE, outage, changes, f"UDP: {report}")
        gap = report["max_gap_ms"] / 1000
        expect(gap <= outage + NOISE, f"UDP: a gap of {gap} s, with {outage} s allowed: {report}")
        return report

    def kill(self):
        self._client.kill()


def every_ping(here, address, count, interval, options=""):
    """Pings so many seconds apart, at least `count`, every one of which must be answered once; the answers may be
    late."""
    # Without a deadline the last ones are waited for no longer than two round trips. With one, more is sent until there
    # are so many answers: one that was lost is missing among those that came, and late ones may all come at once.
    deadline = math.ceil(count * interval + NOISE)
    command = f"ping -n -c {count} -i {interval} -w {deadline} {options} {address}"
    output = here.check(command, timeout=deadline + 60)
    answered = sorted(map(int, re.findall(r"bytes from .* icmp_seq=(\d+)", output)))
    expect(answered == list(range(1, max(count, len(answered)) + 1)), f"{here.name}: {command}:\n{output}")


class Ping:
    """A ping at a fixed rate, of which there are so many seconds between two packets."""

    def __init__(self, client, server, interval=1 / PING_RATE, address=None):
        self._rate = 1 / interval
        self._client = Interruptible(client, f"ping -q -i {interval} {address or server.ip}")

    def finish(self, outage, changes=0):
        """Ends the ping; the bound is that of Datagrams."""
        output = self._client.finish()
        counts = re.search(r"(\d+) packets transmitted, (\d+) received", output)
        expect(counts, f"ping reported nothing:\n{output}")
        sent, received = int(counts[1]), int(counts[2])
        # The last may be under way when the ping is ended.
        lost = max(sent - received - 1, 0)
        expect(received > 0, f"ping: no answer at all:\n{output}")
        _expect_few_lost(lost, self._rate, outage, changes, f"ping:\n{output}")
        # Nothing is printed of a packet: what came twice, or wrong, is only counted.
        expect("duplicates" not in output and "corrupted" not in output, f"ping:\n{output}")
        return lost

    def kill(self):
        self._client.kill()


class Transactions:
    """netperf's TCP_RR, with its rate over time."""

    # It reports that often, or when a transaction ends that took longer; below 0 it looks at the clock
    # after each, in seconds.
    _INTERVAL = -0.25
    _REPORT = re.compile(r"result: *([\d.]+) \S+ over ([\d.]+) seconds ending at ([\d.]+)")

    def __init__(self, client, server):
        command = f"netperf -P 0 -D {self._INTERVAL} -{families.version(server.ip)} -H {server.ip} -t TCP_RR -l {LIMIT}"
        self._client = Interruptible(client, command)

    def finish(self):
        """Ends it. Returns triples: when a stretch of time began and ended, in the client's seconds
        since 1970, and its transactions per second."""
        output = self._client.finish()
        samples = []
        for rate, length, end in self._REPORT.findall(output):
            samples.append((float(end) - float(length), float(end), float(rate)))
        expect(samples, f"netperf reported no transactions:\n{output}")
        return samples

    def kill(self):
        self._client.kill()


class Mixture:
    """A stream, datagrams and a ping, all from one guest to another, and datagrams of the other family if both guests
    have that, too."""

    def __init__(self, client, server, connections):
        self._client = client
        self._server = server
        # Not as fast as it can: that would be measured instead of what the case is about.
        self._stream = Stream(client, server, connections, pause=50)
        self._datagrams = Datagrams(client, server)
        self._ping = Ping(client, server)
        self._others = [
            Datagrams(client, server, LARGE, address) for address in families.shared(client, server)[1:]
        ]

    def wait_alive(self):
        """Waits until the stream goes on, as after the server was away."""
        self._stream.wait_alive()

    def finish(self, outage=0.0, changes=0):
        """Ends all of them; see their own `finish`. Returns the stream's report."""
        lost = self._ping.finish(outage, changes)
        udp = [datagrams.finish(outage, changes) for datagrams in (self._datagrams, *self._others)]
        tcp = self._stream.finish()
        self._client.note(f"to {self._server.name}: TCP {tcp}, UDP {udp}, ping lost {lost}")
        return tcp

    def kill(self):
        for part in (self._ping, self._datagrams, *self._others, self._stream):
            part.kill()


def suffix(version):
    """What the files in /proc/net about a version of IP end with."""
    return "6" if version == families.IPV6 else ""


def listening(address, port, protocol="udp"):
    """A command that waits until there is a server at the address: `traffic echo` listens for TCP before."""
    return f"until grep -q ':{port:04X} ' /proc/net/{protocol}{suffix(families.version(address))}; do nap 0.1; done"


@contextlib.contextmanager
def echo(*servers):
    """An echo server in each of the guests inside the `with` block, at all its addresses of the family that it speaks,
    and another at its address of the other family."""
    any = {families.IPV4: "0.0.0.0", families.IPV6: "[::]"}
    commands = []
    try:
        for server in servers:
            for place in (any[server.version], *map(families.host, server.addresses[1:])):
                commands.append(server.start(f"exec traffic echo {place}:{PORT}"))
        for server in servers:
            for address in server.addresses:
                server.check(listening(address, PORT))
        yield
    finally:
        for command in commands:
            command.kill()


def meet(*guests):
    """Each two of the guests exchange pings and checked TCP, begun by either, in each family that both have; all of it
    must take xl0."""
    with echo(*guests):
        for here, there in itertools.permutations(guests, 2):
            for address in families.shared(here, there):
                with Movement({here: ["eth0", "xl0"]}) as moved:
                    here.check(f"ping -c 20 -i 0.05 -W 5 {address}")
                    tcp = f"traffic tcp {families.host(address)}:{PORT} seconds={MEETING}"
                    report = last_json(here.check(tcp, timeout=90))
                expect(report["corrupt"] == 0, f"{here.name} to {address}: {report}")
                expect(moved[here, "xl0"] >= 40 > moved[here, "eth0"], f"{here.name} to {address}: {moved}")


@contextlib.contextmanager
def running(traffic):
    """Kills the traffic at the end of the `with` block, if the case has not ended it."""
    try:
        yield traffic
    finally:
        traffic.kill()


@contextlib.contextmanager
def stream(client, server, pause=0):
    """Runs a stream from client to server inside the `with` block."""
    with echo(server), running(Stream(client, server, 1, pause)) as started:
        yield started


@contextlib.contextmanager
def mixture(client, server, connections=1):
    """Runs a stream, datagrams and a ping from client to server inside the `with` block."""
    with echo(server), running(Mixture(client, server, connections)) as started:
        started.wait_alive()
        yield started
