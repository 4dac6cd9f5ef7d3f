"""A suspend that is taken back: the channel is closed before and there again after, nothing is lost."""

from lab import families, life, traffic, xlnet
from lab.checks import expect
from lab.counters import Movement, read

PINGS = 10
MANY = 100
# While g1 stands still, g2's TCP doubles its retransmission timeout with every try.
BACKOFF = 20


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    with families.dressed(g1, g2), traffic.stream(g1, g2) as stream:
        for _ in range(2):
            life.suspend(lab, g1)
            xlnet.wait_for_routes(lab)
            with Movement({g1: ["eth0", "xl0"]}) as after:
                for address in g2.addresses:
                    g1.check(f"ping -q -c {PINGS} -i 0.05 {address}")
                begun = read(g1, "xl0")["xl0"]
                stream.wait_until(
                    "the connection to go on over xl0",
                    lambda begun=begun: read(g1, "xl0")["xl0"] > begun + MANY,
                    BACKOFF,
                )
            expect(after[g1, "eth0"] < PINGS, f"afterwards: {after}")
        stream.finish()
