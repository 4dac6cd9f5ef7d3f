"""dom0's xenstored is replaced while it runs, and stands still, under traffic: packets do not notice."""

import contextlib
import time

from lab import debug, leftovers, life, payload, traffic, xlnet
from lab.checks import expect, wait_until
from lab.counters import Movement
from lab.domain import MODULES
from lab.lab import Lab
from lab.needs import Needs
from lab.progress import step
from lab.xenstored import Xenstored

NAME = "xenstored_live_update"
NEEDS = Needs(loaded=False)
# Xen has two of them. Debian starts oxenstored; for the other the case boots a lab of its own.
CHOICE = ("etc/default/xen", 0o644, b'XENSTORED=/usr/sbin/xenstored\nXENCONSOLED_ARGS="--log=guest"\n')
# In MiB, enough for three guests.
MEMORY = 2560 + 3 * debug.MEMORY
EXTRA = "10.0.0.50"
# How long it stands still, in seconds.
STILL = 5
# A guest tells dom0 every 10 s what it exchanged, so it begins to within so many.
REPORT = 11
# How often it is replaced while a guest unloads and loads xlnet.
UPDATES = 3
RELOAD = f"rmmod xlnet && insmod {MODULES}/xlnet.ko {xlnet.OPEN}"
# Does so until it is told that the updates are done; each time a channel is about to be up, or just is.
RELOADS = f"""
for ((reloads = 1; ; reloads++)); do
  {RELOAD} && sleep 0.3 || exit
  if [ -e /tmp/updated ]; then echo $reloads; exit; fi
done
"""
MANY = 100


def follow_an_address(g1, g2):
    """An address of g2's comes and goes, which g1 learns through watches of dom0's and its own."""
    for verb, present in (("add", True), ("del", False)):
        change = xlnet.RouteChange(g1, EXTRA, present)
        g2.check(f"ip address {verb} {EXTRA}/24 dev eth0")
        change.finish()


def leave_all_alone(g1, g2, xenstored):
    """Whatever becomes of xenstored, all packets take xl0; what was watched before is watched after."""
    with traffic.mixture(g1, g2) as mixture:
        with Movement({g1: ["eth0", "xl0"]}) as moved:
            xenstored.update()
            follow_an_address(g1, g2)
            with xenstored.standing_still():
                time.sleep(STILL)
            follow_an_address(g1, g2)
        expect(moved[g1, "xl0"] > MANY > moved[g1, "eth0"], f"packets left xl0: {moved}")
        mixture.finish()


@contextlib.contextmanager
def something_to_tell(guest, number):
    """In the `with` block the guest has begun to tell dom0 what it exchanged, and that it talks to somebody new."""
    stranger = f"10.0.0.{200 + number} dev eth0"
    guest.check(f"ip neigh replace {stranger} lladdr 00:16:3e:00:01:{number:02x} nud permanent")
    try:
        time.sleep(REPORT)
        yield
    finally:
        guest.check(f"ip neigh del {stranger}")


def reload_without_answer(lab, g1, g2, xenstored):
    """g1 unloads and loads xlnet, and has to wait, but not with closing its channel for what it is telling dom0: once
    while g2 does not wait, and once while g2 waits itself, to tell of an address, and withdraws its route even so.
    Returns how often that was."""
    ways = (False, True)
    for number, busy in enumerate(ways):
        with xenstored.standing_still(), something_to_tell(g1, number):
            if busy:
                g2.check(f"ip address add {EXTRA}/24 dev eth0; sleep 0.5")
            change = xlnet.RouteChange(g2, g1.ip, present=False)
            reload = g1.start(RELOAD)
            change.finish()
            time.sleep(STILL)
            expect(not xlnet.has_route(g2, g1), "g2's route to g1 is still there")
            expect(reload.running(), "xlnet was unloaded and loaded without XenStore")
        reload.check()
        xlnet.wait_for_routes(lab)
    g2.check(f"ip address del {EXTRA}/24 dev eth0")
    return len(ways)


def notice_a_stall(lab, g1, g2, xenstored):
    """g2 stops receiving while g1 waits, to tell of an address: g1's packets take eth0 within 1 s even so."""
    with traffic.echo(g2), traffic.running(traffic.Datagrams(g1, g2)):
        with xenstored.standing_still():
            g1.check(f"ip address add {EXTRA}/24 dev eth0; sleep 0.5")
            life.pause(lab, g2)
            g1.check(f"sleep {xlnet.FALLBACK}")
            with Movement({g1: ["eth0", "xl0"]}) as moved:
                time.sleep(2 * debug.PACE)
            expect(xlnet.has_route(g1, g2), "g1 did not wait for XenStore")
            life.unpause(lab, g2)
    # As many datagrams as are sent meanwhile, and nothing else is.
    expect(moved[g1, "xl0"] == 0 and moved[g1, "eth0"] > MANY / 2, f"with g2 standing still: {moved}")
    g1.check(f"ip address del {EXTRA}/24 dev eth0")
    xlnet.wait_for_routes(lab)


def reload_during_updates(g1, xenstored):
    """xlnet is unloaded and loaded again and again while xenstored is replaced. Returns how often."""
    repeated = g1.start(RELOADS)
    for _ in range(UPDATES):
        xenstored.update()
    g1.check("touch /tmp/updated")
    return int(repeated.check())


def meet_a_new_guest(lab):
    """A guest comes and goes, of which dom0 learns through watches, too."""
    everybody = ("g1", "g2", "g3")
    lab.create_guests(everybody)
    g3 = lab.guest("g3")
    xlnet.load_all(lab, everybody)
    lab.destroy(g3.name)
    for guest in (lab.guest("g1"), lab.guest("g2")):
        wait_until(f"{guest.name} to forget g3", lambda guest=guest: g3.domid not in xlnet.peers(guest), 5)


def go_through_all(lab, name, still):
    """All of it, or without what is the same with any xenstored that stands still."""
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    step(f"live updates of {name}")
    xenstored = Xenstored(lab, name)
    with leftovers.none(lab):
        xlnet.load_all(lab)
        leave_all_alone(g1, g2, xenstored)
        with traffic.mixture(g1, g2) as mixture:
            reloads = reload_without_answer(lab, g1, g2, xenstored) if still else 0
            reloads += reload_during_updates(g1, xenstored)
            xlnet.wait_for_routes(lab)
            mixture.finish(changes=2 * reloads)
        if still:
            notice_a_stall(lab, g1, g2, xenstored)
        meet_a_new_guest(lab)


def run(lab):
    # Debian starts oxenstored.
    go_through_all(lab, "oxenstored", still=True)
    if not lab.thorough:
        return
    other = Lab(payload.OUT / NAME / "xenstored", memory=MEMORY)
    try:
        other.boot([CHOICE])
        other.begin(NAME, other.out)
        try:
            other.create_guests(NEEDS.guests)
            go_through_all(other, "xenstored", still=False)
        finally:
            found = other.end(other.out)
    finally:
        other.stop()
    expect(not found, "\n".join(found))
