"""What xl-status, xl-top and xl-bench print of recorded facts, some of which a hostile guest made up."""

import json
import re
import unittest

from world import SCRIPTS, World

STATISTICS = """\
NIC statistics:
     peers: 3
     channels: 1
     broken_channels: 1
     fallback_packets: 7
     tx_drops: 2
     rx_drop_nic: 0
     peer2_connected: 1
     peer2_queue_pairs: 1
     peer2_tx_packets: {tx_packets}
     peer2_tx_bytes: {tx_bytes}
     peer2_rx_packets: 50
     peer2_rx_bytes: 4200
     peer2_broken: 0
     peer2_stalled: 0
     peer3_connected: 0
     peer3_queue_pairs: 0
     peer3_tx_packets: 0
     peer3_tx_bytes: 0
     peer3_rx_packets: 0
     peer3_rx_bytes: 0
     peer3_broken: 0
     peer3_stalled: 0
"""
ROUTES = """\
10.0.0.2 nhid 2020344832 proto xlnet src 10.0.0.1
\tnexthop dev xl0 weight 255
\tnexthop dev eth0 weight 1
"""
ROUTES_IPV6 = """\
{} nhid 2020345344 proto xlnet metric 1024 pref medium
\tnexthop dev eth0 weight 1
\tnexthop dev xl0 weight 255
"""
GUEST_FILES = {
    "proc/uptime": "100.00 50.00\n",
    "sys/class/net/xl0/flags": "0x1091\n",
    "sys/class/net/eth0/statistics/tx_bytes": "1000\n",
    "sys/class/net/eth0/statistics/tx_packets": "10\n",
    "sys/class/net/eth0/statistics/rx_bytes": "1000\n",
    "sys/class/net/eth0/statistics/rx_packets": "10\n",
    "sys/module/xlnet/version": "0.1.0\n",
    "sys/kernel/debug/xlnet/addresses": "10.0.0.2 peer 2 xl0\n10.0.0.3 peer 3 nic: no channel\n",
}
GUEST_SAID = {
    "ethtool -S xl0": STATISTICS.format(tx_packets=100, tx_bytes=12345),
    "ip route show table xlnet": ROUTES,
    "ip route get 10.0.0.2": "10.0.0.2 dev xl0 table xlnet src 10.0.0.1 uid 0\n",
    "xenstore-read name": "g1\n",
    "xenstore-read xlnet/peer/2": "mac=00:16:3e:00:00:02 nonce=fedcba9876543210 addr=10.0.0.2 own=10.0.0.1\n",
    "nft list ruleset": b'\t\toifname "eth0" counter comment "say \\"hi\\" \xff\x1b[2J" accept\n',
}
# What a guest wrote itself has quotes, backslashes, patterns, and too few, too many or no numbers.
STORE = r"""
/local/domain/0 = ""
/local/domain/0/name = "Domain-0"
/local/domain/0/domid = "0"
/local/domain/0/backend/vif/1/0/mac = "00:16:3e:00:00:01"
/local/domain/0/backend/vif/1/0/bridge = "xenbr0"
/local/domain/0/backend/vif/2/0/mac = "00:16:3e:00:00:02"
/local/domain/0/backend/vif/2/0/bridge = "xenbr0"
/local/domain/0/xlnet/apart/1/3 = "both bridge ports are isolated"
/local/domain/0/xlnet/apart/3/1 = "both bridge ports are isolated"
/local/domain/1/name = "g1"
/local/domain/1/domid = "1"
/local/domain/1/data/xlnet/version = "2"
/local/domain/1/data/xlnet/instance = "0123456789abcdef"
/local/domain/1/data/xlnet/mac = "00:16:3e:00:00:01"
/local/domain/1/data/xlnet/addr = "10.0.0.1"
/local/domain/1/data/xlnet/traffic/2 = "10 1000 20 2000"
/local/domain/1/data/xlnet/traffic/3 = "1 2 3"
/local/domain/1/data/xlnet/traffic/08 = "1 2 3 4"
/local/domain/1/data/xlnet/traffic/x = "* * * *"
/local/domain/1/xlnet/peer/2 = "mac=00:16:3e:00:00:02 nonce=fedcba9876543210 addr=10.0.0.2 own=10.0.0.1"
/local/domain/1/vnc-passwd = "hunter2"
/local/domain/2/name = "g2"
/local/domain/2/domid = "2"
/local/domain/2/data/xlnet/version = "2"
/local/domain/2/data/xlnet/mac = "00:16:3e:00:00:02"
/local/domain/2/data/xlnet/addr = "10.0.0.2"
/local/domain/2/data/xlnet/traffic/1 = "* 99999999999999999999999 $(id) 4 5 6 7"
/local/domain/2/xlnet/peer/1 = "mac=00:16:3e:00:00:01 nonce=fedcba9876543210 addr=10.0.0.1 own=10.0.0.2"
/local/domain/3/name = "g3"
/local/domain/3/domid = "3"
/local/domain/3/data/xlnet/version = "2 = \"9\""
/local/domain/3/data/xlnet/mac = "\"},\\xff"
/local/domain/3/data/xlnet/addr = "* ${HOME}"
/local/domain/3/xlnet/why = "its vif is down"
/local/domain/4/name = "g4"
/local/domain/4/domid = "4"
"""
DOM0_FILES = {
    "proc/xen/capabilities": "control_d\n",
    "proc/uptime": "100.00 50.00\n",
    "sys/module/xldiscovery/version": "0.1.0\n",
    "sys/class/net/vif1.0/statistics/tx_bytes": "0\n",
    "sys/class/net/vif1.0/statistics/tx_packets": "0\n",
    "sys/class/net/vif1.0/statistics/rx_bytes": "0\n",
    "sys/class/net/vif1.0/statistics/rx_packets": "0\n",
}
DOM0_SAID = {
    "xenstore-ls -f /local/domain": STORE,
    "xenstore-ls -f /local/domain/1/data/xlnet": STORE,
    "xenstore-ls -f /local/domain/1/xlnet": STORE,
    "dmesg": "[    1.0] xldiscovery: guest 3: no channels, its vif is down\n[    2.0] sshd: secret of another's\n",
}
PROMETHEUS = re.compile(
    r'# (HELP xlnet_[a-z0-9_]+ \S.*|TYPE xlnet_[a-z0-9_]+ (gauge|counter))|xlnet_[a-z0-9_]+(\{[a-z_]+="([^"\\]|\\.)*"'
    r'(,[a-z_]+="([^"\\]|\\.)*")*\})? \d+'
)


