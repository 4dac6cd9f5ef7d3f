"""xlnet's packages, as an administrator installs them in a Debian guest or in dom0, from a repository that the run
brings."""

import re

from . import debug, families, life, traffic, xlnet
from .checks import expect
from .payload import PACKAGES

# A guest needs long for it, and longest for depmod.
PATIENCE = 600 * debug.PACE

# What the lab puts in the place of packages, at each boot unless this file says otherwise.
OF_THE_LAB = (
    "/etc/iproute2/rt_protos.d/xlnet.conf /etc/iproute2/rt_tables.d/xlnet.conf /etc/systemd/network/00-xl0.network"
    " /usr/local/sbin/xl-status /usr/local/sbin/xl-top /usr/local/sbin/xl-bench /usr/local/sbin/xl-policy"
)
UNWANTED = "/lab/unwanted"
# The kernel's modules that no guest here needs. For depmod the emulated machine takes minutes with all of them.
SUPERFLUOUS = (
    "cd /usr/lib/modules/$(uname -r)/kernel && rm -rf sound drivers/net/ethernet net/bluetooth net/mac80211 &&"
    " find drivers -mindepth 1 -maxdepth 1 ! -name net ! -name block ! -name xen -exec rm -rf {} + && depmod"
)
# Those that are not loaded: dom0 needs no others at the next boot.
UNUSED = (
    "cd /usr/lib/modules/$(uname -r) && cut -d' ' -f1 /proc/modules | xargs modinfo -n | sed 's|.*/kernel/|kernel/|'"
    " >/run/used && find kernel -name '*.ko*' | grep -vxFf /run/used | xargs rm && depmod"
)
# All files, but for those in which others keep what they know.
FILES = (
    "find / -xdev \\( -path /lab -o -path /run -o -path /etc/resolv.conf -o -path /tmp -o -path /var/tmp"
    " -o -path /var/cache -o -path /var/log -o -path /var/lib/apt -o -path /var/lib/dpkg -o -path /var/lib/systemd"
    " -o -path /var/lib/NetworkManager -o -path /var/lib/cloud -o -path /var/lib/xen -o -path /etc/xen \\) -prune"
    " -o -print | sort"
)
APT = (
    "DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dir::Etc::sourcelist=/run/xlnet.list -o Dir::Etc::sourceparts=-"
    " -o Acquire::Languages=none -o APT::Sandbox::User=root -o DPkg::Options::=--force-unsafe-io"
)
LIST_FILE = "/var/tmp/files"


class Packages:
    """The packages in a domain. `names` are those that are installed by name."""

    def __init__(self, domain, names):
        self._domain = domain
        self.release = domain.read("/proc/sys/kernel/osrelease")
        self.names = f"xlnet-modules-{self.release} {names}"

    def note_files(self):
        """Notes what there is without them."""
        self._domain.check(f"{FILES} >{LIST_FILE}", timeout=PATIENCE)

    def install(self, version):
        """Installs the packages of one of the repositories, or upgrades to them; returns their version and what apt
        printed."""
        repository = f"/{PACKAGES}/{version}"
        self._domain.check(f"echo 'deb [trusted=yes] file:{repository} ./' >/run/xlnet.list")
        said = self._domain.check(f"{APT} update && {APT} install {self.names}", timeout=PATIENCE)
        installed = self._domain.check("dpkg-query -W -f '${Version}' xlnet-utils")
        offered = self._domain.check(f"cat {repository}/Packages")
        expect(f"Version: {installed}\n" in offered, f"{installed} is installed, of:\n{offered}")
        of_the_file = self._domain.check("modinfo -F version xlnet").strip()
        expect(of_the_file == installed, f"modprobe would load {of_the_file}, the packages are {installed}")
        return installed, said

    def remove(self):
        """Purges the packages; no file of them may be left."""
        self._domain.check(f"{APT} purge {self.names}", timeout=PATIENCE)
        difference = self._domain.run(f"{FILES} | diff {LIST_FILE} -", timeout=PATIENCE)
        expect(difference.status == 0, f"purged packages leave files, or took some:\n{difference.out}")


