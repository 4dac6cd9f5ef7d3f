"""Set-ups as people have them, each tried without the modules and with them.

A set-up is a function of a Trial whose docstring is its name. It sets something up in guests, checks what has to hold,
says over which device packets travel while the modules are loaded, and leaves the guests as they were:

    def bound_to_the_nic(trial):
        "ping -I eth0"
        trial.ping(trial.g1, trial.g2, "-I eth0", out="eth0", back="xl0")

compare() runs many of them, with two states of the modules for all, and names each that fails.
"""

import contextlib
import shlex

from . import families, traffic, xlnet
from .checks import expect
from .counters import Movement
from .errors import CaseFailure, LabError
from .progress import step

# Packets of a check, in each direction.
COUNT = 12
# So many must come on the device that a check names, and no more than half as many on the other one: there ARP goes
# on, as ever.
MANY = 8
# Gives the host behind the bridge an address of IPv6, or takes it. Neither that nor guests are to learn of shorter ways
# than they are told of, as routers of IPv6 tell them.
_REDIRECTS = "echo {} >/proc/sys/net/ipv6/conf/eth0/accept_redirects"
_OUTSIDE = (
    f"ip -n outside address {{}} {families.OUTSIDE[families.IPV6]}/64 dev eth0 nodad;"
    f" ip netns exec outside bash -c '{_REDIRECTS}'"
)
# Routes may follow what is set up within so many seconds.
SETTLE = 1.5 * xlnet.FALLBACK
# How long an exchange may wait for a connection, in seconds; what a firewall drops waits in vain.
CONNECT = 2

# Sends lines, each when the one before came back.
_EXCHANGE = """
trap '' PIPE
coproc exec socat -t 1 - {address} 2>&1
exec 5>&"${{COPROC[1]}}" 6<&"${{COPROC[0]}}"
for ((n = 0; n < {count}; n++)); do
  echo "$n" >&5 && read -r -t {patience} line <&6 && [[ $line == "$n" ]] || break
done 2>/dev/null
kill "$!" 2>/dev/null
((n == {count})) || {{ echo "$n came back; $line"; exit 1; }}
"""
# Sends lines, of which each becomes a datagram if socat is awake by then.
_SEND = """
{{ nap 1; for ((i = 0; i < {count}; i++)); do echo "$i"; nap 0.03; done; }} | socat -u - {address}
"""
_GROUPS = {families.IPV4: "239.1.2.3", families.IPV6: "ff15::1234"}
_GROUP_PORT = 7003
_RECEIVED = "/tmp/.received"
_LISTENING = """
until mapfile -t lines </proc/net/{protocol} && [[ ${{lines[*]}} == *:{port:04X}\\ * ]]; do nap 0.1; done
"""


class Trial:
    """One round, in which the modules are loaded or not."""

    def __init__(self, lab, names, loaded, version=families.IPV4):
        self.lab = lab
        self.loaded = loaded
        # Of IP, in which the guests speak.
        self.version = version
        self.names = names
        self.guests = [lab.guest(name) for name in names]
        self.g1, self.g2 = self.guests[:2]
        # The address of the host behind the bridge.
        self.outside = families.OUTSIDE[version]

    def both_ways(self):
        return (self.g1, self.g2), (self.g2, self.g1)

    @contextlib.contextmanager
    def applied(self, guest, script, undo):
        """Sets something up in a guest by a script, for the `with` block, and gives routes the time to follow."""
        try:
            guest.check(script)
            self.settle()
            yield
        except Exception:
            guest.run(undo)
            raise
        guest.check(undo)

    def settle(self):
        """Gives routes the time to follow what was set up."""
        if self.loaded:
            self.g1.check(f"nap {SETTLE}")

    def wait_for_route(self, guest, address):
        """Waits until a guest has a route on xl0 to an address, if it is to have one."""
        if self.loaded:
            xlnet.wait_for_route(guest, address, talking=True)

    @contextlib.contextmanager
    def travels(self, here, there, out, back):
        """What is done in the `with` block sends COUNT packets or more from `here` to `there`, which must arrive by
        the device `out`, and as many back, which must arrive by `back`, if these are not None. Without the modules
        there is only eth0."""
        with Movement({here: ["eth0", "xl0"], there: ["eth0", "xl0"]}, ("rx",)) as moved:
            yield
        for guest, device in ((there, out), (here, back)):
            if device is None:
                continue
            right, wrong = ("xl0", "eth0") if self.loaded and device == "xl0" else ("eth0", "xl0")
            expect(
                moved[guest, right] >= MANY and 2 * moved[guest, wrong] <= moved[guest, right],
                f"what {guest.name} received did not come by {right}: {moved}",
            )

    def ping(self, here, there, options="", address=None, out="xl0", back="xl0"):
        """Every ping from `here` must be answered."""
        with self.travels(here, there, out, back):
            traffic.every_ping(here, address or there.ip, COUNT, 0.02, options)

    def no_ping(self, here, there, options="", address=None):
        """No ping from `here` may be answered."""
        command = f"ping -q -c 3 -i 0.2 -W 1 {options} {address or there.ip}"
        result = here.run(command)
        expect(result.status != 0, f"{here.name}: answered in spite of it: {command}:\n{result.out}")

    def exchange(self, here, there, target=None, out="xl0", back="xl0"):
        """A conversation with a server that echoes: socat's words for it, by default TCP with the one that each
        guest has on traffic.PORT."""
        target = target or tcp(there)
        with self.travels(here, there, out, back):
            here.check(_EXCHANGE.format(count=COUNT, address=target, patience=CONNECT + 1))

    def no_exchange(self, here, target):
        """The same, of which nothing may get through."""
        result = here.run(_EXCHANGE.format(count=COUNT, address=target, patience=CONNECT + 1))
        expect(result.status != 0, f"{here.name}: {target} was reached in spite of it")

    @contextlib.contextmanager
    def server(self, guest, words, port, other="PIPE"):
        """A server besides the one that each guest has: socat's words for what it listens on, and for what is
        done with what comes; by default it is sent back."""
        command = guest.start(f"exec socat {words} {other}")
        protocol = "udp" if "UDP" in words else "tcp"
        try:
            guest.check(_LISTENING.format(protocol=protocol + traffic.suffix(guest.version), port=port), timeout=20)
            yield
        finally:
            command.kill()

    def datagrams(self, here, there, target, sender, receiver):
        """Datagrams for more than one, which take the NIC in any case; options are socat's."""
        there.check(f"rm -f {_RECEIVED}")
        listening = f"-u UDP{self.version}-RECV:{_GROUP_PORT},{receiver}"
        address = f"UDP{self.version}-DATAGRAM:{families.host(target)}:{_GROUP_PORT},{sender}"
        with self.server(there, listening, _GROUP_PORT, f"CREATE:{_RECEIVED}"):
            with self.travels(here, there, out="eth0", back=None):
                here.check(_SEND.format(count=COUNT, address=address))
            lines = int(there.check(f"nap 0.2; mapfile -t lines <{_RECEIVED}; echo ${{#lines[@]}}"))
        expect(lines == COUNT, f"of {COUNT} datagrams to {target} {there.name} received {lines}")

    def multicast(self, here, there):
        """Datagrams to a group that `there` has joined must arrive."""
        group = _GROUPS[self.version]
        if self.version == families.IPV4:
            sender, member = f"ip-multicast-if={here.ip}", f"ip-add-membership={group}:{there.ip}"
        else:
            # No device is named that it is to leave by.
            sender, member = "reuseaddr", f"ipv6-join-group=[{group}]:eth0"
        self.datagrams(here, there, group, sender, member)

    def broadcast(self, here, there):
        """Datagrams to all of the network must arrive."""
        self.datagrams(here, there, "10.0.0.255", "broadcast", "broadcast")


