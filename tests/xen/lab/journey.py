"""A guest's journey to the host its partner is on, and back, with xlnet and without.

It is migrated live, which on this Xen only a PVH guest can be; its partner is a PV guest.
"""

from . import families, hosts, life, traffic, xlnet
from .checks import expect, wait_until
from .counters import Movement
from .progress import step

# The packets' devices on two hosts, on one, and on two again.
DEVICES = {"netfront": ("eth0", "eth0", "eth0"), "xlnet": ("eth0", "xl0", "eth0")}
# How long the way is looked for after a move.
PATIENCE = 20
# In MiB. All of it is sent through an emulated network, but in 144 a guest does not boot.
MEMORY = 224
# How many packets one device may carry while the packets between the guests take the other: there are ARP
# and IPv6 on eth0.
OTHERS = {"eth0": 20, "xl0": 0}
# How many are traffic.
MANY = 100


def travel_all(name, out, stay, journeys):
    """Boots two hosts and lets g2 make journeys, named as in DEVICES; it stays where it is for so many
    seconds each time. Returns what was seen of each, and what the scan found in the logs."""
    seen = []
    with hosts.joined(name, out) as labs:
        try:
            hosts.on_all(labs, create)
            for number, journey in enumerate(journeys, 1):
                step(f"journey {number} of {len(journeys)}, with {journey}")
                for lab in labs:
                    if journey == "xlnet":
                        xlnet.load_all(lab, [guest.name for guest in lab.guests()])
                    else:
                        xlnet.unload_all(lab)
                seen.append({"with": journey, **travel(*labs, DEVICES[journey], stay)})
        finally:
            found = hosts.end(labs)
    return seen, found


def create(lab):
    """Creates the host's guest. TCP tries again each second, so that what is seen is not its doubling of
    the pause. An echo server is left running: a command that the driver waits for would not move along."""
    name, ip, type = ("g2", "10.0.0.2", "pvh") if lab.host == 1 else ("g1", "10.0.0.1", "pv")
    guest = lab.create_guest(name, ip=ip, type=type, memory=MEMORY)
    guest.check("echo 1000 >/proc/sys/net/ipv4/tcp_rto_max_ms; echo 255 >/proc/sys/net/ipv4/tcp_retries2")
    guest.check(f"setsid traffic echo {traffic.PORT} & sleep 0.5")
    families.dress(guest)


def travel(here, there, devices, stay):
    """One journey of g2, which g1 has traffic with all the time."""
    g1, g2 = there.guest("g1"), here.guest("g2")
    begun = clock(g1)
    moves = []
    absence = life.Absence()
    with (
        traffic.running(traffic.Datagrams(g1, g2)) as datagrams,
        traffic.running(traffic.Ping(g1, g2, address=g2.ipv6)) as ping,
        traffic.running(traffic.Transactions(g1, g2)) as transactions,
    ):
        stays = [stay_apart_or_together(g1, g2, devices[0], stay)]
        for source, target, device in ((here, there, devices[1]), (there, here, devices[2])):
            step(f"moving g2 to host {target.host}")
            left = clock(g1)
            _, away = life.migrate(source, g2, target)
            absence.add(away)
            moves.append((left, clock(g1), away))
            stays.append(stay_apart_or_together(g1, g2, device, stay))
        samples = transactions.finish()
        ping.finish(absence.seconds)
        report = datagrams.finish(absence.seconds)
    return {
        "devices": devices,
        "rates": [mean_rate(samples, *span) for span in stays],
        "lost": report["lost"],
        "gap": report["max_gap_ms"] / 1000,
        "away": [round(away, 3) for *_, away in moves],
        "stays": since(begun, stays),
        "moves": since(begun, moves),
        "samples": [[*span, rate] for span, (_, _, rate) in zip(since(begun, samples), samples, strict=True)],
    }


def clock(guest):
    """Seconds since 1970, as netperf has them."""
    return float(guest.check("echo $EPOCHREALTIME"))


def since(begun, spans):
    """When each began and ended."""
    return [[round(start - begun, 3), round(end - begun, 3)] for start, end, *_ in spans]


def stay_apart_or_together(g1, g2, device, seconds):
    """Waits until the packets to g2 take the device, in each family that both have, then sees that no other carries
    any for a while. Returns when that began and ended."""
    for address in families.shared(g1, g2):
        taken = lambda address=address: xlnet.device_to(g1, address) == device
        wait_until(f"packets to {address} to take {device}", taken, PATIENCE)
    begun = clock(g1)
    with Movement({g1: ["eth0", "xl0"]}) as moved:
        g1.check(f"sleep {seconds}")
    ended = clock(g1)
    other = {"eth0": "xl0", "xl0": "eth0"}[device]
    g1.note(f"packets: {moved}")
    expect(moved[g1, device] > MANY, f"{device} does not carry the traffic: {moved}")
    expect(moved[g1, other] <= OTHERS[other], f"{other} carries packets, too: {moved}")
    return begun, ended


def mean_rate(samples, begun, ended):
    """Transactions per second in the stretches inside a span of time."""
    inside = [(end - start, rate) for start, end, rate in samples if begun <= start and end <= ended]
    expect(inside, f"no transaction ended between {begun} and {ended}: {samples}")
    return round(sum(length * rate for length, rate in inside) / sum(length for length, _ in inside), 1)
