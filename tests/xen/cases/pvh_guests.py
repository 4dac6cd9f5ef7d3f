"""A PV and a PVH guest, and two PVH guests, meet over xl0 as two PV guests do."""

import itertools

from lab import traffic, xlnet
from lab.checks import expect, last_json
from lab.counters import Movement
from lab.needs import Needs

NEEDS = Needs(guests=("g1", "g2", "g3"), loaded=False, pvh=("g1", "g2"))


def run(lab):
    guests = [lab.guest(name) for name in NEEDS.guests]
    xlnet.load_all(lab, NEEDS.guests)
    with traffic.echo(*guests):
        for here, there in itertools.permutations(guests, 2):
            with Movement({here: ["eth0", "xl0"]}) as moved:
                here.check(f"ping -c 20 -i 0.05 -W 5 {there.ip}")
                client = f"traffic tcp {there.ip}:{traffic.PORT} seconds=1"
                report = last_json(here.check(client, timeout=90))
            expect(report["corrupt"] == 0, f"{here.name} to {there.name}: {report}")
            expect(moved[here, "xl0"] >= 40, f"{here.name} to {there.name}: {moved}")
    xlnet.unload_all(lab)
