"""Tunnels and IPsec between peers take xl0; what a VPN's gateway passes on to a peer takes eth0, as without xlnet."""

from lab import families
from lab.flows import OUTSIDE, Flow, applied, hold, ping, tcp
from lab.needs import Needs
from lab.topology import GUESTS
from lab.transparency import compare

NEEDS = Needs(guests=("g1", "g2"), loaded=False)
# Of what is in IPv4 alone.
G1, G2 = (GUESTS[name].ip for name in NEEDS.guests)
# What the tunnel device is called whose outer packets are of a version of IP.
GRE = {families.IPV4: "gre", families.IPV6: "ip6gre"}
INNER = {"g1": "10.66.0.1", "g2": "10.66.0.2", "dom0": "10.66.0.9"}
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
SPIS = {(G1, G2): "0x1001", (G2, G1): "0x1002"}


def inside(by):
    """What goes through a tunnel between the guests, which each sends by this device."""
    sent = {"g1": by, "g2": by}
    return (
        Flow("ping", "g1", ping(INNER["g2"]), sent),
        Flow("ping in several packets", "g1", ping(INNER["g2"], "-s 4000"), sent),
        Flow("TCP", "g1", tcp(INNER["g2"]), sent),
        Flow("TCP of the other", "g2", tcp(INNER["g1"]), sent),
    )


def peer(name, address, endpoint=None):
    """A WireGuard peer, as in a configuration: where it has which address inside."""
    lines = ["[Peer]", f"PublicKey = {KEYS[name][1]}", f"AllowedIPs = {address}"]
    if endpoint:
        lines.append(f"Endpoint = {families.host(endpoint)}:{LISTENS}")
    return "\n".join(lines)


def wireguard(name, *peers, within=""):
    """Makes wg0 of a domain, or of a namespace by what commands there begin with; and its end."""
    configuration = "\n".join(
        ["[Interface]", f"PrivateKey = {KEYS[name][0]}", f"ListenPort = {LISTENS}", *peers]
    )
    make = (
        f"cat >/run/wg0 <<'END'\n{configuration}\nEND\n"
        f"{within}ip link add wg0 type wireguard && {within}wg setconf wg0 /run/wg0 &&"
        f" {within}ip address add {INNER[name]}/24 dev wg0 && {within}ip link set wg0 up"
    )
    return make, f"{within}ip link del wg0"


def tunnel(trial, kind, options):
    """Makes a tunnel device of a kind at both guests; options know both addresses."""
    one, other = trial.g1.ip, trial.g2.ip
    return {
        name: (
            f"ip link add inner type {kind} {options.format(here=here, there=there)} &&"
            f" ip address add {INNER[name]}/24 dev inner && ip link set inner up",
            "ip link del inner",
        )
        for name, here, there in (("g1", one, other), ("g2", other, one))
    }


def esp(here, there):
    """IPsec in transport mode for all between two addresses; what comes as it is is not taken any more."""
    script = "set -e\n"
    for way, source, destination in (("out", here, there), ("in", there, here)):
        ends = f"src {source} dst {destination}"
        script += (
            f"ip xfrm state add {ends} proto esp spi {SPIS[source, destination]} reqid 1 mode transport"
            f" aead 'rfc4106(gcm(aes))' {ESP_KEY} 128\n"
            f"ip xfrm policy add {ends} dir {way} tmpl {ends} proto esp reqid 1 mode transport\n"
        )
    return script, "ip xfrm policy flush; ip xfrm state flush"


def wireguard_between_peers(trial):
    """WireGuard between peers"""
    scripts = {
        "g1": wireguard("g1", peer("g2", INNER["g2"], trial.g2.ip)),
        "g2": wireguard("g2", peer("g1", INNER["g1"], trial.g1.ip)),
    }
    with applied(trial, scripts):
        hold(trial, *inside("xl0"))


def wireguard_gateway(trial):
    """a WireGuard gateway for others towards a peer"""
    way, others = "ip -n outside route {}", f"ip route {{}} {INNER['dom0']} via {G1}"
    make, undo = wireguard("dom0", peer("g1", f"{INNER['g1']}, {G2}", G1), within=OUTSIDE)
    gateway, no_gateway = wireguard("g1", peer("dom0", INNER["dom0"]))
    scripts = {
        "dom0": (f"{make} && {way.format(f'add {G2} dev wg0 src {INNER['dom0']}')}", undo),
        "g1": (
            f"echo 1 >/proc/sys/net/ipv4/ip_forward\n{gateway}",
            f"{no_gateway}; echo 0 >/proc/sys/net/ipv4/ip_forward",
        ),
        "g2": (others.format("add"), others.format("del")),
    }
    sent = {"g1": "eth0", "g2": "eth0"}
    with applied(trial, scripts):
        hold(trial, Flow("ping", "dom0", OUTSIDE + ping(G2), sent), Flow("TCP", "dom0", OUTSIDE + tcp(G2), sent))


def vxlan(trial):
    """VXLAN between peers"""
    with applied(trial, tunnel(trial, "vxlan", "id 7 dstport 4789 local {here} remote {there}")):
        hold(trial, *inside("xl0"))


def vxlan_on_the_nic(trial):
    """VXLAN between peers, with dev eth0"""
    # To a single host the kernel looks for the best way all the same.
    with applied(trial, tunnel(trial, "vxlan", "id 7 dstport 4789 dev eth0 local {here} remote {there}")):
        hold(trial, *inside("xl0"))


def gre(trial):
    """GRE between peers"""
    with applied(trial, tunnel(trial, GRE[trial.version], "local {here} remote {there}")):
        hold(trial, *inside("xl0"))


def gre_on_the_nic(trial):
    """GRE between peers, with dev eth0"""
    with applied(trial, tunnel(trial, GRE[trial.version], "dev eth0 local {here} remote {there}")):
        hold(trial, *inside("eth0"))


def ipsec(trial):
    """IPsec between peers, transport mode"""
    sent = {"g1": "xl0", "g2": "xl0"}
    with applied(trial, {"g1": esp(G1, G2), "g2": esp(G2, G1)}):
        hold(
            trial,
            Flow("ping", "g1", ping(G2), sent),
            Flow("TCP", "g1", tcp(G2), sent),
            Flow("TCP of the other", "g2", tcp(G1), sent),
        )


def run(lab):
    both = (wireguard_between_peers, vxlan, gre, gre_on_the_nic)
    compare(lab, NEEDS.guests, (*both, wireguard_gateway, vxlan_on_the_nic, ipsec), ipv6_besides=both)
