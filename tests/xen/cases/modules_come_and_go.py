"""The three modules are unloaded and loaded a hundred times in random order; all traffic goes on."""

import os
import random

from lab import families, leftovers, traffic, xlnet
from lab.checks import expect
from lab.domain import MODULES
from lab.needs import Needs
from lab.progress import step

NEEDS = Needs(loaded=False)
# In each of the three domains.
CYCLES = 17
# The longest pause between two of them: often a channel is not up yet, or not down yet.
PAUSE_MS = 700


def script(module, seed):
    """Unloads and loads a module, at moments that follow from the seed."""
    parameters = xlnet.OPEN if module == "xlnet" else ""
    return (
        f"RANDOM={seed}\n"
        f"pause() {{ sleep $(printf '0.%03d' $((RANDOM % {PAUSE_MS}))); }}\n"
        f"for cycle in {{1..{CYCLES}}}; do\n"
        f"  pause; rmmod {module} || exit\n"
        f"  pause; insmod {MODULES}/{module}.ko {parameters} || exit\n"
        "done"
    )


def run(lab):
    seed = int(os.environ.get("XLNET_SEED", random.randrange(1, 32000)))
    step(f"XLNET_SEED={seed}")
    lab.dom0.note(f"XLNET_SEED={seed}")
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    with families.dressed(g1, g2), leftovers.none(lab):
        xlnet.load_all(lab)
        with traffic.mixture(g1, g2) as mixture:
            running = [
                domain.start(script(xlnet.module_of(domain), seed + number))
                for number, domain in enumerate((lab.dom0, g1, g2))
            ]
            for command in running:
                command.check(timeout=180)
            xlnet.wait_for_routes(lab)
            for address in g2.addresses:
                expect(xlnet.device_to(g1, address) == "xl0", f"the route to {address} is not used")
            mixture.finish(changes=3 * 2 * CYCLES)
