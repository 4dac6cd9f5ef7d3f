"""In a Debian guest with ifupdown and cloud-init, apt installs xlnet, upgrades it under traffic, and removes it."""

import functools
import re

from lab import debian, families, leftovers, life, packages, traffic, xlnet
from lab.checks import expect
from lab.managers import Managers
from lab.needs import Needs

NEEDS = Needs(guests=("d2", "g2"), loaded=False, packages=True)
NIC = debian.CLOUD_NIC
CONFIGURATION = "/etc/network/interfaces.d/50-cloud-init"
# What takes the NIC's addresses away and gives them back. The last is how ifupdown has NICs that may come and go.
SCRIPTS = (
    f"ifdown {NIC} && ifup {NIC}",
    "systemctl restart networking",
    f"ifdown {NIC} && sed -i 's/^auto {NIC}$/allow-hotplug {NIC}/' {CONFIGURATION}"
    f" && udevadm trigger --settle --action=add /sys/class/net/{NIC} /sys/class/net/xl0",
)
# cloud-init reads what sysfs has of each device.
LISTED = re.compile(r"\[DEBUG\]: Reading (from|\d+ bytes from) /sys/class/net/xl0/")
HOTPLUG_RULE = "/etc/udev/rules.d/90-cloud-init-hook-hotplug.rules"


def run(lab):
    d2, g2 = lab.guest("d2"), lab.guest("g2")
    debian.use_cloud_init(d2)
    d2.check("sync")
    life.reboot(lab, d2)
    with families.dressed(g2):
        before = debian.wait_for_cloud_init(d2)
        without_xlnet(d2, g2)

        debian.be_instance(d2, "second")
        # To be among the files that are there without packages: cloud-init removes it at boot, and is told later to have it.
        d2.check(f": >{HOTPLUG_RULE}")
        installed = packages.boot_with(lab, d2, g2)
        expect_booted(d2, before)
        disturbed = functools.partial(disturb, lab, d2, g2)
        packages.upgrade_and_remove(installed, disturbed, changes=2 * len(SCRIPTS))
        debian.expect_cloud_init_content(d2)
        expect_unknown_to_cloud_init(d2)
    xlnet.unload_all(lab)
    leftovers.expect_unloaded(lab)
    # Others want it with systemd-networkd.
    lab.destroy("d2")


def without_xlnet(d2, g2):
    """The connection that is to survive with xlnet does so over the NIC alone."""
    absence = life.Absence()
    with traffic.mixture(d2, g2) as mixture:
        for script in SCRIPTS[:2]:
            with absence:
                d2.check(f"{script} && {debian.until_addressed(d2, NIC)}", timeout=packages.PATIENCE)
        mixture.wait_alive()
        mixture.finish(absence.seconds)


def expect_booted(d2, before):
    """cloud-init named the NIC and configured it, and it alone, and took no longer for all than without xl0."""
    after = debian.wait_for_cloud_init(d2)
    d2.note(f"cloud-init was done {before:.1f} s after the start without xlnet, {after:.1f} s with it")
    # Whoever waits for a device that does not come does so for a minute or more.
    expect(after < 1.5 * before + 20, f"cloud-init was done after {after:.1f} s, without xlnet after {before:.1f} s")
    configured = d2.check("ifquery --list; ifquery --list --allow=hotplug; ifquery --state").split()
    expect(sorted(configured) == sorted(["lo", NIC, "lo=lo", f"{NIC}={NIC}"]), f"ifupdown has {configured}")
    expect_unknown_to_cloud_init(d2)


def expect_unknown_to_cloud_init(d2):
    """cloud-init listed xl0 among the devices, and nobody did or configured anything with it."""
    log = d2.check(rf"grep -e xl0 -e '\[\(WARNING\|ERROR\|CRITICAL\)\]' {debian.CLOUD_LOG} || true")
    wrong = [line for line in log.splitlines() if not LISTED.search(line)]
    expect(not wrong, f"in {debian.CLOUD_LOG}: {wrong}")
    written = d2.run("grep -r xl0 /etc/network /etc/udev /run/network /run/cloud-init/hook-hotplug.log").out
    expect("xl0" not in written, f"xl0 is configured, or its coming was told to cloud-init:\n{written}")


def disturb(lab, d2, g2, absence):
    """All that is to leave xl0 in use. Then cloud-init is to see to NICs that come and go, as xl0 does next."""
    managers = Managers(lab, d2, g2, NIC)
    managers.do("ifup -a")
    for script in SCRIPTS:
        with absence:
            managers.do(f"{script} && {debian.until_addressed(d2, NIC)}")
    d2.check("cloud-init devel hotplug-hook -s net enable", timeout=120)
    run = d2.check(f"udevadm test --action=add /sys/class/net/{NIC}")
    expect(re.search(r"RUN\{program\} : \S+/hook-hotplug", run), f"cloud-init is not told of a NIC that comes:\n{run}")
