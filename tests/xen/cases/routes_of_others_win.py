"""Routes, rules and addresses that an administrator sets up have their say as they have it without xlnet."""

from lab import families, transparency, xlnet
from lab.checks import expect
from lab.needs import Needs
from lab.transparency import tcp

NEEDS = Needs(guests=("g1", "g2", "g3"), loaded=False)
# A network behind a guest and the address that this has there, by the version of IP.
BEHIND = {4: ("10.9.0.0/24", "10.9.0.1/24"), 6: ("2001:db8:9::/64", "2001:db8:9::1/64 nodad")}
# Another address of g1's, how it is written when it is added, and how the first one is.
SECOND = {4: "10.0.0.11", 6: "2001:db8::11"}
ON_THE_LINK = {4: "{}/24", 6: "{}/64 nodad"}
VPN = {4: "10.99.0.1/32", 6: "fd99::1/128 nodad"}
# More addresses of g1's and of g2's in two subnets, and the source by which g1 sends to each of g2's. Of two in one
# subnet IPv4 takes the first; IPv6 has no order that users could rely on, so there g1 has no second one.
SUBNETS = {
    4: (
        ("10.0.0.11", "10.7.0.1"),
        ("10.0.0.22", "10.7.0.2", "10.7.0.22"),
        {"10.0.0.2": "10.0.0.1", "10.0.0.22": "10.0.0.1", "10.7.0.2": "10.7.0.1", "10.7.0.22": "10.7.0.1"},
    ),
    6: (
        ("2001:db8:7::1",),
        ("2001:db8::22", "2001:db8:7::2", "2001:db8:7::22"),
        {
            "2001:db8::2": "2001:db8::1",
            "2001:db8::22": "2001:db8::1",
            "2001:db8:7::2": "2001:db8:7::1",
            "2001:db8:7::22": "2001:db8:7::1",
        },
    ),
}
# The route to the subnet with a source, and as it was before.
OF_THE_SUBNET = {
    4: ("10.0.0.0/24 dev eth0 proto kernel scope link src {}",) * 2,
    6: ("2001:db8::/64 dev eth0 proto kernel metric 256 src {}", "2001:db8::/64 dev eth0 proto kernel metric 256"),
}
# Has a guest forward what is not for it, or not, and say nothing of shorter ways, as IPv6 does nevertheless.
FORWARDING = {
    4: "sysctl -q net.ipv4.ip_forward={on} net.ipv4.conf.all.send_redirects={off} net.ipv4.conf.eth0.send_redirects={off}",
    6: "sysctl -q net.ipv6.conf.all.forwarding={on}",
}


def network_via_peer(trial):
    """ip route add NET via PEER"""
    g1, g2 = trial.g1, trial.g2
    network, address = BEHIND[trial.version]
    inside = address.partition("/")[0]
    behind = trial.applied(
        g2,
        f"ip link add inside type dummy && ip link set inside up && ip address add {address} dev inside",
        "ip link del inside",
    )
    with behind, trial.applied(g1, f"ip route add {network} via {g2.ip}", f"ip route del {network}"):
        trial.ping(g1, g2, address=inside, out="eth0", back="eth0")
        target = f"TCP{trial.version}:{families.host(inside)}:7,nodelay,connect-timeout=2"
        trial.exchange(g1, g2, target, out="eth0", back="eth0")
        # What g2 sends with another source than those on its NIC is not for xl0 either.
        trial.ping(g2, g1, f"-I {inside}", out="eth0", back="eth0")
        trial.ping(g1, g2)


def refusals(trial):
    """ip route add unreachable, blackhole, prohibit PEER, before and after xlnet is loaded"""
    g1, g2 = trial.g1, trial.g2
    for kind in ("unreachable", "blackhole", "prohibit"):
        with trial.applied(g1, f"ip route add {kind} {g2.ip}", f"ip route del {kind} {g2.ip}"):
            trial.no_ping(g1, g2)
            trial.no_ping(g2, g1)
            if trial.loaded and kind == "blackhole":
                xlnet.unload(g1)
                xlnet.load(g1)
                g1.check(f"nap {xlnet.CONVERGENCE}")
                trial.no_ping(g1, g2)
        trial.wait_for_route(g1, g2.ip)
        trial.ping(g1, g2)


