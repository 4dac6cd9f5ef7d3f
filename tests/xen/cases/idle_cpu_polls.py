"""Packets in quick succession are awaited awake by a CPU that has nothing else to do, and by no other."""

from lab import tools, xlnet
from lab.checks import expect
from lab.counters import kernel_counter
from lab.needs import Needs

NEEDS = Needs(loaded=False)
SECONDS = 3
# proc(5): fields of /proc/PID/stat after the name: user and system time in hundredths, and nice.
UTIME, STIME, NICE = 11, 12, 16
FIND = "grep -slx xl0-idle /proc/[0-9]*/comm"


class Thread:
    """The thread that polls, in one guest."""

    def __init__(self, guest):
        self._guest = guest
        self._stat_path = guest.check(FIND).strip().replace("comm", "stat")
        self.nice = int(self._stat()[NICE])
        self._before = self._seconds()

    def _stat(self):
        return self._guest.read(self._stat_path).rpartition(")")[2].split()

    def _seconds(self):
        fields = self._stat()
        return (int(fields[UTIME]) + int(fields[STIME])) / 100

    def used(self):
        """The CPU seconds it has used since this was asked last."""
        before, self._before = self._before, self._seconds()
        return self._before - before


def polled(guest):
    """How many packets the guest's kernel has received by polling beside softirqs."""
    return kernel_counter(guest, "BusyPollRxPackets")


def transact(client, server):
    """Transactions for a while; the share of the packets that each side received by polling."""
    guests = (client, server)
    before = [(polled(guest), received(guest)) for guest in guests]
    tools.netperf(client, server.ip, "UDP_RR", SECONDS)
    return [
        (polled(guest) - old_polled) / (received(guest) - old_received)
        for guest, (old_polled, old_received) in zip(guests, before, strict=True)
    ]


def received(guest):
    figures = xlnet.statistics(guest)
    return sum(value for name, value in figures.items() if name.endswith("_rx_packets"))


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    xlnet.load_all(lab)
    threads = [Thread(guest) for guest in (g1, g2)]
    expect(all(thread.nice == 19 for thread in threads), "the polling thread is not the least of all")
    shares = transact(g1, g2)
    # On a busy machine fewer come in quick succession.
    expect(min(shares) > 0.1, f"of the packets of UDP_RR these parts were polled for: {shares}")
    used = [thread.used() for thread in threads]
    expect(min(used) > 0, f"CPU seconds used for polling: {used}")

    g1.check(f"sleep {SECONDS}")
    used = [thread.used() for thread in threads]
    expect(max(used) < 0.1, f"CPU seconds used for polling while nothing came: {used}")

    hog = g2.start("exec sh -c 'while :; do :; done'")
    transact(g1, g2)
    used = threads[1].used()
    hog.kill()
    expect(used < SECONDS / 4, f"polling took {used} CPU seconds from what wanted to run")

    xlnet.unload_all(lab)
    for guest in (g1, g2):
        expect(guest.run(FIND).status != 0, f"{guest.name}: the polling thread outlived the module")
        xlnet.load(guest, "idle_poll=0")
    xlnet.load_all(lab)
    expect(g1.run(FIND).status != 0, "there is a polling thread in spite of idle_poll=0")
    shares = transact(g1, g2)
    expect(max(shares) == 0, f"with idle_poll=0 these parts were polled for: {shares}")
