"""Tests of what needs no lab: the tools' output, the figures, the tables."""

import contextlib
import io
import pathlib
import tempfile
import unittest
from types import SimpleNamespace
from unittest import mock
from xml.etree import ElementTree

from lab import tools
from lab.errors import CaseFailure

from . import applications, cost, cpus, dots, goals, guests, host, link, metrics, plots, publish, report, scale
from .paths import PATHS
from .results import Results

UDP_STREAM = """\
212992   65507   2.00         1733      0     454.08
212992           2.00          601            157.45

"""


class Tools(unittest.TestCase):
    def test_transactions(self):
        output = "16384  131072 1        1       2.00     467.49   \n16384  131072\n"
        self.assertEqual(tools.netperf_figure(output), 467.49)

    def test_datagrams_received(self):
        self.assertEqual(tools.netperf_figure(UDP_STREAM), 157.45)

    def test_nothing_measured(self):
        for output in ("", "establish control: are you sure there is a netserver listening?\n"):
            with self.assertRaises(CaseFailure):
                tools.netperf_figure(output)
        with self.assertRaises(CaseFailure):
            tools.ping_mean("100 packets transmitted, 0 received, 100% packet loss, time 99ms\n")

    def test_ping(self):
        self.assertEqual(tools.ping_mean("rtt min/avg/max/mdev = 0.1/0.525/9.1/0.2 ms, pipe 2\n"), 525)

    def test_percentiles(self):
        output = "sockperf: ---> percentile 99.900 = 12305.976\nsockperf: ---> percentile 50.000 =  783.714\n"
        self.assertEqual(applications.sockperf_percentiles(output), {99.9: 12305.976, 50: 783.714})
        with self.assertRaises(CaseFailure):
            applications.sockperf_percentiles("sockperf: No messages were received from the server.\n")

    def test_netpipe(self):
        output = (
            "  1:       2 bytes     20 times -->      0.00 Mbps in    4518.50 usec\n"
            "       2 0.003377   0.00451850\n"
            "       3 0.007809   0.00293108\n"
        )
        self.assertEqual(applications.netpipe_points(output), [(2, 0.003377, 0.0045185)])
        with self.assertRaises(CaseFailure):
            applications.netpipe_points("NetPIPE: protocol 'tcp' unknown!\n")

    def test_redis(self):
        output = '"test","rps","p50_latency_ms"\n"SET","971.82","11.983"\n"GET","1084.21","11.247"\n'
        found = applications.redis_figures(output)
        self.assertEqual(found["GET"], {"rps": 1084.21, "p50_latency_ms": 11.247})
        with self.assertRaises(CaseFailure):
            applications.redis_figures("Could not connect to Redis at 10.0.0.2:6379: Connection refused\n")

    def test_stolen_time_and_ipis(self):
        self.assertEqual(cost.accounted("12 3400\n20 3456\n"), [8, 56])

    def test_connection_times(self):
        log = (
            "[    8.260589] xlnet: peer 1: connected\n"
            "[   20.100000] bench: xl0 up\n"
            "[   20.150000] xlnet: peer 1: connected\n"
            "[   20.190000] xlnet: peer 3: connected\n"
        )
        self.assertEqual([round(when) for when in scale.connection_times(log)], [50, 90])


class Paths(unittest.TestCase):
    def test_what_is_loaded(self):
        self.assertEqual(PATHS["xl0"].build, "xlnet.ko idle_close=0")
        self.assertEqual(PATHS["xl0-nopoll"].build, "xlnet.ko idle_close=0 idle_poll=0")


class Turns(unittest.TestCase):
    def test_each_is_first_in_turn(self):
        found = list(link.turns(("eth0", "xl0", "lo"), 4))
        self.assertEqual(found[0], ("eth0", "round 1 of 4, eth0"))
        names = [name for name, _ in found]
        self.assertEqual(names[::3], ["eth0", "xl0", "lo", "eth0"])
        self.assertEqual(names[3:6], ["xl0", "lo", "eth0"])
        # After as many rounds as there are names each has had each place.
        for place in range(3):
            self.assertEqual(len(set(names[place:9:3])), 3)

    def test_two_alternate(self):
        names = [name for name, _ in link.turns(("unloaded", "loaded"), 2)]
        self.assertEqual(names, ["unloaded", "loaded", "loaded", "unloaded"])