def tcp(guest, *options, port=traffic.PORT):
    """socat's words for a TCP connection to a guest."""
    return ",".join([f"TCP{guest.version}:{guest.host}:{port}", "nodelay", f"connect-timeout={CONNECT}", *options])


def udp(guest, *options, port=traffic.PORT):
    """The same for datagrams."""
    return ",".join([f"UDP{guest.version}:{guest.host}:{port}", *options])


def nft(rules):
    """A command that loads nftables' rules."""
    return f"nft {shlex.quote(rules)}"


NFT_UNDO = "nft flush ruleset"


@contextlib.contextmanager
def speaking(lab, version, guests):
    """Guests, and the host behind the bridge, have addresses of that version of IP in the `with` block."""
    with families.speaking(version, *guests):
        if version == families.IPV4:
            yield
            return
        lab.dom0.check(_OUTSIDE.format("replace", 0))
        for guest in guests:
            guest.check(_REDIRECTS.format(0))
        try:
            yield
        finally:
            for guest in guests:
                guest.run(_REDIRECTS.format(1))
            lab.dom0.run(_OUTSIDE.format("del", 1))


def compare(lab, names, setups, ipv6=(), ipv6_besides=()):
    """Runs all set-ups without the modules, unless the run is to be short, and with them, and those in `ipv6` once more
    in that, and in `ipv6_besides`, unless the run is to be short; fails with the list of those that do not hold."""
    failures = []
    guests = [lab.guest(name) for name in names]
    states = (False, True) if lab.thorough else (True,)
    if lab.thorough:
        ipv6 = (*ipv6, *ipv6_besides)
    for loaded in states:
        _bring(lab, names, loaded)
        for version, chosen in ((families.IPV4, setups), (families.IPV6, ipv6)):
            if not chosen:
                continue
            with speaking(lab, version, guests), traffic.echo(*guests):
                if loaded:
                    xlnet.wait_for_routes(lab, names)
                failures += _round(Trial(lab, names, loaded, version), chosen)
    xlnet.unload_all(lab)
    if failures:
        total = len(states) * (len(setups) + len(ipv6))
        raise CaseFailure(f"{len(failures)} of {total} do not hold\n" + "\n".join(failures))


def _bring(lab, names, loaded):
    if loaded:
        xlnet.load_all(lab, names)
    else:
        xlnet.unload_all(lab)


def _round(trial, setups):
    """Runs the set-ups one after the other; returns what does not hold."""
    failures = []
    state = "with xlnet" if trial.loaded else "without xlnet"
    if trial.version == families.IPV6:
        state += ", in IPv6"
    for setup in setups:
        name = f"{setup.__doc__.strip()}, {state}"
        step(name)
        for guest in trial.guests:
            guest.note(f"==== {name}")
        try:
            setup(trial)
        except (CaseFailure, LabError) as failure:
            failures.append(f"{name}: {failure}")
        if trial.loaded and not _as_before(trial):
            failures.append(f"{name}: afterwards the routes do not come back")
    return failures


def _as_before(trial):
    """Whether the routes are there again; if not, makes it so for the next set-up."""
    try:
        xlnet.wait_for_routes(trial.lab, trial.names)
    except CaseFailure:
        xlnet.unload_all(trial.lab)
        xlnet.load_all(trial.lab, trial.names)
        return False
    return True
