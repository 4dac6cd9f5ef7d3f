"""A guest with Debian, whose network manager gives its NIC the addresses of both families."""

from . import families

# So udev calls a Xen guest's first NIC.
NIC = "enX0"
# What tests/xen/debian/first-init writes at each boot has IPv4 alone; this is read with it.
_BESIDES = "/etc/systemd/network/20-enX0.network.d"
_PROFILE = "/etc/NetworkManager/system-connections/lan.nmconnection"


def have_networkd_add_ipv6(guest):
    """systemd-networkd gives the guest an IPv6 address besides, from now on."""
    guest.ipv6 = families.ipv6_address(guest)
    guest.check(
        f"mkdir -p {_BESIDES} && printf '[Network]\\nAddress={guest.ipv6}/64\\n' >{_BESIDES}/ipv6.conf"
        f" && systemctl restart systemd-networkd && {until_addressed(guest)}",
        timeout=120,
    )


def make_profile(guest):
    """A profile of NetworkManager's, `lan`, has the guest's addresses. Nobody uses it yet."""
    guest.ipv6 = families.ipv6_address(guest)
    guest.check(
        f"nmcli --offline connection add type ethernet con-name lan ifname {NIC}"
        f" ipv4.method manual ipv4.addresses {guest.ip}/24 ipv6.method manual ipv6.addresses {guest.ipv6}/64"
        f" >{_PROFILE} && chmod 600 {_PROFILE}"
    )


def until_addressed(guest):
    """A command that waits until the guest's NIC has its addresses."""
    there = " && ".join(f"$addresses == *' {address}/'*" for address in guest.addresses)
    return f"until addresses=$(ip -br address show dev {NIC}) && [[ {there} ]]; do nap 0.1; done"
