"""The product, as cases load, unload and look at it."""

import contextlib
import re
import time

from . import debug, families
from .checks import expect, wait_until
from .domain import MODULES
from .errors import CaseFailure

# The promise: from the last of the modules loaded to routes on both sides.
CONVERGENCE = 3.0 * debug.PACE
# The promise: routes follow within so many seconds of what makes them right or wrong.
FALLBACK = 1.0 * debug.PACE
# Where cases have the device unless they say otherwise.
GUESTS = ("g1", "g2")
# What tells why there is no route.
STATE = (
    "cat /sys/kernel/debug/xlnet/addresses; ip rule; ip route show table xlnet; ip nexthop; ip route;"
    " ip -6 rule; ip -6 route show table xlnet; ip -6 route show table xlnet-replies; ip -6 route;"
    " ethtool -S xl0; dmesg | grep -i xlnet | tail -n 20"
)
# How long a case waits that is about something else: a busy machine must not fail it.
PATIENCE = 30.0 * debug.PACE
# How often who waits looks, and how often who talks does meanwhile, in seconds: on slow kernels those who wait for many
# would leave them no time to come.
LOOK = 0.1 * debug.PACE
TALK = 0.5 * debug.PACE
# Channels that are open stay open, in cases that are not about that: between two checks a guest may say nothing.
OPEN = "idle_close=0"
# The parameters with which cases find modules loaded.
USUAL = {"xldiscovery": (), "xlnet": (OPEN,)}


def load(domain, *parameters):
    """Loads the domain's module: discovery in dom0, the device in guests. There idle channels stay open unless the
    parameters say something else of `idle_close`."""
    module = module_of(domain)
    if module == "xlnet" and not any("idle_close=" in parameter for parameter in parameters):
        parameters = (*parameters, OPEN)
    domain.insmod(module, *parameters)


def unload(domain):
    domain.rmmod(module_of(domain))


def module_of(domain):
    return "xldiscovery" if domain.name == "dom0" else "xlnet"


def unload_all(lab, besides=()):
    """Unloads what is loaded but in the domains with the names `besides`, as far as it is loaded as usual there."""
    for domain in lab.domains():
        module = module_of(domain)
        stays = domain.name in besides and domain.parameters.get(module) == USUAL[module]
        if not stays and domain.has_module(module):
            unload(domain)


def load_all(lab, names=GUESTS):
    """Loads what is not loaded and waits until all the named guests have routes to each other."""
    for domain in [lab.dom0, *(lab.guest(name) for name in names)]:
        if not domain.has_module(module_of(domain)):
            load(domain)
    wait_for_routes(lab, names)


def wait_for_routes(lab, names=GUESTS, timeout=None):
    """Has each named guest talk to each other one, and waits until it has a route on xl0 there, to each address of a
    family that both have, for longer the more guests there are. All of them wait at once, each by a loop of its own, so
    that the driver's polling costs no time."""
    guests = [lab.guest(name) for name in names]
    timeout = timeout or PATIENCE * len(guests) / 2
    waiting = [
        (guest, start_waiting(guest, [peer for peer in guests if peer is not guest], timeout)) for guest in guests
    ]
    for guest, command in waiting:
        result = command.wait(timeout + 30)
        if result.status != 0:
            state = guest.run(STATE).out
            raise CaseFailure(f"{guest.name}: {result.out.strip()}\n{state}")


def start_waiting(guest, peers, timeout, before=""):
    """Has the guest talk to each address of the peers to which there is no route, and starts a loop in it that ends
    when there is one to each, or fails when one is late. It prints how many hundredths of a second that took, and what
    the command `before` prints."""
    addresses = " ".join(address for peer in peers for address in families.shared(guest, peer))
    return guest.start(
        "read -r begin _ </proc/uptime\n"
        f"{before}\n"
        f"{talk(addresses)}"
        f"for address in {addresses}; do\n"
        "  until on_xl0 $address; do\n"
        "    read -r now _ </proc/uptime\n"
        f"    (( ${{now/./}} - ${{begin/./}} < {int(timeout * 100)} )) ||"
        f" {{ echo \"no route to $address on xl0 within {timeout} s\"; exit 1; }}\n"
        f"    nap {LOOK}\n"
        "  done\n"
        "done\n"
        "read -r now _ </proc/uptime\n"
        "echo $(( ${now/./} - ${begin/./} ))"
    )


