"""What Ansible's modules are made of, without hosts: properties, log dirs, plans."""

import pathlib
import sys
import tempfile
import unittest

ANSIBLE = pathlib.Path(__file__).resolve().parent.parent / "ansible"
sys.path.insert(0, str(ANSIBLE / "plugins" / "module_utils"))

from log_dirs import LogDir, committed  # noqa: E402
from plan import Impossible, plan  # noqa: E402
from properties import parse  # noqa: E402


class PropertiesTest(unittest.TestCase):
    def test_what_java_reads(self):
        for text, expected in (
                ("a=1\nb = 2 \n  c:3\nd 4\ne", {"a": "1", "b": "2 ", "c": "3", "d": "4", "e": ""}),
                ("# a=1\n! b=2\n\n \t\nc=#3", {"c": "#3"}),
                ("dirs=/one,\\\n   /two\nb=2", {"dirs": "/one,/two", "b": "2"}),
                ("a=ends in \\\\\nb=2", {"a": "ends in \\", "b": "2"}),
                ("a=1,\\\n#2", {"a": "1,#2"}),
                ("k\\=ey\\ x = a\\tb\\u0041\\:", {"k=ey x": "a\tbA:"}),
                ("a=1\na=2", {"a": "2"}),
                ("jaas=x required name=\"y\";", {"jaas": "x required name=\"y\";"}),
                ("a==1", {"a": "=1"})):
            self.assertEqual(parse(text), expected, text)

    def test_a_wrong_escape(self):
        with self.assertRaises(ValueError):
            parse("a=\\u00zz")


class LogDirTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.path = pathlib.Path(scratch.name)
        (self.path / "meta.properties").write_text("version=0\nbroker.id=7\n")
        (self.path / "recovery-point-offset-checkpoint").write_text("0\n2\norders.eu 0 12\norders.eu 11 5\n")

    def read(self):
        return LogDir(str(self.path), parse)

    def test_ends_are_known_after_a_clean_stop_only(self):
        self.assertEqual((self.read().clean, self.read().ends, self.read().meta["broker.id"]), (False, {}, "7"))
        (self.path / ".kafka_cleanshutdown").touch()
        self.assertEqual((self.read().clean, self.read().ends), (True, {"orders.eu-0": 12, "orders.eu-11": 5}))

    def test_a_damaged_checkpoint(self):
        (self.path / ".kafka_cleanshutdown").touch()
        (self.path / "recovery-point-offset-checkpoint").write_text("0\n3\norders 0 12\n")
        with self.assertRaises(ValueError):
            self.read()

    def test_moves_are_seen(self):
        (self.path / "orders-0.0123-future").mkdir()
        self.assertEqual(self.read().moving, ["orders-0.0123-future"])

    def test_no_such_directory(self):
        self.assertFalse(LogDir(str(self.path / "none"), parse).exists)

    def test_what_was_committed(self):
        def problem(partition, isr):
            return {"topic": "orders", "partition": partition, "isr": isr}
        state = {"offlinePartitions": [problem(0, [3])], "underReplicatedPartitions": [problem(1, [2, 3])]}
        ends = {"1": {"orders-0": 14, "orders-1": 9, "orders-2": 4}, "2": {"orders-0": 11, "orders-1": 8, "orders-2": 4},
                "3": {"orders-0": 12, "orders-1": 7}}
        self.assertEqual(committed(ends, state), {"orders-0": 12, "orders-1": 7, "orders-2": 4})


class ResizeTest(unittest.TestCase):
    RACKS = {1: "a", 2: "a", 3: "b", 4: "c"}

    def moved(self, before, factor):
        before = {("orders", number): replicas for number, replicas in enumerate(before)}
        before["others", 0] = [9, 1]  # a broker that is away keeps what it has
        moved = plan(before, self.RACKS, spread=False, factors={"orders": factor})
        return [moved.get(name, replicas) for name, replicas in before.items() if name[0] == "orders"], moved

    def test_more_replicas_are_spread_over_racks_and_brokers(self):
        after, moved = self.moved([[1], [3], [4]], 3)
        self.assertTrue(all(len({self.RACKS[one] for one in replicas}) == 3 for replicas in after), after)
        self.assertEqual([replicas[0] for replicas in after], [1, 3, 4])
        self.assertNotIn(("others", 0), moved)

    def test_fewer_replicas_leave_the_preferred_leader_and_racks(self):
        after, _ = self.moved([[1, 2, 3], [4, 3, 1]], 2)
        self.assertEqual(after[0], [1, 3])
        self.assertEqual((after[1][0], len(after[1])), (4, 2))

    def test_nothing_to_do(self):
        self.assertEqual(self.moved([[1, 3], [3, 4]], 2)[1], {})

    def test_more_replicas_than_brokers(self):
        with self.assertRaises(Impossible):
            self.moved([[1, 2]], 5)


if __name__ == "__main__":
    unittest.main()
