"""Packets in quick succession are awaited awake by a CPU that has nothing else to do, and by no other."""

from lab import idle, xlnet
from lab.checks import expect
from lab.needs import Needs

NEEDS = Needs(loaded=False)
SECONDS = 3


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    xlnet.load_all(lab)
    policies = [time.policy for guest in (g1, g2) for time in idle.threads(guest).values()]
    expect(policies == [idle.SCHED_IDLE] * 2, f"policies of the polling threads: {policies}")
    with idle.Used(g1, g2) as used:
        shares = idle.transact(g1, g2, SECONDS)
    # On a busy machine fewer come in quick succession.
    expect(min(shares) > 0.1, f"of the packets of UDP_RR these parts were polled for: {shares}")
    expect(min(used.all()) > 0, f"used for polling: {used}")

    with idle.Used(g1, g2) as used:
        g1.check(f"sleep {SECONDS}")
    expect(max(used.all()) < 0.1, f"used for polling while nothing came: {used}")

    hog = g2.start("exec sh -c 'while :; do :; done'")
    with idle.Used(g2) as used:
        idle.transact(g1, g2, SECONDS)
    hog.kill()
    expect(max(used.all()) < SECONDS / 4, f"used for polling beside what wanted to run: {used}")

    xlnet.unload_all(lab)
    for guest in (g1, g2):
        expect(not idle.threads(guest), f"{guest.name}: the polling thread outlived the module")
        xlnet.load(guest, "idle_poll=0")
    xlnet.load_all(lab)
    expect(not idle.threads(g1), "there is a polling thread in spite of idle_poll=0")
    shares = idle.transact(g1, g2, SECONDS)
    expect(max(shares) == 0, f"with idle_poll=0 these parts were polled for: {shares}")