class Figures(unittest.TestCase):
    def setUp(self):
        self.results = Results()
        for value in (400, 100, 200):
            self.results.add("tcp_rr", "eth0", value, {})
            self.results.add("ping", "eth0", value, {})
            self.results.add("ping", "xl0", value / 4, {})
        for size, value in ((64, 50), (1024, 90)):
            self.results.add("tcp_sizes", "eth0", 100, {"bytes": size})
            self.results.add("tcp_sizes", "xl0", value, {"bytes": size})

    def test_document(self):
        entry = self.results.document()[0]
        self.assertEqual(entry["median"], 200)
        self.assertEqual(entry["rounds"], [400, 100, 200])
        self.assertEqual((entry["metric"], entry["path"], entry["params"]), ("tcp_rr", "eth0", {}))

    def test_ratio_is_of_what_is_better(self):
        self.assertEqual(goals.ratio("ping", "eth0")(self.results), 4)

    def test_ratio_of_a_sweep_is_its_worst(self):
        self.assertEqual(goals.ratio("tcp_sizes", "eth0")(self.results), 0.5)

    def test_ratio_of_some_parameters(self):
        self.assertEqual(goals.ratio("tcp_sizes", "eth0", bytes=1024)(self.results), 0.9)
        self.assertIsNone(goals.ratio("tcp_sizes", "eth0", bytes=4096)(self.results))

    def test_ratio_of_ipv6_by_that_of_ipv4(self):
        self.assertIsNone(goals.beside_ipv4("ping")(self.results))
        self.results.add("ping_ipv6", "eth0", 300, {})
        self.results.add("ping_ipv6", "xl0", 100, {})
        self.assertEqual(goals.beside_ipv4("ping")(self.results), 0.75)

    def test_ratio_where_programs_are_placed_better(self):
        for programs, eth0, xl0 in (("free", 100, 150), ("pinned", 100, 300)):
            params = {"guests": "2 CPUs", "programs": programs}
            self.results.add("cpus_tcp_rr", "eth0", eth0, params)
            self.results.add("cpus_tcp_rr", "xl0", xl0, params)
        self.assertEqual(goals.between("cpus_tcp_rr", 2, max)(self.results), 3)
        self.assertEqual(goals.between("cpus_tcp_rr", 2, min)(self.results), 1.5)
        self.assertIsNone(goals.between("cpus_tcp_rr", 4, min)(self.results))
        text = report.markdown(SimpleNamespace(results=self.results, failures=[]), "a machine", {})
        self.assertRegex(text, r"\| TCP_RR, 2 CPUs, pinned, transactions/s +\| +100 \| +300 \| +3.00 x \|")

    def test_worst_ratio_of_pvh_guests(self):
        for count, ratios in ((1, {"ping": 2, "tcp_rr": 0.9}), (2, {"ping": 0.5})):
            (params, _), *_ = cpus.placings(count)
            for name, ratio in ratios.items():
                better = metrics.METRICS[f"pvh_{name}"].more_is_better
                self.results.add(f"pvh_{name}", "eth0", 100, params)
                self.results.add(f"pvh_{name}", "xl0", 100 * ratio if better else 100 / ratio, params)
        found = [line for line in goals.lines(self.results) if line[0].startswith("PVH")]
        self.assertEqual([line[1:] for line in found], [("at least 1", "0.9", "NO"), ("at least 1", "0.5", "NO")])

    def test_goal_is_met_or_not(self):
        self.assertEqual(
            goals.Goal("size", goals.ratio("tcp_sizes", "eth0"), 1.0).line(self.results),
            ("size", "at least 1", "0.5", "NO"),
        )
        self.assertEqual(
            goals.Goal("ping", goals.ratio("ping", "eth0"), 4, at_least=False).line(self.results),
            ("ping", "at most 4", "4", "yes"),
        )

    def test_share_of_who_computes(self):
        rates = {"dom0": 0.01, "sender": 0.2, "receiver": 0.3, "third": 1.4, "rest": 0, "total": 1.91}
        found = {(metric, params.get("of")): value for metric, value, params in host.shares(rates, "free")}
        self.assertEqual(found["busy_third", None], 140)
        self.assertEqual(found["busy_talkers", "both guests"], 50)

    def test_not_measured(self):
        self.assertIsNone(goals.ratio("tcp_rr", "eth0")(self.results))
        self.assertIsNone(goals.dom0_share(self.results))
        self.assertIsNone(goals.events(self.results))

    def test_tables(self):
        run = SimpleNamespace(results=self.results, failures=["it broke"])
        text = report.markdown(run, "a machine", {"tcp_sizes": "curve.svg"})
        self.assertRegex(text, r"\| flood ping.*\| 200 \(100..400\) \| 50 \(25..100\) \| +4.00 x \|")
        self.assertRegex(text, r"\| TCP_RR.*\| 200 \(100..400\) \| +- \| +- \|")
        self.assertRegex(text, r"\| 64 +\| +100 \| +50 \| +0.50 x \|")
        self.assertIn("](curve.svg)", text)
        self.assertIn("- it broke", text)

    def test_plots(self):
        with tempfile.TemporaryDirectory() as directory:
            written = plots.write(self.results, pathlib.Path(directory))
            self.assertEqual(written, {"tcp_sizes": "bench-tcp_sizes.svg"})
            root = ElementTree.parse(pathlib.Path(directory) / "bench-tcp_sizes.svg").getroot()
        lines = root.findall("{http://www.w3.org/2000/svg}polyline")
        points = [[tuple(map(float, at.split(","))) for at in one.get("points").split()] for one in lines]
        (eth0_left, eth0_right), (xl0_left, xl0_right) = points
        self.assertEqual(eth0_left[1], eth0_right[1])
        # A greater value is higher up, and equal sizes are at equal places.
        self.assertGreater(xl0_left[1], xl0_right[1])
        self.assertGreater(xl0_right[1], eth0_right[1])
        self.assertEqual(xl0_left[0], eth0_left[0])


