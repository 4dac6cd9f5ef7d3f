"""From load to unload xl0 has no IPv6 address, sends nothing of its own, and takes no group's packets from the NIC."""

from lab import families, xlnet
from lab.checks import expect
from lab.needs import Needs

NEEDS = Needs(loaded=False)
# All that a host says of itself when a device comes up: multicast listener reports, solicitations of routers, and of
# neighbours for an address that nobody has confirmed yet. Others on the network may solicit routers at any time.
OF_ITSELF = "icmp6 and (ip6[40] == 143 or ip6[40] == 131 or (ip6[40] == 133 and outbound) or src host ::)"
# What is to a group, or not between the guests' addresses.
STRAY = "ip6 and (dst net ff00::/8 or not src net 2001:db8::/64)"
# tcpdump follows a device by its name.
CAPTURE = "exec tcpdump -U -n -i {device} -w {file} '{what}' 2>/dev/null"
SHOW = "tcpdump -n -r {file} 2>/dev/null"
# Sends to a group with no device named.
TO_GROUP = "echo hello | socat -u - UDP6-DATAGRAM:[ff15::1234]:7004"
SOLICITATIONS = "/proc/sys/net/ipv6/conf/eth0/router_solicitations"


def run(lab):
    g1, g2 = guests = lab.guest("g1"), lab.guest("g2")
    with families.dressed(*guests):
        # Of eth0 nothing may come either. Linux solicits routers for ever, but ever more seldom, while there is none.
        g1.check(f"echo 0 >{SOLICITATIONS}; nap 5")
        on_eth0 = g1.start(CAPTURE.format(device="eth0", file="/tmp/eth0.pcap", what=OF_ITSELF))
        try:
            xlnet.load_all(lab)
            on_xl0 = g1.start(CAPTURE.format(device="xl0", file="/tmp/xl0.pcap", what=STRAY))
            try:
                for guest, peer in ((g1, g2), (g2, g1)):
                    xlnet.wait_for_route(guest, families.ipv6_address(peer))
                expect_bare(g1)
                g1.run(TO_GROUP)
                # xl0 goes down and comes back.
                g1.check("ip link set xl0 down && ip link set xl0 up")
                xlnet.wait_for_route(g1, families.ipv6_address(g2))
                g1.check("nap 5")
                expect_bare(g1)
            finally:
                on_xl0.kill()
            xlnet.unload_all(lab)
        finally:
            on_eth0.kill()
            g1.run(f"echo -1 >{SOLICITATIONS}")
    for device in ("xl0", "eth0"):
        said = g1.check(SHOW.format(file=f"/tmp/{device}.pcap")).strip()
        expect(not said, f"on {device} was said:\n{said}")


def expect_bare(guest):
    """IPv6 knows xl0 by the routes to peers alone."""
    addresses = guest.check("ip -6 address show dev xl0").strip()
    expect(not addresses, f"xl0 has IPv6 addresses:\n{addresses}")
    routes = guest.run("ip -6 -o route show table all dev xl0 | grep -v 'proto xlnet'").out.strip()
    expect(not routes, f"IPv6 routes through xl0 besides those to peers:\n{routes}")
    failed = guest.run("dmesg | grep -i 'duplicate address'").out.strip()
    expect(not failed, failed)
