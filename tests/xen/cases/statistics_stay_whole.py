"""ethtool -S xl0 answers each time it is asked, while peers come and go."""

import re

from lab import xlnet
from lab.checks import expect

TIMES = 4
ENOUGH = 10
END = "/tmp/.statistics-end"
# Asks until it is told to end. Each answer must have the first figure and, of a peer that it names, the last.
ASK = f"""
asked=0
until [[ -e {END} ]]; do
  answer=$(ethtool -S xl0 2>&1)
  [[ $answer == *' tx_drops: '* ]] || {{ echo "asked $asked times; then: $answer"; exit 1; }}
  [[ $answer != *_connected:* || $answer == *_stalled:* ]] || {{ echo "a part is missing: $answer"; exit 1; }}
  ((++asked))
done
echo "asked $asked times"
"""


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    g1.check(f"rm -f {END}")
    # Whoever asks meets others who do.
    asking = [g1.start(ASK) for _ in range(2)]
    for domain in (g2, lab.dom0):
        for _ in range(TIMES):
            xlnet.unload(domain)
            xlnet.load(domain)
            xlnet.wait_for_routes(lab)
    g1.check(f"touch {END}")
    answers = [one.check() for one in asking]
    times = [int(number) for number in re.findall(r"asked (\d+)", " ".join(answers))]
    expect(len(times) == 2 and min(times) >= ENOUGH, f"too few answers to say anything: {answers}")
    expect(xlnet.peers(g1) == {g2.domid}, f"not of the one peer there is: {xlnet.peers(g1)}")
