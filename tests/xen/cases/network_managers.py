"""systemd-networkd, netplan and NetworkManager, in a Debian guest, leave xl0 alone and in use, whatever they do."""

from lab import debian, families, life, traffic, xlnet
from lab.checks import expect
from lab.managers import Managers
from lab.needs import Needs

NEEDS = Needs(guests=("d1", "g2"), loaded=None)
# But for our own file, which comes before it, this would have xl0 set up.
FOR_ALL = "[Match]\nName=x*\n[Network]\nLinkLocalAddressing=ipv4"


def run(lab):
    d1, g2 = lab.guest("d1"), lab.guest("g2")
    debian.have_networkd_add_ipv6(d1)
    debian.make_profile(d1)
    with families.dressed(g2):
        xlnet.load_all(lab, ("d1", "g2"))
        manage(lab, d1, g2)
        xlnet.unload_all(lab)


def manage(lab, d1, g2):
    managers, absence, there = Managers(lab, d1, g2, debian.NIC), life.Absence(), debian.until_addressed(d1)
    with traffic.mixture(d1, g2) as mixture:
        # It removes the route, not the rule and the next hops, which are the kernel's by what they say.
        d1.check(f"echo '{FOR_ALL}' >/etc/systemd/network/90-all.network")
        managers.do("systemctl restart systemd-networkd")
        managers.do("networkctl reload")
        managers.do("udevadm trigger && udevadm settle")
        managers.do(f"networkctl reconfigure {debian.NIC} && {there}")
        debian.make_plan(d1)
        with absence:
            managers.do(f"netplan apply && {there}")
        expect_unmanaged(d1, "networkctl --no-legend list xl0")
        with absence:
            managers.do(f"{debian.drop_plan()} && {there}")
        with absence:
            # It has the address removed and added.
            d1.check("systemctl stop systemd-networkd.socket systemd-networkd")
            managers.do(f"systemctl start NetworkManager && nmcli -w 60 connection up lan && {there}")
        with absence:
            managers.do(f"nmcli networking off && nap 1 && nmcli networking on && {there}")
        expect_unmanaged(d1, "nmcli -t -f DEVICE,STATE device | grep ^xl0:")
        # Each may move the path to the NIC and back.
        mixture.finish(absence.seconds, changes=2 * 8)


def expect_unmanaged(guest, said):
    """The manager that runs says that xl0 is none of its business, and it has no address."""
    expect("unmanaged" in guest.check(said), "xl0 is not left alone")
    addresses = guest.check("ip -br address show dev xl0").split()
    expect(addresses == ["xl0", "UNKNOWN"], f"xl0 has an address: {addresses}")
