"""While allocations of ours fail, loading is refused or xl0 comes later; nothing breaks or is left behind."""

import contextlib

from lab import leftovers, xlnet
from lab.checks import expect
from lab.needs import Needs
from lab.progress import step

NEEDS = Needs(loaded=False)

# Of a hundred allocations, while modules, the link and channels come and go.
FAILING = (1, 20)
CYCLES = 6
# Where modules are; on the debug kernel there are none but ours. Whoever has one of them on his stack is meant.
MODULES = ("0xffffffffa0000000", "0xffffffffff000000")
PREPARE = f"""
for what in failslab fail_page_alloc; do
  cd /sys/kernel/debug/$what
  echo N >task-filter; echo N >ignore-gfp-wait; echo 0 >verbose; echo -1 >times; echo 1 >interval
  echo 32 >stacktrace-depth; echo {MODULES[0]} >require-start; echo {MODULES[1]} >require-end
done
echo 0 >min-order
"""
COME_AND_GO = f"""
refused=0
for _ in {{1..{CYCLES}}}; do
  insmod /lab/modules/xlnet.ko 2>/dev/null || {{ (( ++refused )); continue; }}
  sleep 0.$((RANDOM % 9))$((RANDOM % 9))
  rmmod xlnet || exit
done
echo $refused
"""


@contextlib.contextmanager
def failing(guest, percent):
    """So many of the allocations on behalf of our module fail inside the `with` block."""
    command = "cd /sys/kernel/debug; for what in failslab fail_page_alloc; do echo {} >$what/probability; done"
    guest.check(command.format(percent))
    try:
        yield
    finally:
        guest.check(command.format(0))


def come_and_go(guest, percent):
    """Loads and unloads xlnet while so many allocations fail. Returns how often it was refused."""
    with failing(guest, percent):
        refused = int(guest.check(COME_AND_GO, timeout=120))
    step(f"{guest.name}: {percent} %: xlnet is refused {refused} times of {CYCLES}")
    return refused


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    for guest in (g1, g2):
        guest.check(PREPARE)
    with leftovers.none(lab):
        xlnet.load(lab.dom0)
        xlnet.load(g2)
        load = g2.start(f"ping -q -i 0.01 -s 20000 {g1.ip}")
        refused = 0
        for percent in FAILING:
            refused += come_and_go(g1, percent)
            # The shortage ends: what was tried in it comes now.
            xlnet.load_all(lab)
            with failing(g1, percent), failing(g2, percent):
                for guest in (g1, g2):
                    guest.check("ip link set xl0 down; sleep 0.5; ip link set xl0 up; sleep 2")
            xlnet.wait_for_routes(lab)
            g1.check(f"ping -c 3 -i 0.2 -W 5 {g2.ip}")
            xlnet.unload(g1)
        load.kill()
        expect(refused > 0, "no failed allocation kept xlnet from loading")
        xlnet.unload_all(lab)
