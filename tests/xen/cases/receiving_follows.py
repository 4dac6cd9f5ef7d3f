"""Packets are received on the CPU of those who send through a queue pair, in order, or where an administrator says."""

import re
import time

from lab import counters, tools, traffic, xlnet
from lab.checks import expect
from lab.needs import Needs
from lab.topology import Settings

NEEDS = Needs(guests=(), loaded=None)
CPUS = 2
GUESTS = (Settings("f1", "10.0.0.64", vcpus=CPUS), Settings("f2", "10.0.0.65", vcpus=CPUS))
SECONDS = 3
MOVES = 6
# Between two moves, in seconds: several times the 100 ms in which there is one at most.
PAUSE = 1
# In milliseconds, between the blocks of a flow, which leaves the guests time for what they are asked.
BLOCK_PAUSE = 2


def interrupts(guest):
    """The directories of the event channels' interrupts in /proc/irq."""
    return guest.check("for i in /proc/irq/*/xlnet; do echo ${i%/xlnet}; done").split()


def cpus(guest):
    """Where events may arrive, and do: a pair of lists of CPUs for each event channel."""
    output = guest.check(
        "for i in /proc/irq/*/xlnet; do read -r may <${i%/xlnet}/smp_affinity_list;"
        " read -r do <${i%/xlnet}/effective_affinity_list; echo $may $do; done"
    )
    return [tuple(line.split()) for line in output.splitlines()]


def single_pair(lab, guests):
    """One queue pair, so that there is one event channel to look at."""
    for guest in guests:
        guest.check("ethtool -L xl0 combined 1")
    xlnet.wait_for_queue_pairs(lab, guests, 1)


def transact(guests, cpu):
    tools.netperf(guests[0], guests[1].ip, "UDP_RR", SECONDS, cpu=cpu)


def follows(guests):
    """Programs on one CPU receive there, and on the other one when they run there."""
    for cpu in (1, 0, 1):
        transact(guests, cpu)
        for guest in guests:
            expect(cpus(guest) == [(str(cpu), str(cpu))], f"{guest.name}, program on {cpu}: {cpus(guest)}")


def pin(guest, cpu):
    """Has the traffic in a guest run on a CPU from now on."""
    guest.check(
        f"for p in $(pidof traffic); do for t in /proc/$p/task/*; do taskset -p {1 << cpu:x} ${{t##*/}}; done; done"
    )


def keeps_order(guests):
    """Nothing is lost, or comes out of order, while programs move from CPU to CPU and events follow."""
    first, second = guests
    seen = set()
    late = sum(map(counters.out_of_order, guests))
    with traffic.echo(second):
        stream = traffic.Stream(first, second, 1, BLOCK_PAUSE)
        datagrams = traffic.Datagrams(first, second)
        with traffic.running(stream), traffic.running(datagrams):
            stream.wait_alive()
            for move in range(MOVES):
                for guest in guests:
                    pin(guest, move % CPUS)
                time.sleep(PAUSE)
                seen.update(arrive for _, arrive in cpus(first))
            report = datagrams.finish(outage=0)
            stream.finish()
    late = sum(map(counters.out_of_order, guests)) - late
    expect(len(seen) == CPUS, f"events of {first.name} arrived on CPUs {seen} only")
    expect(late == 0, f"{late} TCP segments out of order")
    expect(report["reordered"] == 0, f"UDP: {report}")


def administrator_wins(guests):
    """A mask that somebody writes stays, until it says nothing again, also if it is what it was before."""
    guest = guests[0]
    [directory] = interrupts(guest)
    transact(guests, 1)
    for choice in (1, 0):
        guest.check(f"echo {choice} >{directory}/smp_affinity_list")
        for cpu in range(CPUS):
            transact(guests, cpu)
            expect(
                cpus(guest) == [(str(choice), str(choice))],
                f"program on {cpu}, events were to stay on {choice}: {cpus(guest)}",
            )
    guest.check(f"echo 0-{CPUS - 1} >{directory}/smp_affinity_list")
    for cpu in range(CPUS):
        transact(guests, cpu)
        expect(cpus(guest) == [(str(cpu), str(cpu))], f"program on {cpu}, events were free: {cpus(guest)}")


def cpu_goes_and_comes(guests):
    """Events follow to a CPU that was offline meanwhile, which the kernel had taken them from."""
    guest = guests[0]
    last = CPUS - 1
    transact(guests, last)
    for online in (0, 1):
        guest.check(f"echo {online} >/sys/devices/system/cpu/cpu{last}/online")
        expect(cpus(guest) == [("0", "0")], f"events arrive on {cpus(guest)}, CPU {last} was taken offline")
    transact(guests, last)
    expect(cpus(guest) == [(str(last), str(last))], f"program on {last}, which came back: {cpus(guest)}")


def sending_follows_xps(guests):
    """A transmit queue that the administrator maps to CPUs is taken by those who send there, whatever other queues they
    are mapped to."""
    first, second = guests
    peer = f"peer{second.domid}"
    numbers = sorted(int(number) for number in re.findall(r"tx-(\d+)", first.check("ls /sys/class/net/xl0/queues")))
    masks = dict.fromkeys(numbers, (1 << CPUS) - 1)
    # The last ones are the only peer's.
    masks |= {number: 1 << cpu for cpu, number in enumerate(numbers[-CPUS:])}
    for number, mask in masks.items():
        first.check(f"echo {mask:x} >/sys/class/net/xl0/queues/tx-{number}/xps_cpus")
    for cpu in range(CPUS):
        before = xlnet.statistics(first)
        transact(guests, cpu)
        after = xlnet.statistics(first)
        sent = [after[name] - before[name] for name in (f"{peer}_pair{pair}_tx_packets" for pair in range(CPUS))]
        expect(sent[cpu] > 0.9 * sum(sent), f"program on {cpu}, packets by queue pair: {sent}")
    for number in numbers:
        first.check(f"echo 0 >/sys/class/net/xl0/queues/tx-{number}/xps_cpus")


def run(lab):
    lab.create_all(GUESTS)
    guests = [lab.guest(settings.name) for settings in GUESTS]
    xlnet.load_all(lab, [guest.name for guest in guests])
    sending_follows_xps(guests)
    single_pair(lab, guests)
    follows(guests)
    keeps_order(guests)
    cpu_goes_and_comes(guests)
    administrator_wins(guests)
