"""ethtool -S xl0 has an answer, with all that stay, however often it is asked while a peer comes and goes."""

from lab import xlnet
from lab.checks import expect
from lab.needs import Needs

NEEDS = Needs(guests=("g1", "g2", "g3"), loaded=False)
ROUNDS = 5
ASK = """
rm -f /tmp/.end; asked=0; failed=0; without=0
until [ -e /tmp/.end ]; do
  ethtool -S xl0 >/tmp/.answer 2>&1 || ((++failed))
  mapfile -t lines </tmp/.answer
  [[ ${{lines[*]}} == *peer{peer}_* ]] || ((++without))
  ((++asked))
done
echo $asked $failed $without
"""


def run(lab):
    g1, g2, g3 = (lab.guest(name) for name in NEEDS.guests)
    xlnet.load_all(lab)
    asking = g1.start(ASK.format(peer=g2.domid))
    try:
        for _ in range(ROUNDS):
            xlnet.load(g3)
            xlnet.wait_for_routes(lab, NEEDS.guests)
            xlnet.unload(g3)
            g3.check("nap 0.5")
    finally:
        g1.check("touch /tmp/.end")
    asked, failed, without = map(int, asking.check().split())
    g1.note(f"asked {asked} times")
    expect(asked > 10 * ROUNDS, f"asked only {asked} times")
    expect(failed == 0, f"{failed} of {asked} times there was no answer")
    expect(without == 0, f"{without} of {asked} times there was nothing about g2")
    xlnet.unload_all(lab)
