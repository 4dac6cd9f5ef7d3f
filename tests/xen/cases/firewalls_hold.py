"""Firewalls that name eth0, and filters of the reverse path, let in what they let in without xlnet, and no more."""

from lab import families, traffic, transparency
from lab.needs import Needs
from lab.transparency import NFT_UNDO, nft, tcp, udp

NEEDS = Needs(loaded=False)
# Without these a guest is not found on its link at all.
NEIGHBOURS = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept"
AVOID = "/sys/module/xlnet/parameters/avoid"
# Like rpfilter of iptables, with and without --validmark.
REVERSE_PATH = """
table inet lab {
  chain strict {
    type filter hook prerouting priority raw; policy accept;
    fib saddr . iif oif missing drop;
    fib saddr . mark . iif oif eq 0 drop;
  };
}
"""


def chain(hook, policy, rules):
    return nft(f"table inet lab {{ chain {hook} {{ type filter hook {hook} priority 0; policy {policy}; {rules}; }}; }}")


def accepts(trial):
    """policy drop, iifname "eth0" accept"""
    for guest in trial.guests:
        with trial.applied(guest, chain("input", "drop", 'iifname { "lo", "eth0" } accept'), NFT_UNDO):
            for here, there in trial.both_ways():
                trial.ping(here, there)
                trial.exchange(here, there)


def accepts_service(trial):
    """policy drop, iifname "eth0" tcp dport N accept"""
    rules = f'{NEIGHBOURS}; iifname "eth0" tcp dport {traffic.PORT} accept'
    with trial.applied(trial.g2, chain("input", "drop", rules), NFT_UNDO):
        trial.exchange(trial.g1, trial.g2)
        trial.no_exchange(trial.g1, udp(trial.g2))
        trial.no_ping(trial.g1, trial.g2)


def drops(trial):
    """iifname "eth0" tcp dport N drop"""
    rules = f'iifname "eth0" tcp dport {traffic.PORT} drop'
    with trial.applied(trial.g2, chain("input", "accept", rules), NFT_UNDO):
        trial.no_exchange(trial.g1, tcp(trial.g2))
        trial.no_exchange(trial.g1, tcp(trial.g2, "so-bindtodevice=eth0"))
        trial.exchange(trial.g1, trial.g2, udp(trial.g2))
        trial.ping(trial.g1, trial.g2)


def no_other_device(trial):
    """iifname != "eth0" drop"""
    with trial.applied(trial.g2, chain("input", "accept", 'iifname != { "lo", "eth0" } drop'), NFT_UNDO):
        for here, there in trial.both_ways():
            trial.exchange(here, there)


def all_ways(trial):
    """What a filter of the reverse path may stop: from either side, by xl0 and by eth0, to one and to many."""
    for here, there in trial.both_ways():
        trial.ping(here, there)
        trial.exchange(here, there)
        trial.ping(here, there, "-I eth0", out="eth0", back="xl0")
        if trial.version == families.IPV4:
            trial.multicast(here, there)
            trial.broadcast(here, there)


def nft_reverse_path(trial):
    """fib saddr . iif oif missing drop"""
    with trial.applied(trial.g1, nft(REVERSE_PATH), NFT_UNDO), trial.applied(trial.g2, nft(REVERSE_PATH), NFT_UNDO):
        all_ways(trial)


def rp_filter(trial):
    """rp_filter=1 on eth0"""
    on, off = (f"echo {value} >/proc/sys/net/ipv4/conf/eth0/rp_filter" for value in (1, 0))
    with trial.applied(trial.g1, on, off), trial.applied(trial.g2, on, off):
        all_ways(trial)


def rp_filter_for_all(trial):
    """rp_filter=1 for all devices"""
    on, off = (f"echo {value} >/proc/sys/net/ipv4/conf/all/rp_filter" for value in (1, 0))
    with trial.applied(trial.g1, on, off), trial.applied(trial.g2, on, off):
        all_ways(trial)


def output_accepts(trial):
    """policy drop, oifname "eth0" accept: the exception, and the parameter avoid"""
    g1, g2 = trial.g1, trial.g2
    with trial.applied(g1, chain("output", "drop", 'oifname { "lo", "eth0" } accept'), NFT_UNDO):
        if not trial.loaded:
            trial.ping(g1, g2)
            return
        # As README says of xl0's limits.
        trial.no_ping(g1, g2)
        for value in (g2.ip, "all"):
            with trial.applied(g1, f"echo {value} >{AVOID}", f"echo >{AVOID}"):
                trial.ping(g1, g2, out="eth0", back=None)
                trial.exchange(g1, g2, out="eth0", back=None)
                trial.exchange(g2, g1, out=None, back="eth0")
            trial.wait_for_route(g1, g2.ip)
        trial.no_ping(g1, g2)


def output_drops(trial):
    """oifname "eth0" tcp dport N drop: with the parameter avoid"""
    g1, g2 = trial.g1, trial.g2
    switch, undo = (f"echo {g2.ip} >{AVOID}", f"echo >{AVOID}") if trial.loaded else ("true", "true")
    rules = f'oifname "eth0" tcp dport {traffic.PORT} drop'
    with trial.applied(g1, chain("output", "accept", rules), NFT_UNDO), trial.applied(g1, switch, undo):
        trial.no_exchange(g1, tcp(g2))
        trial.exchange(g1, g2, udp(g2), out="eth0", back=None)


SETUPS = (
    accepts,
    accepts_service,
    drops,
    no_other_device,
    nft_reverse_path,
    rp_filter,
    rp_filter_for_all,
    output_accepts,
    output_drops,
)


IPV6 = (accepts, drops, nft_reverse_path)
# Its rules of the reverse path are nftables' alone.
IPV6_BESIDES = tuple(setup for setup in SETUPS if setup not in (*IPV6, rp_filter, rp_filter_for_all))


def run(lab):
    transparency.compare(lab, ("g1", "g2"), SETUPS, ipv6=IPV6, ipv6_besides=IPV6_BESIDES)
