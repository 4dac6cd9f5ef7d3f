"""A guest whose grants are all taken, but for the reserve, is refused channels, while a disk goes on and comes new."""

from lab import traffic, xen, xlnet
from lab.checks import expect, wait_until
from lab.needs import Needs

NEEDS = Needs(loaded=True)
# Of the 2048 entries of four frames netfront takes 514, the reserve is 512, a quarter, and a channel with a ring of
# PAGES takes 513: beside netfront and the reserve there is room for one.
FRAMES, PAGES = 4, 512
ENTRIES = FRAMES * 512
RESERVE = ENTRIES // 4
REFUSED = "no channel: too few grants are left for channels (ENOSPC)"
# Requests of 64 KiB, to write and then to read, and how long one may take, in microseconds, the start of the program
# that makes it included.
REQUESTS, LONGEST = 48, 1_000_000
DISK = "/var/lib/lab/grants_reserved"
ATTACH = f"""
modprobe -a loop xen-blkback
mkdir -p /var/lib/lab
truncate -s 64M {DISK}
xl block-attach NAME "$(losetup -f --show {DISK}),raw,xvdb,rw"
"""
DETACH = f"""
xl block-detach NAME xvdb
losetup -d "$(losetup -j {DISK} | cut -d: -f1)"
rm {DISK}
"""
# Prints how long the longest request took.
USE = f"""
set -e
head -c 65536 /dev/urandom >/tmp/pattern
longest=0
timed() {{
  local begun=${{EPOCHREALTIME/./}}
  "$@" 2>/dev/null
  local took=$((${{EPOCHREALTIME/./}} - begun))
  [ $took -le $longest ] || longest=$took
}}
for ((i = 0; i < {REQUESTS}; i++)); do
  timed dd if=/tmp/pattern of=/dev/xvdb bs=64k count=1 seek=$i oflag=direct conv=notrunc
done
for ((i = 0; i < {REQUESTS}; i++)); do
  timed dd if=/dev/xvdb of=/tmp/read bs=64k count=1 skip=$i iflag=direct
  cmp /tmp/pattern /tmp/read
done
echo $longest
"""


def run(lab):
    g1, g2 = lab.guest("g1"), lab.guest("g2")
    poor = lab.create_guest("g9", ip="10.0.0.9", extra=f"max_grant_frames = {FRAMES}\n")
    xlnet.unload(g2)
    xlnet.load(poor)
    poor.check(f"ethtool -G xl0 tx {PAGES}")
    xlnet.wait_for_routes(lab, ("g1", "g9"))
    poor.mark("lab: all grants are taken")
    xlnet.load(g2)
    with xlnet.talking(g2, poor):
        wait_until("the guest to be refused", lambda: REFUSED in poor.kernel_log("lab: all grants"), xlnet.PATIENCE)

    lab.dom0.check(ATTACH.replace("NAME", poor.name))
    poor.check("modprobe xen-blkfront; until [ -b /dev/xvdb ]; do nap 0.1; done", timeout=30)
    # Not the whole mixture, which leaves nothing else the guest's CPU.
    with traffic.echo(g1), traffic.running(traffic.Datagrams(poor, g1)) as datagrams:
        longest = int(poor.check(USE, timeout=120))
        lent = sum(grant.owner == poor.domid and grant.user in (g1.domid, g2.domid) for grant in xen.grants(lab))
        datagrams.finish(outage=0)
    expect(longest <= LONGEST, f"a request to the disk took {longest / 1e6:.1f} s")
    expect(lent == PAGES + 1, f"{lent} pages are lent to peers, not those of one channel")
    expect(lent <= ENTRIES - RESERVE, f"of {ENTRIES} grants {lent} are lent")
    expect(REFUSED in poor.kernel_log("lab: all grants"), "the other peer was not refused")
    expect(xlnet.device_to(poor, g2.ip) == "eth0", "the peer that was refused has a route on xl0")

    lab.dom0.check(DETACH.replace("NAME", poor.name))
    lab.destroy(poor.name)
