"""In a Debian guest apt installs xlnet, upgrades it under traffic, and removes it; unsigned it may be refused."""

from lab import debian, families, leftovers, packages, xlnet
from lab.checks import expect
from lab.needs import Needs

NEEDS = Needs(guests=("d2", "g2"), loaded=False, packages=True)
ENFORCE = "/sys/module/module/parameters/sig_enforce"


def run(lab):
    d2, g2 = lab.guest("d2"), lab.guest("g2")
    debian.have_networkd_add_ipv6(d2)
    with families.dressed(g2):
        restart = f"systemctl restart systemd-networkd && {debian.until_addressed(d2)}"
        done = packages.come_and_go(lab, d2, g2, restart)
    xlnet.unload_all(lab)
    leftovers.expect_unloaded(lab)

    # As with Secure Boot, until the key is enrolled by which the modules were signed. There is no way back but to boot.
    d2.check(f"echo Y >{ENFORCE}")
    done.install("now")
    refused = d2.run("modprobe xlnet")
    expect(refused.status != 0 and "Key was rejected" in refused.out, f"modprobe says:\n{refused.out}")
    done.remove()
