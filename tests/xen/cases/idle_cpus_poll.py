"""Of several CPUs the one polls on which the application waits, if the host can spare it, while CPUs come and go."""

from lab import idle, xlnet
from lab.checks import expect
from lab.needs import Needs
from lab.topology import Settings

NEEDS = Needs(guests=(), loaded=False)
CPUS = 2
GUESTS = (Settings("i1", "10.0.0.66", vcpus=CPUS), Settings("i2", "10.0.0.67", vcpus=CPUS))
# Keeps both CPUs of the machine busy, and is no peer.
HOG = Settings("i3", "10.0.0.68", vcpus=CPUS)
SECONDS = 3
# The part of that in which the host may be found short of CPUs, again and again: two ticks of every pause.
PROBING = 0.15


def on_the_waiter(guests):
    """The thread of the CPU that the programs run on polls, and the other one does not."""
    for cpu in range(CPUS):
        with idle.Used(*guests) as used:
            shares = idle.transact(*guests, SECONDS, cpu)
        # There are more virtual CPUs than the machine has, so it may be short of them now and then.
        expect(min(shares) > 0.1, f"of the packets of UDP_RR on CPU {cpu} these parts were polled for: {shares}")
        for guest in guests:
            here, there = used[guest.name, cpu], used[guest.name, 1 - cpu]
            expect(here > 4 * there, f"programs were on CPU {cpu}, used for polling: {used}")


def beside_who_computes(guests, hog):
    """Where another guest wants the CPUs, there is next to no polling, and there is again afterwards."""
    loops = [hog.start("exec sh -c 'while :; do :; done'") for _ in range(CPUS)]
    with idle.Used(*guests) as used:
        idle.transact(*guests, SECONDS, 1)
    for loop in loops:
        loop.kill()
    for guest in guests:
        expect(used[guest.name, 1] < PROBING * SECONDS, f"used for polling on a busy host: {used}")
    shares = idle.transact(*guests, 2 * SECONDS, 1)
    expect(min(shares) > 0.1, f"the host is idle again, these parts were polled for: {shares}")


def cpu_goes_and_comes(guests):
    """A CPU that went offline polls again when it is back."""
    first = guests[0]
    online = f"/sys/devices/system/cpu/cpu{CPUS - 1}/online"
    first.check(f"echo 0 >{online}")
    idle.transact(*guests, SECONDS, 0)
    first.check(f"echo 1 >{online}")
    with idle.Used(first) as used:
        shares = idle.transact(*guests, SECONDS, CPUS - 1)
    expect(min(shares) > 0.1, f"after CPU {CPUS - 1} came back these parts were polled for: {shares}")
    expect(used[first.name, CPUS - 1] > 0, f"used for polling after the CPU came back: {used}")


def run(lab):
    lab.create_all((*GUESTS, HOG))
    guests = [lab.guest(settings.name) for settings in GUESTS]
    xlnet.load_all(lab, [guest.name for guest in guests])
    on_the_waiter(guests)
    beside_who_computes(guests, lab.guest(HOG.name))
    cpu_goes_and_comes(guests)
    xlnet.unload_all(lab)
    for guest in guests:
        expect(not idle.threads(guest), f"{guest.name}: polling threads outlived the module")