def wait_for_route(guest, address, talking=False):
    """Waits until the guest has a route on xl0 to an address, to which it talks meanwhile if that is said."""
    said = talk(address) if talking else ""
    guest.check(f"{said}until on_xl0 {address}; do nap {LOOK}; done", PATIENCE)


def wait_for_queue_pairs(lab, pair, count):
    """Waits until two guests have so many queue pairs to each other, and routes."""
    wait_to_agree(pair, count)
    wait_for_routes(lab, [guest.name for guest in pair])


def wait_to_agree(pair, count):
    """Waits until two guests with a channel have so many queue pairs to each other."""
    for guest, peer in (pair, pair[::-1]):
        wait_until(
            f"{count} queue pairs from {guest.name} to {peer.name}",
            lambda guest=guest, peer=peer: statistics(guest)[f"peer{peer.domid}_queue_pairs"] == count,
            PATIENCE,
        )


def start_forgetting(guest, others):
    """Starts a loop in the guest that ends when it has no route on xl0 to any of the others."""
    addresses = " ".join(address for other in others for address in families.shared(guest, other))
    return guest.start(f"for address in {addresses}; do while on_xl0 $address; do nap {LOOK}; done; done")


def talk(addresses):
    """Lines of a shell's, which talks to the addresses that xl0 is not the way to, until it ends."""
    return (
        f"for address in {addresses}; do\n"
        f"  on_xl0 $address || {{ ping -q -i {TALK} -w 600 $address >/dev/null 2>&1 & talk+=\" $!\"; }}\n"
        "done\n"
        "trap '[ -z \"$talk\" ] || kill $talk 2>/dev/null' EXIT\n"
    )


@contextlib.contextmanager
def talking(here, there):
    """A guest talks to another in the `with` block, whether it is answered or not."""
    command = here.start(f"exec ping -q -i {TALK} {there.ip}")
    try:
        yield
    finally:
        command.kill()


# Prints how long it took from the first packet to an address until xl0 was the way to it, in ms, or fails. The packet
# is the shell's own: no process has to start for it, which takes an emulated guest 0.1 s.
FIRST_PACKET = """
begin=${{EPOCHREALTIME/./}}
echo >/dev/udp/{address}/9
for ((i = 0; i < {looks}; i++)); do
  on_xl0 {address} && {{ echo $(((${{EPOCHREALTIME/./}} - begin) / 1000)); exit; }}
  nap 0.01
done
echo "no route to {address} on xl0"; exit 1
"""


def wait_until_dormant(pair, timeout=PATIENCE):
    """Waits until two guests whose channel was closed have routes again by which the first packet tells of itself."""
    for here, there in (pair, pair[::-1]):
        dormant = lambda here=here, there=there: "mtu 1500" in routes(here).get(there.ip, "none")
        wait_until(f"{here.name}'s dormant route to {there.name}", dormant, timeout)


def from_first_packet(guest, peer):
    """Milliseconds from the first packet that a guest sends to another until it has a channel to it."""
    return int(guest.check(FIRST_PACKET.format(address=peer.ip, looks=int(100 * PATIENCE))))


def channels(guest):
    """The domids to which the guest has channels."""
    figures = statistics(guest)
    return {peer for peer in peers(guest) if figures.get(f"peer{peer}_connected")}


def uptime(guest):
    return float(guest.read("/proc/uptime").split()[0])


