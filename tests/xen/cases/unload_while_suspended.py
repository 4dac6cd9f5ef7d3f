"""A guest is suspended time and again while it unloads and loads xlnet: no suspend fails, and traffic goes on."""

from lab import families, life, traffic, xlnet
from lab.domain import MODULES

TIMES = 4
STOP = "/tmp/stop"
# Prints how often xlnet went and came.
LOOP = f"""
for (( n = 0; ; n++ )); do
  test -e {STOP} && break
  rmmod xlnet && insmod {MODULES}/xlnet.ko {xlnet.OPEN} || exit
done
rm {STOP}
echo $(( 2 * n ))
"""


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    absence = life.Absence()
    with families.dressed(g1, g2), traffic.mixture(g2, g1) as mixture:
        loop = g1.start(LOOP)
        for _ in range(TIMES):
            with absence:
                life.suspend(lab, g1)
        g1.check(f"touch {STOP}")
        changes = int(loop.check())
        xlnet.wait_for_routes(lab)
        mixture.wait_alive()
        mixture.finish(absence.seconds, changes)
