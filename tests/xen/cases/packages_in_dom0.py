"""In a dom0 with systemd apt installs xldiscovery, which the next boot loads, upgrades it under traffic, and purges it."""

from lab import families, packages, traffic, xlnet
from lab.checks import expect
from lab.needs import Needs

NEEDS = Needs(guests=(), loaded=False, packages=True, systemd=True)
POLICY = "bridge * serve"
# A chain that holds nothing back. With br_netfilter guests meet beside it only while xl-policy-watch says so.
CHAIN = "table ip harmless { chain forward { type filter hook forward priority 0; policy accept; }; }"
FILTER = f"modprobe br_netfilter && nft '{CHAIN}'"


def run(lab):
    dom0 = lab.dom0
    dom0.check(FILTER)
    done = packages.InDom0(dom0)
    done.begin()
    version, _ = done.install("now")
    done.expect_loaded(version)

    dom0.check(f"echo '{POLICY}' >/etc/xlnet/policy")
    lab.reboot_dom0()
    done.wait_until_booted()
    done.expect_loaded(version)
    done.expect_order()
    expect_policy(dom0)
    # xenstored goes on: Debian's unit never stops it.
    dom0.check("systemctl restart xen", timeout=packages.PATIENCE)
    done.expect_loaded(version)

    dom0.check(FILTER)
    lab.create_guests(xlnet.GUESTS)
    g1, g2 = map(lab.guest, xlnet.GUESTS)
    with families.dressed(g1, g2):
        under_traffic(lab, done, version, g1, g2)


def under_traffic(lab, done, version, g1, g2):
    dom0 = lab.dom0
    for guest in (g1, g2):
        xlnet.load(guest)
    xlnet.wait_for_routes(lab)
    with traffic.mixture(g1, g2) as mixture:
        newer, said = done.install("next")
        expect(f"xldiscovery is {newer} now, it was {version}" in said, f"apt does not say so:\n{said}")
        xlnet.wait_for_routes(lab)
        dom0.check("systemctl restart xldiscovery xl-policy-watch", timeout=packages.PATIENCE)
        xlnet.wait_for_routes(lab)
        # The guests close their channels when the module goes, and open them when it is back: twice. The second time
        # nobody tells of the rules either.
        mixture.finish(outage=1.0, changes=12)
    expect(newer != version, f"both are {version}")
    done.expect_loaded(newer)
    expect_policy(dom0)

    dom0.check("rm /etc/xlnet/policy")
    done.remove()
    for guest in (g1, g2):
        for version in families.VERSIONS:
            routes = xlnet.routes(guest, version)
            expect(not routes, f"{guest.name} still has routes: {routes}")


def expect_policy(dom0):
    shown = dom0.check("/usr/sbin/xl-policy show")
    expect(POLICY in shown and "# ok" in shown, f"the policy is not in force:\n{shown}")
