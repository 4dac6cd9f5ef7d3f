"""ethtool, ip and xl-status show real figures of xl0 and its peers."""

from lab import xlnet
from lab.checks import expect, wait_until

COUNT = 100


# What an administrator may do, and what xl-status then says of the peer's address. {ip} is that.
REASONS = (
    ("echo {ip} >$avoid", "echo >$avoid", "the administrator keeps it there"),
    ("ip route add unreachable {ip}", "ip route del unreachable {ip}", "says that it is unreachable"),
    ("ip route add {ip} via 10.0.0.254", "ip route del {ip} via 10.0.0.254", "through a gateway"),
    ("ip rule add to {ip} lookup main pref 100", "ip rule del pref 100", "a rule stands before"),
)
AVOID = "avoid=/sys/module/xlnet/parameters/avoid; "


def explains(lab, guest, peer):
    """xl-status says why an address is not on xl0, and finds rules that xl0 goes past."""
    for do, undo, words in REASONS:
        guest.check(AVOID + do.format(ip=peer.ip))
        try:
            wait_until(f"xl-status to say '{words}'", lambda words=words: words in guest.run("xl-status").out, 10)
        finally:
            guest.check(AVOID + undo.format(ip=peer.ip))
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

    status = g1.check("xl-status")
    for word in (g2.ip, "on xl0", str(g2.domid)):
        expect(word in status, f"xl-status in a guest does not show {word}:\n{status}")
    explains(lab, g1, g2)
    status = lab.dom0.check("xl-status")
    for word in ("g1", "g2", g1.ip, g2.ip):
        expect(word in status, f"xl-status in dom0 does not show {word}:\n{status}")
