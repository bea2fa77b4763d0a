"""The logs of __consumer_offsets themselves: what becomes of the groups when one of them is damaged, their snapshots,
and offsets that have ended."""

import json
import re
import struct
import unittest

from cluster import Cluster, ToolFailed, wait_until
from wire import Connection, array, i32, i64, text

OFFSET_COMMIT, OFFSET_FETCH = 8, 9

GROUPS = 40


def commit(cluster, group, offset):
    cluster.ottla("consumer-groups", "--group", group, "--reset-offsets", "--to-offset", offset, "--topic", "orders",
                  "--execute")


def committed(cluster, group):
    """{partition: offset}"""
    text = cluster.ottla("consumer-groups", "--describe", "--group", group, "--offsets")
    return {int(p): int(o) for p, o in re.findall(r"orders\s+(\d+)\s+(\d+)", text)}


def commit_by_hand(connection, group, offsets, metadata="", retention_ms=-1):
    """{partition: offset}, in version 2: it can say how long they are good."""
    partitions = array([i32(p) + i64(offset) + text(metadata) for p, offset in offsets.items()])
    answer = connection.call(OFFSET_COMMIT, 2, text(group) + i32(-1) + text("") + i64(retention_ms)
                             + array([text("orders") + partitions]))
    errors = answer.array(lambda: (answer.text(), answer.array(lambda: (answer.i32(), answer.i16()))))[0][1]
    if any(error for _, error in errors):
        raise ValueError(errors)
    return True


def fetch_by_hand(connection, group, partition):
    """(offset, metadata)"""
    answer = connection.call(OFFSET_FETCH, 1, text(group) + array([text("orders") + array([i32(partition)])]))
    row = answer.array(lambda: (answer.text(), answer.array(
        lambda: (answer.i32(), answer.i64(), answer.text(), answer.i16()))))[0][1][0]
    return row[1], row[2]


def tear(directory, batch):
    """The length of this batch of the log's first segment leads nowhere."""
    path = directory / "00000000000000000000.log"
    content = path.read_bytes()
    position = 0
    for _ in range(batch):
        position += 12 + struct.unpack(">i", content[position + 8:position + 12])[0]
    assert position + 12 < len(content)
    with path.open("r+b") as log:
        log.seek(position + 8)
        log.write(b"\x70\x00\x00\x00")


