"""Programs at the NIC's ingress, tc's, nftables' and XDP's, see what came over xl0, on guests with one CPU and two."""

from lab import families, traffic, transparency
from lab.checks import expect, last_json
from lab.needs import Needs
from lab.topology import Settings
from lab.transparency import NFT_UNDO, nft, udp

NEEDS = Needs(loaded=False)
TWO_CPUS = (Settings("t1", "10.0.0.71", vcpus=2), Settings("t2", "10.0.0.72", vcpus=2))
DISCARD = 9
# What tc calls the versions of IP.
PROTOCOLS = {families.IPV4: "ip", families.IPV6: "ipv6"}
PROGRAM = "obj /lab/drop-discard.o sec xdp"
# So many that two queue pairs carry some each.
FLOWS = 10


def drops_discard(trial):
    """Datagrams to the port are dropped on their way in, everything else comes."""
    trial.no_exchange(trial.g1, udp(trial.g2, port=DISCARD))
    all_else_comes(trial)


def all_else_comes(trial, **devices):
    """Everything but datagrams to the port comes, by the given devices."""
    g1, g2 = trial.g1, trial.g2
    trial.ping(g1, g2, **devices)
    trial.ping(g2, g1, **devices)
    trial.exchange(g1, g2, udp(g2), **devices)
    report = last_json(
        g1.check(f"traffic tcp {g2.host}:{traffic.PORT} seconds=2 connections={FLOWS} pause=20", timeout=120)
    )
    expect(report["corrupt"] == 0 and report["broken"] == 0, f"TCP: {report}")


def with_server(setup):
    """The set-up with a server on the port, which answers when nothing is set up."""

    def whole(trial):
        with trial.server(trial.g2, f"UDP{trial.version}-LISTEN:{DISCARD},fork,reuseaddr", DISCARD):
            trial.exchange(trial.g1, trial.g2, udp(trial.g2, port=DISCARD))
            setup(trial)

    whole.__doc__ = setup.__doc__
    return whole


@with_server
def tc_ingress(trial):
    """tc's ingress on eth0"""
    with trial.applied(
        trial.g2,
        f"tc qdisc add dev eth0 clsact && tc filter add dev eth0 ingress protocol {PROTOCOLS[trial.version]}"
        f" flower ip_proto udp dst_port {DISCARD} action drop",
        "tc qdisc del dev eth0 clsact",
    ):
        drops_discard(trial)


@with_server
def nft_ingress(trial):
    """nftables' ingress on eth0"""
    hook = "type filter hook ingress device eth0 priority 0; policy accept"
    rules = f"table netdev lab {{ chain ingress {{ {hook}; udp dport {DISCARD} drop; }}; }}"
    with trial.applied(trial.g2, nft(rules), NFT_UNDO):
        drops_discard(trial)


@with_server
def generic_xdp(trial):
    """a generic XDP program on eth0"""
    with trial.applied(
        trial.g2, f"ip link set dev eth0 xdpgeneric {PROGRAM}", "ip link set dev eth0 xdpgeneric off"
    ):
        drops_discard(trial)


def native_xdp(trial):
    """a native XDP program on eth0, for which there are no channels"""
    # That it drops is not tried: a second one in a netfront's life drops nothing, without xlnet either.
    with trial.applied(trial.g2, f"ip link set dev eth0 xdpdrv {PROGRAM}", "ip link set dev eth0 xdpdrv off"):
        all_else_comes(trial, out="eth0", back="eth0")


SETUPS = (tc_ingress, nft_ingress, generic_xdp, native_xdp)
# A native program ends all channels, whatever the family.
IPV6 = (tc_ingress, nft_ingress, generic_xdp)


def run(lab):
    transparency.compare(lab, ("g1", "g2"), SETUPS, ipv6_besides=IPV6)
    if not lab.thorough:
        return
    lab.destroy("g1", "g2")
    lab.create_all(TWO_CPUS)
    names, setups = [settings.name for settings in TWO_CPUS], (tc_ingress, generic_xdp)
    transparency.compare(lab, names, setups, ipv6_besides=setups)
    lab.destroy(*(settings.name for settings in TWO_CPUS))
