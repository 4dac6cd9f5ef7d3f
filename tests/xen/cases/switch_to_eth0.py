"""What avoid= lists stays on eth0, or is back there within 1 s, and no connection breaks."""

from lab import families, traffic, xlnet
from lab.checks import expect
from lab.counters import Movement

AVOID = "/sys/module/xlnet/parameters/avoid"
ELSEWHERE = "10.0.0.199"
NO_LISTS = ("nobody", "10.0.0.300", "10.0.0.1,,10.0.0.2", "10.0.0.1 10.0.0.2", ",", "ALL", "00:16:3e:01")
COUNT = 20
QUIET = 5


def ping(here, there, device):
    """Pings, which must leave by the device."""
    with Movement({here: ["eth0", "xl0"]}) as moved:
        here.check(f"ping -q -c {COUNT} -i 0.05 -W 5 {there.ip}")
    expect(moved[here, device] >= COUNT, f"not by {device}: {moved}")
    return moved


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    with families.dressed(g1, g2):
        xlnet.wait_for_routes(lab)
        switch(lab, g1, g2)


def avoid_one(g1, peer, address):
    """With one address of the peer's avoided the others are where they were."""
    away = xlnet.RouteChange(g1, address, present=False)
    g1.check(f"echo {address} >{AVOID}")
    away.finish()
    for other in peer.addresses:
        expect(xlnet.device_to(g1, other) == ("eth0" if other == address else "xl0"), f"without {address}: {other}")
    back = xlnet.RouteChange(g1, address, present=True)
    g1.check(f"echo >{AVOID}")
    back.finish()


def switch(lab, g1, g2):
    expect(g1.read(AVOID) == "", "somebody is avoided who is not listed")
    mac = g2.read("/sys/class/net/eth0/address")
    lists = (",".join(g2.addresses), "all", mac.upper(), f"fe80::1, {mac},{ELSEWHERE}")
    with traffic.mixture(g1, g2) as mixture:
        for text in lists:
            away = xlnet.RouteChange(g1, g2.ip, present=False)
            g1.check(f"echo '{text}' >{AVOID}")
            away.finish()
            expect(g1.read(AVOID) == text, f"{text} reads as {g1.read(AVOID)}")
            # The peer is told that nothing of its is taken by xl0 any more.
            xlnet.start_forgetting(g2, [g1]).check()
            moved = ping(g1, g2, "eth0")
            expect(moved[g1, "xl0"] == 0, f"something by xl0: {moved}")
            back = xlnet.RouteChange(g1, g2.ip, present=True)
            g1.check(f"echo >{AVOID}")
            back.finish()
        for address in g2.addresses:
            avoid_one(g1, g2, address)
        mixture.finish(changes=4 * (len(lists) + len(g2.addresses)))

    g1.check(f"echo {ELSEWHERE} >{AVOID}")
    for text in NO_LISTS:
        result = g1.run(f"echo '{text}' >{AVOID}")
        expect(result.status != 0 and "Invalid argument" in result.out, f"{text} was taken: {result.out}")
    expect(g1.read(AVOID) == ELSEWHERE, "what was refused has changed something")
    moved = ping(g1, g2, "xl0")
    expect(moved[g1, "eth0"] <= QUIET, f"somebody else is avoided, too: {moved}")

    xlnet.unload(g1)
    xlnet.expect_refusal(g1, "xlnet", "avoid=nobody", "avoid=")
    xlnet.load(g1, f"avoid={g2.ip}")
    g1.check(f"until grep -q '^{g2.ip} .*avoid=' /sys/kernel/debug/xlnet/addresses; do nap 0.1; done")
    g1.check(f"nap {xlnet.FALLBACK}")
    ping(g1, g2, "eth0")
    back = xlnet.RouteChange(g1, g2.ip, present=True)
    g1.check(f"echo >{AVOID}")
    back.finish()