class InGuest(Packages):
    """The packages in a guest, with another guest as a peer."""

    def __init__(self, lab, guest, peer):
        super().__init__(guest, "xlnet-utils")
        self._lab, self.guest, self.peer = lab, guest, peer

    def begin(self):
        """Takes away what is there without packages, and notes what there is then."""
        self.guest.check(f"printf '%s\\n' {OF_THE_LAB} >{UNWANTED} && xargs rm -f <{UNWANTED}")
        self.guest.check(SUPERFLUOUS, timeout=PATIENCE)
        self.note_files()

    def expect_loaded(self, version):
        """The module is that of the packages, and ip shows its routes by the names that a package has."""
        xlnet.wait_for_routes(self._lab, (self.guest.name, self.peer.name))
        loaded = self.guest.read("/sys/module/xlnet/version")
        expect(loaded == version, f"{loaded} is loaded, not {version}")
        expect(f"\nversion: {version}\n" in self.guest.check("ethtool -i xl0"), "ethtool -i says another version")
        for address in families.shared(self.guest, self.peer):
            routes = self.guest.check(f"ip -{families.version(address)} route show table xlnet")
            expect(re.search(rf"^{re.escape(address)} .*proto xlnet", routes, re.MULTILINE), f"routes:\n{routes}")
        status = self.guest.check("xl-status")
        expect("on xl0" in status, f"xl-status says:\n{status}")

    def expect_left_alone(self):
        """Whoever manages the network does not xl0, and no unit that loads modules or waits for the network failed."""
        failed = self.guest.check("systemctl --failed --no-legend --plain")
        managers = "networkd", "NetworkManager", "networking", "ifup", "cloud"
        for unit in ("modules-load", "wait-online", "udev", *managers):
            expect(unit not in failed, f"failed units:\n{failed}")
        properties = self.guest.check("udevadm info --query=property /sys/class/net/xl0")
        for word in ("NM_UNMANAGED=1", "ID_NET_MANAGED_BY=xlnet"):
            expect(word in properties, f"xl0's properties in udev:\n{properties}")
        addresses = self.guest.check("ip -br address show dev xl0").split()
        expect(addresses[:1] == ["xl0"] and len(addresses) == 2, f"xl0 has an address: {addresses}")

    def remove(self):
        """Nothing in the kernel may be left either."""
        super().remove()
        left = self.guest.check(
            "! [ -e /sys/module/xlnet ] || echo module; ip -br link show dev xl0 2>/dev/null; ip nexthop;"
            " for i in -4 -6; do ip $i rule | grep -E '1770[01]|xlnet'; ip $i route show table 17700 2>/dev/null; done; pgrep xl0-idle; true"
        )
        expect(not left.strip(), f"after the packages were purged there is still:\n{left}")


