"""What set-ups with more than two ends have to carry, and by which device each guest sends it.

They are functions of a transparency.Trial, like those between two guests:

    def masqueraded(trial):
        "a pod behind a masquerade"
        with applied(trial, {"g1": (nft(MASQUERADE), NFT_UNDO)}):
            hold(trial, Flow("to a peer", "g1", IN_POD + tcp(G2), {"g1": "eth0", "g2": "xl0"}))
"""

import contextlib
import dataclasses

from . import families, traffic
from .counters import Movement
from .errors import CaseFailure, LabError

DEVICES = ["eth0", "xl0"]
# Packets that each of the commands here has sent at least, however busy the machine is.
FEWEST = 6
# Commands run so in the host behind the bridge.
OUTSIDE = "ip netns exec outside "


@dataclasses.dataclass(frozen=True)
class Flow:
    """A command in a domain that must succeed, with the word in what it prints. `sent` has the device by which each
    guest must send the `count` packets or more that belong to it, as long as the modules are loaded; by the other
    one ARP and what IPv6 does by itself go on."""

    what: str
    domain: str
    command: str
    sent: dict
    says: str = ""
    count: int = FEWEST


def tcp(address, port=traffic.PORT):
    """A command that has a server echo checked TCP, in up to 150 segments each way."""
    return f"timeout 15 traffic tcp {families.host(address)}:{port} seconds=3 size=1024 pause=20"


def udp(address, port=traffic.PORT):
    """The same with numbered datagrams; see ALL_IN_ORDER."""
    return f"timeout 15 traffic udp {families.host(address)}:{port} seconds=2 rate=50"


# What udp() prints unless one was lost, doubled or late.
ALL_IN_ORDER = '"refused":0,"lost":0,"duplicates":0,"reordered":0,"corrupt":0'


@contextlib.contextmanager
def echo_at(guest, address, port):
    """An echo server at one of several addresses inside the `with` block: it answers from that one."""
    command = guest.start(f"exec traffic echo {families.host(address)}:{port}")
    try:
        guest.check(traffic.listening(address, port))
        yield
    finally:
        command.kill()


def ping(address, options=""):
    """A command that pings, and fails if there is no answer at all."""
    return f"ping -q -c 30 -i 0.05 -w 10 {options} {address}"


def domain_of(trial, name):
    """dom0 or a guest by its name."""
    return trial.lab.dom0 if name == "dom0" else trial.lab.guest(name)


@contextlib.contextmanager
def applied(trial, scripts):
    """Sets something up in several domains for the `with` block: for each, a script and the one that undoes it.
    Routes have the time to follow."""
    try:
        making = [domain_of(trial, name).start(make) for name, (make, _) in scripts.items()]
        for one in making:
            one.check()
        trial.settle()
        yield
    finally:
        undoing = [domain_of(trial, name).start(undo) for name, (_, undo) in scripts.items()]
        for one in undoing:
            one.wait()


def hold(trial, *flows):
    """Tries all of the flows; fails with the list of those that do not hold."""
    wrong = [f"{flow.what}: {found}" for flow in flows if (found := _wrong(trial, flow))]
    if wrong:
        raise CaseFailure("; ".join(wrong))


def _wrong(trial, flow):
    """What is wrong with a flow, or nothing."""
    guests = {trial.lab.guest(name): device for name, device in flow.sent.items()}
    try:
        with Movement({guest: DEVICES for guest in guests}, ("tx",)) as moved:
            result = domain_of(trial, flow.domain).run(flow.command)
    except LabError as error:
        return str(error)
    if result.status != 0 or flow.says not in result.out:
        return f"exit status {result.status}: {flow.command}\n{result.out.strip()}"
    if not trial.loaded:
        return None
    for guest, device in guests.items():
        (other,) = (name for name in DEVICES if name != device)
        if moved[guest, device] < flow.count or 2 * moved[guest, other] > moved[guest, device]:
            return f"{guest.name} was to send by {device}: {moved}"
    return None
