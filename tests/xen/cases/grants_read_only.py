"""Every page that a guest grants to its peer is read-only, and there are as many as the protocol says."""

from lab import xen, xlnet
from lab.checks import expect

# The control page and the ring, docs/protocol.md and docs/fifo.md; drivers/xlnet/data/settings.rs has the size.
PAGES = 1 + 256


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    granted = xen.grants(lab)
    for owner, peer in ((g1, g2), (g2, g1)):
        pages = [grant for grant in granted if (grant.owner, grant.user) == (owner.domid, peer.domid)]
        expect(len(pages) == PAGES, f"{owner.name} grants {len(pages)} pages to {peer.name}, not {PAGES}")
        writable = [grant for grant in pages if not xen.is_read_only(grant)]
        expect(not writable, f"{owner.name} grants {peer.name} writable pages: {writable[:3]}")
    # What netfront grants to dom0 is writable: the list tells the one from the other.
    to_dom0 = [grant for grant in granted if (grant.owner, grant.user) == (g1.domid, 0)]
    expect(any(not xen.is_read_only(grant) for grant in to_dom0), f"none is writable: {to_dom0}")
    expect(xlnet.statistics(g1)["channels"] == 1, "g1 has another number of channels than one")
