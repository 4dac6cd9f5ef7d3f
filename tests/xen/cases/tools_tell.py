"""ethtool, ip and xl-status show real figures of xl0 and its peers."""

from lab import xlnet
from lab.checks import expect

COUNT = 100


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
    for word in (g2.ip, "xl0", str(g2.domid)):
        expect(word in status, f"xl-status in a guest does not show {word}:\n{status}")
    status = lab.dom0.check("xl-status")
    for word in ("g1", "g2", g1.ip, g2.ip):
        expect(word in status, f"xl-status in dom0 does not show {word}:\n{status}")
