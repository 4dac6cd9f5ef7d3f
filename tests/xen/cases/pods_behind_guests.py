"""What guests forward, for pods behind them or as routers, takes eth0 as without xlnet; their own packets take xl0."""

import contextlib

from lab import traffic
from lab.flows import OUTSIDE, Flow, applied, hold, ping, tcp
from lab.needs import Needs
from lab.topology import GUESTS, OUTSIDE_IP
from lab.transparency import NFT_UNDO, compare, nft

NEEDS = Needs(guests=("g1", "g2"), loaded=False)
G1, G2 = (GUESTS[name].ip for name in NEEDS.guests)
POD1, POD2 = "172.16.1.2", "172.16.2.2"
# Of the host outside, in a network for which g1 is the router.
BEYOND = "172.20.0.1"
PUBLISHED = 8007
IN_POD = "ip netns exec pod "
BOTH_ETH0 = {"g1": "eth0", "g2": "eth0"}
REDIRECTS = "echo {} | tee /proc/sys/net/ipv4/conf/*/send_redirects"

# A network of pods: namespaces on a bridge of the guest's, of which there is one here.
POD = """
echo 1 >/proc/sys/net/ipv4/ip_forward
ip -batch - <<'END'
link add pods type bridge
address add 172.16.{0}.1/24 dev pods
link set pods up
netns add pod
link add pod0 type veth peer name eth0 netns pod
link set pod0 master pods up
END
ip -n pod -batch - <<'END'
link set lo up
address add 172.16.{0}.2/24 dev eth0
link set eth0 up
route add default via 172.16.{0}.1
END
"""
NO_POD = "ip netns delete pod; ip link delete pods; echo 0 >/proc/sys/net/ipv4/ip_forward"

MASQUERADE = nft(
    """
table ip pods {
	chain post {
		type nat hook postrouting priority srcnat;
		oifname "eth0" ip saddr 172.16.0.0/16 masquerade
	}
}"""
)
# As container engines publish a port.
PUBLISH = nft(
    f"""
table ip published {{
	chain pre {{
		type nat hook prerouting priority dstnat;
		iifname "eth0" tcp dport {PUBLISHED} dnat to {POD1}:{traffic.PORT}
	}}
	chain forward {{
		type filter hook forward priority filter; policy drop;
		ct state established,related accept
		iifname "pods" oifname "eth0" accept
		iifname "eth0" oifname "pods" ct status dnat accept
	}}
}}"""
)


def via(network, gateway):
    """A route by a gateway, and its end."""
    return f"ip route add {network} via {gateway}", f"ip route del {network} via {gateway}"


def masqueraded(trial):
    """a pod behind oifname "eth0" masquerade"""
    with applied(trial, {"g1": (MASQUERADE, NFT_UNDO)}):
        hold(
            trial,
            Flow("to a peer", "g1", IN_POD + tcp(G2), {"g1": "eth0", "g2": "xl0"}),
            Flow("to a host outside", "g1", IN_POD + ping(OUTSIDE_IP), {"g1": "eth0"}),
        )


def routed(trial):
    """a pod without NAT"""
    with applied(trial, {"g2": via("172.16.1.0/24", G1)}):
        hold(
            trial,
            Flow("to a peer", "g1", IN_POD + tcp(G2), BOTH_ETH0),
            Flow("from a peer", "g2", tcp(POD1), BOTH_ETH0),
        )


def both_have_pods(trial):
    """pods behind both guests"""
    with applied(trial, {"g1": via("172.16.2.0/24", G2), "g2": via("172.16.1.0/24", G1)}):
        hold(
            trial,
            Flow("one to the other", "g1", IN_POD + tcp(POD2), BOTH_ETH0),
            Flow("the other way", "g2", IN_POD + tcp(POD1), BOTH_ETH0),
        )


def published(trial):
    """a port forward with iifname "eth0" """
    with applied(trial, {"g1": (PUBLISH, NFT_UNDO), "g2": (MASQUERADE, NFT_UNDO)}):
        hold(
            trial,
            Flow("from a peer", "g2", tcp(G1, PUBLISHED), {"g1": "eth0", "g2": "xl0"}),
            Flow("from a peer's pod", "g2", IN_POD + tcp(G1, PUBLISHED), BOTH_ETH0),
            Flow("from a host outside", "dom0", OUTSIDE + tcp(G1, PUBLISHED), {"g1": "eth0"}),
        )


def router(trial):
    """a router between a host outside and a peer"""
    alias = f"ip -n outside address {{}} {BEYOND}/32 dev lo"
    way = f"ip -n outside route {{}} {G2}/32 via {G1} src {BEYOND}"
    beyond, no_beyond = via(BEYOND, OUTSIDE_IP)
    scripts = {
        "dom0": (f"{alias.format('add')}; {way.format('add')}", f"{way.format('del')}; {alias.format('del')}"),
        "g1": (f"{beyond}; {REDIRECTS.format(0)}", f"{no_beyond}; {REDIRECTS.format(1)}"),
        "g2": via(BEYOND, G1),
    }
    with applied(trial, scripts):
        hold(
            trial,
            Flow("from outside", "dom0", OUTSIDE + tcp(G2), BOTH_ETH0),
            Flow("to outside", "g2", ping(BEYOND), BOTH_ETH0),
        )


@contextlib.contextmanager
def pods(lab):
    """A pod that echoes behind each guest."""
    guests = [lab.guest(name) for name in NEEDS.guests]
    for command in [guest.start(POD.format(number)) for number, guest in enumerate(guests, 1)]:
        command.check()
    echoing = [guest.start(f"exec {IN_POD}traffic echo {traffic.PORT}") for guest in guests]
    try:
        yield
    finally:
        for command in echoing:
            command.kill()
        for guest in guests:
            guest.run(NO_POD)


def run(lab):
    with pods(lab):
        compare(lab, NEEDS.guests, (masqueraded, routed, both_have_pods, published, router))
