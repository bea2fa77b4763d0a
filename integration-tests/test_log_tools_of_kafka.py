"""Kafka 3.9's kafka-log-dirs and kafka-delete-records, and the filters of topics --describe, next to ours."""

import json
import unittest

import interop_clients
from cluster import Cluster

KAFKA = "3.9.1"


class LogToolsOfKafkaTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        interop_clients.kafka_jars(KAFKA)
        cls.cluster = Cluster(2)
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.create_topic("orders", 1, 2, min__insync__replicas=2)
        cls.cluster.ottla("console-producer", "--topic", "orders", stdin="a\nb\nc\n")

    def kafka(self, tool, *arguments):
        return interop_clients.kafka_tool(KAFKA, tool, "--bootstrap-server", self.cluster.bootstrap, *arguments)

    def test_log_dirs(self):
        theirs = json.loads(self.kafka("kafka-log-dirs", "--describe", "--topic-list", "orders").splitlines()[-1])
        ours = json.loads(self.cluster.ottla("log-dirs", "--describe", "--topic-list", "orders", "--json"))
        def places(told):
            return sorted((broker["broker"], place["logDir"], part["partition"], part["isFuture"])
                          for broker in told["brokers"] for place in broker["logDirs"] for part in place["partitions"])
        self.assertEqual(places(theirs), places(ours))
        self.assertEqual([row[2] for row in places(theirs)], ["orders-0", "orders-0"])

    def test_delete_records(self):
        plan = self.cluster.directory / "offsets.json"
        plan.write_text(json.dumps({"version": 1, "partitions": [{"topic": "orders", "partition": 0, "offset": 2}]}))
        self.assertIn("partition: orders-0\tlow_watermark: 2", self.kafka("kafka-delete-records", "--offset-json-file", plan))
        self.assertEqual(self.cluster.ottla("get-offsets", "--topic", "orders", "--time", "earliest"), "orders:0:2\n")

    def test_filters_of_topics(self):
        self.cluster.wait_for_isr("orders", 2)
        for flags in (["--topics-with-overrides"], ["--at-min-isr-partitions"], ["--under-min-isr-partitions"], ["--unavailable-partitions"],
                      ["--under-replicated-partitions"], ["--exclude-internal"], ["--partition-size-limit-per-response", "1"]):
            with self.subTest(flags=flags):
                words = ["--describe", "--topic", "orders", *flags]
                # Eligible leaders, which Kafka's tool asks for, ours shows in `explain` only.
                ours, theirs = ([line.split("\tElr:")[0].split() for line in text.splitlines()]
                                for text in (self.cluster.ottla("topics", *words), self.kafka("kafka-topics", *words)))
                self.assertEqual(ours, theirs)


if __name__ == "__main__":
    unittest.main()
