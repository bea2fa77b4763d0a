"""Kafka 4.1's own tools, which know of no ZooKeeper, against Ottla: what an operator with the newest tools sees."""

import json
import unittest

import interop_clients
from cluster import Cluster, wait_until

KAFKA = "4.1.1"
LINES = [f"line-{i}" for i in range(50)]


class ToolsOfKafka4Test(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        interop_clients.kafka_jars(KAFKA)
        cls.cluster = Cluster(offsets__topic__num__partitions=2, group__initial__rebalance__delay__ms=0)
        cls.addClassCleanup(cls.cluster.close)

    def kafka(self, tool, *arguments, **options):
        return interop_clients.kafka_tool(KAFKA, tool, "--bootstrap-server", self.cluster.bootstrap, *map(str, arguments),
                                          **options)

    def file(self, name, content):
        path = self.cluster.directory / name
        path.write_text(json.dumps(content))
        return path

    def test_topics(self):
        self.kafka("kafka-topics", "--create", "--topic", "orders", "--partitions", 2, "--replication-factor", 3,
                   "--config", "max.message.bytes=100000")
        self.assertIn("orders", self.kafka("kafka-topics", "--list").split())
        told = self.kafka("kafka-topics", "--describe", "--topic", "orders")
        self.assertRegex(told, r"PartitionCount: 2\s+ReplicationFactor: 3\s+Configs: max.message.bytes=100000")
        self.assertRegex(told, r"Partition: 1\s+Leader: \d\s+Replicas: \d,\d,\d\s+Isr: \d,\d,\d")
        self.assertEqual(self.kafka("kafka-topics", "--describe", "--under-replicated-partitions").strip(), "")
        self.kafka("kafka-topics", "--alter", "--topic", "orders", "--partitions", 3)
        self.assertEqual(len(self.cluster.partitions("orders")), 3)
        self.kafka("kafka-topics", "--delete", "--topic", "orders")
        wait_until(lambda: "orders" not in self.kafka("kafka-topics", "--list").split(), "the topic to go")

    def test_configs(self):
        self.cluster.create_topic("configured", 1, 3)
        topic = ("--entity-type", "topics", "--entity-name", "configured")
        self.kafka("kafka-configs", "--alter", *topic, "--add-config", "retention.ms=123456")
        self.assertIn("retention.ms=123456", self.kafka("kafka-configs", "--describe", *topic))
        broker = ("--entity-type", "brokers", "--entity-name", "1")
        self.kafka("kafka-configs", "--alter", *broker, "--add-config", "log.cleaner.threads=2")
        self.assertRegex(self.kafka("kafka-configs", "--describe", *broker), r"log.cleaner.threads=2 sensitive=false")
        self.kafka("kafka-configs", "--alter", *broker, "--delete-config", "log.cleaner.threads")
        self.assertNotIn("log.cleaner.threads", self.kafka("kafka-configs", "--describe", *broker))

    def test_records_and_groups(self):
        self.cluster.create_topic("read", 1, 3)
        self.kafka("kafka-console-producer", "--topic", "read", input="\n".join(LINES) + "\n")
        read = self.kafka("kafka-console-consumer", "--topic", "read", "--group", "readers", "--from-beginning",
                          "--max-messages", len(LINES), "--timeout-ms", 30000)
        self.assertEqual(read.splitlines(), LINES)
        self.assertIn("readers", self.kafka("kafka-consumer-groups", "--list").split())
        self.assertRegex(self.kafka("kafka-groups", "--list"), r"readers\s+Classic\s+consumer")
        group = ("--group", "readers")
        self.assertRegex(self.kafka("kafka-consumer-groups", "--describe", *group), r"readers\s+read\s+0\s+50\s+50\s+0")
        self.kafka("kafka-consumer-groups", "--reset-offsets", *group, "--topic", "read", "--to-offset", 20, "--execute")
        self.assertRegex(self.kafka("kafka-consumer-groups", "--describe", *group), r"readers\s+read\s+0\s+20\s+50\s+30")
        self.assertIn("read:0:50", self.kafka("kafka-get-offsets", "--topic", "read").split())
        to = self.file("records.json", {"version": 1, "partitions": [{"topic": "read", "partition": 0, "offset": 10}]})
        self.assertIn("low_watermark: 10", self.kafka("kafka-delete-records", "--offset-json-file", to))
        self.assertIn("read:0:10", self.kafka("kafka-get-offsets", "--topic", "read", "--time", "earliest").split())
        self.kafka("kafka-consumer-groups", "--delete", *group)
        self.assertNotIn("readers", self.kafka("kafka-consumer-groups", "--list").split())

    def test_partitions_are_moved_and_led(self):
        self.cluster.ottla("topics", "--create", "--topic", "moved", "--replica-assignment", "1:2")
        plan = self.file("plan.json", {"version": 1, "partitions": [{"topic": "moved", "partition": 0, "replicas": [3, 2]}]})
        self.assertIn("Successfully started", self.kafka("kafka-reassign-partitions", "--reassignment-json-file", plan, "--execute"))
        wait_until(lambda: "Reassignment of partition moved-0 is completed" in self.kafka(
            "kafka-reassign-partitions", "--reassignment-json-file", plan, "--verify"), "the partition to have moved")
        self.assertIn("No partition reassignments found", self.kafka("kafka-reassign-partitions", "--list"))
        self.kafka("kafka-leader-election", "--election-type", "preferred", "--topic", "moved", "--partition", 0)
        wait_until(lambda: self.cluster.partitions("moved")[0]["leader"] == 3, "the preferred leader")
        told = json.loads(self.kafka("kafka-log-dirs", "--describe", "--topic-list", "moved", "--broker-list", "3").splitlines()[-1])
        self.assertEqual(told["brokers"][0]["logDirs"][0]["partitions"][0]["partition"], "moved-0")

    def test_the_cluster(self):
        state = self.cluster.state()
        self.assertIn(state["clusterId"], interop_clients.kafka_tool(
            KAFKA, "kafka-cluster", "cluster-id", "--bootstrap-server", self.cluster.bootstrap))
        told = self.kafka("kafka-broker-api-versions")
        for broker in self.cluster.brokers.values():
            self.assertIn(f"{broker.address} (id: {broker.id} ", told)
        self.assertRegex(told, r"\tProduce\(0\): 0 to \d+ \[usable: \d+\]")
        self.assertIn("transaction.version", self.kafka("kafka-features", "describe"))
        self.assertIn("TransactionalId", self.kafka("kafka-transactions", "list"))

    def test_performance(self):
        self.cluster.create_topic("perf", 2, 3)
        made = interop_clients.kafka_tool(
            KAFKA, "kafka-producer-perf-test", "--topic", "perf", "--num-records", "1000", "--record-size", "100",
            "--throughput", "-1", "--producer-props", f"bootstrap.servers={self.cluster.bootstrap}")
        self.assertIn("1000 records sent", made)
        read = self.kafka("kafka-consumer-perf-test", "--topic", "perf", "--messages", 1000, "--timeout", 30000)
        self.assertRegex(read, r", 1000, ")


if __name__ == "__main__":
    unittest.main()
