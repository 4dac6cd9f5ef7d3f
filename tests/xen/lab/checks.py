"""What cases assert with."""

import json
import time

from . import debug
from .errors import CaseFailure


def expect(condition, message):
    if not condition:
        raise CaseFailure(message)


def wait_until(what, condition, timeout, interval=0.1):
    """Waits for the condition to hold; returns the seconds it took."""
    timeout *= debug.PACE
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > timeout:
            raise CaseFailure(f"not within {timeout} s: {what}")
        time.sleep(interval)
    return time.monotonic() - started


def last_json(output):
    """The JSON object that a test program prints as its last line."""
    return json.loads(output.strip().splitlines()[-1])
