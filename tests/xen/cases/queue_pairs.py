"""With two CPUs a guest, two queue pairs carry the flows, each in order; ethtool -L changes that live."""

import re
import time

from lab import counters, families, tools, traffic, xlnet
from lab.checks import expect
from lab.needs import Needs
from lab.topology import Settings

NEEDS = Needs(guests=(), loaded=None)
CPUS = 2
GUESTS = (
    Settings("q1", "10.0.0.61", vcpus=CPUS),
    Settings("q2", "10.0.0.62", vcpus=CPUS),
    Settings("q3", "10.0.0.63", vcpus=1),
)
# So many that by chance all of them never are on the same of two queue pairs.
FLOWS = 20
# So few that the guests have time for what they are asked meanwhile.
FEW_FLOWS = 6
SECONDS = 5
MANY = 100
# In milliseconds, between the blocks of a flow. Without any, four CPUs on the two of the machine leave a guest's own
# kernel no time for 15 s.
PAUSE = 20
# Of one flow: a number, so that how fast the machine is does not matter.
TRANSACTIONS = 2 * MANY
# So many that by chance the hashes of all of them never mean the same of two queue pairs.
SOCKETS = 10


def packets(guest, peer):
    """What each queue pair to the peer has sent and received: a list of two for each of them."""
    statistics = xlnet.statistics(guest)
    return [
        [statistics[f"peer{peer.domid}_pair{pair}_{way}_packets"] for way in ("tx", "rx")]
        for pair in range(CPUS)
    ]


def flows_use_all(first, second):
    """Many flows move packets on every queue pair, both ways, and none out of order."""
    guests = (first, second)
    before = [packets(*guests), packets(*reversed(guests))]
    with traffic.echo(second):
        reordered = [counters.out_of_order(guest) for guest in guests]
        stream = traffic.Stream(first, second, FLOWS, PAUSE)
        datagrams = traffic.Datagrams(first, second)
        with traffic.running(stream), traffic.running(datagrams):
            time.sleep(SECONDS)
            # So many flows keep the CPUs busy; only the order is looked at.
            report = datagrams.finish(outage=xlnet.PATIENCE)
            stream.finish()
    after = [packets(*guests), packets(*reversed(guests))]
    for guest, was, now in zip(guests, before, after, strict=True):
        moved = [[new - old for old, new in zip(*pair, strict=True)] for pair in zip(was, now, strict=True)]
        expect(all(min(pair) > MANY for pair in moved), f"{guest.name}: tx, rx of each pair: {moved}")
    expect(report["reordered"] == 0, f"UDP: {report}")
    for guest, was in zip(guests, reordered, strict=True):
        late = counters.out_of_order(guest) - was
        expect(late == 0, f"{guest.name} received {late} TCP segments out of order")


def flow_keeps_its_pair(first, second):
    """A flow, which is what its ports say, takes one queue pair, whatever hash its socket has, or flow label in
    IPv6: each has another, and TCP's changes with each timeout. What is sent back takes the same one."""
    taken = []
    before = packets(first, second)
    for _ in range(SOCKETS):
        tools.start_netperf(first, second.ip, "UDP_RR", -TRANSACTIONS, "-P 6000,6001").check()
        after = packets(first, second)
        moved = [[new - old for old, new in zip(*pair, strict=True)] for pair in zip(before, after, strict=True)]
        before = after
        # netperf's own connection may take the other one.
        sent, received = zip(*moved, strict=True)
        expect(max(sent) > MANY, f"packets sent in one flow, by queue pair: {sent}")
        taken.append(sent.index(max(sent)))
        expect(received[taken[-1]] > MANY, f"packets of one flow by queue pair, sent {sent}, received {received}")
    expect(len(set(taken)) == 1, f"queue pairs that one flow took, one socket after the other: {taken}")


def cpus_share_events(guest):
    """The event channels of the two queue pairs interrupt different CPUs."""
    cpus = guest.check("cat $(ls -d /proc/irq/*/xlnet | sed s/xlnet$/effective_affinity_list/)").split()
    expect(set(map(str, range(CPUS))) <= set(cpus), f"{guest.name}: events arrive on CPUs {cpus} only")


def shows_number_of_cpus(guest):
    """A guest may have, and asks for, a queue pair for each of its CPUs."""
    shown = re.findall(r"^Combined:\s+(\d+)", guest.check("ethtool -l xl0"), re.MULTILINE)
    expect(shown == [str(guest.settings.vcpus)] * 2, f"{guest.name}: maximum and present: {shown}")


def bad_numbers_are_refused(guest):
    shown = guest.check("ethtool -l xl0")
    for arguments in ("combined 0", f"combined {CPUS + 1}", "tx 1"):
        result = guest.run(f"ethtool -L xl0 {arguments}")
        expect(result.status != 0, f"ethtool -L xl0 {arguments} is taken:\n{result.out}")
        expect(result.out.strip(), f"ethtool -L xl0 {arguments} is refused without a word")
    expect(guest.check("ethtool -l xl0") == shown, "a number that was refused has changed something")


def changes_lose_nothing(lab, first, second):
    """ethtool -L at either guest, while flows use all queue pairs. Each change takes the traffic to eth0 and
    back; the order is not looked at, as two paths have none."""
    counts = (1, CPUS)
    guests = (first, second)
    with traffic.mixture(first, second, FEW_FLOWS) as mixture:
        late = sum(map(counters.out_of_order, guests))
        for guest in guests:
            for count in counts:
                guest.check(f"ethtool -L xl0 combined {count}")
                xlnet.wait_for_queue_pairs(lab, guests, count)
        late = sum(map(counters.out_of_order, guests)) - late
        first.note(f"{late} TCP segments out of order with {len(guests) * len(counts)} changes")
        mixture.finish(changes=2 * len(guests) * len(counts))


def run(lab):
    names = [settings.name for settings in GUESTS]
    lab.create_all(GUESTS)
    q1, q2, q3 = (lab.guest(name) for name in names)
    xlnet.load_all(lab, names)
    for guest in (q1, q2, q3):
        shows_number_of_cpus(guest)
    xlnet.wait_for_queue_pairs(lab, (q1, q2), CPUS)
    cpus_share_events(q1)
    cpus_share_events(q2)
    for here, there in ((q1, q2), (q2, q1)):
        with traffic.echo(there):
            here.check(f"traffic sizes {there.ip}:{traffic.PORT}", timeout=180)
    flows_use_all(q1, q2)
    for version in families.VERSIONS:
        with families.speaking(version, q1, q2):
            xlnet.wait_for_routes(lab, (q1.name, q2.name))
            flow_keeps_its_pair(q1, q2)
            if lab.thorough and version == families.IPV6:
                with traffic.echo(q2):
                    q1.check(f"traffic sizes {q2.host}:{traffic.PORT}", timeout=180)
                flows_use_all(q1, q2)
    bad_numbers_are_refused(q1)
    changes_lose_nothing(lab, q1, q2)
    flows_use_all(q1, q2)

    xlnet.wait_for_queue_pairs(lab, (q1, q3), 1)
    with traffic.echo(q3):
        q1.check(f"traffic sizes {q3.ip}:{traffic.PORT}", timeout=180)
    first, *others = packets(q1, q3)
    expect(min(first) > MANY and not any(map(any, others)), f"q1 to q3, by pair: {first} {others}")
