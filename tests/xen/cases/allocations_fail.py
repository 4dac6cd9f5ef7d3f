"""Memory runs out for each call of ours that needs some, then for all: loading is refused, or xl0 comes later.

It runs out for others, too: a device that cannot be registered is none of which anybody is told.
"""

import contextlib
import dataclasses
import time

from lab import debug, families, leftovers, traffic, xlnet
from lab.checks import expect
from lab.domain import MODULES
from lab.needs import Needs
from lab.progress import step
from lab.xenstored import Xenstored

NEEDS = Needs(loaded=False)
# More rounds than it takes for nothing to be left that has not failed.
ROUNDS = 200
# Loads and unloads a module until nothing is left that has not failed. While it is loaded, there is time for an
# attempt after the one that failed.
LOADED_SECONDS = 3 * debug.PACE
ROUND_AFTER_ROUND = """
fails() {{ dmesg | grep -c 'xlfaults: .* fails for'; }}
insmod {modules}/xlfaults.ko {which} || exit
rounds=0 refused=0 recovered=0 before=$(fails)
while true; do
  (( ++rounds <= {limit} )) || {{ echo 'no end'; exit 1; }}
  there=no
  if insmod {modules}/{module}.ko 2>/dev/null; then
    loaded=$(fails) until=$(( ${{EPOCHREALTIME/./}} + 1000000 * {loaded} ))
    while (( ${{EPOCHREALTIME/./}} < until )); do
      if {there}; then there=yes; break; fi
      nap 0.1
    done
    [ $there = no ] || {works} || {{ echo 'all is there, but it does not work'; exit 1; }}
    rmmod {module} || exit
    [ $there = no ] || (( $(fails) == loaded )) || (( ++recovered ))
  else
    (( ++refused ))
  fi
  now=$(fails)
  (( now > before )) || break
  before=$now
done
rmmod xlfaults
echo "$before $rounds $refused $recovered $there"
"""
# A route alone is not enough: datagrams, which come all the time, must come over xl0.
PACKETS_COME = (
    "{ for i in {1..100}; do read -r packets </sys/class/net/xl0/statistics/rx_packets"
    " && (( packets )) && break; nap 0.1; done; (( packets )); }"
)
# How long nothing succeeds, in seconds, and how long it may take afterwards: attempts are 30 s apart at most.
SHORTAGE = 5 * debug.PACE
RETRY = 60
# Lines in the log about a shortage that goes on.
FEW = 4
# What xlfaults counts when it is told of it.
COUNTED = "lab0"


@dataclasses.dataclass
class Rounds:
    """How many calls failed in how many rounds, how often loading was refused, and how often all came though
    something had failed after loading; whether all came in the last round, in which nothing failed."""

    calls: int
    rounds: int
    refused: int
    recovered: int
    complete: bool


def fail_each(domain, there, works="true", which="", loaded=LOADED_SECONDS):
    """Loads the domain's module until nothing is left that has not failed; `there` is a command that succeeds
    when what the module is for is there, `works` one that waits for it to be of use, `which` an argument of
    xlfaults, and `loaded` for how many seconds the module is loaded if nothing comes."""
    script = ROUND_AFTER_ROUND.format(
        modules=MODULES,
        which=which,
        module=xlnet.module_of(domain),
        limit=ROUNDS,
        loaded=loaded,
        there=there,
        works=works,
    )
    *counts, complete = domain.check(script, timeout=600).split()
    seen = Rounds(*map(int, counts), complete == "yes")
    step(f"{domain.name}: {seen}")
    expect(seen.complete, f"{domain.name}: nothing failed, and yet nothing came: {seen}")
    return seen


