"""Guests behind Open vSwitch are not introduced: its bridges and tags are not dom0's kernel's to tell."""

import time

from lab import apart, xlnet
from lab.checks import expect


def run(lab):
    g1, g2 = pair = lab.guest("g1"), lab.guest("g2")
    dom0 = lab.dom0
    try:
        dom0.check("modprobe openvswitch && /usr/share/openvswitch/scripts/ovs-ctl --no-mlockall start", 120)
        dom0.check("for bridge in ovs0 ovs1; do ovs-vsctl add-br $bridge && ip link set $bridge up; done")
        moves = " && ".join(
            f"ip link set {guest.vif} nomaster && ovs-vsctl add-port ovs{number} {guest.vif}"
            for number, guest in enumerate(pair)
        )
        with apart.pinging(lab, pair):
            apart.expect_parted(lab, pair, "two bridges of Open vSwitch", moves, "no Linux bridge")
        expect(g1.run(f"ping -c 2 -i 0.2 -W 1 {g2.ip}").status != 0, "the two bridges do not keep them apart")

        dom0.check(f"ovs-vsctl del-port {g2.vif} && ovs-vsctl add-port ovs0 {g2.vif}")
        g1.check(f"ping -c 3 -i 0.2 -W 5 {g2.ip}")
        for guest, tag in ((g1, 5), (g2, 6)):
            dom0.check(f"ovs-vsctl set port {guest.vif} tag={tag}")
        expect(g1.run(f"ping -c 2 -i 0.2 -W 1 {g2.ip}").status != 0, "the two tags do not keep them apart")
        # A guest that begins anew is not introduced either.
        xlnet.unload(g1)
        xlnet.load(g1)
        time.sleep(xlnet.CONVERGENCE)
        for here, there in apart.both(pair):
            expect(not xlnet.has_route(here, there), f"{here.name} has a route to {there.name}")
            expect(not xlnet.peers(here), f"{here.name} has peers")
    finally:
        for guest in pair:
            dom0.run(f"ovs-vsctl del-port {guest.vif}; ip link set {guest.vif} master xenbr0")
        dom0.run("ovs-vsctl del-br ovs0; ovs-vsctl del-br ovs1")
        dom0.run("/usr/share/openvswitch/scripts/ovs-ctl stop")
    xlnet.wait_for_routes(lab)
