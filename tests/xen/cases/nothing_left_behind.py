"""After unloading, no grant, mapping, event channel or XenStore node of ours is left."""

from lab import leftovers, xen, xlnet
from lab.checks import expect
from lab.needs import Needs

NEEDS = Needs(loaded=False)


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    before = xen.ports(lab)
    for _ in range(3):
        xlnet.load_all(lab)
        g1.check(f"netperf -H {g2.ip} -t TCP_STREAM -l 1")
        kinds = {type(entry) for entry in xen.between(lab, g1, g2)}
        expect(
            kinds == {xen.Grant, xen.EventChannel},
            f"with a channel up, Xen's lists show only {kinds}: this case would see no leak",
        )
        xlnet.unload_all(lab)
        leftovers.expect_unloaded(lab)
    after = xen.ports(lab)
    expect(after == before, f"event channels per domain: {before} before, {after} after")
