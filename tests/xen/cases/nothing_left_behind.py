"""After unloading, no grant, mapping, event channel or XenStore node of ours is left."""

import collections

from lab import xen, xlnet
from lab.checks import expect
from lab.needs import Needs

NEEDS = Needs(loaded=False)


def ports(lab):
    """How many event channels each domain has in use."""
    return collections.Counter(channel.domain for channel in xen.event_channels(lab))


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    before = ports(lab)
    for _ in range(3):
        xlnet.load_all(lab)
        g1.check(f"netperf -H {g2.ip} -t TCP_STREAM -l 1")
        kinds = {type(entry) for entry in xen.between(lab, g1, g2)}
        expect(
            kinds == {xen.Grant, xen.EventChannel},
            f"with a channel up, Xen's lists show only {kinds}: this case would see no leak",
        )
        xlnet.unload_all(lab)
        left = xen.between(lab, g1, g2)
        expect(not left, f"still there after unloading: {left}")
    after = ports(lab)
    expect(after == before, f"event channels per domain: {before} before, {after} after")
    for guest in (g1, g2):
        nodes = lab.dom0.run(f"xenstore-ls /local/domain/{guest.domid}/data/xlnet").out
        expect("version" not in nodes, f"{guest.name}'s advert is still in XenStore:\n{nodes}")
