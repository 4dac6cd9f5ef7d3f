"""The lab for a person: dom0's prompt on this terminal, guests by `xl console`."""

from . import payload
from .lab import Lab

MOTD = """
This is dom0 of a Xen host with two guests, g1 (10.0.0.1) and g2 (10.0.0.2), on the bridge xenbr0.

  xl list                                       the domains
  xl console g1                                 a guest's prompt (Ctrl-] comes back here)
  insmod /lab/modules/xldiscovery.ko            here, once
  insmod /lab/modules/xlnet.ko                  in each guest: xl0 and the route appear by themselves
  ip route; ping 10.0.0.2; ethtool -S xl0       in g1, then
  xl-status                                     in dom0 or a guest: who meets whom
  xl-top                                        in dom0 or a guest: who talks to whom, how fast, over what
  xl-bench 10.0.0.2                             in g1: eth0 against xl0
  xl dmesg; xenstore-ls; xl debug-keys g        what Xen knows
  poweroff -f                                   ends the lab
"""


def run():
    lab = Lab(payload.OUT / "lab", terminal=True)
    try:
        lab.boot([("etc/motd.lab", 0o644, MOTD.encode())])
        lab.create_guests(("g1", "g2"), console="shell")
        lab.dom0.check("touch /run/lab-ready")
        lab.wait_for_power_off()
    except KeyboardInterrupt:
        pass
    finally:
        lab.stop()
    return 0
