"""What a guest sends with others' addresses, as balancers, proxies and REJECT do, reaches peers over eth0, in order."""

import dataclasses

from lab import families, traffic
from lab.flows import ALL_IN_ORDER, OUTSIDE, Flow, applied, echo_at, hold, tcp, udp
from lab.needs import Needs
from lab.transparency import NFT_UNDO, compare, nft

NEEDS = Needs(guests=("g1", "g2", "g3"), loaded=False)
VIRTUAL_PORT, BALANCED = 7007, 8008
RESET, PROHIBITED, COPIED = 81, 82, 9
TIMES = 30
# ICMP limits how many errors it sends in a second.
ERRORS = 3
BYTES = 1_000_000
BOTH_ETH0 = {"g1": "eth0", "g2": "eth0"}


@dataclasses.dataclass(frozen=True)
class Family:
    """What differs between the versions of IP."""

    # What nft calls it, and its ICMP.
    name: str
    icmp: str
    # Of a service that g1 balances, and how the address is written when it is added.
    virtual: str
    on_nic: str
    # In a network for which g1 is the router; a client for which g1 is a proxy that takes its address.
    beyond: str
    client: str
    # What bash says of an address that is prohibited.
    prohibited: str
    # Has a guest forward, and tell nobody of shorter ways, or not.
    forwards: tuple
    # Has a guest whose service's address it is too, but of which the link must not speak; ARP would.
    real_server: tuple


FAMILIES = {
    families.IPV4: Family(
        "ip",
        "icmp",
        "10.0.0.80",
        "/32",
        "172.20.0.1",
        "172.21.0.1",
        "No route to host",
        (
            "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 0 | tee /proc/sys/net/ipv4/conf/*/send_redirects",
            "echo 0 >/proc/sys/net/ipv4/ip_forward; echo 1 | tee /proc/sys/net/ipv4/conf/*/send_redirects",
        ),
        (
            """
echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore
echo 2 >/proc/sys/net/ipv4/conf/all/arp_announce
ip address add 10.0.0.80/32 dev lo
""",
            """
ip address del 10.0.0.80/32 dev lo
echo 0 | tee /proc/sys/net/ipv4/conf/all/arp_ignore >/proc/sys/net/ipv4/conf/all/arp_announce
""",
        ),
    ),
    families.IPV6: Family(
        "ip6",
        "icmpv6",
        "2001:db8::80",
        "/128 nodad",
        "fd20::1",
        "fd21::1",
        "Permission denied",
        ("echo 1 >/proc/sys/net/ipv6/conf/all/forwarding", "echo 0 >/proc/sys/net/ipv6/conf/all/forwarding"),
        ("ip address add 2001:db8::80/128 dev lo", "ip address del 2001:db8::80/128 dev lo"),
    ),
}
BY_NAT = """
ipvsadm -R <<'END'
-A -t {here}:{port} -s rr
-a -t {here}:{port} -r {there}:{service} -m
-A -u {here}:{port} -s rr
-a -u {here}:{port} -r {there}:{service} -m
END
"""
DIRECTLY = """
ip address add {family.virtual}{family.on_nic} dev eth0
ipvsadm -R <<'END'
-A -t {here}:{port} -s rr
-a -t {here}:{port} -r {there}:{port} -g
-A -u {here}:{port} -s rr
-a -u {here}:{port} -r {there}:{port} -g
END
"""
REJECT = """
table {family.name} rejecting {{
	chain forward {{
		type filter hook forward priority filter;
		tcp dport {reset} reject with tcp reset
		tcp dport {prohibited} reject with {family.icmp} admin-prohibited
	}}
}}"""
COPY = """
table {family.name} copying {{
	chain pre {{
		type filter hook prerouting priority mangle;
		iifname "eth0" udp dport {port} dup to {there}
	}}
}}"""
COPIES = """
table {family.name} copies {{
	counter arrived {{ }}
	chain pre {{
		type filter hook prerouting priority mangle;
		iifname "eth0" {family.name} daddr {here} udp dport {port} counter name arrived
	}}
}}"""
# What comes for the client's address is the proxy's, if there is a socket of its for that.
PROXY = """
table {family.name} proxy {{
	chain pre {{
		type filter hook prerouting priority mangle;
		{family.name} daddr {family.client} meta l4proto tcp socket transparent 1 meta mark set 1
	}}
}}"""


def refused(address, port, times, word):
    """A command that connects to the address so often, and counts how often it is refused with the word."""
    connect = f"for ((i = 0; i < {times}; i++)); do {{ :; }} 3<>/dev/tcp/{address}/{port}; done"
    count = f"grep -c '/dev/tcp/.*{word}' /tmp/refused"
    return f"timeout 15 bash -c '{connect}' >/tmp/refused 2>&1; echo refused $({count}) times"


