"""Kafka 3.9's own console tools and its GetOffsets against Ottla, next to ours."""

import subprocess
import unittest

import interop_clients
from cluster import OTTLA, Cluster, ToolFailed, free_port

KAFKA = "3.9.1"
LINES = [f"line-{i}" for i in range(200)]


class ToolsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        interop_clients.kafka_jars(KAFKA)
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.close)

    def kafka(self, tool, *arguments, **options):
        return interop_clients.kafka_tool(KAFKA, tool, "--bootstrap-server", self.cluster.bootstrap, *arguments,
                                          **options)

    def produce(self, topic, *options):
        self.kafka("kafka-console-producer", "--topic", topic, *options, input="\n".join(LINES) + "\n")

    def consume(self, topic, *options, count=len(LINES)):
        return self.kafka("kafka-console-consumer", "--topic", topic, "--partition", "0", "--offset", "earliest",
                          "--max-messages", str(count), "--timeout-ms", "20000", *options).splitlines()

    def test_console_producer_and_consumer(self):
        self.cluster.create_topic("console", 1, 3)
        self.produce("console", "--compression-codec", "zstd", "--producer-property", "acks=all")
        self.assertEqual(self.consume("console"), LINES)
        ours = self.cluster.ottla("console-consumer", "--topic", "console", "--from-beginning", "--max-messages",
                                  len(LINES)).splitlines()
        self.assertEqual(ours, LINES)

    def test_a_paused_bootstrap_server_is_passed_over(self):
        paused = next(iter(self.cluster.brokers.values()))
        paused.process.pause()
        self.addCleanup(paused.process.resume)
        # It would be waited for for 30 s.
        self.cluster.ottla("topics", "--list", seconds=15)

    def test_ours_to_theirs(self):
        self.cluster.create_topic("ours", 1, 3)
        self.cluster.ottla("console-producer", "--topic", "ours", stdin="".join(f"k{i}\t{line}\n" for i, line in
                                                                                enumerate(LINES)))
        self.assertEqual([line.split("\t")[-1] for line in self.consume("ours")], LINES)

    def test_keys_and_timestamps_are_shown(self):
        self.cluster.create_topic("keyed", 1, 3)
        self.kafka("kafka-console-producer", "--topic", "keyed", "--property", "parse.key=true", "--property",
                   "key.separator=:", "--property", "parse.headers=true", "--property", "headers.delimiter=|",
                   input="h:x|a:1\n")
        line, = self.consume("keyed", "--property", "print.key=true", "--property", "print.timestamp=true",
                             "--property", "print.headers=true", "--property", "print.offset=true", count=1)
        self.assertRegex(line, r"^CreateTime:\d{13}\tOffset:0\th:x\ta\t1$")

    def test_verifiable_and_idempotent_producers(self):
        self.cluster.create_topic("verified", 3, 3)
        told = self.kafka("kafka-verifiable-producer", "--topic", "verified", "--max-messages", "1000", "--acks", "-1")
        self.assertIn('"acked":1000', told)
        performance = interop_clients.kafka_tool(
            KAFKA, "kafka-producer-perf-test", "--topic", "verified", "--num-records", "20000", "--record-size", "200",
            "--throughput", "-1", "--producer-props", f"bootstrap.servers={self.cluster.bootstrap}", "acks=all",
            "enable.idempotence=true", "compression.type=lz4")
        self.assertIn("20000 records sent", performance)
        offsets = self.kafka("kafka-get-offsets", "--topic", "verified")
        self.assertEqual(sum(int(line.split(":")[2]) for line in offsets.split()), 21000)

    def test_get_offsets(self):
        self.cluster.create_topic("offsets", 2, 3)
        self.produce("offsets")
        for time in ("-1", "-2", "earliest", "latest", "max-timestamp", "0", "33333333333333", "earliest-local"):
            with self.subTest(time=time):
                theirs = self.kafka("kafka-get-offsets", "--topic", "offsets", "--time", time)
                self.assertEqual(theirs, self.cluster.ottla("get-offsets", "--topic", "offsets", "--time", time))
        ends = self.kafka("kafka-get-offsets", "--topic", "offsets")
        self.assertEqual(sum(int(line.split(":")[2]) for line in ends.split()), len(LINES))
        self.assertEqual(self.kafka("kafka-get-offsets", "--topic-partitions", "offsets:1", "--time", "-2"),
                         "offsets:1:0\n")

    def test_broker_api_versions(self):
        told = self.kafka("kafka-broker-api-versions")
        self.assertEqual(told.count("(id: "), 3)
        for line in ("Produce(0): 0 to 12 [usable: 11]", "Fetch(1): 0 to 17 [usable: 17]",
                     "ListOffsets(2): 0 to 9 [usable: 9]", "Metadata(3): 0 to 12 [usable: 12]",
                     "ApiVersions(18): 0 to 4 [usable: 4]", "OffsetForLeaderEpoch(23): 0 to 4 [usable: 4]"):
            self.assertIn(line, told)

    def test_cluster_tool(self):
        told = interop_clients.kafka_tool(KAFKA, "kafka-cluster", "cluster-id", "--bootstrap-server",
                                          self.cluster.bootstrap)
        self.assertIn(self.cluster.state()["clusterId"], told)

    def test_messages_say_what_is_wrong_with_what(self):
        nobody = f"127.0.0.1:{free_port()}"
        self.cluster.create_topic("somewhere", 1, 3)
        self.cluster.ottla("consumer-groups", "--group", "somebody", "--topic", "somewhere", "--reset-offsets", "--to-earliest",
                           "--execute")  # now there are coordinators
        cluster = ("--bootstrap-server", self.cluster.bootstrap)
        for arguments, expected in (
                (("topics", "--list", "--bootstrap-server", "here"), '--bootstrap-server: "here" must be host:port'),
                (("topics", "--list", "--zookeeper", nobody), "--zookeeper: unknown flag; .* --bootstrap-server"),
                (("configs", *cluster, "--describe", "--topic", "nowhere"),
                 r"topic nowhere: it does not exist \(UNKNOWN_TOPIC_OR_PARTITION\)"),
                (("configs", *cluster, "--alter", "--topic", "nowhere", "--add-config", "retention.ms=1"),
                 r"topic nowhere: it does not exist \(UNKNOWN_TOPIC_OR_PARTITION\)"),
                (("configs", *cluster, "--alter", "--broker-defaults", "--add-config", "num.io.threads=0"),
                 r"the default of all brokers: .*num.io.threads.* \(INVALID_"),
                (("explain", *cluster, "group", "nowhere"), "there is no group nowhere"),
                (("consumer-perf-test", *cluster, "--topic", "nowhere", "--messages", "1"), "nowhere: .*UNKNOWN_TOPIC_OR_PART"),
                (("transactions", *cluster, "describe", "--transactional-id", "nobody"),
                 r"transactional id nobody: .*\(TRANSACTIONAL_ID_NOT_FOUND\)"),
                (("dump-log",), "--files .* or --verify"),
                (("cluster", "--zookeeper", nobody, "--timeout", "300"), f"ZooKeeper at {nobody} does not answer"),
                (("cluster", "--zookeeper", self.cluster.zookeeper.connect + "/nowhere"),
                 "/nowhere: cannot read the cluster's id: NoNode; is there a cluster under this chroot"),
                (("zookeeper-shell", nobody, "--timeout", "300", "ls", "/"), f"ZooKeeper at {nobody} does not answer")):
            with self.subTest(arguments=arguments):
                ended = subprocess.run([OTTLA, *arguments], capture_output=True, text=True, timeout=60)
                self.assertEqual(ended.returncode, 1, ended.stdout)
                self.assertRegex(ended.stderr, expected)

    def test_features(self):
        theirs = self.kafka("kafka-features", "describe")
        self.assertEqual(self.cluster.ottla("features", "describe"), theirs)
        self.assertIn("transaction.version", theirs)
        with self.assertRaises(ToolFailed) as refused:
            self.cluster.ottla("features", "upgrade", "--feature", "transaction.version=1")
        self.assertRegex(str(refused.exception), "Could not upgrade transaction.version to 1. .*ottla.transaction.version")


if __name__ == "__main__":
    unittest.main()
