"""kcat, Java 3.9, 0.10 and 0.8, kafka-python and Go read what each of the others wrote, with every codec."""

import subprocess
import unittest

import interop_clients
from cluster import Cluster
from interop_clients import OLD_CODECS

PARTITIONS = 2
COUNT = 120
# Java 0.10 knows no zstd; its produce requests are v2 with message format 1, its fetches v3.
WANTED = {"kcat": interop_clients.Kcat,
          "kcat-0.9": interop_clients.kcat_0_9,
          "java-3.9": lambda: interop_clients.java("3.9.1"),
          "java-0.10": lambda: interop_clients.java("0.10.2.2", OLD_CODECS),
          "java-0.8": interop_clients.java_0_8,
          "kafka-python": interop_clients.python,
          "go-sarama": interop_clients.go}


class ClientsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.clients, cls.missing = {}, {}
        for name, make in WANTED.items():
            try:
                cls.clients[name] = make()
            except interop_clients.Unavailable as reason:
                cls.missing[name] = str(reason)
        if len(cls.clients) < 2:
            raise unittest.SkipTest(f"nobody to talk to each other: {cls.missing}")
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.close)

    def client(self, name):
        if name in self.missing:
            self.skipTest(self.missing[name])
        return self.clients[name]

    def test_all_clients_are_here(self):
        if self.missing:
            self.skipTest("not tested: " + "; ".join(f"{name}: {why}" for name, why in self.missing.items()))

    def check_codec(self, codec):
        topic = f"codec-{codec}"
        bootstrap = self.cluster.bootstrap
        self.cluster.create_topic(topic, PARTITIONS, 3)
        able = [client for client in self.clients.values() if codec in client.codecs]
        expected = []
        for writer in able:
            with self.subTest(writer=writer.name):
                writer.produce(bootstrap, topic, PARTITIONS, codec, COUNT, writer.name)
            expected += [f"{i % PARTITIONS} key-{i} {writer.name}-{i}" for i in range(COUNT)]
        for reader in able:
            with self.subTest(reader=reader.name):
                got = reader.consume(bootstrap, topic, PARTITIONS)
                for partition in range(PARTITIONS):
                    self.assertEqual([line for line in got if line.startswith(f"{partition} ")],
                                     [line for line in expected if line.startswith(f"{partition} ")])
                self.assertEqual(len(got), len(expected))

    def test_uncompressed(self):
        self.check_codec("none")

    def test_gzip(self):
        self.check_codec("gzip")

    def test_snappy(self):
        self.check_codec("snappy")

    def test_lz4(self):
        self.check_codec("lz4")

    def test_zstd(self):
        self.check_codec("zstd")

    def codecs_on_disk(self, topic):
        """Of partition 0, as its leader has them."""
        dump = self.cluster.ottla_offline(
            "dump-log", "--files", self.cluster.leader(topic).directory / f"data/{topic}-0/00000000000000000000.log")
        return {words.split()[0] for words in dump.split("compresscodec: ")[1:]}

    def test_recompression(self):
        """compression.type of the topic wins over the producer's."""
        writer = self.client("java-3.9")
        for wanted in ("gzip", "snappy", "lz4", "zstd", "uncompressed"):
            topic = f"recompressed-{wanted}"
            self.cluster.create_topic(topic, PARTITIONS, 3, compression__type=wanted)
            codecs = ("none", "zstd") if wanted != "zstd" else ("none", "lz4")
            for codec in codecs:
                writer.produce(self.cluster.bootstrap, topic, PARTITIONS, codec, COUNT, codec)
            got = self.client("kcat").consume(self.cluster.bootstrap, topic, PARTITIONS)
            self.assertEqual(sorted(got), sorted(f"{i % PARTITIONS} key-{i} {codec}-{i}"
                                                 for codec in codecs for i in range(COUNT)))
            self.assertEqual(self.codecs_on_disk(topic), {"none" if wanted == "uncompressed" else wanted})

    def test_codecs_are_kept(self):
        for codec, writers in {"zstd": ("java-3.9", "go-sarama"), "lz4": ("kcat", "java-0.8"),
                               "gzip": ("kcat", "java-0.10"), "snappy": ("go-sarama", "java-0.8")}.items():
            for writer in writers:
                topic = f"kept-{codec}-{writer}"
                self.cluster.create_topic(topic, 1, 3)
                self.client(writer).produce(self.cluster.bootstrap, topic, 1, codec, COUNT, codec)
                self.assertEqual(self.codecs_on_disk(topic), {codec}, writer)

    def test_zstd_is_refused_to_a_client_that_cannot_read_it(self):
        self.cluster.create_topic("only-zstd", PARTITIONS, 3)
        self.client("java-3.9").produce(self.cluster.bootstrap, "only-zstd", PARTITIONS, "zstd", COUNT, "z")
        with self.assertRaises((AssertionError, subprocess.TimeoutExpired)):
            self.client("java-0.10").consume(self.cluster.bootstrap, "only-zstd", PARTITIONS, 10)

    def test_console_tools_of_0_8(self):
        """The Scala producer of old, and Kafka's own shell around its SimpleConsumer."""
        self.cluster.create_topic("ancient", 1, 3)
        lines = [f"line-{i}" for i in range(COUNT)]
        for codec in ("gzip", "snappy"):
            interop_clients.kafka_tool(
                "0.8.2.2", "kafka-console-producer", "--broker-list", self.cluster.bootstrap, "--topic", "ancient",
                "--compression-codec", codec, "--request-required-acks", "-1", input="\n".join(lines) + "\n")
        got = interop_clients.kafka_tool(
            "0.8.2.2", "kafka-simple-consumer-shell", "--broker-list", self.cluster.bootstrap, "--topic", "ancient",
            "--partition", "0", "--offset", "-2", "--no-wait-at-logend")
        self.assertEqual([line for line in got.splitlines() if line.startswith("line-")], lines * 2)


