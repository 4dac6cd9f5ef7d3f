"""Connection tracking has one entry for each flow of either family, and none invalid, when its path changes."""

import re

from lab import families, traffic, transparency, xlnet
from lab.checks import expect

# By setting xl0 down and up; unloading and loading the module makes two more.
FLIPS = 8
# Packets of what is tracked come in by eth0, of no other device; what is invalid is counted, and lost. Neighbor
# Discovery is not tracked.
RULES = """
table inet lab {
  chain input {
    type filter hook input priority 0; policy drop;
    iifname "lo" accept;
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept;
    ct state invalid counter drop;
    iifname "eth0" ct state new,established accept;
    counter;
  };
  chain output {
    type filter hook output priority 0; policy accept;
    ct state invalid counter drop;
  };
}
"""


# What the mixture has, the datagrams in both families.
PROTOCOLS = ["icmp", "tcp", "udp", "udp"]


def entries(guest):
    """The lines of the entries for the mixture's flows, by their numbers."""
    output = guest.check("for family in ipv4 ipv6; do conntrack -L -f $family -o id 2>/dev/null; done")
    lines = [line for line in output.splitlines() if f"dport={traffic.PORT} " in line or protocol(line) == "icmp"]
    return {re.search(r"id=(\d+)", line)[1]: line for line in lines}


def protocol(line):
    return line.split()[0]


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    with families.dressed(g1, g2):
        # What says so pings.
        xlnet.wait_for_routes(lab)
        keeps_state(lab, g1, g2)


def keeps_state(lab, g1, g2):
    try:
        for guest in (g1, g2):
            guest.check(transparency.nft(RULES))
        with traffic.mixture(g1, g2) as mixture:
            before = {guest: entries(guest) for guest in (g1, g2)}
            refused = flip(lab, g1, g2)
            for guest, was in before.items():
                found = sorted(map(protocol, was.values()))
                expect(found == PROTOCOLS, f"{guest.name} does not track all: {was}")
                now = entries(guest)
                # What waits for routes pings, too.
                new = [line for number, line in now.items() if number not in was and protocol(line) != "icmp"]
                expect(
                    set(was) <= set(now) and not new,
                    f"{guest.name} had the entries {was}, and now has {now}",
                )
                (tcp,) = (line for line in now.values() if protocol(line) == "tcp")
                expect("ESTABLISHED" in tcp and "[ASSURED]" in tcp, f"{guest.name}: {tcp}")
            mixture.finish(changes=FLIPS + 2 + refused)
        for guest in (g1, g2):
            rules = guest.check("nft list ruleset")
            counters = re.findall(r"packets (\d+)", rules)
            expect(set(counters) == {"0"}, f"{guest.name} refused packets:\n{rules}")
    finally:
        for guest in (g1, g2):
            guest.run(transparency.NFT_UNDO)


def flip(lab, g1, g2):
    """Takes the traffic to eth0 and back, again and again; returns what the kernel refused for xl0 as it went down."""
    dropped = "/sys/class/net/xl0/statistics/tx_dropped"
    before = int(g1.read(dropped))
    for _ in range(FLIPS // 2):
        g1.check("ip link set xl0 down; nap 1; ip link set xl0 up")
        xlnet.wait_for_routes(lab)
    refused = int(g1.read(dropped)) - before
    xlnet.unload(g1)
    g1.check("nap 1")
    xlnet.load(g1)
    xlnet.wait_for_routes(lab)
    return refused
