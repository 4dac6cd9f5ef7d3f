"""A PV and a PVH guest, and two PVH guests, meet over xl0 as two PV guests do."""

import itertools

from lab import xlnet
from lab.checks import expect, last_json
from lab.counters import Movement
from lab.needs import Needs

NEEDS = Needs(guests=("g1", "h1", "h2"), loaded=False)
PORT = 7


def run(lab):
    guests = [lab.guest(name) for name in NEEDS.guests]
    xlnet.load_all(lab, NEEDS.guests)
    servers = [guest.start(f"exec traffic echo {PORT}") for guest in guests]
    try:
        for here, there in itertools.permutations(guests, 2):
            with Movement({here: ["eth0", "xl0"]}) as moved:
                here.check(f"ping -c 20 -i 0.05 -W 5 {there.ip}")
                report = last_json(here.check(f"traffic tcp {there.ip}:{PORT} seconds=1", timeout=90))
            expect(report["corrupt"] == 0, f"{here.name} to {there.name}: {report}")
            expect(moved[here, "xl0"] >= 40, f"{here.name} to {there.name}: {moved}")
    finally:
        for server in servers:
            server.kill()
    xlnet.unload_all(lab)
