"""netconsole, which would have xl0 send with interrupts off wherever the kernel logs something, does not get it."""

from lab.checks import expect
from lab.needs import Needs

NEEDS = Needs()
MARK = "lab: netconsole on xl0"
WORDS = "xl0 doesn't support polling"


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    g1.mark(MARK)
    # Where targets can be made later, too, the module is loaded without this one.
    g1.run(f"modprobe netconsole netconsole=@{g1.ip}/xl0,@{g2.ip}/")
    try:
        log = g1.kernel_log(MARK)
    finally:
        g1.run("modprobe -r netconsole")
    expect(WORDS in log, f"netconsole on xl0 is not refused:\n{log}")
