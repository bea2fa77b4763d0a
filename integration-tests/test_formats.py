"""Kafka 3.9's own tools accept what Ottla wrote, and Ottla serves what a Kafka 3.9 broker left."""

import contextlib
import hashlib
import json
import re
import shutil
import unittest

import interop_clients
from cluster import HERE, Cluster, free_port, wait_until

KAFKA = "3.9.1"
RECORDS = 3000
SAMPLE_BROKER = 7


class FormatsTest(unittest.TestCase):
    def test_dump_log_segments_of_kafka_accepts_our_files(self):
        java = interop_clients.java(KAFKA)
        with Cluster(log__segment__bytes=65536, log__index__interval__bytes=1024) as cluster:
            cluster.create_topic("orders", 1, 3)
            cluster.wait_for_isr("orders")
            for codec in interop_clients.CODECS:
                java.produce(cluster.bootstrap, "orders", 1, codec, RECORDS, "a-value-of-some-length-" + codec)
            end = int(cluster.ottla("get-offsets", "--topic", "orders").strip().split(":")[2])
            self.assertEqual(end, RECORDS * len(interop_clients.CODECS))
            for broker in cluster.brokers.values():
                self.assertEqual(broker.process.terminate(), 0)
                directory = broker.directory / "data/orders-0"
                self.assertTrue((broker.directory / "data/.kafka_cleanshutdown").exists())
                logs = sorted(directory.glob("*.log"))
                self.assertGreater(len(logs), 3, "rolled by size")
                self.check_files(directory, logs, end)

    def check_files(self, directory, logs, end):
        def dump(*options):
            return interop_clients.kafka_tool(KAFKA, "kafka-dump-log", *options)

        def files(pattern):
            return ",".join(map(str, sorted(directory.glob(pattern))))
        records = dump("--deep-iteration", "--files", ",".join(map(str, logs)))
        batches = [(int(first), int(last)) for first, last in
                   re.findall(r"baseOffset: (\d+) lastOffset: (\d+) .*isvalid: true", records)]
        self.assertNotIn("isvalid: false", records)
        self.assertEqual(batches[0][0], 0)
        self.assertEqual(batches[-1][1], end - 1)
        for (_, last), (first, _) in zip(batches, batches[1:]):
            self.assertEqual(first, last + 1)
        found = dump("--index-sanity-check", "--files", files("*.index") + "," + files("*.timeindex"))
        # A segment that one batch has filled needs no entry in its offset index.
        self.assertEqual(found.count("passed sanity check") + found.count("index is empty"), 2 * len(logs), found)
        self.assertGreater(found.count("passed sanity check"), len(logs), found)
        found = dump("--verify-index-only", "--files", files("*.index") + "," + files("*.timeindex"))
        self.assertNotIn("Mismatches", found)
        self.assertNotIn("not found", found)
        snapshots = dump("--files", files("*.snapshot"))
        self.assertEqual(snapshots.count("Dumping "), len(list(directory.glob("*.snapshot"))))


