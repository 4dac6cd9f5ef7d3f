"""What cannot work is refused by insmod, and the kernel log says why."""

from lab import xlnet
from lab.needs import Needs

NEEDS = Needs(loaded=False)
# One byte that no text in UTF-8 has.
NO_TEXT = "nic=$'\\xff'"
AUTOPROBE = "echo {} >/sys/bus/platform/drivers_autoprobe"


def run(lab):
    g1 = lab.guest("g1")
    # A device that may come yet is waited for: see nic_changes.
    xlnet.expect_refusal(g1, "xlnet", "nic=lo", "not an Ethernet device")
    xlnet.expect_refusal(g1, "xlnet", "nic=longer-than-names-are", "no device can have this name")
    xlnet.expect_refusal(g1, "xlnet", NO_TEXT, "not UTF-8")
    xlnet.expect_refusal(g1, "xlnet", "grants=101", "a percentage")
    for number in (0, 65):
        xlnet.expect_refusal(g1, "xlnet", f"channels={number}", "a number, 1 to 64")
    # Nobody could tell it then that the guest is suspended.
    with g1.applied(AUTOPROBE.format(0), AUTOPROBE.format(1)):
        xlnet.expect_refusal(g1, "xlnet", "", "no notice of suspends")
    xlnet.expect_refusal(lab.dom0, "xlnet", "", "dom0")
    xlnet.expect_refusal(g1, "xldiscovery", "", "dom0")
    xlnet.expect_refusal(lab.dom0, "xldiscovery", NO_TEXT, "not UTF-8")