class ByGuests(unittest.TestCase):
    def setUp(self):
        self.results = Results()
        # Twice as good between PV guests, half as good between PVH guests.
        for metric, params, xl0 in (
            ("ping", {}, 50),
            ("tcp_rr", {}, 200),
            ("pvh_udp_rr", {"guests": "2 CPUs", "programs": "pinned"}, 50),
        ):
            self.results.add(metric, "eth0", 100, params)
            self.results.add(metric, "xl0", xl0, params)

    def test_ratios(self):
        # Measured without anything to compare with, or nothing at all.
        self.results.add("cpus_tcp_rr", "xl0", 100, {"guests": "2 CPUs", "programs": "free"})
        self.results.add("pvh_ping", "eth0", 0, {"guests": "1 CPU"})
        self.results.add("pvh_ping", "xl0", 100, {"guests": "1 CPU"})
        self.assertEqual(
            guests.ratios(self.results),
            {"PV, 1 CPU": {"flood ping": 2, "TCP_RR": 2}, "PVH, 2 CPUs, pinned": {"UDP_RR": 0.5}},
        )

    def test_metrics_and_parameters_are_those_that_are_measured(self):
        for kind, prefix, params in guests.kinds():
            self.assertTrue({f"{prefix}{name}" for name in guests.TESTS} <= metrics.METRICS.keys(), kind)
            self.assertIn(params, [{}, *(params for cpu in (1, 2, 4) for params, _ in cpus.placings(cpu))])
        self.assertEqual(len(list(guests.kinds())), 8)

    def test_report_begins_with_it(self):
        text = report.markdown(SimpleNamespace(results=self.results, failures=[]), "a machine", {})
        self.assertTrue(text.startswith(report.GUESTS_BEGIN))
        self.assertRegex(text, r"\| PV, 1 CPU +\| +2.00 x \| 2.00 x \| +- \| +- \| +- \|")
        self.assertNotIn("4 CPUs", text)
        nothing = SimpleNamespace(results=Results(), failures=[])
        self.assertTrue(report.markdown(nothing, "a machine", {}).startswith("a machine,"))

    def test_picture(self):
        with tempfile.TemporaryDirectory() as directory:
            self.assertEqual(plots.write(self.results, pathlib.Path(directory)), {})
            root = ElementTree.parse(pathlib.Path(directory) / guests.PICTURE).getroot()
        svg = "{http://www.w3.org/2000/svg}"
        # The others are in the key.
        drawn = [path for path in root.findall(f"{svg}path") if place(path)[0] <= dots.WIDTH - dots.RIGHT]
        (ping, ping_y), (tcp_rr, tcp_rr_y), (udp_rr, udp_rr_y) = map(place, drawn)
        self.assertEqual(ping, tcp_rr)
        self.assertLess(ping_y, tcp_rr_y)
        self.assertLess(tcp_rr_y, udp_rr_y)
        # Twice as good is as far to the right of eth0 as half as good is to the left.
        (one,) = (float(text.get("x")) for text in root.findall(f"{svg}text") if text.text == "1 = eth0")
        self.assertAlmostEqual(ping - one, one - udp_rr)
        self.assertEqual(len({path.get("d") for path in drawn}), 3)


