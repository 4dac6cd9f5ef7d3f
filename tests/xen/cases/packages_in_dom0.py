"""In dom0 apt installs xldiscovery and xl-policy, upgrades them under the guests' traffic, and removes them."""

from lab import families, packages, traffic, xlnet
from lab.checks import expect
from lab.needs import Needs

NEEDS = Needs(loaded=False, packages=True)
POLICY = "bridge * serve"


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    with families.dressed(g1, g2):
        come_and_go(lab, lab.dom0, g1, g2)


def come_and_go(lab, dom0, g1, g2):
    xlnet.load(g1)
    xlnet.load(g2)
    done = packages.InDom0(dom0)
    done.begin()
    version, _ = done.install("now")
    dom0.check(f"echo '{POLICY}' >/etc/xlnet/policy")
    dom0.check(done.command("modprobe xldiscovery"))
    xlnet.wait_for_routes(lab)

    with traffic.mixture(g1, g2) as mixture:
        newer, said = done.install("next")
        expect(f"xldiscovery is {newer} now, it was {version}" in said, f"apt does not say so:\n{said}")
        xlnet.wait_for_routes(lab)
        # The guests close their channels when the module goes, and open them when it is back.
        mixture.finish(outage=1.0, changes=4)
    loaded = dom0.read("/sys/module/xldiscovery/version")
    expect(loaded == newer != version, f"{loaded} is loaded, not {newer}, before it was {version}")
    shown = dom0.check("/usr/sbin/xl-policy show")
    expect(POLICY in shown and "ok" in shown, f"the policy is not in force any more:\n{shown}")

    dom0.check("rm /etc/xlnet/policy")
    done.remove()
    expect(not dom0.has_module("xldiscovery"), "xldiscovery is still loaded")
    left = dom0.run("xenstore-ls -f | grep ^/local/domain/0/xlnet").out
    expect(not left, f"XenStore still has:\n{left}")
    for guest in (g1, g2):
        for version in families.VERSIONS:
            routes = xlnet.routes(guest, version)
            expect(not routes, f"{guest.name} still has routes: {routes}")
