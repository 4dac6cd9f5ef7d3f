"""What a guest passes on to a peer, as a router or a load balancer, and sends to others, with xlnet and without."""

from functools import partial

from lab import tools, xlnet
from lab.topology import Settings

from .link import Measurement, turns
from .paths import PATHS, STATES, Taken, bring

CLIENT = Settings("c1", "10.0.0.71")
ROUTER = Settings("r1", "10.0.0.72")
SERVER = Settings("s1", "10.0.0.73")
# Of the service that the router balances to the server by direct routing.
VIRTUAL = "10.0.0.74"
# netperf's own connection, and where its data go.
CONTROL, DATA = 12865, 6000
# Where the client finds the server, by how its packets get there.
WAYS = {"routed": SERVER.ip, "IPVS, NAT": ROUTER.ip, "IPVS, direct": VIRTUAL}
# Datagrams that need no fragments.
OPTIONS = {"TCP_STREAM": f"-P ,{DATA}", "UDP_STREAM": f"-P ,{DATA} -m 1400"}


def passed(metric, test):
    """What a stream from the client to the server carries, which passes through the router on each of the ways."""

    def measure(client, router, seconds):
        for way, address in WAYS.items():
            yield metric, tools.netperf(client, address, test, seconds, OPTIONS[test]), {"way": way}

    return measure


def beside(client, router, seconds):
    """What the router's own traffic with who is no peer loses by the look into one table more."""
    yield "beside_udp_rr", tools.netperf(router, client.ip, "UDP_RR", seconds), {"from": "router"}


def virtual_server(address, flag):
    """Lines for ipvsadm that have a service of netperf's balanced to the one server."""
    services = [f"-t {address}:{CONTROL}", f"-t {address}:{DATA}", f"-u {address}:{DATA}"]
    return "\n".join(
        f"-A {service} -s rr\n-a {service} -r {SERVER.ip}:{service.rpartition(':')[2]} {flag}"
        for service in services
    )


def set_up(client, router, server):
    """Has the packets between client and server pass through the router on all of the ways."""
    client.check(f"ip route add {SERVER.ip} via {ROUTER.ip}")
    router.check(
        "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 0 | tee /proc/sys/net/ipv4/conf/*/send_redirects\n"
        f"ip address add {VIRTUAL}/32 dev eth0 && ipvsadm -R <<'END'\n"
        f"{virtual_server(ROUTER.ip, '-m')}\n{virtual_server(VIRTUAL, '-g')}\nEND"
    )
    # ARP must not speak of the address that it shares with the router, and answers from there go straight to the
    # client: to the router they would be its own.
    server.check(
        f"ip route add {CLIENT.ip} via {ROUTER.ip}\n"
        f"ip rule add from {VIRTUAL} lookup 74 && ip route add {CLIENT.ip} dev eth0 table 74\n"
        "echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore; echo 2 >/proc/sys/net/ipv4/conf/all/arp_announce\n"
        f"ip address add {VIRTUAL}/32 dev lo"
    )


class RouterSetting:
    name = "router"
    measurements = (
        Measurement("passed_tcp", passed("passed_tcp", "TCP_STREAM"), STATES, quick=False),
        Measurement("passed_udp", passed("passed_udp", "UDP_STREAM"), STATES, quick=False),
        Measurement("beside_udp_rr", beside, STATES, quick=False),
    )

    def run(self, lab, run):
        settings = (CLIENT, ROUTER, SERVER)
        lab.create_all(settings)
        client, router, server = (lab.guest(one.name) for one in settings)
        set_up(client, router, server)
        xlnet.load(lab.dom0)
        for state, where in turns(STATES, run.effort.rounds):
            with run.noting(where):
                bring(lab, (router, server), state)
                for one in run.wanted(self):
                    figures = partial(self.figures, one, client, router, state, run.effort.seconds)
                    run.measure(one.name, state, where, figures)

    def figures(self, measurement, client, router, state, seconds):
        """What a measurement yields, if all that the router sent meanwhile took eth0."""
        with Taken(router, PATHS[state]):
            return list(measurement.measure(client, router, seconds))
