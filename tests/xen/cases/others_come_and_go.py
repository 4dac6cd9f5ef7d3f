"""A transfer between two guests does not pause when channels of others, and of theirs to others, come and go."""

from lab import debug, traffic, xlnet
from lab.checks import expect, wait_until
from lab.counters import Movement
from lab.needs import Needs

NEEDS = Needs(guests=("g1", "g2", "g3"), loaded=False)
# To whom g3 talks, besides g1.
OTHER = "c1"
# Seconds without packets after which the channels of g3 close, and how often they open and close.
IDLE, ROUNDS = 3, 5
# What g3 pings in each round.
PINGS, INTERVAL = 5, 0.2
# g2 has nothing else to do: what else there is on its NIC in all that time is ARP, mostly g3's.
STRAY = 100
# In ms: how long the transfer may stand still, unless it does half as long with the same traffic beside it and no
# channels for that. A path that changes is allowed twice as much.
STALL = 500 * debug.PACE


def talk(g3, peers):
    """What g3 does in each round, whether there are channels or not."""
    for peer in peers:
        g3.check(f"ping -q -c {PINGS} -i {INTERVAL} -W 5 {peer.ip}")


def transfer(g1, g2, beside):
    """Runs what is beside it; returns for how many ms a stream from g1 to g2 stood still at most. Nothing may be lost,
    or take the NIC."""
    with traffic.mixture(g1, g2) as mixture:
        with Movement({g2: ["eth0", "xl0"]}) as moved:
            beside()
        report = mixture.finish()
    expect(moved[g2, "xl0"] > 10 * STRAY and moved[g2, "eth0"] < STRAY, f"not on xl0: {moved}")
    return report["max_stall_ms"]


def run(lab):
    g1, g2, g3 = (lab.guest(name) for name in NEEDS.guests)
    lab.create_guests((OTHER,))
    other = lab.guest(OTHER)
    xlnet.load(lab.dom0)
    # It is g2 that keeps its channel open; g1 has one to g3 only while they talk.
    xlnet.load(g1, f"idle_close={IDLE}")
    xlnet.load(g2)
    xlnet.wait_for_routes(lab)

    def quiet():
        for _ in range(ROUNDS):
            talk(g3, (other, g1))
            g3.check(f"nap {IDLE}")

    without = transfer(g1, g2, quiet)
    mark = "lab: others come and go"
    g1.mark(mark)
    for guest in (g3, other):
        xlnet.load(guest, f"idle_close={IDLE}")

    def open_and_close():
        for _ in range(ROUNDS):
            for peer in (other, g1):
                xlnet.from_first_packet(g3, peer)
            talk(g3, (other, g1))
            wait_until("the channels of g3 to close", lambda: not xlnet.channels(g3), xlnet.PATIENCE, interval=0.5)

    stood = transfer(g1, g2, open_and_close)
    lab.dom0.note(f"longest stall in ms: {without}, and {stood} while others' channels opened and closed")
    log = g1.kernel_log(mark)
    opened = log.count(f"peer {g3.domid}: connected")
    expect(opened >= ROUNDS, f"g1 had {opened} channels to g3")
    expect(f"peer {g2.domid}: " not in log, f"the channel to g2 did not stay as it was:\n{log}")
    expect(stood <= max(STALL, 2 * without), f"the transfer stood still for {stood} ms, without the others for {without}")
    xlnet.unload_all(lab)
    lab.destroy(OTHER)
