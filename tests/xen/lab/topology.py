"""Who is where.

        g1 .1   g2 .2   g3 .3                       g4 .1   g5 .2 (as g1 and g2)
          |       |       |                           |       |
dom0   xenbr0 10.0.0.0/24 -- veth -- outside       xenbr1 10.0.0.0/24
.254      |                          .100
        d1 .11, d2 .12 (Debian), c1 .21 to c6 .26 (small)
"""

import dataclasses
import hashlib

from . import debug

DOM0_IP = "10.0.0.254"
# By number of the host, where there are two in one network.
DOM0_IPS = {1: DOM0_IP, 2: "10.0.0.253"}
# A network namespace of dom0; reach it with `ip netns exec outside COMMAND`.
OUTSIDE_IP = "10.0.0.100"


@dataclasses.dataclass(frozen=True)
class Settings:
    """A guest. `type` is pv, pvh or hvm; `extra` are more lines for its xl configuration, `arguments` more words for its
    kernel. With `debian`, its root is a disk with Debian on it."""

    name: str
    ip: str
    bridge: str = "xenbr0"
    type: str = "pv"
    vcpus: int = 1
    memory: int = 320
    mac: str = ""
    on_crash: str = "preserve"
    debian: bool = False
    extra: str = ""
    arguments: str = ""


GUESTS = {
    settings.name: settings
    for settings in (
        Settings("g1", "10.0.0.1"),
        Settings("g2", "10.0.0.2"),
        Settings("g3", "10.0.0.3"),
        Settings("g4", "10.0.0.1", bridge="xenbr1"),
        Settings("g5", "10.0.0.2", bridge="xenbr1"),
        Settings("d1", "10.0.0.11", memory=512, debian=True),
        Settings("d2", "10.0.0.12", memory=512, debian=True),
        # With the first three as many as dom0's machine has room for.
        *(Settings(f"c{n}", f"10.0.0.{20 + n}", memory=224) for n in range(1, 7)),
    )
}


def mac_of(settings):
    """From the name, as xl's own choice would differ each run."""
    if settings.mac:
        return settings.mac
    return "00:16:3e:" + hashlib.sha256(settings.name.encode()).digest()[:3].hex(":")


def config(settings, console, log_arguments):
    """The guest's xl configuration."""
    # Half of a guest's memory, which its root would be allowed, may be too little for what is in it.
    # Below loglevel 1 only a crash writes to the console, which carries the driver's commands.
    arguments = (
        f"console=hvc0 quiet loglevel=1 initramfs_options=size=90% {log_arguments}{debug.ARGUMENTS.get(settings.type, "")} "
        f"lab.name={settings.name} lab.ip={settings.ip}/24 lab.console={console} {settings.arguments}"
    )
    ramdisk, disk = f"guest{debug.suffix(settings.type)}.cpio", ""
    if settings.debian:
        arguments += " rdinit=/lab/first systemd.wants=lab-agent.service"
        ramdisk = "debian.cpio"
        disk = f'disk = ["/dev/mapper/{settings.name},raw,xvda,rw"]\n'
    # See docs/testing.md for what QEMU does to CPU 0.
    cpus = 'cpus = "all,^0"\n' if settings.type != "pv" else ""
    # No device is emulated that an HVM guest can do without.
    devices = 'vga = "none"\nvnc = 0\nusb = 0\n' if settings.type == "hvm" else ""
    kernel = "guest-kernel-hvm" if settings.type == "hvm" else f"guest-kernel{debug.suffix(settings.type)}"
    return (
        f'name = "{settings.name}"\n'
        f'type = "{settings.type}"\n'
        f'kernel = "/boot/{kernel}"\n'
        f'ramdisk = "/boot/{ramdisk}"\n'
        f'cmdline = "{arguments}"\n'
        f"memory = {settings.memory + debug.MEMORY}\n"
        f"vcpus = {settings.vcpus}\n"
        f"{cpus}{devices}{disk}"
        f'vif = ["mac={mac_of(settings)},bridge={settings.bridge},type=vif"]\n'
        f'on_crash = "{settings.on_crash}"\n'
        'tsc_mode = "native"\n'
        f"{settings.extra}"
    )
