"""ethtool, ip and xl-status show real figures of xl0 and its peers."""

import re

from lab import families, xlnet
from lab.checks import expect, wait_until

COUNT = 100


# What an administrator may do, and what xl-status then says of the peer's address. {address} is that.
REASONS = (
    ("echo {address} >$avoid", "echo >$avoid", "the administrator keeps it there"),
    ("ip route add unreachable {address}", "ip route del unreachable {address}", "says that it is unreachable"),
    ("ip route add {address} via {gateway}", "ip route del {address} via {gateway}", "through a gateway"),
    ("{ip} rule add to {address} lookup main pref 100", "{ip} rule del pref 100", "a rule stands before"),
)
AVOID = "avoid=/sys/module/xlnet/parameters/avoid; "
# Nobody has to be there.
GATEWAYS = {families.IPV4: "10.0.0.254", families.IPV6: "2001:db8::fe"}


def explains(lab, guest, peer):
    """xl-status says why an address is not on xl0, and finds rules that xl0 goes past."""
    for address in peer.addresses if lab.thorough else peer.addresses[:1]:
        version = families.version(address)
        words = {"address": address, "gateway": GATEWAYS[version], "ip": f"ip -{version}"}
        for do, undo, reason in REASONS:
            guest.check(AVOID + do.format(**words))
            try:
                wait_until(f"xl-status to say '{reason}'", lambda said=reason: said in guest.run("xl-status").out, 10)
            finally:
                guest.check(AVOID + undo.format(**words))
            xlnet.wait_for_routes(lab, (guest.name, peer.name))
    guest.check("nft add table ip t && nft 'add chain ip t out { type filter hook output priority 0; policy accept; }'")
    try:
        guest.check("nft add rule ip t out oifname eth0 counter accept")
        result = guest.run("xl-status")
        expect(result.status == 3, f"exit status {result.status} with a rule by output device")
        expect('oifname "eth0"' in result.out, f"xl-status does not show the rule:\n{result.out}")
    finally:
        guest.check("nft delete table ip t")
    expect(guest.run("xl-status").status == 0, "xl-status warns without a reason")


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    expect("driver: xlnet" in g1.check("ethtool -i xl0"), "ethtool -i does not name the driver")
    g1.check("ethtool -k xl0")
    peer = f"peer{g2.domid}_"
    before = xlnet.statistics(g1)
    g1.check(f"ping -c {COUNT} -i 0.02 -W 5 {g2.ip}")
    after = xlnet.statistics(g1)
    for name in ("tx_packets", "rx_packets"):
        grown = after[peer + name] - before[peer + name]
        expect(COUNT <= grown <= 2 * COUNT, f"{COUNT} pings moved {peer}{name} by {grown}")
    expect(after["broken_channels"] == 0, f"broken channels: {after}")
    link = g1.check("ip -s -d link show xl0")
    expect("UP" in link and "mtu" in link, f"ip link shows:\n{link}")

    with families.dressed(g1, g2):
        xlnet.wait_for_routes(lab)
        status = g1.check("xl-status")
        for address in g2.addresses:
            line = rf"^ +{re.escape(address)} +of domain {g2.domid} +on xl0$"
            expect(re.search(line, status, re.MULTILINE), f"xl-status in a guest does not show {address}:\n{status}")
        explains(lab, g1, g2)
        status = lab.dom0.check("xl-status")
        for word in ("g1", "g2", *g1.addresses, *g2.addresses):
            expect(word in status, f"xl-status in dom0 does not show {word}:\n{status}")