class InDom0(Packages):
    """The packages in a dom0 with systemd. The modules of the kernel's that it needs must be loaded when it begins."""

    UNITS = ("xldiscovery.service", "xl-policy-watch.service")

    def __init__(self, dom0):
        super().__init__(dom0, "xlnet-discovery xlnet-utils")

    def begin(self):
        """Takes the kernel's other modules away, and notes what there is then."""
        self.wait_until_booted()
        self._domain.check(UNUSED, timeout=PATIENCE)
        self.note_files()

    def wait_until_booted(self):
        """Waits until systemd has started everything, in which nothing may have failed."""
        state = self._domain.run("systemctl is-system-running --wait", timeout=PATIENCE).out.strip()
        failed = self._domain.check("systemctl --failed --no-legend --plain")
        expect(state == "running" and not failed, f"dom0 is {state}; failed units:\n{failed}")

    def expect_loaded(self, version):
        """The module is that of the packages, its units run, and will at the next boot, and nobody complains."""
        loaded = self._domain.read("/sys/module/xldiscovery/version")
        expect(loaded == version, f"{loaded} is loaded, not {version}")
        expect(not self._domain.has_module("xlnet"), "the guests' module is loaded in dom0")
        for question, answer in (("is-active", "active"), ("is-enabled", "enabled")):
            states = self._domain.run(f"systemctl {question} {' '.join(self.UNITS)}").out.split()
            expect(states == [answer] * len(self.UNITS), f"{question} of {self.UNITS}: {states}")
        self.expect_no_complaint()

    def expect_no_complaint(self):
        """Since the boot, programs of the units printed nothing, and systemd has nothing to say against these."""
        journal = "journalctl -b -q --no-pager"
        printed = " + ".join(f"_TRANSPORT=stdout _SYSTEMD_UNIT={unit}" for unit in self.UNITS)
        about = " ".join(f"-u {unit}" for unit in self.UNITS)
        said = self._domain.check(f"{journal} {printed}; {journal} -p warning {about}")
        expect(not said, f"in the journal:\n{said}")

    def expect_order(self):
        """At this boot xenstored was there before the module, and that before guests are started."""
        order = "xen.service", self.UNITS[0], "xendomains.service"
        times = [
            int(self._domain.check(f"systemctl show -P {which}TimestampMonotonic {unit}"))
            for unit in order
            for which in ("InactiveExit", "ActiveEnter")
        ]
        expect(times == sorted(times) and times[0] > 0, f"{order} began and were done at {times} us")

    def remove(self):
        """Nothing in the kernel, in XenStore, or known to systemd may be left either."""
        super().remove()
        left = self._domain.check(
            "for path in /sys/module/xldiscovery /run/xlnet; do [ ! -e $path ] || echo $path; done;"
            " xenstore-ls -f | grep ^/local/domain/0/xlnet; pgrep -a xl-policy;"
            " systemctl list-units --all --no-legend --plain 'xl*'; systemctl list-unit-files --no-legend 'xl*'; true"
        )
        expect(not left, f"after the packages were purged there is still:\n{left}")


def come_and_go(lab, guest, peer, script):
    """Installs the packages in a guest with Debian, reboots it, upgrades them with traffic running, and removes them.
    The script has its network manager do something with all networks."""

    def disturb(absence):
        with absence:
            guest.check(script, timeout=PATIENCE)

    packages = boot_with(lab, guest, peer)
    upgrade_and_remove(packages, disturb)
    return packages


def boot_with(lab, guest, peer):
    """Installs the packages in a guest with Debian, and reboots it."""
    xlnet.load(lab.dom0)
    xlnet.load(peer)
    packages = InGuest(lab, guest, peer)
    packages.begin()
    version, _ = packages.install("now")
    expect(not guest.has_module("xlnet"), "to install the packages loads the module")

    guest.check("sync")
    life.reboot(lab, guest)
    packages.expect_loaded(version)
    packages.expect_left_alone()
    return packages


def upgrade_and_remove(packages, disturb, changes=0):
    """Upgrades the packages after `disturb`, with traffic running, and removes them. `disturb` is given the Absence of
    the guest, in which it is to do what takes its networks away, and may have the path change so many times."""
    guest, peer = packages.guest, packages.peer
    version = guest.read("/sys/module/xlnet/version")
    # Not an address of anybody's.
    avoided = "10.0.0.77"
    guest.check(f"echo {avoided} >/sys/module/xlnet/parameters/avoid")
    absence = life.Absence()
    with traffic.mixture(guest, peer) as mixture:
        disturb(absence)
        packages.expect_loaded(version)
        newer, said = packages.install("next")
        expect(f"xlnet is {newer} now, it was {version}" in said, f"apt does not say so:\n{said}")
        packages.expect_loaded(newer)
        # The route goes and comes twice. apt is much to do for a guest.
        mixture.finish(absence.seconds + 2.0, changes=4 + changes)
    expect(newer != version, f"both are {newer}")
    kept = guest.read("/sys/module/xlnet/parameters/avoid")
    expect(kept == avoided, f"avoid is {kept} after the upgrade, not {avoided}")
    packages.expect_left_alone()
    packages.remove()
