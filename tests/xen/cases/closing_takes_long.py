"""Closing one channel takes longer than there is for all, with a peer that stands still: the others end even so."""

import contextlib
import time

from lab import debug, families, leftovers, life, traffic, xlnet
from lab.checks import expect
from lab.domain import MODULES
from lab.needs import Needs
from lab.progress import step

NEEDS = Needs(guests=("g1", "g2", "g3"), loaded=False)
# How much longer XenStore takes to remove an offer or the advert, in ms: than all channels have to close.
SLOW = 3000
# How long closing may take, in seconds: for the offers of both peers and the advert, and waiting for pages.
LIMIT = 3 * SLOW / 1000 + 2 + 5 * debug.PACE


@contextlib.contextmanager
def slow_and_still(lab, g1, still):
    """XenStore is slow for g1, and another guest stands still, whose channel does not close in order."""
    g1.check(f"insmod {MODULES}/xlfaults.ko slow={SLOW}")
    life.pause(lab, still)
    begun = time.monotonic()
    try:
        yield
    finally:
        life.unpause(lab, still)
    seconds = time.monotonic() - begun
    expect(seconds >= SLOW / 1000, f"XenStore was not slow: closing took {seconds:.1f} s")


def unload(lab, g1, still):
    """g1 unloads xlnet, which must end, and loads it again."""
    with slow_and_still(lab, g1, still):
        begun = time.monotonic()
        xlnet.unload(g1)
        seconds = time.monotonic() - begun
        expect(seconds <= LIMIT, f"unloading took {seconds:.1f} s, not {LIMIT} s at most")
    g1.rmmod("xlfaults")
    xlnet.load(g1)


def suspend(lab, g1, still):
    """g1 is suspended and goes on."""
    with slow_and_still(lab, g1, still):
        life.suspend(lab, g1)
    g1.rmmod("xlfaults")


def save_and_restore(lab, g1, still):
    """g1 is saved and goes on as another domain, of which dom0 has no advert."""
    before = g1.domid
    with slow_and_still(lab, g1, still):
        life.save(lab, g1)
    life.wait_gone(lab, before)
    life.restore(lab, g1)
    g1.rmmod("xlfaults")


def run(lab):
    names = NEEDS.guests
    g1, g2, g3 = map(lab.guest, names)
    with families.dressed(g1, g2, g3), leftovers.none(lab):
        xlnet.load_all(lab, names)
        # Whichever of the two g1 looks at first: the other one's time passes meanwhile, or is over unseen.
        for close in (unload, suspend, save_and_restore):
            for still in (g2, g3):
                step(f"{close.__name__} while {still.name} stands still")
                close(lab, g1, still)
                xlnet.wait_for_routes(lab, names)
        # Everything is as ever.
        with traffic.mixture(g1, g2) as mixture:
            mixture.finish()
