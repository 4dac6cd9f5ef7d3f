"""Unmodified ping and netperf between the eth0 addresses go over xl0; eth0 and dom0 carry nothing."""

from lab.checks import expect
from lab.counters import Movement

# ARP probes, which the driver itself sends on the NIC, and what IPv6 does there by itself.
QUIET = 20
TESTS = {
    "ping": "ping -c 50 -i 0.02 -W 5 {ip}",
    "TCP_RR": "netperf -H {ip} -t TCP_RR -l 2",
    "UDP_RR": "netperf -H {ip} -t UDP_RR -l 2",
    "TCP_STREAM": "netperf -H {ip} -t TCP_STREAM -l 2",
    "UDP_STREAM": "netperf -H {ip} -t UDP_STREAM -l 2 -- -m 1400 -R 1",
}


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    watched = {
        g1: ["eth0", "xl0"],
        g2: ["eth0", "xl0"],
        lab.dom0: [g1.vif, g2.vif],
    }
    for name, command in TESTS.items():
        for here, there in ((g1, g2), (g2, g1)):
            with Movement(watched) as moved:
                here.check(command.format(ip=there.ip))
            for guest in (g1, g2):
                expect(moved[guest, "xl0"] >= 50, f"{name} from {here.name} did not use xl0: {moved}")
                expect(moved[guest, "eth0"] <= QUIET, f"{name} from {here.name} used eth0: {moved}")
                expect(moved[lab.dom0, guest.vif] <= QUIET, f"{name} from {here.name} used dom0: {moved}")
