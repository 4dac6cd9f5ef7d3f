"""Four guests that keep every page lent to them, and come back as others, leave grants for the channels of others."""

import collections
import contextlib
import time

from lab import debug, hostile, topology, traffic, xen, xlnet
from lab.checks import expect, wait_until
from lab.needs import Needs

NEEDS = Needs(loaded=False)
# Two of them initiate the channels to the victim, the others answer, as their domids are lower and higher.
FIRST, LAST = ("c1", "c2"), ("c3", "c4")
# A table small enough to be taken soon: three quarters of its entries are for channels, and one of the colluders may
# keep an eighth of these (account.rs), and two channels that are under way.
FRAMES = 16
VICTIM = topology.Settings("g9", "10.0.0.9", extra=f"max_grant_frames = {FRAMES}\n")
LIMIT = FRAMES * 512 * 3 // 4
CHANNEL = 1 + 256
KEPT = LIMIT // 8
MOST = KEPT + 2 * CHANNEL
TOO_MUCH = "no channel: it keeps too much memory of earlier ones"
# How long they may take for that, and for how long they then go on trying, in seconds.
TAKING = 120
TRYING = 10.0 * debug.PACE


@contextlib.contextmanager
def isolated(lab, guests):
    """These guests meet none of each other, so that they attack nobody but the victim, nor one another."""
    switch = "for port in {}; do bridge link set dev $port isolated {}; done"
    ports = " ".join(guest.vif for guest in guests)
    lab.dom0.check(switch.format(ports, "on"))
    try:
        yield
    finally:
        lab.dom0.run(switch.format(ports, "off"))


def borrowed(lab, victim):
    """How many of the victim's pages each domain maps, by domid."""
    return collections.Counter(grant.user for grant in xen.grants(lab) if grant.owner == victim.domid and grant.user)


def expect_bounded(lab, victim, colluders):
    """Each of the colluders has a share, and all channels the budget."""
    pages = borrowed(lab, victim)
    lab.dom0.note(f"pages of the victim's: {dict(pages)}")
    for guest in colluders:
        expect(pages[guest.domid] <= MOST, f"{guest.name} could map {pages[guest.domid]} pages, and keep them")
    expect(pages.total() <= LIMIT, f"of {LIMIT} grants {pages.total()} are lent")


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    lab.create_all([*(topology.GUESTS[name] for name in FIRST), VICTIM, *(topology.GUESTS[name] for name in LAST)])
    victim, colluders = lab.guest(VICTIM.name), [lab.guest(name) for name in FIRST + LAST]
    mark = "lab: colluders"
    with isolated(lab, [g1, g2, *colluders]):
        xlnet.load(lab.dom0)
        xlnet.load(victim)
        victim.mark(mark)
        for guest in colluders:
            hostile.begin(guest, "pinning")
        for guest in colluders:
            wait_until(
                f"{guest.name} to keep as many pages as it can",
                lambda guest=guest: borrowed(lab, victim)[guest.domid] > KEPT,
                TAKING,
                interval=1,
            )
        time.sleep(TRYING)
        expect_bounded(lab, victim, colluders)
        log = victim.kernel_log(mark)
        for guest in colluders:
            expect(f"peer {guest.domid}: {TOO_MUCH}" in log, f"{guest.name} was not refused:\n{log}")

        # Two that come now have channels, and keep them.
        for guest in (g1, g2):
            xlnet.load(guest)
            xlnet.wait_for_routes(lab, (guest.name, victim.name))
        for guest in (g1, g2):
            traffic.meet(guest, victim)
        expect_bounded(lab, victim, colluders)
        for guest in colluders:
            expect(xlnet.device_to(victim, guest.ip) == "eth0", f"{guest.name} is still reached over xl0")

        # What they give back is there again.
        for command in [guest.start("rmmod xlhostile") for guest in colluders]:
            command.check()
        given_back = lambda: borrowed(lab, victim).keys() <= {g1.domid, g2.domid}
        wait_until("all that they kept to be given back", given_back, xlnet.PATIENCE, interval=1)
        xlnet.unload_all(lab)
        lab.destroy(victim.name, *(guest.name for guest in colluders))