def comes(trial, address):
    """A command by which an address of the link comes to eth0."""
    return f"ip address add {ON_THE_LINK[trial.version].format(address)} dev eth0"


def goes(trial, address):
    return f"ip address del {ON_THE_LINK[trial.version].format(address).split()[0]} dev eth0"


def own_route(trial):
    """ip route add PEER dev eth0 src SECOND"""
    g1, g2 = trial.g1, trial.g2
    second = SECOND[trial.version]
    with (
        trial.applied(g1, comes(trial, second), goes(trial, second)),
        trial.applied(g1, f"ip route add {g2.ip} dev eth0 src {second}", f"ip route del {g2.ip} dev eth0"),
    ):
        trial.wait_for_route(g1, g2.ip)
        trial.wait_for_route(g2, second)
        expect_source(g1, g2.ip, second)
        trial.ping(g1, g2)


def own_gateway(trial):
    """ip route add PEER via ANOTHER"""
    g1, g2, g3 = trial.guests
    forwarding = [FORWARDING[trial.version].format(on=on, off=1 - on) for on in (1, 0)]
    with (
        trial.applied(g3, *forwarding),
        trial.applied(g1, f"ip route add {g2.ip} via {g3.ip}", f"ip route del {g2.ip} via {g3.ip}"),
    ):
        # The three ask where they are, which takes eth0, before it is counted.
        g1.check(f"ping -q -c 3 -i 0.2 {g2.ip}")
        trial.ping(g1, g2, out="eth0", back="xl0")
        trial.exchange(g1, g2, out="eth0", back="xl0")
        trial.ping(g1, g3)
    trial.wait_for_route(g1, g2.ip)


def rule_to_peer(trial):
    """ip rule add to PEER lookup main"""
    g1, g2 = trial.g1, trial.g2
    rule = f"to {g2.ip} lookup main pref 100"
    with trial.applied(g1, f"ip -{trial.version} rule add {rule}", f"ip -{trial.version} rule del {rule}"):
        trial.ping(g1, g2, out="eth0", back="xl0")
        trial.exchange(g1, g2, out="eth0", back="xl0")
        trial.ping(g2, g1, out="xl0", back="eth0")


def rule_by_mark(trial):
    """ip rule add fwmark N lookup OTHER, as VPNs do"""
    g1, g2 = trial.g1, trial.g2
    ip = f"ip -{trial.version}"
    with trial.applied(
        g1,
        f"{ip} rule add fwmark 7 lookup 200 pref 100 && {ip} rule add fwmark 8 lookup 201 pref 101 &&"
        f" {ip} route add unreachable default table 200 &&"
        f" {ip} route add {families.NETWORKS[trial.version]} dev eth0 table 201",
        f"{ip} rule del pref 100; {ip} rule del pref 101; {ip} route flush table 200; {ip} route flush table 201",
    ):
        trial.no_ping(g1, g2, "-m 7")
        trial.ping(g1, g2, "-m 8", out="eth0", back="xl0")
        trial.ping(g1, g2, "-m 9")
        trial.ping(g1, g2)


def rule_unlike_mark(trial):
    """ip rule add not fwmark N lookup VPN, as wg-quick does"""
    g1, g2 = trial.g1, trial.g2
    ip = f"ip -{trial.version}"
    with trial.applied(
        g1,
        f"ip link add vpn type dummy && ip address add {VPN[trial.version]} dev vpn && ip link set vpn up &&"
        f" {ip} route add default dev vpn table 202 && {ip} rule add not fwmark 7 lookup 202 pref 102",
        f"{ip} rule del pref 102; ip link del vpn",
    ):
        trial.no_ping(g1, g2)
        trial.no_ping(g2, g1)
        trial.ping(g1, g2, "-m 7", out=None, back=None)


def expect_source(guest, address, source):
    found = xlnet.source_to(guest, address)
    expect(found == source, f"{guest.name} sends to {address} from {found}, not from {source}")


