"""The machine: QEMU running Xen and dom0's kernel."""

import os
import pathlib
import re
import subprocess

from . import debug
from .errors import LabError

# Found by trial, with QEMU 10: with richer models PVH guests triple-fault or Xen does not boot.
# Without rdrand guests have no random numbers for minutes, for which WireGuard waits.
CPU = "qemu64,+svm,+npt,+nrip-save,+sse3,+ssse3,+sse4.1,+sse4.2,+popcnt,+x2apic,+rdrand"
XEN_ARGUMENTS = (
    "console=com1 com1=115200,8n1 dom0_mem=1024M,max:1024M dom0_max_vcpus=1"
    " loglvl=warning guest_loglvl=warning conring_size=4M"
)
# The whole kernel log is wanted, also what user space writes into it in quick succession.
LOG_ARGUMENTS = "printk.devkmsg=on log_buf_len=512K"
DOM0_ARGUMENTS = f"console=hvc0 rw quiet {LOG_ARGUMENTS}"
# In place of the lab's own init.
SYSTEMD_ARGUMENTS = "init=/usr/lib/systemd/systemd systemd.wants=lab-agent.service"


def accelerator():
    """KVM runs Xen only where the CPU's own virtualisation can be nested."""
    with open("/proc/cpuinfo") as cpuinfo:
        capable = re.search(r"^flags.*\b(vmx|svm)\b", cpuinfo.read(), re.MULTILINE)
    if capable and os.access("/dev/kvm", os.R_OK | os.W_OK):
        return ["-accel", "kvm", "-cpu", "host"]
    return ["-accel", "tcg,thread=multi", "-cpu", CPU]


class Machine:
    """It has `memory` MiB. `host` is 1 or 2; the second is for two hosts of one network, whose socket is `lan`.
    `debian` is the image of Debian guests' disks, if there will be any. With `systemd`, that is dom0's init, and the
    machine can be rebooted."""

    def __init__(
        self, image, payload, socket, out, memory, terminal=False, host=1, lan=None, systemd=False, debian=None
    ):
        image = pathlib.Path(image)
        out = pathlib.Path(out)
        # On a terminal all keys are dom0's, Ctrl-C too.
        console = (
            "stdio,id=console,signal=off" if terminal else f"file,id=console,path={out}/dom0-console.log"
        )
        network = []
        if lan is not None:
            end = "server=on" if host == 1 else "server=off,reconnect-ms=100"
            network = [
                *("-netdev", f"stream,id=lan,addr.type=unix,addr.path={lan},{end}"),
                *("-device", f"virtio-net-pci,netdev=lan,romfile=,mac=52:54:00:00:00:{host:02x}"),
            ]
        init = f" {SYSTEMD_ARGUMENTS}" if systemd else ""
        # A machine that nobody means to reboot has crashed.
        no_reboot = [] if systemd else ["-no-reboot"]
        debian_disk = ["-drive", f"file={debian},if=virtio,format=raw,readonly=on"] if debian else []
        command = [
            # A driver that is killed must not leave its machine behind.
            *("setpriv", "--pdeathsig", "KILL"),
            "qemu-system-x86_64",
            *accelerator(),
            *("-smp", str(debug.CPUS), "-m", str(memory)),
            *("-display", "none", "-nodefaults", *no_reboot),
            *("-chardev", f"{console},id=console", "-serial", "chardev:console"),
            *("-kernel", str(image / "xen"), "-append", XEN_ARGUMENTS),
            *("-initrd", f"{image}/vmlinuz {DOM0_ARGUMENTS}{init} lab.host={host},{image}/dom0.cpio"),
            # The image stays as it is: what dom0 writes goes to a temporary overlay, which is there when it reboots.
            *("-drive", f"file={image}/dom0.ext4,if=virtio,format=raw,snapshot=on"),
            *("-drive", f"file={payload},if=virtio,format=raw,readonly=on"),
            *debian_disk,
            *("-device", "virtio-serial-pci"),
            *("-chardev", f"socket,id=agent,path={socket},server=on,wait=off"),
            *("-device", "virtserialport,chardev=agent,name=lab.agent"),
            *network,
        ]
        self._log = out / "qemu.log"
        with open(self._log, "w") as log:
            self._process = subprocess.Popen(
                command, stdin=None if terminal else subprocess.DEVNULL, stderr=log
            )

    def check_running(self):
        if self._process.poll() is not None:
            raise LabError(f"QEMU ended with status {self._process.returncode}, see {self._log}")

    def cpu_seconds(self):
        """The CPU time that the whole emulated machine has used so far."""
        with open(f"/proc/{self._process.pid}/stat") as file:
            # proc(5): fields 14 and 15, user and system; the name, field 2, may hold blanks.
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def wait(self):
        return self._process.wait()

    def stop(self):
        """Nothing in the machine is worth saving, so it is not shut down."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