MANUAL = (SCRIPTS / "xl-status.8").read_text()
# Where the kernel sends packets to the peer, each time that xl-bench asks.
PATHS = ("xl0", "eth0", "xl0")
FIGURES = {"TCP_RR": 600.5, "UDP_RR": 500, "TCP_STREAM": 940, "UDP_STREAM": 157.45}


def two_looks(uptime):
    """Has xl-top look twice, the second time when the machine has run for so many seconds."""
    return (
        f"(until grep -qs every out; do sleep 0.05; done; echo {uptime}.00 50.00 >proc/uptime) &"
        " xl-top -d 2 -n 2 >out; status=$?; cat out; exit $status"
    )


class Tools(unittest.TestCase):
    def assert_metrics(self, out, *expected):
        """All lines are what Prometheus reads, the manual has all names, and these lines are among them."""
        for line in out.splitlines():
            self.assertIsNotNone(PROMETHEUS.fullmatch(line), line)
        for name in re.findall(r"^# TYPE (\w+) ", out, re.MULTILINE):
            self.assertRegex(MANUAL, rf"\n\.BR? {name}\b")
        for line in expected:
            self.assertIn(line, out.splitlines())


class Guest(Tools):
    def test_text(self):
        with World(GUEST_FILES, GUEST_SAID) as guest:
            status, out, _ = guest.run("xl-status")
        self.assertEqual(status, 3)
        for words in ("10.0.0.2         of domain 2      on xl0", "on the NIC: no channel", 'oifname "eth0"'):
            self.assertIn(words, out)

    def test_json(self):
        with World(GUEST_FILES, GUEST_SAID) as guest:
            status, out, _ = guest.run("xl-status --json")
        told = json.loads(out)
        self.assertEqual((status, told["status"]), (3, 3))
        self.assertEqual(told["peers"][0]["tx_bytes"], 12345)
        self.assertEqual(told["peers"][1]["addresses"][0]["reason"], "no channel")
        self.assertEqual(told["bypassed_rules"], ['nft: oifname "eth0" counter comment "say \\"hi\\" ??[2J" accept'])
        self.assertEqual((told["device"]["nic"], told["device"]["fallback_packets"]), ("eth0", 7))

    def test_nothing_loaded(self):
        with World({"proc/uptime": "1.00 1.00\n"}, {}) as guest:
            self.assertEqual(guest.run("xl-status")[0], 1)
            status, out, _ = guest.run("xl-status --json")
            self.assertEqual((status, json.loads(out)["loaded"], json.loads(out)["peers"]), (1, False, []))
            self.assertIn('xlnet_module_loaded{module="xlnet"} 0', guest.run("xl-status --prometheus")[1])
            self.assertIn("not there", guest.run("xl-top -n 1")[1])

    def test_status(self):
        calm = {**GUEST_SAID, "nft list ruleset": ""}
        for line, expected in (
            ("xl0", 0),
            ("nic: the administrator keeps it there (avoid=)", 0),
            ("nic: this guest advertises no address of its family", 0),
            ("nic: no channel", 1),
        ):
            files = {**GUEST_FILES, "sys/kernel/debug/xlnet/addresses": f"10.0.0.2 peer 2 {line}\n"}
            with World(files, calm) as guest:
                self.assertEqual(guest.run("xl-status")[0], expected, line)
        # One pair in 65536, which the kernel keeps on the NIC.
        files = {**GUEST_FILES, "sys/kernel/debug/xlnet/addresses": "10.0.0.2 peer 2 xl0\n"}
        with World(files, {**calm, "ip route get 10.0.0.2": "10.0.0.2 dev eth0\n"}) as guest:
            status, out, _ = guest.run("xl-status --json")
            self.assertEqual((status, json.loads(out)["peers"][0]["addresses"][0]["path"]), (0, "nic"))
        with World({**files, "sys/class/net/xl0/flags": "0x1090\n"}, calm) as guest:
            self.assertEqual(guest.run("xl-status")[0], 1)

    def test_ipv6_alone(self):
        address = "2001:db8:1234:5678:9abc:def0:1234:5678"
        files = {**GUEST_FILES, "sys/kernel/debug/xlnet/addresses": f"{address} peer 2 xl0\n"}
        said = {key: value for key, value in GUEST_SAID.items() if not key.startswith("ip route")}
        said |= {
            "ip -6 route show table xlnet": ROUTES_IPV6.format(address),
            f"ip route get {address}": f"{address} from :: dev xl0 table xlnet metric 1024 pref medium\n",
            "ip6tables-save": "-A OUTPUT -o eth0 -j ACCEPT\n",
        }
        with World(files, said) as guest:
            status, out, _ = guest.run("xl-status")
            self.assertEqual(status, 3)
            self.assertIn(f"  {address} of domain 2      on xl0\n", out)
            self.assertIn("  ip6tables: -A OUTPUT -o eth0 -j ACCEPT\n", out)

    def test_usage(self):
        with World(GUEST_FILES, GUEST_SAID) as guest:
            for arguments in ("x", "--x", "--json --watch", "--watch=0", "--watch=x", "why", "why g1", "traffic 1"):
                self.assertEqual(guest.run(f"xl-status {arguments}")[0], 2, arguments)
            for arguments in ("x", "-d 0", "-n x", "-d"):
                self.assertEqual(guest.run(f"xl-top {arguments}")[0], 2, arguments)
            for arguments in ("", "-r 0 10.0.0.2", "-r x 10.0.0.2", "--x 10.0.0.2", "10.0.0.2 10.0.0.3"):
                self.assertEqual(guest.run(f"xl-bench {arguments}")[0], 2, arguments)

    def test_prometheus(self):
        with World(GUEST_FILES, GUEST_SAID) as guest:
            status, out, _ = guest.run("xl-status --prometheus")
            self.assertEqual(status, 0)
            status, said, _ = guest.run("xl-status --prometheus here.prom && ls")
            self.assertEqual((status, (guest.path / "here.prom").read_text()), (0, out))
            self.assertEqual(re.findall(r"^here.*", said, re.MULTILINE), ["here.prom"])
            self.assertEqual(guest.run("xl-status --prometheus nowhere/here.prom")[0], 1)
        self.assert_metrics(
            out,
            'xlnet_peer_transmit_bytes_total{peer="2"} 12345',
            'xlnet_address_on_xl0{peer="3",address="10.0.0.3"} 0',
            'xlnet_module_info{module="xlnet",version="0.1.0"} 1',
            "xlnet_status 3",
        )

    def test_top(self):
        said = dict(GUEST_SAID)
        said["ethtool -S xl0.0"] = STATISTICS.format(tx_packets=100, tx_bytes=1000)
        said["ethtool -S xl0.1"] = STATISTICS.format(tx_packets=300, tx_bytes=2_501_000)
        with World(GUEST_FILES, said) as guest:
            # Time goes on by two seconds.
            status, out, _ = guest.run(two_looks(102))
        self.assertEqual(status, 0)
        first, second = out.split("xl-top: g1")[1:]
        self.assertRegex(first, r"\n2 +10\.0\.0\.2 +xl0 +- +- +- +- *\n")
        self.assertRegex(second, r"\n2 +10\.0\.0\.2 +xl0 +10\.0M +100 +0 +0 *\n")
        self.assertRegex(second, r"\n3 +10\.0\.0\.3 +NIC +0 +0 +0 +0 +no channel\n")
        self.assertRegex(second, r"\nall +else +eth0 +0 +0 +0 +0")

    def test_watch(self):
        with World(GUEST_FILES, GUEST_SAID) as guest:
            out = guest.run("timeout 60 xl-status --watch=0.5 | grep -m 2 Peers:")[1]
        self.assertEqual(out.count("Peers:"), 2)

    def test_report(self):
        said = {
            **GUEST_SAID,
            "dmesg": "[    1.0] xlnet: serving eth0\n[    2.0] sshd: secret of another's\n",
            "xenstore-ls -f data/xlnet": 'data/xlnet/instance = "0123456789abcdef"\ndata/xlnet/mac = "a"\n',
            "xenstore-ls -f xlnet": 'xlnet/peer/2 = "mac=a nonce=fedcba9876543210 addr=10.0.0.2"\n',
        }
        with World(GUEST_FILES, said) as guest:
            status, _, said = guest.run("xl-status --report report && stat -c %a report >mode")
            self.assertEqual((status, (guest.path / "mode").read_text().strip()), (0, "600"))
            report = (guest.path / "report").read_text()
        for words in ("xlnet: serving eth0", "==== ethtool -S xl0", ROUTES, "xlnet/peer/2 =", '"format":1'):
            self.assertIn(words, report)
        for secret in ("secret", "0123456789abcdef", "fedcba9876543210"):
            self.assertNotIn(secret, report)


