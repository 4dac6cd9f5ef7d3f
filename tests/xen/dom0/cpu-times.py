#!/usr/bin/python3
"""cpu-times.py LEAD SECONDS: waits, then prints how much CPU time each domain uses a second, by domid.

It waits first, so that its own start is not in what it measures.
"""

import json
import sys
import time

sys.path.append("/usr/lib/xen-4.20/lib/python")
from xen.lowlevel.xc import xc  # noqa: E402 (Debian keeps it where Python does not look)


def sample(hypervisor):
    return time.monotonic(), {info["domid"]: info["cpu_time"] for info in hypervisor.domain_getinfo()}


def main():
    lead, seconds = map(float, sys.argv[1:])
    hypervisor = xc()
    time.sleep(lead)
    began, before = sample(hypervisor)
    time.sleep(seconds)
    ended, after = sample(hypervisor)
    elapsed = (ended - began) * 1e9
    print(json.dumps({domid: (after[domid] - before[domid]) / elapsed for domid in before}))


main()