class MetricsPushTest(unittest.TestCase):
    """KIP-714, which neither Ottla nor a Kafka 3.9 with ZooKeeper offers."""

    @classmethod
    def setUpClass(cls):
        for version in ("3.9.1", "4.1.1"):
            interop_clients.kafka_jars(version)
        cls.cluster = Cluster(1, offsets__topic__replication__factor=1)
        cls.addClassCleanup(cls.cluster.close)

    def test_clients_that_would_push_their_metrics(self):
        """Nobody asks for them: they work, and complain of nothing."""
        binding = interop_clients.kafka_jars("3.9.1")
        configuration = self.cluster.directory / "log4j.properties"
        configuration.write_text("log4j.rootLogger=INFO, C\nlog4j.appender.C=org.apache.log4j.ConsoleAppender\n"
                                 "log4j.appender.C.target=System.err\nlog4j.appender.C.layout=org.apache.log4j.PatternLayout\n"
                                 "log4j.appender.C.layout.ConversionPattern=%p %m (%c)%n\n")
        for version in ("3.9.1", "4.1.1"):
            with self.subTest(client=version):
                topic = f"pushed-{version}"
                self.cluster.create_topic(topic, 1, 1)
                java, *options, classes, main = interop_clients.java_main(version, "PushMetrics")
                # The jars of 4.1 bring no logger.
                classes += "".join(f":{binding}/{jar}" for jar in ("reload4j-1.2.25.jar", "slf4j-reload4j-1.7.36.jar"))
                ended = subprocess.run([java, f"-Dlog4j.configuration=file:{configuration}", *options, classes, main,
                                        self.cluster.bootstrap, topic], capture_output=True, text=True, timeout=300)
                self.assertEqual((ended.returncode, ended.stdout), (0, "read value\n"), ended.stderr[-4000:])
                said = ended.stderr.splitlines()
                self.assertTrue(any(line.startswith("INFO Kafka version: " + version) for line in said), said)
                self.assertEqual([line for line in said if not line.startswith("INFO") and line[:5].isupper()], [])


if __name__ == "__main__":
    unittest.main()
