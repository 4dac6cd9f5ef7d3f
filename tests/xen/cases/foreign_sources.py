"""What a guest sends with others' addresses, as balancers, proxies and REJECT do, reaches peers over eth0, in order."""

from lab import traffic
from lab.flows import ALL_IN_ORDER, OUTSIDE, Flow, applied, echo_at, hold, tcp, udp
from lab.needs import Needs
from lab.topology import GUESTS, OUTSIDE_IP
from lab.transparency import NFT_UNDO, compare, nft

NEEDS = Needs(guests=("g1", "g2", "g3"), loaded=False)
G1, G2, G3 = (GUESTS[name].ip for name in NEEDS.guests)
# Of a service that g1 balances.
VIRTUAL, VIRTUAL_PORT = "10.0.0.80", 7007
BALANCED = 8008
# In a network for which g1 is the router.
BEYOND = "172.20.0.1"
# A client for which g1 is a proxy that takes its address.
CLIENT = "172.21.0.1"
RESET, PROHIBITED, COPIED = 81, 82, 9
TIMES = 30
# ICMP limits how many errors it sends in a second.
ERRORS = 3
BYTES = 1_000_000
BOTH_ETH0 = {"g1": "eth0", "g2": "eth0"}

FORWARDS = (
    "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 0 | tee /proc/sys/net/ipv4/conf/*/send_redirects",
    "echo 0 >/proc/sys/net/ipv4/ip_forward; echo 1 | tee /proc/sys/net/ipv4/conf/*/send_redirects",
)
BY_NAT = f"""
ipvsadm -R <<'END'
-A -t {G1}:{BALANCED} -s rr
-a -t {G1}:{BALANCED} -r {G2}:{traffic.PORT} -m
-A -u {G1}:{BALANCED} -s rr
-a -u {G1}:{BALANCED} -r {G2}:{traffic.PORT} -m
END
"""
DIRECTLY = f"""
ip address add {VIRTUAL}/32 dev eth0
ipvsadm -R <<'END'
-A -t {VIRTUAL}:{VIRTUAL_PORT} -s rr
-a -t {VIRTUAL}:{VIRTUAL_PORT} -r {G2} -g
-A -u {VIRTUAL}:{VIRTUAL_PORT} -s rr
-a -u {VIRTUAL}:{VIRTUAL_PORT} -r {G2} -g
END
"""
# It has the service's address, of which ARP must not speak.
REAL_SERVER = (
    f"""
echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore
echo 2 >/proc/sys/net/ipv4/conf/all/arp_announce
ip address add {VIRTUAL}/32 dev lo
""",
    f"""
ip address del {VIRTUAL}/32 dev lo
echo 0 | tee /proc/sys/net/ipv4/conf/all/arp_ignore >/proc/sys/net/ipv4/conf/all/arp_announce
""",
)
REJECT = nft(
    f"""
table ip rejecting {{
	chain forward {{
		type filter hook forward priority filter;
		tcp dport {RESET} reject with tcp reset
		tcp dport {PROHIBITED} reject with icmp admin-prohibited
	}}
}}"""
)
COPY = nft(
    f"""
table ip copying {{
	chain pre {{
		type filter hook prerouting priority mangle;
		iifname "eth0" udp dport {COPIED} dup to {G2}
	}}
}}"""
)
COPIES = nft(
    f"""
table ip copies {{
	counter arrived {{ }}
	chain pre {{
		type filter hook prerouting priority mangle;
		iifname "eth0" ip daddr {G1} udp dport {COPIED} counter name arrived
	}}
}}"""
)
# What comes for the client's address is the proxy's, if there is a socket of its for that.
PROXY = nft(
    f"""
table ip proxy {{
	chain pre {{
		type filter hook prerouting priority mangle;
		ip daddr {CLIENT} meta l4proto tcp socket transparent 1 meta mark set 1
	}}
}}"""
)


def refused(port, times, word):
    """A command that connects to the host beyond g1 so often, and counts how often it is refused with the word."""
    connect = f"for ((i = 0; i < {times}; i++)); do {{ :; }} 3<>/dev/tcp/{BEYOND}/{port}; done"
    count = f"grep -c '/dev/tcp/.*{word}' /tmp/refused"
    return f"timeout 15 bash -c '{connect}' >/tmp/refused 2>&1; echo refused $({count}) times"


