"""Two Xen machines in one network."""

import concurrent.futures
import contextlib
import os
import tempfile

from . import debug
from .lab import Lab

# In MiB, of each: for three guests.
MEMORY = 2560 + 3 * debug.MEMORY


@contextlib.contextmanager
def joined(name, out):
    """Boots two machines whose bridges are one network. Logs go to directories in `out`, under the
    name of a case."""
    with (
        tempfile.TemporaryDirectory(prefix="lan.") as directory,
        # A machine ends with the thread that started it.
        concurrent.futures.ThreadPoolExecutor() as threads,
    ):
        lan = os.path.join(directory, "lan")
        labs = [Lab(out / f"host-{host}", memory=MEMORY, host=host, lan=lan) for host in (1, 2)]
        try:
            list(threads.map(Lab.boot, labs))
            for lab in labs:
                lab.begin(name, lab.out)
            yield labs
        finally:
            for lab in labs:
                lab.stop()


def on_all(labs, function):
    """Calls it for all of them side by side."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        list(pool.map(function, labs))


def end(labs):
    """Writes all logs; returns what the scan found in them."""
    return [f"host {lab.host}: {found}" for lab in labs for found in lab.end(lab.out)]