class RouteChange:
    """Waits, in the guest, for a route on xl0 to an address to come or to go."""

    def __init__(self, guest, address, present):
        self._guest = guest
        self._what = f"route to {address} on xl0 to {'come' if present else 'go'}"
        loop = "until" if present else "while"
        said = talk(address) if present else ""
        self._command = guest.start(
            f"{said}{loop} on_xl0 {address}; do nap 0.1; done\n"
            "read -r now _ </proc/uptime; echo $now"
        )

    def finish(self, limit=FALLBACK):
        """To be called right after the event. On a machine that is busy with something else everything
        is late: the limit counts from this call, on the guest's clock, and grows by what the machine
        takes for the least that the guest can be asked for."""
        asked = time.monotonic()
        event = uptime(self._guest)
        latency = time.monotonic() - asked
        took = float(self._command.check(timeout=PATIENCE)) - event
        self._guest.note(f"{took:.2f} s for the {self._what}, asking took {latency:.2f} s")
        expect(
            took <= limit + 3 * latency,
            f"{self._guest.name}: {took:.2f} s for the {self._what}, not {limit} s;"
            f" to ask for the time took {latency:.2f} s",
        )


def routes(guest, version=None):
    """The routes on xl0 of a version of IP, or of that which the guest speaks, as `ip route` prints them, by
    destination; a next hop is a line of its own there."""
    output = guest.run(f"ip -{version or guest.version} route show table xlnet").out
    entries = re.split(r"\n(?=\S)", output.strip())
    return {entry.split()[0]: " ".join(entry.split()) for entry in entries if entry}


def standing(guest):
    """All that xlnet has set up in the kernel's tables, without the numbers of next hops, which may be others later."""
    output = guest.check(
        "for i in -4 -6; do ip $i rule | grep xlnet; ip $i route show table xlnet 2>/dev/null; done; ip nexthop"
    )
    return sorted(re.sub(r"\b(id|nhid|group) \S+", r"\1", line).strip() for line in output.splitlines())


def has_route(guest, peer):
    return is_on_xl0(guest, peer.ip)


def is_on_xl0(guest, address):
    """Whether packets to the address take xl0 now."""
    return guest.run(f"on_xl0 {address}").status == 0


def device_to(guest, address):
    """The device that a packet to the address takes now."""
    output = guest.check(f"ip route get {address}")
    return re.search(r"dev (\S+)", output)[1]


def source_to(guest, address):
    """The source that who begins to send to the address has now."""
    output = guest.check(f"ip route get {address}")
    return re.search(r"src (\S+)", output)[1]


def statistics(guest):
    """ethtool -S xl0 as numbers by name."""
    return parse_statistics(guest.check("ethtool -S xl0"))


def parse_statistics(output):
    """The numbers in what ethtool -S prints, by name."""
    found = {}
    for line in output.splitlines():
        name, _, value = line.strip().rpartition(": ")
        if name and re.fullmatch(r"-?\d+", value):
            found[name] = int(value)
    return found


def peers(guest):
    """The domids that the guest's statistics have peers for."""
    return {int(match[1]) for name in statistics(guest) if (match := re.match(r"peer(\d+)_", name))}


def expect_refusal(domain, module, parameters, word):
    """insmod must fail, and the kernel log must say why in a line with the word."""
    mark = f"lab: insmod {module} {parameters}"
    domain.mark(mark)
    result = domain.run(f"insmod {MODULES}/{module}.ko {parameters}")
    if result.status == 0:
        domain.run(f"rmmod {module}")
    expect(result.status != 0, f"{domain.name}: insmod {module} {parameters} was accepted")
    log = domain.kernel_log(mark)
    lines = [line for line in log.splitlines() if module in line and word in line]
    expect(lines, f"{domain.name}: no line with '{module}' and '{word}' in the kernel log:\n{log}")


@contextlib.contextmanager
def logged(guest, words):
    """What is done in the `with` block makes xlnet say the words, in one line."""
    mark = f"lab: {words}"
    guest.mark(mark)
    yield
    log = guest.kernel_log(mark)
    lines = [line for line in log.splitlines() if "xlnet: " in line and words in line]
    expect(len(lines) == 1, f"{guest.name}: not one line with '{words}' in the kernel log:\n{log}")
