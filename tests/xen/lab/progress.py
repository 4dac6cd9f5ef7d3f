"""One line per step with the time since the whole run began."""

import os
import sys
import time

_started = float(os.environ.get("XLNET_STARTED", time.time()))


def step(text):
    elapsed = int(time.time() - _started)
    print(f"[{elapsed:4d} s] {text}", file=sys.stderr, flush=True)
