"""What the tests of faults believe: that the checker counts what is lost, doubled and out of order, and that each count fails
a test."""

import json
import subprocess
import types
import unittest

import wire
from checked import CheckedCase
from cluster import CHECKER, Checker, Cluster
from watched import reordered, wrong_in
from writable import Ack, WritableProbe

WRONG = ("lost", "duplicated", "reordered")


class CheckerTest(CheckedCase, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(1, offsets__topic__replication__factor=1)
        cls.addClassCleanup(cls.cluster.close)

    def verified(self, topic, written, acknowledged):
        """What the checker says of a partition with these numbers in its log."""
        self.cluster.create_topic(topic, 1, 1)
        self.cluster.wait_for_isr(topic, 1)
        acks = self.cluster.directory / f"acks-{topic}"
        acks.write_text("".join(f"0 {number} {offset}\n" for offset, number in enumerate(acknowledged)))
        records = [wire.record(b"%d x" % number, offset_delta=at) for at, number in enumerate(written)]
        with wire.Connection(self.cluster.brokers[1]) as connection:
            self.assertEqual(connection.produce(topic, wire.batch(records))[0], 0)
        counts = json.loads(subprocess.run(
            [str(CHECKER), "verify", "--bootstrap-server", self.cluster.bootstrap, "--topic", topic, "--acks-file", str(acks)],
            capture_output=True, text=True, check=True, timeout=120).stdout)
        return {what: counts[what] for what in ("acknowledged", *WRONG)}

    def test_counts(self):
        for topic, written, acknowledged, expected in (
                ("good", [0, 1, 2, 3], [0, 1, 2, 3], (4, 0, 0, 0)),
                ("unacknowledged", [0, 1, 2, 3], [0, 3], (2, 0, 0, 0)),  # its answer was lost
                ("lost", [0, 2, 3], [0, 1, 2, 3], (4, 1, 0, 0)),
                ("doubled", [0, 1, 1, 2], [0, 1, 2], (3, 0, 1, 0)),
                ("repeated", [0, 1, 2, 1], [0, 1, 2], (3, 0, 1, 0)),  # late, but not for the first time
                ("reordered", [0, 2, 1, 3], [0, 1, 2, 3], (4, 0, 0, 1)),
                ("everything", [0, 3, 2, 2], [0, 1, 2, 3], (4, 1, 1, 1))):
            with self.subTest(topic):
                self.assertEqual(self.verified(topic, written, acknowledged),
                                 dict(zip(("acknowledged", *WRONG), expected)))

    def test_repeated_in_a_new_epoch(self):
        self.cluster.create_topic("epochs", 1, 1)
        self.cluster.wait_for_isr("epochs", 1)
        with wire.Connection(self.cluster.brokers[1]) as connection:
            for epoch, sequence, numbers in ((0, 0, [0, 1]), (0, 2, [2, 2]), (1, 0, [1, 2, 3]), (1, 3, [4, 3])):
                records = [wire.record(b"%d x" % number, offset_delta=at) for at, number in enumerate(numbers)]
                batch = wire.batch(records, producer_id=1, producer_epoch=epoch, sequence=sequence)
                self.assertEqual(connection.produce("epochs", batch)[0], 0)
        self.cluster.create_topic("another", 1, 1)
        checker = Checker(self.cluster, "another")
        self.addCleanup(checker.kill)
        checker.topic = "epochs"
        self.assertEqual(checker.repeated_in_a_new_epoch(), 2)

    def test_each_count_fails_a_test(self):
        good = {"acknowledged": 5000, "lost": 0, "duplicated": 0, "reordered": 0, "repeated_in_a_new_epoch": 0}
        self.cluster.print_logs = lambda *_: None
        self.addCleanup(delattr, self.cluster, "print_logs")
        self.addCleanup(setattr, self.cluster, "keep", False)
        self.assert_nothing_lost(types.SimpleNamespace(finish=lambda: good))
        for what in WRONG:
            with self.assertRaises(AssertionError, msg=what):
                self.assert_nothing_lost(types.SimpleNamespace(finish=lambda what=what: {**good, what: 1}))

    def test_each_count_fails_a_watched_test(self):
        def counts(kind=None, what=None):
            good = {"acknowledged": 5000, "lost": 0, "duplicated": 0, "reordered": 0, "repeated_in_a_new_epoch": 0}
            found = {name: dict(good) for name in ("idempotent", "plain", "group")}
            if kind:
                found[kind][what] = 1
            return {**found, "probe": {"violations": []}}
        self.assertEqual(wrong_in(counts()), [])
        for kind, what in (*(("idempotent", what) for what in WRONG), ("plain", "lost"), ("group", "lost"),
                           ("group", "reordered")):
            self.assertEqual(wrong_in(counts(kind, what)), [f"{kind}: 1 {what}"])
        by_client = counts("idempotent", "duplicated")
        by_client["idempotent"]["repeated_in_a_new_epoch"] = 1
        self.assertEqual(wrong_in(by_client), [])
        self.assertEqual(wrong_in({**counts(), "probe": {"violations": ["twice"]}}), ["twice"])

    def test_what_a_group_reads_out_of_order(self):
        read = [(0, 0, "1"), (0, 1, "2"), (1, 0, "7"), (0, 2, "4"), (0, 1, "2")]
        self.assertEqual(reordered(read), 0)
        self.assertEqual(reordered([*read, (0, 3, "2"), (0, 4, "5")]), 0)  # written again, in a new epoch
        self.assertEqual(reordered([*read, (0, 3, "3"), (1, 1, "6")]), 2)

    def test_the_probe_finds_two_leaders(self):
        """What two brokers that both believe to lead would leave behind, and a leader that lost records."""
        def found(*acks, log):
            probe = WritableProbe.__new__(WritableProbe)
            probe.partitions, probe.acks = 1, [Ack(0, broker, offset, value, sent, at) for broker, offset, value, sent, at in acks]
            probe._read = lambda partition: dict(log)
            return [text.split(":")[0] for text in probe.violations()]
        first, second = (1, 0, b"a", 1.0, 1.1), (2, 1, b"b", 1.2, 1.3)
        log = {0: b"a", 1: b"b"}
        self.assertEqual(found(first, second, log=log), [])
        self.assertEqual(found(first, second, (1, 1, b"c", 1.25, 1.4), log=log), ["offset given twice", "not in the log"])
        self.assertEqual(found(first, second, log={0: b"a"}), ["not in the log"])
        self.assertEqual(found((1, 0, b"a", 1.0, 1.1), (2, 1, b"b", 0.1, 1.2), log=log), [])  # it was offered long ago
        # A later offset was acknowledged before the earlier one was offered: one of two logs.
        self.assertEqual(found((1, 0, b"a", 2.0, 2.1), (2, 1, b"b", 1.0, 1.1), log=log),
                         ["acknowledged before an earlier offset was offered"])


if __name__ == "__main__":
    unittest.main()
