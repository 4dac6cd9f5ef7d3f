"""The rule, routes and next hops of xlnet, removed by hand under traffic, are there again a second later."""

from lab import debug, traffic, xlnet
from lab.checks import expect, wait_until
from lab.counters import Movement

BACK = 2.0 * debug.PACE
MANY = 50
RULE = "ip rule del pref 32765"
# The kernel refuses what `ip route flush` asks for: a route with both its next hops and their number.
ROUTES = "ip -o route show table xlnet | while read -r address _; do ip route del $address table xlnet; done"
# One after the other, as some are gone with others.
NEXT_HOPS = """
ip nexthop | while read -r _ number _; do echo $number; done >/tmp/.hops
while read -r number; do ip nexthop del id $number; nap {pause}; done </tmp/.hops
true
"""
ALL = f"{RULE}; {ROUTES}; ip nexthop flush; true"


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    expected = xlnet.standing(g1)
    for part in ("lookup xlnet", g2.ip, "dev xl0", "dev eth0"):
        expect(part in "\n".join(expected), f"nothing with '{part}' to be removed: {expected}")
    removals = {
        "the rule": RULE,
        "the routes": ROUTES,
        "the next hops": NEXT_HOPS.format(pause=0),
        "the next hops, slowly": NEXT_HOPS.format(pause=1.5 * BACK),
        "all": ALL,
    }
    with traffic.mixture(g1, g2) as mixture:
        for name, script in removals.items():
            g1.check(script)
            wait_until(f"{name} to be there again: {expected}", lambda: xlnet.standing(g1) == expected, BACK)
            with Movement({g1: ["eth0", "xl0"]}, ("tx",)) as moved:
                g1.check("nap 1")
            expect(moved[g1, "xl0"] > MANY > moved[g1, "eth0"], f"after {name} were removed: {moved}")
        mixture.finish(changes=4 * len(removals))