def place(path):
    """Where a marker is."""
    return tuple(map(float, path.get("transform")[len("translate(") : -1].split()))


class Publishing(unittest.TestCase):
    def test_the_run_before_is_replaced(self):
        run = "a machine\n\n## TCP\n\n![TCP](bench-tcp.svg)\n"
        once = publish.with_run(f"# Performance\n\n{publish.MARK}\nold", run)
        self.assertNotIn("old", once)
        self.assertIn("### TCP\n\n![TCP](performance/bench-tcp.svg)", once)
        self.assertEqual(publish.with_run(once, run), once)

    def test_what_is_said_by_the_kind_of_guest_is_replaced(self):
        section, run = publish.parted(marked("![](bench-guests.svg)") + "\n\na machine\n")
        self.assertEqual(run, "a machine\n")
        once = publish.with_guests(f"above\n{marked('old')}\nbelow", section)
        self.assertEqual(once, f"above\n{marked('![](performance/bench-guests.svg)')}\nbelow")
        self.assertEqual(publish.with_guests(once, section), once)
        with self.assertRaises(SystemExit):
            publish.with_guests("no marks", section)

    def test_only_what_the_run_has_is_published(self):
        begun = f"{marked('old')}\n{publish.MARK}\nold run"
        for report_of_run, whole, stay in (
            (f"{marked('new')}\n\nrun\n", True, set()),
            (f"{marked('new')}\n\nrun\n", False, {"old run", "bench-old.svg"}),
            ("run\n", False, {"\nold\n", "old run", "bench-old.svg"}),
        ):
            with self.subTest(report_of_run, whole=whole), tempfile.TemporaryDirectory() as name:
                directory = pathlib.Path(name)
                page, pictures, out = (directory / one for one in ("page.md", "pictures", "out"))
                pictures.mkdir()
                out.mkdir()
                page.write_text(begun)
                (pictures / "bench-old.svg").touch()
                for picture in ("bench-new.svg", guests.PICTURE):
                    (out / picture).touch()
                (out / "bench.md").write_text(report_of_run)
                Results().write(out / "bench.json", whole)
                with (
                    mock.patch.multiple(publish, PAGE=page, PICTURES=pictures),
                    contextlib.redirect_stdout(io.StringIO()),
                ):
                    publish.publish(out)
                left = page.read_text() + " ".join(one.name for one in pictures.iterdir())
                self.assertEqual({one for one in ("\nold\n", "old run", "bench-old.svg") if one in left}, stay)
                self.assertEqual("bench-new.svg" in left, whole)
                self.assertEqual(guests.PICTURE in left, report_of_run != "run\n")


def marked(text):
    return f"{report.GUESTS_BEGIN}\n{text}\n{report.GUESTS_END}"


if __name__ == "__main__":
    unittest.main()
