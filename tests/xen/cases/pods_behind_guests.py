"""What guests forward, for pods behind them or as routers, takes eth0 as without xlnet; their own packets take xl0."""

import contextlib
import dataclasses

from lab import families, traffic
from lab.flows import OUTSIDE, Flow, applied, hold, ping, tcp
from lab.needs import Needs
from lab.transparency import NFT_UNDO, compare, nft

NEEDS = Needs(guests=("g1", "g2"), loaded=False)
PUBLISHED = 8007
IN_POD = "ip netns exec pod "
BOTH_ETH0 = {"g1": "eth0", "g2": "eth0"}
REDIRECTS = "echo {} | tee /proc/sys/net/ipv4/conf/*/send_redirects"


@dataclasses.dataclass(frozen=True)
class Net:
    """The networks of pods in one version of IP: all of them, that behind a guest by its number, the pod in that, and
    what nft calls the family."""

    all: str
    network: str
    pod: str
    family: str
    # Of the host outside, in a network for which g1 is the router.
    beyond: str

    def behind(self, number):
        return self.network.format(number)

    def at(self, number):
        return self.pod.format(number)


NETS = {
    families.IPV4: Net("172.16.0.0/16", "172.16.{}.0/24", "172.16.{}.2", "ip", "172.20.0.1"),
    families.IPV6: Net("fd16::/16", "fd16:0:0:{}::/64", "fd16:0:0:{}::2", "ip6", "fd20::1"),
}

# A network of pods: namespaces on a bridge of the guest's, of which there is one here.
POD = """
echo 1 | tee /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding
ip -batch - <<'END'
link add pods type bridge
address add 172.16.{0}.1/24 dev pods
address add fd16:0:0:{0}::1/64 dev pods nodad
link set pods up
netns add pod
link add pod0 type veth peer name eth0 netns pod
link set pod0 master pods up
END
ip -n pod -batch - <<'END'
link set lo up
address add 172.16.{0}.2/24 dev eth0
address add fd16:0:0:{0}::2/64 dev eth0 nodad
link set eth0 up
route add default via 172.16.{0}.1
route add default via fd16:0:0:{0}::1
END
"""
NO_POD = (
    "ip netns delete pod; ip link delete pods;"
    " echo 0 | tee /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding"
)

MASQUERADE = """
table {net.family} pods {{
	chain post {{
		type nat hook postrouting priority srcnat;
		oifname "eth0" {net.family} saddr {net.all} masquerade
	}}
}}"""
# As container engines publish a port.
PUBLISH = """
table {net.family} published {{
	chain pre {{
		type nat hook prerouting priority dstnat;
		iifname "eth0" tcp dport {published} dnat to {target}
	}}
	chain forward {{
		type filter hook forward priority filter; policy drop;
		ct state established,related accept
		iifname "pods" oifname "eth0" accept
		iifname "eth0" oifname "pods" ct status dnat accept
	}}
}}"""


def masquerade(net):
    """Commands that make a masquerade for pods, and remove it."""
    return nft(MASQUERADE.format(net=net)), NFT_UNDO


def publish(net):
    """The same for a port forward to g1's pod."""
    target = f"{families.host(net.at(1))}:{traffic.PORT}"
    return nft(PUBLISH.format(net=net, published=PUBLISHED, target=target)), NFT_UNDO


def via(network, gateway):
    """A route by a gateway, and its end."""
    return f"ip route add {network} via {gateway}", f"ip route del {network} via {gateway}"


def masqueraded(trial):
    """a pod behind oifname "eth0" masquerade"""
    with applied(trial, {"g1": masquerade(NETS[trial.version])}):
        hold(
            trial,
            Flow("to a peer", "g1", IN_POD + tcp(trial.g2.ip), {"g1": "eth0", "g2": "xl0"}),
            Flow("to a host outside", "g1", IN_POD + ping(trial.outside), {"g1": "eth0"}),
        )


def routed(trial):
    """a pod without NAT"""
    net = NETS[trial.version]
    with applied(trial, {"g2": via(net.behind(1), trial.g1.ip)}):
        hold(
            trial,
            Flow("to a peer", "g1", IN_POD + tcp(trial.g2.ip), BOTH_ETH0),
            Flow("from a peer", "g2", tcp(net.at(1)), BOTH_ETH0),
        )


def both_have_pods(trial):
    """pods behind both guests"""
    net = NETS[trial.version]
    with applied(trial, {"g1": via(net.behind(2), trial.g2.ip), "g2": via(net.behind(1), trial.g1.ip)}):
        hold(
            trial,
            Flow("one to the other", "g1", IN_POD + tcp(net.at(2)), BOTH_ETH0),
            Flow("the other way", "g2", IN_POD + tcp(net.at(1)), BOTH_ETH0),
        )


def published(trial):
    """a port forward with iifname "eth0" """
    net, service = NETS[trial.version], tcp(trial.g1.ip, PUBLISHED)
    with applied(trial, {"g1": publish(net), "g2": masquerade(net)}):
        hold(
            trial,
            Flow("from a peer", "g2", service, {"g1": "eth0", "g2": "xl0"}),
            Flow("from a peer's pod", "g2", IN_POD + service, BOTH_ETH0),
            Flow("from a host outside", "dom0", OUTSIDE + service, {"g1": "eth0"}),
        )


def router(trial):
    """a router between a host outside and a peer"""
    here, there, host = trial.g1.ip, trial.g2.ip, NETS[trial.version].beyond
    alias = f"ip -n outside address {{}} {host} dev lo"
    way = f"ip -n outside route {{}} {there} via {here} src {host}"
    beyond, no_beyond = via(host, trial.outside)
    scripts = {
        "dom0": (f"{alias.format('add')}; {way.format('add')}", f"{way.format('del')}; {alias.format('del')}"),
        "g1": (f"{beyond}; {REDIRECTS.format(0)}", f"{no_beyond}; {REDIRECTS.format(1)}"),
        "g2": via(host, here),
    }
    with applied(trial, scripts):
        hold(
            trial,
            Flow("from outside", "dom0", OUTSIDE + tcp(there), BOTH_ETH0),
            Flow("to outside", "g2", ping(host), BOTH_ETH0),
        )


@contextlib.contextmanager
def pods(lab):
    """A pod that echoes behind each guest."""
    guests = [lab.guest(name) for name in NEEDS.guests]
    for command in [guest.start(POD.format(number)) for number, guest in enumerate(guests, 1)]:
        command.check()
    echoing = [
        guest.start(f"exec {IN_POD}traffic echo {families.host(net.at(number))}:{traffic.PORT}")
        for number, guest in enumerate(guests, 1)
        for net in NETS.values()
    ]
    try:
        yield
    finally:
        for command in echoing:
            command.kill()
        for guest in guests:
            guest.run(NO_POD)


def run(lab):
    with pods(lab):
        besides = (masqueraded, both_have_pods, published, router)
        compare(lab, NEEDS.guests, (*besides, routed), ipv6=(routed,), ipv6_besides=besides)
