"""Unmodified ping, netperf and iperf3 between eth0 addresses of either family take xl0; eth0 and dom0 carry nothing."""

import contextlib

from lab import families, traffic, xlnet
from lab.checks import expect
from lab.counters import Movement

# ARP probes, which the driver itself sends on the NIC, and what IPv6 does there by itself.
QUIET = 20
TESTS = {
    "ping": "ping -c 50 -i 0.02 -W 5 {ip}",
    "TCP_RR": "netperf -{version} -H {ip} -t TCP_RR -l {seconds}",
    "UDP_RR": "netperf -{version} -H {ip} -t UDP_RR -l {seconds}",
    "TCP_STREAM": "netperf -{version} -H {ip} -t TCP_STREAM -l {seconds}",
    "UDP_STREAM": "netperf -{version} -H {ip} -t UDP_STREAM -l {seconds} -- -m 1400 -R 1",
}
# For a server that netperf's does not stand for.
IPERF3 = {
    "iperf3": "iperf3 -{version} -c {ip} -t {seconds}",
    "iperf3 --udp": "iperf3 -{version} -c {ip} -t {seconds} --udp --length 1400",
}
IPERF3_PORT = 5201


@contextlib.contextmanager
def iperf3_server(guest):
    """iperf3's server of both families inside the `with` block."""
    server = guest.start("exec iperf3 -s")
    try:
        guest.check(traffic.listening("::", IPERF3_PORT, "tcp"))
        yield
    finally:
        server.kill()


def uses_xl0(lab, here, there, seconds):
    take_xl0(lab, here, there, seconds, TESTS)
    if lab.thorough:
        with iperf3_server(there):
            take_xl0(lab, here, there, seconds, IPERF3)


def take_xl0(lab, here, there, seconds, tests):
    watched = {
        here: ["eth0", "xl0"],
        there: ["eth0", "xl0"],
        lab.dom0: [here.vif, there.vif],
    }
    for name, command in tests.items():
        name = f"{name} from {here.name} to {there.ip}"
        with Movement(watched) as moved:
            here.check(command.format(version=there.version, ip=there.ip, seconds=seconds))
        for guest in (here, there):
            expect(moved[guest, "xl0"] >= 50, f"{name} did not use xl0: {moved}")
            expect(moved[guest, "eth0"] <= QUIET, f"{name} used eth0: {moved}")
            expect(moved[lab.dom0, guest.vif] <= QUIET, f"{name} used dom0: {moved}")


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    for here, there in ((g1, g2), (g2, g1)):
        uses_xl0(lab, here, there, seconds=2)
    # What the two directions differ in is no matter of the family.
    with families.speaking(families.IPV6, g1, g2):
        xlnet.wait_for_routes(lab)
        uses_xl0(lab, g1, g2, seconds=1)
