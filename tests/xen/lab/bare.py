"""The same kernel and the guests' root on a machine without Xen."""

import os
import pathlib
import subprocess
import tempfile

from . import payload
from .errors import LabError
from .qemu import accelerator

TIMEOUT = 120


def console_of_boot():
    """Boots, lets the script without-xen run until it switches off, and returns the console's text."""
    image = pathlib.Path(os.environ["LAB_IMAGE"])
    with tempfile.NamedTemporaryFile() as root:
        root.write((image / "guest-base.cpio").read_bytes() + payload.guest_overlay())
        root.flush()
        command = [
            *("qemu-system-x86_64", *accelerator(), "-m", "512"),
            *("-display", "none", "-nodefaults", "-no-reboot", "-serial", "stdio"),
            *("-kernel", str(image / "vmlinuz"), "-initrd", root.name),
            *("-append", "console=ttyS0 quiet panic=-1 rdinit=/lab/without-xen"),
        ]
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT
            )
        except subprocess.TimeoutExpired as error:
            raise LabError(f"without Xen: no end after {TIMEOUT} s\n{error.stdout}") from error
    if done.returncode != 0:
        raise LabError(f"without Xen: QEMU ended with status {done.returncode}\n{done.stderr}")
    return done.stdout
