"""Tests of what needs no lab: the tools' output, the figures, the tables."""

import unittest
from types import SimpleNamespace

from lab.errors import CaseFailure

from . import goals, report, tools
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

    def test_not_measured(self):
        self.assertIsNone(goals.ratio("tcp_rr", "eth0")(self.results))
        self.assertIsNone(goals.dom0_share(self.results))
        self.assertIsNone(goals.events(self.results))

    def test_tables(self):
        run = SimpleNamespace(results=self.results, failures=["it broke"])
        text = report.markdown(run, "a machine")
        self.assertRegex(text, r"\| flood ping.*\| 200 \(100..400\) \| 50 \(25..100\) \| +4.00 x \|")
        self.assertRegex(text, r"\| TCP_RR.*\| 200 \(100..400\) \| +- \| +- \|")
        self.assertRegex(text, r"\| 64 +\| 100 \(100..100\) \| 50 \(50..50\) \| +0.50 x \|")
        self.assertIn("- it broke", text)


if __name__ == "__main__":
    unittest.main()
