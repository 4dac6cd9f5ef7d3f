"""Without room in XenStore or event channels eth0 goes on, one line says why, and xl0 comes later."""

from lab import leftovers, xen, xlnet
from lab.checks import expect, wait_until
from lab.needs import Needs

NEEDS = Needs(loaded=False)
# Fills the guest's XenStore quota, down to the last node.
FILL = """
number=0
for size in 100 10 1; do
  while true; do
    pairs=()
    for ((i = 0; i < size; i++)); do pairs+=("data/fill/$((number + i))" x); done
    xenstore-write "${pairs[@]}" 2>/dev/null || break
    number=$((number + size))
  done
done
echo $number
"""
# A pair of guests that could not meet tries again after pauses of up to 30 s.
RETRY = 60


def expect_one_line(guest, mark, words):
    """The kernel log must tell of the shortage, and not again and again."""
    lines = [line for line in guest.kernel_log(mark).splitlines() if "xlnet: " in line and words in line]
    expect(len(lines) == 1, f"{guest.name}: not one line with '{words}' in the kernel log: {lines}")


def expect_eth0(here, there):
    expect(xlnet.device_to(here, there.ip) == "eth0", f"{here.name} has a route on xl0 to {there.name}")
    here.check(f"ping -c 3 -i 0.2 -W 5 {there.ip}")


def without_quota(g1, g2, lab):
    written = int(g1.check(FILL, timeout=120))
    expect(written > 10, f"the quota was full after {written} nodes")
    mark = "lab: XenStore is full"
    g1.mark(mark)
    for domain in (lab.dom0, g1, g2):
        xlnet.load(domain)
    wait_until("the guest to try", lambda: "XenStore" in g1.kernel_log(mark), xlnet.PATIENCE)
    # Long enough to see whether it says so with each attempt.
    g1.check("sleep 3")
    expect_one_line(g1, mark, "XenStore refuses the advert")
    expect_eth0(g1, g2)
    g1.check("xenstore-rm data/fill")
    xlnet.wait_for_routes(lab)


def without_event_channels(g1, lab):
    xlnet.unload(g1)
    used = xen.ports(lab)[g1.domid]
    xlnet.load(g1)
    # Enough for all that g1 has and for a second NIC, which takes what a channel would need.
    poor = lab.create_guest("g7", ip="10.0.0.7", extra=f"max_event_channels = {used + 2}\n")
    lab.dom0.check(f"xl network-attach {poor.name} bridge=xenbr1")
    poor.check("until [ -e /sys/class/net/eth1 ]; do sleep 0.1; done; sleep 1")
    mark = "lab: no event channels"
    poor.mark(mark)
    xlnet.load(poor)
    words = f"peer {g1.domid}: no channel"
    wait_until("the guest to try", lambda: words in poor.kernel_log(mark), xlnet.PATIENCE)
    poor.check("sleep 4")
    expect_one_line(poor, mark, words)
    expect_eth0(poor, g1)
    lab.dom0.check(f"xl network-detach {poor.name} 1")
    xlnet.wait_for_routes(lab, ("g1", "g7"), timeout=RETRY)
    xlnet.unload(poor)
    lab.destroy(poor.name)


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    with leftovers.none(lab):
        without_quota(g1, g2, lab)
        without_event_channels(g1, lab)
