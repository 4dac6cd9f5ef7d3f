"""TCP traffic with checked contents that runs beside what a case does."""

import contextlib
import time

from .checks import expect, last_json

PORT = 7


class Stream:
    """Connections from one guest to another's echo server, for a number of seconds."""

    def __init__(self, command, seconds):
        self._command = command
        self._seconds = seconds

    def finish(self):
        """Waits for the end; every connection must have lived and every byte must be right. Returns
        the program's report. It is a failure, too, if the traffic ended before what it ran beside."""
        expect(self._command.running(), "the case took longer than the traffic beside it")
        report = last_json(self._command.check(timeout=self._seconds + 60))
        expect(report["broken"] == 0 and report["corrupt"] == 0, f"TCP: {report}")
        return report


@contextlib.contextmanager
def stream(client, server, seconds, connections=1):
    """Runs a stream from client to server inside the `with` block."""
    echo = server.start(f"exec traffic echo {PORT}")
    time.sleep(0.5)
    command = client.start(f"traffic tcp {server.ip}:{PORT} seconds={seconds} connections={connections}")
    try:
        yield Stream(command, seconds)
    finally:
        for started in (command, echo):
            started.kill()
