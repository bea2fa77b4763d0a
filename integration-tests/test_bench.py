"""Every row of bench/compare runs against Ottla and says all that it should. How fast anything was is not judged."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bench"))
import plots  # noqa: E402
import report  # noqa: E402
from row import Metric, Row  # noqa: E402
from rows import ROWS  # noqa: E402

# What can be nothing: a difference of two measurements, a fit, and what a disk did not have to give.
ANY_NUMBER = ("exponent", "KiB/", "kept", "CPU")


class RowsTest(unittest.TestCase):
    def test_every_row_runs_and_is_complete(self):
        with tempfile.TemporaryDirectory(prefix="ottla-bench.") as directory:
            found = pathlib.Path(directory) / "found.json"
            outcome = subprocess.run([ROOT / "bench" / "compare", "--only", "ottla", "--quick", "--json", found, "--plots", directory],
                                     capture_output=True, text=True, timeout=500)
            self.assertEqual(outcome.returncode, 0, outcome.stderr + outcome.stdout)
            results = json.loads(found.read_text())
            for drawing in pathlib.Path(directory).glob("*.svg"):
                xml.etree.ElementTree.parse(drawing)
            self.assertEqual(len(list(pathlib.Path(directory).glob("growth-*.svg"))), 6)
        self.assertGreater(min(results["limits"].values()), 0, results["limits"])
        self.assertEqual(list(results["rows"]), [row.name for row in ROWS])
        for row in ROWS:
            with self.subTest(row=row.name):
                self.check(row, results["rows"][row.name])
                self.assertIn(row.name, outcome.stdout)

    def check(self, row, found):
        if row.name == "transactions" and "skipped" in found:
            return  # a machine without Maven's artifacts
        self.assertNotIn("skipped", found)
        self.assertNotIn("failures", found)
        wanted = {metric.name for metric in row.metrics} - self.of_larger_sizes(row)
        self.assertLessEqual(wanted, set(found["metrics"]))
        for name, metric in found["metrics"].items():
            numbers = ([told["median"] for told in metric["series"]["ottla"].values()] if "series" in metric
                       else [metric["ottla"]["median"]])
            for value in numbers:
                self.assertIsInstance(value, (int, float), name)
                if not any(word in name for word in ANY_NUMBER):
                    self.assertGreater(value, 0, name)

    @staticmethod
    def of_larger_sizes(row):
        return {"transactions/s, client 4.1.1"} if row.name == "transactions" else set()


class ReportTest(unittest.TestCase):
    COST, SPEED = Metric("cost", times=5), Metric("speed", higher=True, times=2)
    ROW = Row("made-up", "nothing", None, {}, {}, (COST, SPEED, Metric("bound", at_most=0.2)))

    def summary(self):
        return report.summarize(self.ROW, {
            "kafka": [{"cost": 10, "speed": 10, "bound": 15}, {"cost": 12, "speed": 30, "bound": 16}, {"cost": 50, "speed": 20, "bound": 17}],
            "ottla": [{"cost": 2, "speed": 39, "bound": 0.1}, {"cost": 3, "speed": 50, "bound": 0.2}, {"cost": 1, "speed": 10, "bound": 0.3}]},
            {})["metrics"]

    def test_medians_are_compared_and_the_spread_is_kept(self):
        cost = self.summary()["cost"]
        self.assertEqual(cost["kafka"], {"median": 12, "min": 10, "max": 50, "rounds": [10, 12, 50]})
        self.assertEqual(cost["factor"], 6)
        self.assertIs(cost["met"], True)

    def test_a_goal_is_missed_by_the_median(self):
        speed = self.summary()["speed"]
        self.assertEqual(speed["factor"], 1.95)
        self.assertIs(speed["met"], False)

    def test_a_bound_needs_no_kafka(self):
        rounds = {"ottla": [{"bound": 0.2, "cost": 1}]}
        found = report.summarize(self.ROW, rounds, {})["metrics"]
        self.assertIs(found["bound"]["met"], True)
        self.assertIsNone(found["cost"]["met"])

    def test_a_row_is_judged_by_the_goals_that_can_be_told(self):
        for bound, is_missed in ((0.2, False), (0.3, True)):
            rounds = {"ottla": [{"bound": bound, "cost": 1}]}
            self.assertIs(report.misses_goal(report.summarize(self.ROW, rounds, {})), is_missed)
        self.assertIs(report.misses_goal({"what": "nothing", "skipped": "no reason"}), False)

    def test_the_machines_limit_is_a_factor_too(self):
        metric = Metric("speed", higher=True, of_limit=1.3, limit=lambda limits: limits["most"])
        found = report.summarize_metric(metric, {"ottla": [50, 80, 90]}, {"most": 100})
        self.assertEqual((found["times_limit"], found["met"]), (1.25, True))

    def test_two_goals_are_both_wanted(self):
        metric = Metric("p99", times=3, at_most=2)
        self.assertIs(report.summarize_metric(metric, {"ottla": [1.9], "kafka": [9]}, {})["met"], True)
        self.assertIs(report.summarize_metric(metric, {"ottla": [2.1], "kafka": [9]}, {})["met"], False)
        self.assertIs(report.summarize_metric(metric, {"ottla": [1.9], "kafka": [5]}, {})["met"], False)

    def test_table_and_bars_say_it(self):
        rows = {"made-up": {"what": "nothing", "metrics": self.summary()}, "absent": {"what": "no", "skipped": "no reason"}}
        table = report.table(rows)
        for words in ("made-up: nothing", "12 (10..50)", "1/5 of Kafka's", "NO", "skipped: no reason"):
            self.assertIn(words, table)
        bars = xml.etree.ElementTree.fromstring(plots.factors(rows))
        self.assertIn("made-up: cost", "".join(bars.itertext()))


if __name__ == "__main__":
    unittest.main()
