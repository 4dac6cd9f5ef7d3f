"""A guest with Debian, whose network manager gives its NIC the addresses of both families."""

import json

from . import debug, families, topology
from .checks import expect

# So udev calls a Xen guest's first NIC.
NIC = "enX0"
# So cloud-init is told to call it.
CLOUD_NIC = "eth0"
# Where the image has a file that keeps ifupdown and cloud-init from being started.
_KEPT_OFF = "/etc/systemd/system-generators/cloud-init-generator /etc/udev/rules.d/80-ifupdown.rules"
# What cloud-init knows of the guest, which on a cloud it is told by that.
_SEED = "/var/lib/cloud/seed/nocloud"
# No other cloud is looked for, and of what could be configured it is ifupdown. Of the modules of the first stage there
# are those for which the image has the programs.
_CLOUD = """datasource_list: [NoCloud]
system_info: {network: {renderers: [eni]}}
cloud_init_modules: [seed_random, bootcmd, write_files, set_hostname, update_hostname, users_groups]"""
# What netplan is told, and what it writes of that, which systemd-networkd prefers to what first-init does.
_PLAN, _PLANNED = "/etc/netplan/lan.yaml", f"/run/systemd/network/10-netplan-{NIC}.network"
# By this file, which cloud-init writes, udev gives the NIC its name by itself.
_NAMES = "/etc/udev/rules.d/70-persistent-net.rules"
CLOUD_LOG = "/var/log/cloud-init.log"
# cloud-init is much Python, and has the boot to itself.
_PATIENCE = 300 * debug.PACE
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


def make_plan(guest):
    """netplan is to have systemd-networkd give the guest its addresses."""
    plan = {"version": 2, "ethernets": {NIC: {"addresses": [f"{guest.ip}/24", f"{guest.ipv6}/64"]}}}
    # JSON is YAML.
    guest.check(f"echo '{json.dumps({'network': plan})}' >{_PLAN} && chmod 600 {_PLAN}")


def drop_plan():
    """A command by which systemd-networkd has the NIC as before."""
    return f"rm {_PLAN} {_PLANNED} && networkctl reload && networkctl reconfigure {NIC}"


def make_profile(guest):
    """A profile of NetworkManager's, `lan`, has the guest's addresses. Nobody uses it yet."""
    guest.ipv6 = families.ipv6_address(guest)
    guest.check(
        f"nmcli --offline connection add type ethernet con-name lan ifname {NIC}"
        f" ipv4.method manual ipv4.addresses {guest.ip}/24 ipv6.method manual ipv6.addresses {guest.ipv6}/64"
        f" >{_PROFILE} && chmod 600 {_PROFILE}"
    )


def leave_networkd():
    """A command by which systemd-networkd is not started, from the next boot on."""
    return "systemctl mask systemd-networkd.service systemd-networkd.socket systemd-networkd-wait-online.service"


def use_cloud_init(guest):
    """From the next boot on, cloud-init names the guest's NIC and writes the configuration of ifupdown, which gives it
    its addresses."""
    guest.ipv6 = families.ipv6_address(guest)
    subnets = [
        {"type": "static", "address": f"{guest.ip}/24"},
        {"type": "static6", "address": f"{guest.ipv6}/64"},
    ]
    nic = {"type": "physical", "name": CLOUD_NIC, "mac_address": topology.mac_of(guest.settings), "subnets": subnets}
    # JSON is YAML.
    files = {
        "/etc/cloud/cloud.cfg.d/90-lab.cfg": _CLOUD,
        f"{_SEED}/network-config": json.dumps({"version": 1, "config": [nic]}),
        f"{_SEED}/user-data": "#cloud-config\n{}",
    }
    written = " && ".join(f"printf '%s\\n' '{text}' >{path}" for path, text in files.items())
    guest.check(
        f"{leave_networkd()} && systemctl enable networking && rm {_KEPT_OFF} && mkdir -p {_SEED} && {written}",
        timeout=120,
    )
    be_instance(guest, "first")


def be_instance(guest, name):
    """The guest's disk is as if it were copied for another: at the next boot udev names the NIC as it does, and
    cloud-init configures all anew, with an empty log."""
    instance = f"instance-id: {name}\nlocal-hostname: {guest.name}"
    guest.check(f"echo '{instance}' >{_SEED}/meta-data && : >{_NAMES} && : >{CLOUD_LOG}")


def wait_for_cloud_init(guest):
    """Waits until cloud-init has done all it does at a boot, and fails unless it has nothing to say against it. Returns
    after how many seconds of the boot it was done."""
    guest.check("systemctl start cloud-final", timeout=_PATIENCE)
    expect_cloud_init_content(guest)
    done = guest.check("systemctl show -P ActiveEnterTimestampMonotonic cloud-final")
    return int(done) / 1e6


def expect_cloud_init_content(guest):
    """cloud-init has met no error, and nothing to warn of."""
    status = guest.run("cloud-init status --long", timeout=120)
    content = all(f"{line}\n" in status.out for line in ("status: done", "errors: []", "recoverable_errors: {}"))
    expect(status.status == 0 and content, f"cloud-init says:\n{status.out}")


def until_addressed(guest, nic=NIC):
    """A command that waits until the guest's NIC has its addresses."""
    there = " && ".join(f"$addresses == *' {address}/'*" for address in guest.addresses)
    return f"until addresses=$(ip -br address show dev {nic}) && [[ {there} ]]; do nap 0.1; done"
