"""In a Debian PVH guest with NetworkManager, apt installs xlnet, upgrades it under traffic, and removes it."""

from lab import leftovers, packages, xlnet
from lab.needs import Needs

NEEDS = Needs(guests=("d2", "g2"), loaded=False, types={"d2": "pvh"}, packages=True)
PROFILE = "/etc/NetworkManager/system-connections/lan.nmconnection"


def run(lab):
    d2, g2 = lab.guest("d2"), lab.guest("g2")
    d2.check(
        f"nmcli --offline connection add type ethernet con-name lan ifname {packages.NIC}"
        f" ipv4.method manual ipv4.addresses {d2.ip}/24 >{PROFILE} && chmod 600 {PROFILE}"
    )
    # From the next boot on.
    networkd = "systemd-networkd.service systemd-networkd.socket systemd-networkd-wait-online.service"
    d2.check(f"systemctl mask {networkd} && systemctl enable NetworkManager", timeout=120)
    there = f"until [[ $(ip -br address show dev {packages.NIC}) == *' {d2.ip}/'* ]]; do nap 0.1; done"
    packages.come_and_go(lab, d2, g2, f"nmcli networking off && nap 1 && nmcli networking on && {there}")
    xlnet.unload_all(lab)
    leftovers.expect_unloaded(lab)