class Bench(unittest.TestCase):
    def world(self, family, address):
        """What a guest says while its paths to an address of that family are measured."""
        said = {f"ip route get {address}.{turn}": f"{address} dev {name}\n" for turn, name in enumerate(PATHS)}
        for test, figure in FIGURES.items():
            options = " -- -R 1" if test == "UDP_STREAM" else ""
            said[f"netperf {family} -H {address} -t {test} -l 2 -P 0{options}"] = f"1 2 3 {figure}\n"
        said |= {
            f"netperf {family} -H {address} -t TCP_RR -l 1 -P 0": "",
            f"ping -c 3 -i 0.2 -q {address}": "",
            f"ping -q -f -w 2 {address}": "rtt min/avg/max/mdev = 0.1/0.525/9.1/0.2 ms\n",
            "ip link set xl0 up": "",
            "ip link set xl0 down": "",
        }
        # One that says nothing.
        said[f"netperf {family} -H {address} -t UDP_RR -l 2 -P 0"] = ""
        return World(GUEST_FILES, said)

    def test_json(self):
        with self.world("-4", "10.0.0.2") as guest:
            status, out, progress = guest.run("xl-bench -r 1 --json 10.0.0.2")
        self.assertEqual((status, len(progress.splitlines())), (0, 10), progress)
        self.assertIn("[ 1/10] round 1 of 1 over the nic: ping, 24 s left\n", progress)
        told = json.loads(out)
        self.assertEqual((told["address"], told["rounds"], told["version"]), ("10.0.0.2", 1, "0.1.0"))
        once = {"median": 525, "min": 525, "max": 525, "values": [525]}
        self.assertEqual(told["metrics"]["ping_rtt_us"]["nic"], once)
        self.assertEqual(told["metrics"]["tcp_rr"]["ratio"], 1)
        self.assertEqual(told["metrics"]["udp_rr"], {"nic": None, "xl0": None, "ratio": None})

    def test_text_of_either_family(self):
        for family, address in (("-4", "10.0.0.2"), ("-6", "2001:db8::2")):
            with self.world(family, address) as guest:
                status, out, _ = guest.run(f"xl-bench -r 1 {address}")
            self.assertEqual(status, 0)
            self.assertRegex(out, r"\ntcp_stream_mbps +940\.0 +940\.0 +1\.00\n")
            self.assertRegex(out, r"\nudp_rr +0\.0 +0\.0 +-\n")


