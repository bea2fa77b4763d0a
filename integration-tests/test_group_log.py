"""The logs of __consumer_offsets themselves: what becomes of the groups when one of them is damaged."""

import re
import struct
import unittest

from cluster import Cluster, wait_until

GROUPS = 40


def commit(cluster, group, offset):
    cluster.ottla("consumer-groups", "--group", group, "--reset-offsets", "--to-offset", offset, "--topic", "orders",
                  "--execute")


def committed(cluster, group):
    """{partition: offset}"""
    text = cluster.ottla("consumer-groups", "--describe", "--group", group, "--offsets")
    return {int(p): int(o) for p, o in re.findall(r"orders\s+(\d+)\s+(\d+)", text)}


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
    def cluster_with_groups(self, brokers):
        cluster = Cluster(brokers, offsets__topic__num__partitions=1, offsets__topic__replication__factor=brokers,
                          group__initial__rebalance__delay__ms=0, auto__leader__rebalance__enable="false")
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


if __name__ == "__main__":
    unittest.main()
