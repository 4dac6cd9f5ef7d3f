"""Tunnels and IPsec between peers take xl0; what a VPN's gateway passes on to a peer takes eth0, as without xlnet."""

from lab import families
from lab.flows import OUTSIDE, Flow, applied, hold, ping, tcp
from lab.needs import Needs
from lab.transparency import compare

NEEDS = Needs(guests=("g1", "g2"), loaded=False)
# What the tunnel device is called whose outer packets are of a version of IP.
GRE = {families.IPV4: "gre", families.IPV6: "ip6gre"}
# Addresses inside, of the version that is outside, too, with what follows when they are added.
INNER = {families.IPV4: ("10.66.0.{}", "/24"), families.IPV6: ("fd66::{}", "/64 nodad")}
NUMBERS = {"g1": 1, "g2": 2, "dom0": 9}
# Has a guest forward, or not.
FORWARDING = {
    families.IPV4: "echo {} >/proc/sys/net/ipv4/ip_forward",
    families.IPV6: "echo {} >/proc/sys/net/ipv6/conf/all/forwarding",
}
LISTENS = 51820
# Private and public.
KEYS = {
    "g1": (
        "AAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAUE=",
        "pOCSkrZRwni5dyxWn1+puxPZBrRqtoyd+dwrRAn4ogk=",
    ),
    "g2": (
        "AAICAgICAgICAgICAgICAgICAgICAgICAgICAgICAkI=",
        "zo060cy2M+x7cMF4FKXHbs0CloUFDTRHRboFhw5YfVk=",
    ),
    "dom0": (
        "AAMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA0M=",
        "Xf7dO2vUf2+ijuFdlp1bsOpTd01Ii9r53xxuASSz7yI=",
    ),
}
ESP_KEY = "0x" + "2a" * 20
# By who sends.
SPIS = {"g1": "0x1001", "g2": "0x1002"}
# Neighbor Discovery is left out, as IKE daemons do: who asks for a neighbour has no key yet. Types of ICMPv6.
DISCOVERY = {families.IPV4: (), families.IPV6: (135, 136)}


def inner(trial, name):
    """The address that a domain has inside."""
    return INNER[trial.version][0].format(NUMBERS[name])


def inside(trial, by):
    """What goes through a tunnel between the guests, which each sends by this device."""
    sent = {"g1": by, "g2": by}
    one, other = inner(trial, "g1"), inner(trial, "g2")
    return (
        Flow("ping", "g1", ping(other), sent),
        Flow("ping in several packets", "g1", ping(other, "-s 4000"), sent),
        Flow("TCP", "g1", tcp(other), sent),
        Flow("TCP of the other", "g2", tcp(one), sent),
    )


def peer(name, address, endpoint=None):
    """A WireGuard peer, as in a configuration: where it has which address inside."""
    lines = ["[Peer]", f"PublicKey = {KEYS[name][1]}", f"AllowedIPs = {address}"]
    if endpoint:
        lines.append(f"Endpoint = {families.host(endpoint)}:{LISTENS}")
    return "\n".join(lines)


def wireguard(trial, name, *peers, within=""):
    """Makes wg0 of a domain, or of a namespace by what commands there begin with; and its end."""
    address = inner(trial, name) + INNER[trial.version][1]
    configuration = "\n".join(
        ["[Interface]", f"PrivateKey = {KEYS[name][0]}", f"ListenPort = {LISTENS}", *peers]
    )
    make = (
        f"cat >/run/wg0 <<'END'\n{configuration}\nEND\n"
        f"{within}ip link add wg0 type wireguard && {within}wg setconf wg0 /run/wg0 &&"
        f" {within}ip address add {address} dev wg0 && {within}ip link set wg0 up"
    )
    return make, f"{within}ip link del wg0"


def tunnel(trial, kind, options):
    """Makes a tunnel device of a kind at both guests; options know both addresses."""
    suffix = INNER[trial.version][1]
    return {
        here.name: (
            f"ip link add inner type {kind} {options.format(here=here.ip, there=there.ip)} &&"
            f" ip address add {inner(trial, here.name)}{suffix} dev inner && ip link set inner up",
            "ip link del inner",
        )
        for here, there in trial.both_ways()
    }