def balanced_by_nat(trial):
    """IPVS, NAT"""
    g1, g2, g3 = trial.guests
    forwards, forwards_no_more = FAMILIES[trial.version].forwards
    balances = BY_NAT.format(here=g1.host, there=g2.host, port=BALANCED, service=traffic.PORT)
    ways = f"ip route {{}} {trial.outside} via {g1.ip}; ip route {{}} {g3.ip} via {g1.ip}"
    scripts = {
        "g1": (forwards + balances, f"ipvsadm -C; {forwards_no_more}"),
        "g2": (ways.format("add", "add"), ways.format("del", "del")),
    }
    with applied(trial, scripts):
        hold(
            trial,
            Flow("TCP", "dom0", OUTSIDE + tcp(g1.ip, BALANCED), BOTH_ETH0),
            Flow("UDP", "dom0", OUTSIDE + udp(g1.ip, BALANCED), BOTH_ETH0, ALL_IN_ORDER),
            # Of g1's answers both is right: they have its own address again.
            Flow("TCP of a peer", "g3", tcp(g1.ip, BALANCED), {"g2": "eth0", "g3": "xl0"}),
        )


def balanced_directly(trial):
    """IPVS, direct routing"""
    g2, g3 = trial.g2, trial.guests[2]
    family = FAMILIES[trial.version]
    virtual = family.virtual
    make = DIRECTLY.format(family=family, here=families.host(virtual), there=g2.host, port=VIRTUAL_PORT)
    undo = f"ipvsadm -C; ip address del {virtual}{family.on_nic.split()[0]} dev eth0"
    with applied(trial, {"g1": (make, undo), "g2": family.real_server}), echo_at(g2, virtual, VIRTUAL_PORT):
        trial.wait_for_route(g3, virtual)
        hold(
            trial,
            Flow("TCP", "dom0", OUTSIDE + tcp(virtual, VIRTUAL_PORT), BOTH_ETH0),
            Flow("UDP", "dom0", OUTSIDE + udp(virtual, VIRTUAL_PORT), BOTH_ETH0, ALL_IN_ORDER),
            Flow("TCP of a peer", "g3", tcp(virtual, VIRTUAL_PORT), {**BOTH_ETH0, "g3": "xl0"}),
            Flow("UDP of a peer", "g3", udp(virtual, VIRTUAL_PORT), {**BOTH_ETH0, "g3": "xl0"}, ALL_IN_ORDER),
        )


def rejected(trial):
    """REJECT in FORWARD"""
    family = FAMILIES[trial.version]
    forwards, forwards_no_more = family.forwards
    way = f"ip route {{}} {family.beyond} via {{}}"
    rejects = nft(REJECT.format(family=family, reset=RESET, prohibited=PROHIBITED))
    scripts = {
        "g1": (
            f"{forwards}; {way.format('add', trial.outside)}; {rejects}",
            f"{NFT_UNDO}; {way.format('del', trial.outside)}; {forwards_no_more}",
        ),
        "g2": (way.format("add", trial.g1.ip), way.format("del", trial.g1.ip)),
    }
    with applied(trial, scripts):
        hold(
            trial,
            Flow(
                "resets for a peer",
                "g2",
                refused(family.beyond, RESET, TIMES, "Connection refused"),
                BOTH_ETH0,
                f"refused {TIMES} times",
            ),
            Flow(
                "ICMP for a peer",
                "g2",
                refused(family.beyond, PROHIBITED, ERRORS, family.prohibited),
                {"g2": "eth0"},
                f"refused {ERRORS} times",
                count=ERRORS,
            ),
        )


def copied(trial):
    """dup to a peer"""
    g1, g2 = trial.g1, trial.g2
    words = {"family": FAMILIES[trial.version], "here": g1.ip, "there": g2.ip, "port": COPIED}
    copy, copies = (nft(rules.format(**words)) for rules in (COPY, COPIES))
    send = f"bash -c 'for ((i = 0; i < {TIMES}; i++)); do echo >/dev/udp/{g1.ip}/{COPIED}; sleep 0.01; done'"
    with applied(trial, {"g1": (copy, NFT_UNDO), "g2": (copies, NFT_UNDO)}):
        hold(
            trial,
            Flow("the copies", "dom0", OUTSIDE + send, {"g1": "eth0"}),
            Flow("their number", "g2", "nap 0.5; nft list counters", {}, f"packets {TIMES} "),
        )


def proxied(trial):
    """a transparent proxy"""
    g1, g2 = trial.g1, trial.g2
    family, ip = FAMILIES[trial.version], f"ip -{trial.version}"
    scripts = {
        "g1": (
            f"{nft(PROXY.format(family=family))}; {ip} rule add fwmark 1 lookup 100;"
            f" {ip} route add local default dev lo table 100",
            f"{NFT_UNDO}; {ip} rule del fwmark 1; {ip} route flush table 100",
        ),
        "g2": (f"ip route add {family.client} via {g1.ip}", f"ip route del {family.client} via {g1.ip}"),
    }
    bind = f"bind={families.host(family.client)},ip-transparent"
    connection = f"TCP{trial.version}:{g2.host}:{traffic.PORT},{bind},connect-timeout=5"
    with applied(trial, scripts):
        hold(
            trial,
            Flow(
                "to a peer",
                "g1",
                f"head -c {BYTES} /dev/zero | socat -t 10 - {connection} | wc -c",
                BOTH_ETH0,
                str(BYTES),
            ),
        )


def run(lab):
    besides = (balanced_by_nat, rejected, copied, proxied)
    compare(lab, NEEDS.guests, (*besides, balanced_directly), ipv6=(balanced_directly,), ipv6_besides=besides)
