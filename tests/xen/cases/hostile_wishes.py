"""A guest that asks for everybody and for nobody in a loop, or fills its nodes, does not hold up others' channels."""

import statistics

from lab import debug, xlnet
from lab.checks import expect
from lab.needs import Needs

NEEDS = Needs(guests=("g1", "g2", "g3"), loaded=False)
IDLE = 3
ROUNDS = 5
# Others' channels open within so many times the usual time. xenstored serves everybody alike, and has one busy CPU.
FACTOR = 2
# What a module of g3's own making would write, all but the wish; then wishes without end, or as many nodes beside and
# below it as XenStore takes, and more.
ADVERT = {"features": "1", "instance": "00000000deadbeef", "addr": "", "version": "2"}
WISHES = """
write() {{ xenstore-write data/xlnet/wish "$1"; }}
while :; do write "room=64{macs}"; write room=64; done
"""
NODES = """
value=$(printf %01900d 0)
xenstore-write data/xlnet/wish "room=64{macs}"
for ((i = 0; ; i++)); do
    xenstore-write data/xlnet/$i $value data/xlnet/wish/$i $value data/xlnet/peers/$i $value || true
done 2>/dev/null
"""
FLOODS = {"wishes in a loop": WISHES, "fills its nodes": NODES}


def opening(lab, g1, g2):
    """The time from the first packet to xl0, in ms: the median."""
    took = []
    for _ in range(ROUNDS):
        xlnet.wait_until_dormant((g1, g2))
        took.append(xlnet.from_first_packet(g1, g2))
    lab.dom0.note(f"from the first packet to xl0, ms: {took}")
    return statistics.median(took)


def run(lab):
    g1, g2, g3 = (lab.guest(name) for name in NEEDS.guests)
    xlnet.load(lab.dom0)
    for guest in (g1, g2):
        xlnet.load(guest, f"idle_close={IDLE}")
    macs = {guest: guest.read("/sys/class/net/eth0/address").strip() for guest in (g1, g2, g3)}
    xlnet.wait_for_routes(lab)
    usual = opening(lab, g1, g2)
    nodes = {"mac": macs[g3], **ADVERT}
    advertise = " && ".join(f"xenstore-write data/xlnet/{node} '{value}'" for node, value in nodes.items())
    # Sixty that are nobody's, and the others.
    nobodys = [f"02:00:00:00:00:{number:02x}" for number in range(60)]
    wanted = "".join(f" mac={mac}" for mac in (macs[g1], macs[g2], *nobodys))
    bound = max(FACTOR * usual, FACTOR * 300 * debug.PACE)
    for what, commands in FLOODS.items():
        g3.check(advertise)
        flood = g3.start(commands.format(macs=wanted))
        try:
            slowed = opening(lab, g1, g2)
            expect(flood.running(), f"g3 no longer {what}")
        finally:
            flood.kill()
            g3.run("xenstore-rm data/xlnet")
        expect(slowed <= bound, f"from the first packet to xl0: {usual} ms, and {slowed} ms while a guest {what}")
