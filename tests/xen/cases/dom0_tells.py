"""dom0 tells guests where they cannot write, and says why guests are apart."""

from lab import apart, traffic, xlnet
from lab.checks import expect, wait_until
from lab.needs import Needs

NEEDS = Needs(guests=("g1", "g2", "g3"))
# Every 10 s, and what is said last has to be the last.
ACCOUNTED = 30


def accounts(dom0):
    """What xl-status says of what was exchanged: {from, to: packets and bytes, as the one says and the other}."""
    rows = map(str.split, dom0.check("xl-status traffic").splitlines()[1:])
    return {(one, other): figures for one, other, *figures in rows}


def counted(one, other):
    """The same, as the counters of both have it."""
    seen = {}
    for here, there in apart.both((one, other)):
        statistics = xlnet.statistics(here)
        for way in ("tx", "rx"):
            seen[here.name, way] = [statistics[f"peer{there.domid}_{way}_{what}"] for what in ("packets", "bytes")]
    return {
        (here.name, there.name): [str(n) for n in seen[here.name, "tx"] + seen[there.name, "rx"]]
        for here, there in apart.both((one, other))
    }


def run(lab):
    g1, g2, g3 = (lab.guest(name) for name in ("g1", "g2", "g3"))
    dom0 = lab.dom0
    told = f"xlnet/peer/{g2.domid}"

    # The guest reads it, cannot change it, and it is not on its quota.
    expect(f" addr={g2.ip} " in g1.check(f"xenstore-read {told}"), "g1 does not read g2's address")
    for command in (f"xenstore-write {told} addr=10.9.9.9", f"xenstore-rm {told}", "xenstore-write xlnet/x 1"):
        expect(g1.run(command).status != 0, f"a guest may {command}")
    owner = dom0.check(f"xenstore-ls -p /local/domain/{g1.domid}/{told}")
    expect("(n0," in owner, f"not dom0's:\n{owner}")
    others = f"xenstore-read /local/domain/{g2.domid}/xlnet/peer/{g1.domid}"
    expect(g1.run(others).status != 0, "a guest reads what another one is told")

    # Both say what they exchanged, a while later.
    with traffic.mixture(g1, g2) as mixture:
        mixture.finish()
    wait_until("both accounts", lambda: accounts(dom0) == counted(g1, g2), ACCOUNTED)

    # Why a guest meets nobody is said there and here.
    def why(one, other):
        return dom0.check(f"xl-status why {one.name} {other.name}")

    expect("may meet" in why(g1, g2), f"of guests that meet: {why(g1, g2)}")
    expect("does not run xlnet" in why(g1, g3), f"of a guest without xlnet: {why(g1, g3)}")
    down = f"ip link set {g1.vif} down", f"ip link set {g1.vif} up"
    ports = f"for port in {g1.vif} {g2.vif}; do bridge link set dev $port isolated"
    isolated = f"{ports} on; done", f"{ports} off; done"
    try:
        mark = "lab: a vif that is down"
        dom0.mark(mark)
        dom0.check(down[0])
        apart.wait_for_log(dom0, mark, "is down")
        wait_until("g1 to be told why", lambda: "is down" in g1.run("xenstore-read xlnet/why").out, 5)
        expect("is down" in why(g2, g1), f"of a vif that is down: {why(g2, g1)}")
        result = dom0.run("xl-status")
        expect(result.status == 1 and "is down" in result.out, f"xl-status does not say why: {result}")
        apart.expect_together(lab, (g1, g2), "a vif that is up again", down[1])
        expect(g1.run("xenstore-read xlnet/why").status != 0, "g1 is still told why")
        dom0.check(isolated[0])
        wait_until("the reason", lambda: "isolated" in why(g1, g2), 5)
        result = dom0.run("xl-status")
        expect(result.status == 1 and "isolated" in result.out, f"xl-status does not say why: {result}")
        apart.expect_together(lab, (g1, g2), "ports that are not isolated", isolated[1])
    finally:
        dom0.run(f"{down[1]}; {isolated[1]}")

    # A domain that is gone leaves no directory behind.
    directory = f"/local/domain/{g2.domid}"
    lab.destroy("g2")
    wait_until("the directory to go", lambda: dom0.run(f"xenstore-list {directory}").status != 0, 10)
    wait_until("g1 to have no peer", lambda: not xlnet.peers(g1), 10)
    expect(dom0.run(f"xenstore-list {directory}").status != 0, "a dead domain's directory is back")
