"""Topics are created, described, grown and deleted by `ottla topics`, by Kafka's own tools and by themselves."""

import json
import unittest

import interop_clients
import wire
from cluster import Cluster, wait_until
from wire import Connection, array, i8, i16, i32, text

INVALID_TOPIC, UNKNOWN_TOPIC, LEADER_NOT_AVAILABLE, TOPIC_EXISTS = 17, 3, 5, 36
INVALID_PARTITIONS, INVALID_REPLICATION_FACTOR, INVALID_CONFIG, NO_ERROR = 37, 38, 40, 0
KAFKA = "3.9.1"


class TopicsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(num__partitions=4, default__replication__factor=2)
        cls.addClassCleanup(cls.cluster.close)
        cls.broker = cls.cluster.brokers[1]

    def kafka_topics(self, *arguments, **options):
        return interop_clients.kafka_tool(KAFKA, "kafka-topics", "--bootstrap-server", self.cluster.bootstrap,
                                          *arguments, **options)

    def names(self):
        return set(self.cluster.ottla("topics", "--list").split())

    def create(self, name, partitions=1, replicas=1, configs=None, validate_only=False):
        """The error code, as CreateTopics v1 says it."""
        rows = [text(key) + text(value) for key, value in (configs or {}).items()]
        body = array([text(name) + i32(partitions) + i16(replicas) + i32(0) + array(rows)])
        with Connection(self.cluster.controller()) as connection:
            answer = connection.call(wire.CREATE_TOPICS, 1, body + i32(10000) + i8(int(validate_only)))
            return answer.array(lambda: (answer.text(), answer.i16(), answer.text()))[0][1]

    def wait_for_partitions(self, topic, partitions, replicas):
        def there():
            found = self.cluster.partitions(topic)
            return len(found) == partitions and all(
                one["leader"] >= 0 and len(one["replicas"]) == len(one["isr"]) == replicas for one in found.values())
        wait_until(there, f"{topic} with {partitions} partitions and {replicas} replicas")

    def test_the_life_of_a_topic_by_ottla(self):
        ottla = self.cluster.ottla
        ottla("topics", "--create", "--topic", "ours", "--partitions", 3, "--replication-factor", 2,
              "--config", "retention.ms=3600000")
        self.wait_for_partitions("ours", 3, 2)
        described = json.loads(ottla("topics", "--describe", "--topic", "ours", "--json"))[0]
        self.assertEqual(described["configs"]["retention.ms"], "3600000")
        ottla("topics", "--alter", "--topic", "ours", "--partitions", 5)
        self.wait_for_partitions("ours", 5, 2)
        ottla("topics", "--delete", "--topic", "ours")
        wait_until(lambda: "ours" not in self.names(), "the topic to be gone")

    def test_the_life_of_a_topic_by_kafka_topics(self):
        self.kafka_topics("--create", "--topic", "theirs", "--partitions", "3", "--replication-factor", "2",
                          "--config", "retention.ms=3600000", "--config", "cleanup.policy=compact")
        self.wait_for_partitions("theirs", 3, 2)
        described = self.kafka_topics("--describe", "--topic", "theirs")
        self.assertIn("PartitionCount: 3\tReplicationFactor: 2", described)
        self.assertIn("retention.ms=3600000", described)
        self.assertIn("cleanup.policy=compact", described)
        self.assertEqual(described.count("Leader: "), 3)
        self.kafka_topics("--alter", "--topic", "theirs", "--partitions", "5")
        self.wait_for_partitions("theirs", 5, 2)
        self.assertIn("theirs", self.kafka_topics("--list").split())
        self.kafka_topics("--delete", "--topic", "theirs")
        wait_until(lambda: "theirs" not in self.names(), "the topic to be gone")
        # Under the same name again, and nothing of the old one is left.
        self.kafka_topics("--create", "--topic", "theirs", "--replica-assignment", "2:3,3:1")
        self.wait_for_partitions("theirs", 2, 2)
        self.assertEqual(self.cluster.partitions("theirs")[1]["replicas"], [3, 1])
        self.assertNotIn("cleanup.policy", self.kafka_topics("--describe", "--topic", "theirs"))

    def test_kafka_topics_says_what_is_wrong(self):
        interop_clients.kafka_jars(KAFKA)
        self.create("once")
        for arguments, expected in (
                (("--create", "--topic", "once"), "TopicExistsException"),
                (("--create", "--topic", "bad name"), "InvalidTopicException"),
                (("--create", "--topic", "many", "--replication-factor", "9"), "InvalidReplicationFactorException"),
                (("--create", "--topic", "odd", "--config", "retention.ms=x"), "ConfigException")):
            with self.subTest(arguments=arguments), self.assertRaises(AssertionError) as caught:
                self.kafka_topics(*arguments)
            self.assertIn(expected, str(caught.exception))

    def test_kafka_topics_of_old_through_zookeeper(self):
        """Kafka 0.10's tool writes the znodes itself; the controller takes it from there."""
        zookeeper = self.cluster.zookeeper.connect + self.cluster.chroot

        def old_topics(*arguments):
            return interop_clients.kafka_tool("0.10.2.2", "kafka-topics", "--zookeeper", zookeeper, *arguments)
        old_topics("--create", "--topic", "of-old", "--partitions", "2", "--replication-factor", "3",
                   "--config", "max.message.bytes=2000000")
        self.wait_for_partitions("of-old", 2, 3)
        described = json.loads(self.cluster.ottla("topics", "--describe", "--topic", "of-old", "--json"))[0]
        self.assertEqual(described["configs"]["max.message.bytes"], "2000000")
        old_topics("--alter", "--topic", "of-old", "--partitions", "3")
        self.wait_for_partitions("of-old", 3, 3)
        self.assertIn("PartitionCount:3", old_topics("--describe", "--topic", "of-old"))
        old_topics("--delete", "--topic", "of-old")
        wait_until(lambda: "of-old" not in self.names(), "the topic to be gone")

    def test_defaults(self):
        self.assertEqual(self.create("by-default", -1, -1), NO_ERROR)
        self.wait_for_partitions("by-default", 4, 2)

    def test_auto_creation(self):
        with Connection(self.broker) as connection:
            self.assertEqual(connection.topic_errors(["not-wanted"], auto_create=False), {"not-wanted": UNKNOWN_TOPIC})
            self.assertEqual(connection.topic_errors(["wanted"], auto_create=True), {"wanted": LEADER_NOT_AVAILABLE})
            wait_until(lambda: connection.topic_errors(["wanted"], auto_create=True) == {"wanted": NO_ERROR},
                       "the topic to be there")
            self.wait_for_partitions("wanted", 4, 2)
            self.assertNotIn("not-wanted", self.names())
            for name in ("bad name", "..", "", "x" * 250):
                self.assertEqual(connection.topic_errors([name], auto_create=True), {name: INVALID_TOPIC})

    def test_auto_creation_by_a_producer(self):
        kcat = interop_clients.Kcat()
        interop_clients.run(["kcat", "-P", "-b", self.cluster.bootstrap, "-t", "by-producer"], input="hello\n")
        self.wait_for_partitions("by-producer", 4, 2)
        self.assertEqual(len(kcat.consume(self.cluster.bootstrap, "by-producer", 4)), 1)

    def test_name_rules(self):
        for name in ("with space", "..", ".", "", "x" * 250, "semi;colon", "\u00e4"):
            self.assertEqual(self.create(name), INVALID_TOPIC, name)
        for name in ("x" * 249, "dots.and_more-1", "A", "1"):
            self.assertEqual(self.create(name), NO_ERROR, name)
        self.assertEqual(self.create("dots_and_more-1"), INVALID_TOPIC)  # the same in metric names
        self.assertEqual(self.create("A"), TOPIC_EXISTS)

    def test_what_a_topic_cannot_have(self):
        for partitions in (0, -2):
            self.assertEqual(self.create("impossible", partitions), INVALID_PARTITIONS)
        for replicas in (0, -2, 4):
            self.assertEqual(self.create("impossible", 1, replicas), INVALID_REPLICATION_FACTOR)
        for configs in ({"retention.ms": "x"}, {"nonsense": "1"}, {"compression.type": "zip"},
                        {"min.insync.replicas": "0"}, {"segment.bytes": "1"}):
            self.assertEqual(self.create("impossible", configs=configs), INVALID_CONFIG, configs)
        self.assertEqual(self.create("impossible", validate_only=True), NO_ERROR)
        self.assertNotIn("impossible", self.names())


class WithoutAutoCreationTest(unittest.TestCase):
    def test_nothing_comes_by_itself(self):
        with Cluster(brokers=1, auto__create__topics__enable="false") as cluster:
            with Connection(cluster.brokers[1]) as connection:
                for _ in range(3):
                    self.assertEqual(connection.topic_errors(["none"], auto_create=True), {"none": UNKNOWN_TOPIC})
            self.assertEqual(cluster.ottla("topics", "--list").split(), [])


if __name__ == "__main__":
    unittest.main()
