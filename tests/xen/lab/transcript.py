"""A readable record of every command: when, where, what, how it ended, what it printed."""

import pathlib
import threading
import time


class Transcript:
    def __init__(self, path):
        self._path = pathlib.Path(path)
        self._path.write_text("")
        self._started = time.monotonic()
        self._lock = threading.Lock()

    def move(self, path):
        """Goes on in another file."""
        with self._lock:
            self._path = pathlib.Path(path)
            self._path.write_text("")

    def note(self, domain, text, output=""):
        elapsed = time.monotonic() - self._started
        with self._lock, open(self._path, "a") as file:
            file.write(f"[{elapsed:8.2f}] {domain}: {text}\n")
            for line in output.splitlines():
                file.write(f"    {line}\n")