def fail_all(lab, domain, g1, g2):
    """While nothing of ours in a domain gets memory, eth0 goes on, and the log says little; then xl0 comes."""
    mark = "lab: no memory"
    domain.mark(mark)
    domain.check(f"insmod {MODULES}/xlfaults.ko all=1")
    g1.check("ip link set xl0 down && ip link set xl0 up")
    time.sleep(SHORTAGE)
    for address in g2.addresses:
        expect(xlnet.device_to(g1, address) == "eth0", f"a route to {address} on xl0 without memory")
        g1.check(f"ping -c 3 -i 0.2 -W 5 {address}")
    says = f"{xlnet.module_of(domain)}: "
    lines = [line for line in domain.kernel_log(mark).splitlines() if says in line]
    expect(1 <= len(lines) <= FEW, f"{domain.name} says of the shortage: {lines}")
    domain.check("rmmod xlfaults")
    xlnet.wait_for_routes(lab, timeout=RETRY)


def fail_registration(guest):
    """A device that cannot be registered is freed, whoever has counted it: so nobody is told of it."""
    mark, counted = "lab: no device", f"xlfaults: {COUNTED} is counted"
    add = f"ip link add {COUNTED} type dummy"
    guest.mark(mark)
    guest.insmod("xlfaults", "registration=1")
    refused = guest.run(add)
    guest.rmmod("xlfaults")
    expect(refused.status != 0, f"{guest.name}: {COUNTED} was registered")
    expect(counted not in guest.kernel_log(mark), f"{guest.name}: {COUNTED} was counted, and then freed")
    # Of one that is there xlfaults is told.
    guest.check(add)
    guest.insmod("xlfaults", "registration=1")
    guest.rmmod("xlfaults")
    guest.check(f"ip link del {COUNTED}")
    expect(counted in guest.kernel_log(mark), f"{guest.name}: nobody counts {COUNTED}")


@contextlib.contextmanager
def roomy_sockets(guest):
    """Datagrams may wait for seconds for a program in the guest, which has little time for it."""
    path = "/proc/sys/net/core/rmem_default"
    before = guest.read(path)
    guest.check(f"echo {8 << 20} >{path}")
    try:
        yield
    finally:
        guest.check(f"echo {before} >{path}")


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    nodes = "/local/domain/{}/xlnet/peer/{}/offer"
    offers = [nodes.format(*pair) for pair in ((g1.domid, g2.domid), (g2.domid, g1.domid))]
    with families.dressed(g1, g2), leftovers.none(lab), roomy_sockets(g1):
        xlnet.load(g2)
        # Not the whole mixture: to look at each allocation takes the guest's time.
        with (
            traffic.echo(g1),
            traffic.running(traffic.Datagrams(g2, g1)) as datagrams,
            traffic.running(traffic.Ping(g2, g1, address=g1.ipv6)) as ping,
        ):
            xlnet.load(lab.dom0)
            route = " && ".join(f"on_xl0 {address}" for address in g2.addresses)
            seen = fail_each(g1, route, PACKETS_COME)
            expect(seen.refused > 0, f"nothing that failed kept xlnet from loading: {seen}")
            expect(seen.recovered > 0, f"nothing came after something had failed: {seen}")
            # A channel opens only when the table is right, also if nothing else fails that would delay it. There is
            # time for several attempts.
            table = fail_each(g1, route, PACKETS_COME, "table=1", 4 * LOADED_SECONDS)
            expect(table.recovered > 0, f"nothing came after the table had failed: {table}")
            xlnet.unload(lab.dom0)
            xlnet.load(g1)
            also = fail_each(lab.dom0, f"xenstore-read {' '.join(offers)} >/dev/null 2>&1")
            expect(also.refused > 0, f"nothing that failed kept xldiscovery from loading: {also}")
            changes = 2 * (seen.rounds + table.rounds + also.rounds)
            ping.finish(outage=0, changes=changes)
            datagrams.finish(outage=0, changes=changes)
        xlnet.load_all(lab)
        with traffic.mixture(g2, g1) as mixture:
            for domain in (g1, lab.dom0):
                fail_all(lab, domain, g1, g2)
            mixture.finish(changes=4)
        fail_registration(g1)
        # No transaction was left open.
        Xenstored(lab).update()