class Dom0(Tools):
    def test_json(self):
        with World(DOM0_FILES, DOM0_SAID) as dom0:
            status, out, _ = dom0.run("xl-status --json")
        told = json.loads(out)
        self.assertEqual((status, told["status"]), (1, 1))
        self.assertEqual(len(told["problems"]), 2)
        g1, g2, g3 = told["guests"]
        self.assertEqual((g1["name"], g1["bridge"], g1["protocol"]), ("g1", "xenbr0", 2))
        self.assertEqual(g1["may_meet"][0]["addresses"], ["10.0.0.2"])
        self.assertEqual(g1["kept_apart"][0], {"domid": 3, "name": "g3", "reason": "both bridge ports are isolated"})
        self.assertEqual(g2["may_meet"][0]["name"], "g1")
        self.assertEqual((g3["meets_nobody"], g3["protocol"]), ("its vif is down", None))
        self.assertEqual(g3["addresses"], ["*", "${HOME}"])

    def test_text(self):
        with World(DOM0_FILES, DOM0_SAID) as dom0:
            status, out, _ = dom0.run("xl-status")
            self.assertEqual(status, 1)
            for words in ("xldiscovery: loaded", "meets nobody: its vif is down", "kept apart from g3", "may meet g2"):
                self.assertIn(words, out)
            for guests, words in (
                ("g1 g2", "may meet;"),
                ("1 3", "g3 meets nobody: its vif is down"),
                ("g1 g4", "g4 does not run xlnet"),
                ("g1 g1", "one guest"),
            ):
                status, out, _ = dom0.run(f"xl-status why {guests}")
                self.assertEqual(status, 0)
                self.assertIn(words, out)
                status, out, _ = dom0.run(f"xl-status --json why {guests}")
                self.assertIn(words, json.loads(out)["says"])
                self.assertEqual(json.loads(out)["may_meet"], "may meet" in words)
            self.assertEqual(dom0.run("xl-status why g1 nobody")[0], 1)

    def test_policy_is_no_problem(self):
        store = STORE.replace("both bridge ports are isolated", "they are of different groups")
        store = store.replace("its vif is down", "the policy denies it")
        with World(DOM0_FILES, {"xenstore-ls -f /local/domain": store}) as dom0:
            self.assertEqual(dom0.run("xl-status")[0], 0)

    def test_traffic(self):
        with World(DOM0_FILES, DOM0_SAID) as dom0:
            text = dom0.run("xl-status traffic")[1]
            told = json.loads(dom0.run("xl-status --json traffic")[1])["traffic"]
        row = ["g1", "g2", "10", "1000", "-", "-"]
        self.assertIn(row, [line.split() for line in text.splitlines()])
        self.assertNotIn("08", text)
        self.assertIn(["g2", "g1", "-", "-", "20", "2000"], [line.split() for line in text.splitlines()])
        pairs = {(pair["from"]["name"], pair["to"]["name"]): pair for pair in told}
        self.assertEqual(pairs["g1", "g2"]["sent_bytes"], 1000)
        self.assertIsNone(pairs["g1", "g2"]["received_bytes"])
        self.assertEqual(pairs["g2", "g1"]["received_packets"], 20)

    def test_prometheus(self):
        with World(DOM0_FILES, DOM0_SAID) as dom0:
            status, out, _ = dom0.run("xl-status --prometheus")
        self.assertEqual(status, 0)
        self.assert_metrics(
            out,
            'xlnet_pair_sent_bytes_total{from_domid="1",from="g1",to_domid="2",to="g2"} 1000',
            'xlnet_guest_meets_nobody{domid="3",guest="g3"} 1',
            'xlnet_guest_peers{domid="1",guest="g1"} 1',
        )

    def test_top(self):
        said = {
            "xenstore-ls -f /local/domain.0": STORE,
            "xenstore-ls -f /local/domain.1": STORE.replace('"10 1000 20 2000"', '"1010 1001000 20 2000"'),
        }
        with World(DOM0_FILES, said) as dom0:
            status, out, said = dom0.run(two_looks(110))
        self.assertEqual((status, said), (0, ""))
        first, second = out.split("xl-top: dom0")[1:]
        self.assertRegex(first, r"\ng1 +g2 +xl0 +- +-")
        self.assertRegex(second, r"\ng1 +g2 +xl0 +800\.0k +100")
        self.assertRegex(second, r"\ng1 +g3 +NIC +- +- +both bridge ports are isolated")
        self.assertRegex(second, r"\ng3 +all +NIC +- +- +its vif is down")
        self.assertRegex(second, r"\ng1 +vif1\.0 +0 +0 +0 +0")

    def test_report(self):
        with World(DOM0_FILES, DOM0_SAID) as dom0:
            status, report, _ = dom0.run("xl-status --report")
        self.assertEqual(status, 0)
        for words in ("xldiscovery: guest 3", "/local/domain/1/xlnet/peer/2 =", "xl-status traffic"):
            self.assertIn(words, report)
        for secret in ("secret", "hunter2", "0123456789abcdef", "fedcba9876543210"):
            self.assertNotIn(secret, report)


if __name__ == "__main__":
    unittest.main()