def come_and_go(trial, addresses):
    """Commands by which addresses come, and go in the other order: with the first of a subnet, all others would go."""
    come = " && ".join(comes(trial, address) for address in addresses)
    return come, " && ".join(goes(trial, address) for address in reversed(addresses))


def subnets(trial):
    """two subnets and several addresses on one NIC"""
    g1, g2 = trial.g1, trial.g2
    first, second, expected = SUBNETS[trial.version]
    with (
        trial.applied(g1, *come_and_go(trial, first)),
        trial.applied(g2, *come_and_go(trial, second)),
    ):
        for address, source in expected.items():
            trial.wait_for_route(g1, address)
            trial.wait_for_route(g2, source)
            expect_source(g1, address, source)
            trial.ping(g1, g2, address=address)
        for source in first:
            trial.wait_for_route(g2, source)
            trial.ping(g1, g2, f"-I {source}")
        target = f"TCP{trial.version}:{families.host(second[-1])}:7,nodelay,connect-timeout=2"
        trial.exchange(g1, g2, target)


def source_of_subnet(trial):
    """the source that the route to the subnet says"""
    g1, g2 = trial.g1, trial.g2
    second = SECOND[trial.version]
    says, as_before = (f"ip route change {route}" for route in OF_THE_SUBNET[trial.version])
    with trial.applied(
        g1,
        f"{comes(trial, second)} && {says.format(second)}",
        f"{as_before.format(g1.ip)}; {goes(trial, second)}",
    ):
        trial.wait_for_route(g1, g2.ip)
        trial.wait_for_route(g2, second)
        expect_source(g1, g2.ip, second)
        trial.ping(g1, g2)


# Connects without pause, for so many seconds, and tells the longest time without success, in hundredths of a second,
# and how many there were. `script` runs beside it.
_CONNECT = """
{{ {script}; }} &
now() {{ read -r uptime _ </proc/uptime; uptime=${{uptime/./}}; }}
now; last=$uptime; end=$((uptime + 100 * {seconds})); worst=0; count=0
while ((uptime < end)); do
  if socat -u OPEN:/dev/null {target},connect-timeout=1 2>/dev/null; then
    now; ((uptime - last > worst)) && worst=$((uptime - last)); last=$uptime; ((++count))
  else
    now
  fi
done
((uptime - last > worst)) && worst=$((uptime - last))
wait
echo "$worst $count"
"""
# A connection that a change hits may need another SYN, after a second.
WORST = 300


def addresses_change(trial):
    """addresses that come and go, the first of them too, under a loop of connections"""
    g1, g2 = trial.g1, trial.g2
    first, second = g1.ip, SECOND[trial.version]
    changes = (
        f"nap 1; {comes(trial, second)}; nap 2; {goes(trial, first)}; nap 3; {comes(trial, first)}; nap 2;"
        f" {goes(trial, second)}"
    )
    # There are no secondary addresses in IPv6.
    promote, undo = (f"echo {value} >/proc/sys/net/ipv4/conf/eth0/promote_secondaries" for value in (1, 0))
    with trial.applied(g1, promote, undo):
        output = g1.check(_CONNECT.format(script=changes, seconds=12, target=tcp(g2)))
        worst, count = map(int, output.split())
        expect(worst <= WORST, f"for {worst / 100} s no connection of {count} succeeded")
        trial.wait_for_route(g1, g2.ip)
        trial.wait_for_route(g2, g1.ip)
        expect_source(g1, g2.ip, g1.ip)
        trial.exchange(g1, g2)


IPV6 = (network_via_peer, refusals, own_route, rule_to_peer, rule_by_mark)
IPV6_BESIDES = (own_gateway, rule_unlike_mark, subnets, source_of_subnet, addresses_change)
SETUPS = (
    network_via_peer,
    refusals,
    own_route,
    own_gateway,
    rule_to_peer,
    rule_by_mark,
    rule_unlike_mark,
    subnets,
    source_of_subnet,
    addresses_change,
)


def run(lab):
    transparency.compare(lab, NEEDS.guests, SETUPS, ipv6=IPV6, ipv6_besides=IPV6_BESIDES)
