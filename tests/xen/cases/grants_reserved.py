"""A guest whose channels have all grants but the reserve is refused more, while a disk comes new and works."""

from lab import debug, traffic, xen, xlnet
from lab.checks import expect, wait_until
from lab.needs import Needs

NEEDS = Needs(guests=("g1", "g2", "g3"))
# Of the 2048 entries of four frames 8 are Xen's and netfront takes 514. SHARE percent are for channels, and the rest is
# the reserve: beside that and netfront there is room for two channels, with rings of PAGES, which are the default, and
# for LEFT grants more, too few even for the smallest ring, of 32.
FRAMES, SHARE, PAGES = 4, 52, 256
ENTRIES = FRAMES * 512
LIMIT = ENTRIES * SHARE // 100
CHANNEL = 1 + PAGES
LEFT = LIMIT - 8 - 514 - 2 * CHANNEL
REFUSED = "no channel: too few grants are left for channels (ENOSPC)"
# What is written and then read at a time, in bytes, which the kernel makes eight requests of at least; how often; and
# how long it may take, in microseconds, the start of the program included. One request of those takes more than LEFT.
SIZE, TIMES, LONGEST = 1 << 20, 24, 1_000_000 * debug.PACE
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
# Prints how long the longest took.
USE = f"""
set -e
head -c {SIZE} /dev/urandom >/tmp/pattern
longest=0
timed() {{
  local begun=${{EPOCHREALTIME/./}}
  "$@" 2>/dev/null
  local took=$((${{EPOCHREALTIME/./}} - begun))
  [ $took -le $longest ] || longest=$took
}}
for ((i = 0; i < {TIMES}; i++)); do
  timed dd if=/tmp/pattern of=/dev/xvdb bs={SIZE} count=1 seek=$i oflag=direct conv=notrunc
done
for ((i = 0; i < {TIMES}; i++)); do
  timed dd if=/dev/xvdb of=/tmp/read bs={SIZE} count=1 skip=$i iflag=direct
  cmp /tmp/pattern /tmp/read
done
echo $longest
"""


def run(lab):
    g1, g2, g3 = (lab.guest(name) for name in NEEDS.guests)
    poor = lab.create_guest("g9", ip="10.0.0.9", extra=f"max_grant_frames = {FRAMES}\n")
    xlnet.load(poor, f"grants={SHARE}")
    xlnet.wait_for_routes(lab, ("g1", "g2", "g9"))
    mark = "lab: all grants are taken"
    poor.mark(mark)
    xlnet.load(g3)
    with xlnet.talking(g3, poor):
        wait_until("the guest to be refused", lambda: REFUSED in poor.kernel_log(mark), xlnet.PATIENCE)
    # Of more peers than there is room for the busiest have channels, after one that is new was tried.
    with xlnet.talking(poor, g2):
        first = {g1.domid, g2.domid}
        wait_until("those that came first to have channels", lambda: xlnet.channels(poor) == first, xlnet.PATIENCE)
        beside_a_disk(lab, poor)
    xlnet.unload(g3)
    lab.destroy(poor.name)


def beside_a_disk(lab, poor):
    """A disk comes, and is used, while the channels of two peers have all grants but the reserve."""
    g1, g2, g3 = (lab.guest(name) for name in NEEDS.guests)
    lab.dom0.check(ATTACH.replace("NAME", poor.name))
    poor.check("modprobe xen-blkfront; until [ -b /dev/xvdb ]; do nap 0.1; done", timeout=30)
    # Not the whole mixture, which leaves nothing else the guest's CPU.
    with traffic.echo(g1), traffic.running(traffic.Datagrams(poor, g1)) as datagrams:
        longest = int(poor.check(USE, timeout=180))
        lent = [grant.user for grant in xen.grants(lab) if grant.owner == poor.domid]
        datagrams.finish(outage=0)
    # The disk goes on with the grants that it had once, and dom0 maps them until it is detached.
    channels, disk = (sum(user in users for user in lent) for users in ((g1.domid, g2.domid, g3.domid), (0,)))
    lab.dom0.note(f"{channels} grants are lent to peers and {disk} to dom0; the slowest of the disk: {longest} us")
    expect(longest <= LONGEST, f"{SIZE} bytes to or from the disk took {longest / 1e6:.1f} s")
    expect(channels == 2 * CHANNEL, f"{channels} pages are lent to peers, not those of two channels")
    expect(disk > LEFT, f"the disk had {disk} grants, and more than {LEFT} would have been the reserve's")
    expect(xlnet.channels(poor) == {g1.domid, g2.domid}, "not the peers that came first have channels")
    expect(not xlnet.has_route(poor, g3), "the peer that was refused has a route on xl0")
    lab.dom0.check(DETACH.replace("NAME", poor.name))