class TakeoverTest(unittest.TestCase):
    """Sums are of what kafka-console-consumer got from Kafka itself (samples/README.md)."""

    def start(self, sample):
        interop_clients.need("kcat")

        def put_in_place(cluster):
            shutil.copytree(HERE / "samples" / sample, cluster.directory / "taken-over")
            interop_clients.run([interop_clients.KAFKA_REF, "zk-load", "--zk", cluster.zookeeper.connect,
                                 HERE / "samples" / "znodes.tsv"])
        lines = (HERE / "samples" / "server.properties").read_text().splitlines()
        self.settings = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
        for name in ("broker.id", "listeners", "zookeeper.connect", "log.dirs"):
            del self.settings[name]
        self.cluster = Cluster(ids=[SAMPLE_BROKER], chroot="", prepare=put_in_place,
                               log__dirs=lambda cluster: cluster.directory / "taken-over", **self.settings)
        self.addCleanup(self.cluster.close)

    def read(self, topic, *options, bootstrap=None):
        lines = interop_clients.run(["kcat", "-C", "-b", bootstrap or self.cluster.bootstrap, "-t", topic,
                                     "-o", "beginning", "-e", "-q", "-J", "-X", "check.crcs=true", *options]).splitlines()
        return [json.loads(line) for line in lines]

    def sum_of(self, topic, bootstrap=None):
        """As: kafka-console-consumer --from-beginning | sort | sha256sum."""
        values = sorted("null" if record["payload"] is None else record["payload"]
                        for record in self.read(topic, bootstrap=bootstrap))
        return hashlib.sha256("".join(value + "\n" for value in values).encode()).hexdigest()[:16]

    def check_topics(self, sums, counts):
        for topic, expected in sums.items():
            with self.subTest(topic=topic):
                self.assertEqual(self.sum_of(topic), expected)
        for topic, expected in counts.items():
            with self.subTest(topic=topic):
                self.assertEqual(len(self.read(topic)), expected)

    SUMS = {"fmt-v0": "847964d494e67067", "fmt-v1": "847964d494e67067", "compacted": "d79d9f89833101a8",
            "trimmed": "3e2f17e410749bad", "c-zstd": "6211e040cf1ee6ae"}
    COUNTS = {"c-snappy": 200, "c-lz4": 200, "idem": 100, "logappend": 30, "dotted.name_x-1": 5, "empty": 0,
              "txn": 13}

    def test_after_a_clean_shutdown_of_kafka(self):
        self.start("clean")
        self.check_topics({**self.SUMS, "plain": "1ee4e615666eb3a8", "c-gzip": "6211e040cf1ee6ae"}, self.COUNTS)
        self.assertEqual(len(self.read("txn", "-X", "isolation.level=read_uncommitted")), 22)
        self.assertEqual(self.read("trimmed")[0]["offset"], 37)

    def test_after_kafka_was_killed(self):
        self.start("unclean")
        self.check_topics({**self.SUMS, "plain": "d6bd24a722dd70c0", "c-gzip": "f19fb08423211f3b"}, self.COUNTS)

    def test_given_back_to_kafka_and_taken_again(self):
        interop_clients.kafka_jars(KAFKA)
        self.start("clean")
        broker = self.cluster.brokers[SAMPLE_BROKER]
        kcat = interop_clients.Kcat()
        kcat.produce(self.cluster.bootstrap, "plain", 2, "zstd", 100, "by-ottla")
        # An open transaction, dirty keys and a moved log start must survive us.
        before = {topic: self.sum_of(topic) for topic in ("plain", "fmt-v0", "trimmed", "compacted", "txn")}
        self.assertEqual(broker.process.terminate(), 0)
        dump = interop_clients.kafka_tool(KAFKA, "kafka-dump-log", "--deep-iteration", "--files", ",".join(
            str(log) for log in sorted((self.cluster.directory / "taken-over").glob("plain-0/*.log"))))
        self.assertNotIn("isvalid: false", dump)
        self.assertIn("lastOffset: 349 ", dump)

        with self.kafka() as kafka:
            self.assertEqual({topic: self.sum_of(topic, kafka) for topic in before}, before)
            kcat.produce(kafka, "plain", 2, "lz4", 50, "by-kafka")
            before["plain"] = self.sum_of("plain", kafka)
        broker.start()
        self.cluster.wait_for_brokers()
        self.assertEqual({topic: self.sum_of(topic) for topic in before}, before)
        self.assertEqual(len(self.read("plain")), 750)

    @contextlib.contextmanager
    def kafka(self):
        """Kafka itself, as the same broker on the same disks; its address."""
        directory = self.cluster.directory / "kafka"
        settings = {**self.settings, "log.dirs": self.cluster.directory / "taken-over"}
        start = [interop_clients.KAFKA_REF, "start", "--dir", directory, "--brokers", 1, "--first-id", SAMPLE_BROKER,
                 "--base-port", free_port(), "--zk", self.cluster.zookeeper.connect, "--version", KAFKA]
        for name, value in settings.items():
            start += ["--set", f"{name}={value}"]
        try:
            address = interop_clients.run(start).split()[-1]
            listed = ["kcat", "-L", "-J", "-b", address, "-t", "plain"]
            wait_until(lambda: [partition["leader"] for partition in
                                json.loads(interop_clients.run(listed))["topics"][0]["partitions"]]
                       == [SAMPLE_BROKER] * 2, "Kafka to lead its partitions")
            yield address
        finally:
            interop_clients.run([interop_clients.KAFKA_REF, "stop", "--dir", directory])


if __name__ == "__main__":
    unittest.main()