class GroupLogTest(unittest.TestCase):
    def cluster_with_groups(self, brokers, **overrides):
        cluster = Cluster(brokers, offsets__topic__num__partitions=1, offsets__topic__replication__factor=brokers,
                          group__initial__rebalance__delay__ms=0, auto__leader__rebalance__enable="false", **overrides)
        self.addCleanup(cluster.close)
        cluster.create_topic("orders", 1, brokers)
        cluster.ottla("console-producer", "--topic", "orders", stdin="".join(f"{i}\n" for i in range(100)))
        for i in range(GROUPS):
            commit(cluster, f"g{i}", i)
        cluster.wait_for_isr("__consumer_offsets", brokers)
        return cluster

    def test_a_damaged_log_hands_its_leadership_over(self):
        cluster = self.cluster_with_groups(2)
        damaged = cluster.leader("__consumer_offsets")
        other = next(broker for broker in cluster.brokers.values() if broker is not damaged)
        damaged.process.terminate()
        wait_until(lambda: cluster.leader("__consumer_offsets") is other, "the other broker to lead")
        tear(damaged.directory / "data" / "__consumer_offsets-0", 20)
        damaged.start()
        cluster.wait_for_isr("__consumer_offsets", 2)
        # It was the first to lead, so it is the preferred leader.
        cluster.ottla("leader-election", "--election-type", "preferred", "--topic", "__consumer_offsets",
                      "--partition", 0)
        wait_until(lambda: "gives up its leadership" in damaged.log, "the damaged log to be noticed")
        wait_until(lambda: "is put aside as stray" in damaged.log, "a new log")
        # In the end both have all of it.
        for leader in (other, damaged):
            cluster.wait_for_isr("__consumer_offsets", 2)
            if cluster.leader("__consumer_offsets") is not leader:
                last = other if leader is damaged else damaged
                last.process.terminate()
                wait_until(lambda: cluster.leader("__consumer_offsets") is leader, "another leader")
                last.start()
                cluster.wait_for_brokers()
            for i in range(0, GROUPS, 7):
                self.assertEqual(committed(cluster, f"g{i}"), {0: i})
        self.assertEqual(damaged.log.count("gives up its leadership"), 1)
        self.assertTrue([path for path in (damaged.directory / "data").iterdir() if path.name.endswith("-stray")])

    def test_the_only_damaged_log_shows_what_it_has(self):
        cluster = self.cluster_with_groups(1)
        broker = cluster.brokers[1]
        broker.process.terminate()
        tear(broker.directory / "data" / "__consumer_offsets-0", 20)
        broker.start()
        cluster.wait_for_brokers()
        self.assertEqual(committed(cluster, "g2"), {0: 2})
        self.assertIn("segments are damaged", broker.log)
        commit(cluster, "g39", 77)
        self.assertEqual(committed(cluster, "g39"), {0: 77})

    def another_coordinator(self, cluster, former):
        return wait_until(lambda: (cluster.leader("__consumer_offsets") or former) is not former
                          and cluster.leader("__consumer_offsets"), "another coordinator")

    def test_a_coordinator_loads_from_a_snapshot(self):
        """Of those that brokers write beside their logs, leader and follower alike."""
        cluster = self.cluster_with_groups(2)
        cluster.ottla("topics", "--alter", "--topic", "orders", "--partitions", 50)
        first = cluster.leader("__consumer_offsets")
        offsets = {}
        with Connection(first) as connection:
            wait_until(lambda: commit_by_hand(connection, "s0", {49: 1}), "all partitions to be known")
            for number in range(6000 // 50):
                group = f"s{number % 20}"
                offsets[group] = {partition: 1000 * number + partition for partition in range(50)}
                commit_by_hand(connection, group, offsets[group])
        snapshots = [broker.directory / "data" / "__consumer_offsets-0" / "ottla-groups"
                     for broker in cluster.brokers.values()]
        wait_until(lambda: all(path.exists() for path in snapshots), "a snapshot on each broker", 60)
        with Connection(first) as connection:  # behind the snapshots
            offsets["s3"][7] = 123456
            commit_by_hand(connection, "s3", {7: 123456})
        former = first
        for _ in range(2):
            former.process.kill()
            leader = self.another_coordinator(cluster, former)
            wait_until(lambda: "behind a snapshot up to offset" in leader.log, "a load from the snapshot")
            with Connection(leader) as connection:
                for group, wanted in offsets.items():
                    for partition in (0, 7, 49):
                        self.assertEqual(fetch_by_hand(connection, group, partition), (wanted[partition], ""))
            self.assertEqual(committed(cluster, "g7"), {0: 7})
            former.start()
            cluster.wait_for_brokers()
            cluster.wait_for_isr("__consumer_offsets", 2)
            former = leader

    # Offsets that have ended.

    def undelete(self, cluster, *words):
        return [(row["partition"], row["newOffset"], row["why"])
                for row in json.loads(cluster.ottla("consumer-groups", "--undelete-offsets", *words, "--json"))]

    def test_offsets_that_ended_are_brought_back(self):
        """Although the coordinator is killed in between."""
        cluster = self.cluster_with_groups(3, offsets__retention__check__interval__ms=200)
        first = cluster.leader("__consumer_offsets")
        with Connection(first) as connection:
            commit_by_hand(connection, "holiday", {0: 70}, metadata="note", retention_ms=500)
        wait_until(lambda: "holiday" not in cluster.ottla("consumer-groups", "--list"), "the offsets to expire")
        cluster.ottla("consumer-groups", "--delete", "--group", "g3")
        first.process.kill()
        leader = self.another_coordinator(cluster, first)
        self.assertEqual(self.undelete(cluster, "--group", "holiday"), [(0, 70, "expired")])
        self.assertNotIn("holiday", cluster.ottla("consumer-groups", "--list"))
        self.assertEqual(self.undelete(cluster, "--group", "holiday", "--group", "g3", "--topic", "orders", "--execute"),
                         [(0, 70, "expired"), (0, 3, "group deleted")])
        with Connection(leader) as connection:
            self.assertEqual(fetch_by_hand(connection, "holiday", 0), (70, "note"))
            self.assertEqual(fetch_by_hand(connection, "g3", 0), (3, ""))
        self.assertIn("can be brought back", cluster.ottla("explain", "group", "g3"))
        # A deleted topic's offsets do not come back.
        cluster.ottla("consumer-groups", "--delete", "--group", "g4")
        cluster.ottla("topics", "--delete", "--topic", "orders")
        wait_until(lambda: "orders" not in cluster.ottla("topics", "--list").split(), "the topic to go")
        wait_until(lambda: not json.loads(cluster.ottla("explain", "group", "g4", "--json"))["endedOffsets"],
                   "its offsets to go")

    def test_offsets_that_ended_are_kept_for_the_window_only(self):
        cluster = self.cluster_with_groups(1, offsets__retention__check__interval__ms=200,
                                           ottla__offsets__undelete__window__ms=10000)
        cluster.ottla("consumer-groups", "--delete", "--group", "g3")
        self.assertEqual(self.undelete(cluster, "--group", "g3"), [(0, 3, "group deleted")])
        wait_until(lambda: not json.loads(cluster.ottla("explain", "group", "g3", "--json"))["endedOffsets"],
                   "the window to end")
        with self.assertRaisesRegex(ToolFailed, "are kept"):
            self.undelete(cluster, "--group", "g3", "--execute")


if __name__ == "__main__":
    unittest.main()
