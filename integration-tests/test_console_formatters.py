"""console-consumer's formatters of Kafka's own topics, next to Kafka's console consumer: the same words of the same records."""

import json
import unittest

import interop_clients
from cluster import OTTLA, Cluster, ToolFailed, wait_until

KAFKA = "3.9.1"
OLD_OFFSETS = "kafka.coordinator.group.GroupMetadataManager$OffsetsMessageFormatter"
OLD_GROUPS = "kafka.coordinator.group.GroupMetadataManager$GroupMetadataMessageFormatter"
OLD_TRANSACTIONS = "kafka.coordinator.transaction.TransactionLog$TransactionLogMessageFormatter"
NEW = "org.apache.kafka.tools.consumer."


def values_in(text):
    """Kafka 3.9.1 writes no line ends between them."""
    decoder, values, at = json.JSONDecoder(), [], 0
    text = text.strip()
    while at < len(text):
        value, end = decoder.raw_decode(text, at)
        values.append(value)
        at = end + len(text[end:]) - len(text[end:].lstrip())
    return values


def kafkas(rows):
    """Without Ottla's own records of offsets that have ended: Kafka's formatters call them unknown."""
    return [row for row in rows if row["key"]["version"] != 20000]


class ConsoleFormattersTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        interop_clients.kafka_jars(KAFKA)
        # Kafka's formatters pass over Ottla's own records of offsets that have ended.
        cls.cluster = Cluster(brokers=1, offsets__topic__replication__factor=1, offsets__topic__num__partitions=1,
                              transaction__state__log__replication__factor=1, transaction__state__log__min__isr=1,
                              transaction__state__log__num__partitions=1)
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.create_topic("orders", 2, 1)
        cls.cluster.create_topic("plain", 1, 1)
        cls.cluster.ottla("console-producer", "--topic", "plain", stdin="a\nb\n")
        cls.cluster.ottla("console-producer", "--topic", "orders", "--property", "parse.key=true", stdin="k\ta\nk\tb\n\tc\n")
        cls.cluster.ottla("console-consumer", "--topic", "orders", "--group", "g", "--from-beginning", "--max-messages", 3)
        cls.cluster.ottla("consumer-groups", "--group", "h", "--topic", "orders", "--reset-offsets", "--to-latest", "--execute")
        cls.cluster.ottla("consumer-groups", "--group", "h", "--topic", "orders:0", "--delete-offsets")
        interop_clients.run([OTTLA, "producer-perf-test", "--topic", "orders", "--num-records", 3, "--record-size", 10, "--throughput",
                             -1, "--transactional-id", "tx", "--producer-props", f"bootstrap.servers={cls.cluster.bootstrap}"])

    def theirs(self, topic, formatter, count):
        """Of the first partition, without a group: with one its own records would come, too."""
        return interop_clients.kafka_tool(KAFKA, "kafka-console-consumer", "--bootstrap-server", self.cluster.bootstrap, "--topic", topic,
                                          "--partition", "0", "--offset", "earliest", "--max-messages", str(count), "--formatter", formatter)

    def ours(self, topic, formatter, count, *more):
        return self.cluster.ottla("console-consumer", "--topic", topic, "--partition", 0, "--offset", "earliest", "--max-messages", count,
                                  "--formatter", formatter, *more)

    def count(self, topic):
        """Kafka's consumer leaves a group without a committed offset: from there on nothing is added."""
        return int(self.cluster.ottla("get-offsets", "--topic-partitions", f"{topic}:0").split(":")[2])

    def test_offsets(self):
        count = wait_until(lambda: self.count("__consumer_offsets"), "the offsets")
        theirs = self.theirs("__consumer_offsets", OLD_OFFSETS, count)
        self.assertEqual(self.ours("__consumer_offsets", OLD_OFFSETS, count), theirs)
        self.assertIn("[g,orders,0]::OffsetAndMetadata(offset=", theirs)
        self.assertIn("[h,orders,0]::NULL", theirs)
        formatter = NEW + "OffsetsMessageFormatter"
        ours = self.ours("__consumer_offsets", formatter, count)
        self.assertEqual(kafkas(values_in(ours)), kafkas(values_in(self.theirs("__consumer_offsets", formatter, count))))
        self.assertIsNone([row["value"] for row in values_in(ours) if row["key"]["data"] == {"group": "h", "topic": "orders", "partition": 0}][-1])

    def test_groups(self):
        count = self.count("__consumer_offsets")
        theirs = self.theirs("__consumer_offsets", OLD_GROUPS, count)
        self.assertEqual(self.ours("__consumer_offsets", OLD_GROUPS, count), theirs)
        self.assertRegex(theirs, r"g::GroupMetadata\(groupId=g, generation=1, .*members=HashMap\(.*supportedProtocols=List\(range\)")
        formatter = NEW + "GroupMetadataMessageFormatter"
        ours = self.ours("__consumer_offsets", formatter, count)
        self.assertEqual(kafkas(values_in(ours)), kafkas(values_in(self.theirs("__consumer_offsets", formatter, count))))
        self.assertTrue(values_in(ours)[0]["value"]["data"]["members"][0]["subscription"])

    def test_transactions(self):
        count = wait_until(lambda: self.count("__transaction_state"), "the transactions")
        theirs = self.theirs("__transaction_state", OLD_TRANSACTIONS, count)
        self.assertEqual(self.ours("__transaction_state", OLD_TRANSACTIONS, count), theirs)
        self.assertIn("tx::TransactionMetadata(transactionalId=tx, ", theirs)
        formatter = NEW + "TransactionLogMessageFormatter"
        ours = self.ours("__transaction_state", formatter, count)
        self.assertEqual(values_in(ours), values_in(self.theirs("__transaction_state", formatter, count)))
        [first, *_] = self.ours("__transaction_state", formatter, count, "--json").splitlines()
        first = json.loads(first)
        self.assertEqual((first["topic"], first["offset"], first["key"]["data"]), ("__transaction_state", 0, {"transactionalId": "tx"}))

    def test_the_others(self):
        for name in ("DefaultMessageFormatter", "LoggingMessageFormatter", "NoOpMessageFormatter"):
            for package in ("kafka.tools.", NEW):
                with self.subTest(name=package + name):
                    self.assertEqual(self.ours("plain", package + name, 2), self.theirs("plain", package + name, 2))
        with self.assertRaisesRegex(ToolFailed, "com.example.Avro: classes of Java cannot be loaded here; known are"):
            self.ours("plain", "com.example.Avro", 1)


if __name__ == "__main__":
    unittest.main()
