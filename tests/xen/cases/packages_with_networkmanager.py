"""In a Debian PVH guest with NetworkManager, apt installs xlnet, upgrades it under traffic, and removes it."""

from lab import debian, families, leftovers, packages, xlnet
from lab.needs import Needs

NEEDS = Needs(guests=("d2", "g2"), loaded=False, types={"d2": "pvh"}, packages=True)


def run(lab):
    d2, g2 = lab.guest("d2"), lab.guest("g2")
    debian.make_profile(d2)
    # From the next boot on.
    d2.check(f"{debian.leave_networkd()} && systemctl enable NetworkManager", timeout=120)
    off_and_on = f"nmcli networking off && nap 1 && nmcli networking on && {debian.until_addressed(d2)}"
    with families.dressed(g2):
        packages.come_and_go(lab, d2, g2, off_and_on)
    xlnet.unload_all(lab)
    leftovers.expect_unloaded(lab)
