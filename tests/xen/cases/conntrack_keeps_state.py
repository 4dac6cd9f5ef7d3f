"""Connection tracking has one entry for each flow, and none invalid, however often the flow's path changes."""

import re

from lab import traffic, transparency, xlnet
from lab.checks import expect

# By setting xl0 down and up; unloading and loading the module makes two more.
FLIPS = 8
# Packets of what is tracked come in by eth0, of no other device; what is invalid is counted, and lost.
RULES = """
table inet lab {
  chain input {
    type filter hook input priority 0; policy drop;
    iifname "lo" accept;
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


def entries(guest):
    """The lines of the entries for the mixture's flows, by protocol."""
    output = guest.check("conntrack -L -o id 2>/dev/null")
    lines = [line for line in output.splitlines() if f"dport={traffic.PORT} " in line or "icmp" in line]
    return {line.split()[0]: line for line in lines}, len(lines)


def number(line):
    return re.search(r"id=(\d+)", line)[1]


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    try:
        for guest in (g1, g2):
            guest.check(transparency.nft(RULES))
        with traffic.mixture(g1, g2) as mixture:
            before = {guest: entries(guest) for guest in (g1, g2)}
            refused = flip(lab, g1, g2)
            for guest, (was, count) in before.items():
                expect(set(was) == {"tcp", "udp", "icmp"}, f"{guest.name} does not track all: {was}")
                now, now_count = entries(guest)
                same = {protocol: number(line) for protocol, line in was.items()}
                expect(
                    {protocol: number(line) for protocol, line in now.items()} == same and now_count == count,
                    f"{guest.name} had the entries {was}, and now has {now}",
                )
                expect("ESTABLISHED" in now["tcp"] and "[ASSURED]" in now["tcp"], f"{guest.name}: {now['tcp']}")
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
