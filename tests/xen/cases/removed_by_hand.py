"""The rules, routes and next hops of xlnet, removed by hand under traffic, are there again a second later."""

from lab import debug, families, traffic, xlnet
from lab.checks import expect, wait_until
from lab.counters import Movement

BACK = 2.0 * debug.PACE
MANY = 50
RULES = "ip rule del pref 32765; ip -6 rule del pref 32764; ip -6 rule del pref 32765"
# The kernel refuses what `ip route flush` asks for: a route with both its next hops and their number.
ROUTES = """
remove() {
  ip -o $1 route show table $2 | while read -r address _; do ip $1 route del $address table $2; done
}
remove -4 xlnet; remove -6 xlnet; remove -6 xlnet-replies
"""
# One after the other, as some are gone with others.
NEXT_HOPS = """
ip nexthop | while read -r _ number _; do echo $number; done >/tmp/.hops
while read -r number; do ip nexthop del id $number; nap {pause}; done </tmp/.hops
true
"""
ALL = f"{RULES}\n{ROUTES}\nip nexthop flush; true"


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    with families.dressed(g1, g2):
        xlnet.wait_for_routes(lab)
        remove(g1, g2)


def remove(g1, g2):
    expected = xlnet.standing(g1)
    for part in ("lookup xlnet", "lookup xlnet-replies", *g2.addresses, "dev xl0", "dev eth0"):
        expect(part in "\n".join(expected), f"nothing with '{part}' to be removed: {expected}")
    removals = {
        "the rules": RULES,
        "the routes": ROUTES,
        "the next hops": NEXT_HOPS.format(pause=1.5 * BACK),
    }
    with traffic.mixture(g1, g2) as mixture:
        for name, script in removals.items():
            come_back(g1, name, script, expected)
            with Movement({g1: ["eth0", "xl0"]}, ("tx",)) as moved:
                g1.check("nap 1")
            expect(moved[g1, "xl0"] > MANY > moved[g1, "eth0"], f"after {name} were removed: {moved}")
        mixture.finish(changes=4 * len(removals))
    # What goes again within half a second is put back after that. Until then IPv6 loses what sockets send along next
    # hops that they have found before.
    for name, script in {"the next hops, at once": NEXT_HOPS.format(pause=0), "all": ALL}.items():
        come_back(g1, name, script, expected)


def come_back(g1, name, script, expected):
    g1.check(script)
    wait_until(f"{name} to be there again: {expected}", lambda: xlnet.standing(g1) == expected, BACK)
