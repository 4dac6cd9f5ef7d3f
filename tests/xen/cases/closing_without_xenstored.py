"""xenstored stands still while a guest with eight peers unloads xlnet, or is suspended: that ends when it goes on."""

import time

from lab import debug, leftovers, life, xlnet
from lab.checks import expect
from lab.needs import Needs
from lab.progress import step
from lab.xenstored import Xenstored

# g1 and its peers.
NEEDS = Needs(guests=debug.fewer(("g1", "g2", "g3", "c1", "c2", "c3", "c4", "c5", "c6"), 5), loaded=False)
# How long xenstored stands still, in seconds: longer than all channels have to close.
STILL = 5
# How long unloading may take after that, in seconds: to close what is left, and for pages.
LIMIT = 4 + 5 * debug.PACE
# How much longer XenStore takes to remove an offer, in ms: so g1 is in the midst of it when xenstored stops.
SLOW = 1000


def unload(_lab, g1, peers, xenstored):
    """g1 unloads xlnet, for which it waits for XenStore eight times and more, and loads it again."""
    gone = [xlnet.start_forgetting(peer, [g1]) for peer in peers]
    with xenstored.standing_still():
        unloading = g1.start("rmmod xlnet")
        # This is not in XenStore.
        for command in gone:
            command.check()
        time.sleep(STILL)
        expect(unloading.running(), "xlnet was unloaded without XenStore")
    begun = time.monotonic()
    unloading.check()
    seconds = time.monotonic() - begun
    expect(seconds <= LIMIT, f"unloading took {seconds:.1f} s more, not {LIMIT} s at most")
    xlnet.load(g1)


def suspend(lab, g1, peers, xenstored):
    """g1 is suspended, which xl gives up after a minute, and goes on."""
    g1.insmod("xlfaults", f"slow={SLOW}")
    gone = [xlnet.start_forgetting(peer, [g1]) for peer in peers]
    suspending = life.start_suspend(lab, g1)
    for command in gone:
        command.check()
    with xenstored.standing_still():
        time.sleep(STILL)
        expect(suspending.running(), "g1 was suspended without XenStore")
    suspending.check(life.PATIENCE)
    g1.rmmod("xlfaults")


def run(lab):
    g1, *peers = map(lab.guest, NEEDS.guests)
    xenstored = Xenstored(lab)
    with leftovers.none(lab):
        xlnet.load_all(lab, NEEDS.guests)
        for close in (unload, suspend):
            step(f"{close.__name__} while xenstored stands still")
            close(lab, g1, peers, xenstored)
            xlnet.wait_for_routes(lab, NEEDS.guests)
