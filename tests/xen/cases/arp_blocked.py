"""Traffic goes on while a guest's ARP or Neighbor Discovery is blocked, on eth0 in the end, and returns to xl0."""

from lab import families, traffic, transparency, xlnet
from lab.checks import expect
from lab.counters import Movement

# Confirmations age: a probe every 30 s, and three without an answer end it; two minutes are enough.
BLOCKED = 125
# The first answer counts; unanswered probes have backed off to one a minute.
RETURN = 75
MANY = 100
# Nothing that g2 asks or answers leaves it; what others ask and answer reaches it.
BLOCK = {
    families.IPV4: "table arp lab { chain output { type filter hook output priority 0; policy drop; }; }",
    families.IPV6: "table ip6 lab { chain output { type filter hook output priority 0;"
    " icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } drop; }; }",
}


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    for version in families.VERSIONS:
        with families.speaking(version, g1, g2):
            xlnet.wait_for_routes(lab)
            blocked(lab, g1, g2)


def blocked(lab, g1, g2):
    watched = {g1: ["eth0", "xl0"], g2: ["eth0", "xl0"]}
    with traffic.mixture(g1, g2) as mixture:
        g2.check(transparency.nft(BLOCK[g2.version]))
        try:
            g1.check(f"nap {BLOCKED}", timeout=BLOCKED + 60)
            for guest, peer in ((g1, g2), (g2, g1)):
                expect(not xlnet.has_route(guest, peer), f"{guest.name} still has a route on xl0")
            with Movement(watched, ("rx",)) as moved:
                g1.check("nap 2")
            for guest in (g1, g2):
                expect(moved[guest, "eth0"] > MANY > moved[guest, "xl0"], f"while blocked: {moved}")
        finally:
            g2.check("nft flush ruleset")
        xlnet.wait_for_routes(lab, timeout=RETURN)
        with Movement(watched, ("rx",)) as moved:
            g1.check("nap 2")
        for guest in (g1, g2):
            expect(moved[guest, "xl0"] > MANY > moved[guest, "eth0"], f"after that: {moved}")
        mixture.finish(changes=4)
