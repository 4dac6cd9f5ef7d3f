"""What cannot work is refused by insmod, and the kernel log says why."""

from lab import xlnet
from lab.needs import Needs

NEEDS = Needs(loaded=False)


def run(lab):
    g1 = lab.guest("g1")
    xlnet.expect_refusal(g1, "xlnet", "nic=nosuch", "nosuch")
    xlnet.expect_refusal(lab.dom0, "xlnet", "", "dom0")
    xlnet.expect_refusal(g1, "xldiscovery", "", "dom0")
