"""netconsole, which would have xl0 send with interrupts off wherever the kernel logs something, does not get it."""

from lab.checks import expect
from lab.needs import Needs

NEEDS = Needs()
MARK = "lab: netconsole on xl0"
WORDS = "xl0 doesn't support polling"


# As for a target that is made when the kernel has long booted; the debug kernels have netconsole built in.
SETUP = """set -e
modprobe netconsole
mount -t configfs none /sys/kernel/config
mkdir /sys/kernel/config/netconsole/lab
cd /sys/kernel/config/netconsole/lab
echo xl0 >dev_name
echo {here} >local_ip
echo {there} >remote_ip
"""
UNDO = "rmdir /sys/kernel/config/netconsole/lab; umount /sys/kernel/config; modprobe -r netconsole"


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    g1.mark(MARK)
    try:
        g1.check(SETUP.format(here=g1.ip, there=g2.ip))
        enabled = g1.run("echo 1 >/sys/kernel/config/netconsole/lab/enabled")
        log = g1.kernel_log(MARK)
    finally:
        g1.run(UNDO)
    expect(enabled.status != 0, "netconsole on xl0 is enabled")
    expect(WORDS in log, f"netconsole on xl0 is not refused:\n{log}")