def esp(here, there):
    """IPsec in transport mode for all between two guests; what comes as it is is not taken any more."""
    script = "set -e\n"
    for way, source, destination in (("out", here, there), ("in", there, here)):
        ends = f"src {source.ip} dst {destination.ip}"
        script += (
            f"ip xfrm state add {ends} proto esp spi {SPIS[source.name]} reqid 1 mode transport"
            f" aead 'rfc4106(gcm(aes))' {ESP_KEY} 128\n"
            f"ip xfrm policy add {ends} dir {way} priority 2 tmpl {ends} proto esp reqid 1 mode transport\n"
        )
        for kind in DISCOVERY[here.version]:
            script += f"ip xfrm policy add src ::/0 dst ::/0 proto 58 type {kind} dir {way} priority 1\n"
    return script, "ip xfrm policy flush; ip xfrm state flush"


def wireguard_between_peers(trial):
    """WireGuard between peers"""
    scripts = {
        here.name: wireguard(trial, here.name, peer(there.name, inner(trial, there.name), there.ip))
        for here, there in trial.both_ways()
    }
    with applied(trial, scripts):
        hold(trial, *inside(trial, "xl0"))


def wireguard_gateway(trial):
    """a WireGuard gateway for others towards a peer"""
    here, there, client = trial.g1.ip, trial.g2.ip, inner(trial, "dom0")
    others, forwarding = f"ip route {{}} {client} via {here}", FORWARDING[trial.version]
    allowed = f"{inner(trial, 'g1')}, {there}"
    make, undo = wireguard(trial, "dom0", peer("g1", allowed, here), within=OUTSIDE)
    gateway, no_gateway = wireguard(trial, "g1", peer("dom0", client))
    scripts = {
        "dom0": (f"{make} && ip -n outside route add {there} dev wg0 src {client}", undo),
        "g1": (f"{forwarding.format(1)}\n{gateway}", f"{no_gateway}; {forwarding.format(0)}"),
        "g2": (others.format("add"), others.format("del")),
    }
    sent = {"g1": "eth0", "g2": "eth0"}
    with applied(trial, scripts):
        hold(trial, Flow("ping", "dom0", OUTSIDE + ping(there), sent), Flow("TCP", "dom0", OUTSIDE + tcp(there), sent))


def vxlan(trial):
    """VXLAN between peers"""
    with applied(trial, tunnel(trial, "vxlan", "id 7 dstport 4789 local {here} remote {there}")):
        hold(trial, *inside(trial, "xl0"))


def vxlan_on_the_nic(trial):
    """VXLAN between peers, with dev eth0"""
    # To a single host the kernel looks for the best way all the same.
    with applied(trial, tunnel(trial, "vxlan", "id 7 dstport 4789 dev eth0 local {here} remote {there}")):
        hold(trial, *inside(trial, "xl0"))


def gre(trial):
    """GRE between peers"""
    with applied(trial, tunnel(trial, GRE[trial.version], "local {here} remote {there}")):
        hold(trial, *inside(trial, "xl0"))


def gre_on_the_nic(trial):
    """GRE between peers, with dev eth0"""
    with applied(trial, tunnel(trial, GRE[trial.version], "dev eth0 local {here} remote {there}")):
        hold(trial, *inside(trial, "eth0"))


def ipsec(trial):
    """IPsec between peers, transport mode"""
    sent = {"g1": "xl0", "g2": "xl0"}
    with applied(trial, {here.name: esp(here, there) for here, there in trial.both_ways()}):
        hold(
            trial,
            Flow("ping", "g1", ping(trial.g2.ip), sent),
            Flow("TCP", "g1", tcp(trial.g2.ip), sent),
            Flow("TCP of the other", "g2", tcp(trial.g1.ip), sent),
        )


SETUPS = (wireguard_between_peers, vxlan, gre, gre_on_the_nic, wireguard_gateway, vxlan_on_the_nic, ipsec)


def run(lab):
    compare(lab, NEEDS.guests, SETUPS, ipv6_besides=SETUPS)