def balanced_by_nat(trial):
    """IPVS, NAT"""
    forwards, forwards_no_more = FORWARDS
    ways = f"ip route {{}} {OUTSIDE_IP} via {G1}; ip route {{}} {G3} via {G1}"
    scripts = {
        "g1": (forwards + BY_NAT, f"ipvsadm -C; {forwards_no_more}"),
        "g2": (ways.format("add", "add"), ways.format("del", "del")),
    }
    with applied(trial, scripts):
        hold(
            trial,
            Flow("TCP", "dom0", OUTSIDE + tcp(G1, BALANCED), BOTH_ETH0),
            Flow("UDP", "dom0", OUTSIDE + udp(G1, BALANCED), BOTH_ETH0, ALL_IN_ORDER),
            # Of g1's answers both is right: they have its own address again.
            Flow("TCP of a peer", "g3", tcp(G1, BALANCED), {"g2": "eth0", "g3": "xl0"}),
        )


def balanced_directly(trial):
    """IPVS, direct routing"""
    scripts = {"g1": (DIRECTLY, f"ipvsadm -C; ip address del {VIRTUAL}/32 dev eth0"), "g2": REAL_SERVER}
    with applied(trial, scripts), echo_at(trial.g2, VIRTUAL, VIRTUAL_PORT):
        trial.wait_for_route(trial.lab.guest("g3"), VIRTUAL)
        hold(
            trial,
            Flow("TCP", "dom0", OUTSIDE + tcp(VIRTUAL, VIRTUAL_PORT), BOTH_ETH0),
            Flow("UDP", "dom0", OUTSIDE + udp(VIRTUAL, VIRTUAL_PORT), BOTH_ETH0, ALL_IN_ORDER),
            Flow("TCP of a peer", "g3", tcp(VIRTUAL, VIRTUAL_PORT), {**BOTH_ETH0, "g3": "xl0"}),
            Flow("UDP of a peer", "g3", udp(VIRTUAL, VIRTUAL_PORT), {**BOTH_ETH0, "g3": "xl0"}, ALL_IN_ORDER),
        )


def rejected(trial):
    """REJECT in FORWARD"""
    forwards, forwards_no_more = FORWARDS
    scripts = {
        "g1": (
            f"{forwards}; ip route add {BEYOND} via {OUTSIDE_IP}; {REJECT}",
            f"{NFT_UNDO}; ip route del {BEYOND} via {OUTSIDE_IP}; {forwards_no_more}",
        ),
        "g2": (f"ip route add {BEYOND} via {G1}", f"ip route del {BEYOND} via {G1}"),
    }
    with applied(trial, scripts):
        hold(
            trial,
            Flow(
                "resets for a peer",
                "g2",
                refused(RESET, TIMES, "Connection refused"),
                BOTH_ETH0,
                f"refused {TIMES} times",
            ),
            Flow(
                "ICMP for a peer",
                "g2",
                refused(PROHIBITED, ERRORS, "No route to host"),
                {"g2": "eth0"},
                f"refused {ERRORS} times",
                count=ERRORS,
            ),
        )


def copied(trial):
    """dup to a peer"""
    send = f"bash -c 'for ((i = 0; i < {TIMES}; i++)); do echo >/dev/udp/{G1}/{COPIED}; sleep 0.01; done'"
    with applied(trial, {"g1": (COPY, NFT_UNDO), "g2": (COPIES, NFT_UNDO)}):
        hold(
            trial,
            Flow("the copies", "dom0", OUTSIDE + send, {"g1": "eth0"}),
            Flow("their number", "g2", "nap 0.5; nft list counters", {}, f"packets {TIMES} "),
        )


def proxied(trial):
    """a transparent proxy"""
    scripts = {
        "g1": (
            f"{PROXY}; ip rule add fwmark 1 lookup 100; ip route add local default dev lo table 100",
            f"{NFT_UNDO}; ip rule del fwmark 1; ip route flush table 100",
        ),
        "g2": (f"ip route add {CLIENT} via {G1}", f"ip route del {CLIENT} via {G1}"),
    }
    connection = f"TCP:{G2}:{traffic.PORT},bind={CLIENT},ip-transparent,connect-timeout=5"
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
    compare(lab, NEEDS.guests, (balanced_by_nat, balanced_directly, rejected, copied, proxied))
