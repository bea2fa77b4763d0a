"""kcat, Java 3.9 and 0.10, kafka-python and Go read what each of the others wrote, with every codec."""

import subprocess
import unittest

import interop_clients
from cluster import Cluster

PARTITIONS = 2
COUNT = 120
# Java 0.10 knows no zstd; its produce requests are v2 with message format 1, its fetches v3.
OLD_CODECS = ("none", "gzip", "snappy", "lz4")


class ClientsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.close)
        cls.clients = [interop_clients.Kcat(), interop_clients.java("3.9.1"),
                       interop_clients.java("0.10.2.2", OLD_CODECS), interop_clients.python(), interop_clients.go()]

    def check_codec(self, codec):
        topic = f"codec-{codec}"
        bootstrap = self.cluster.bootstrap
        self.cluster.create_topic(topic, PARTITIONS, 3)
        able = [client for client in self.clients if codec in client.codecs]
        expected = []
        for writer in able:
            with self.subTest(writer=writer.name):
                writer.produce(bootstrap, topic, PARTITIONS, codec, COUNT, writer.name)
            expected += [f"{i % PARTITIONS} key-{i} {writer.name}-{i}" for i in range(COUNT)]
        for reader in able:
            with self.subTest(reader=reader.name):
                got = reader.consume(bootstrap, topic, PARTITIONS)
                self.assertEqual(sorted(got), sorted(expected))
                for partition in range(PARTITIONS):
                    of_partition = [line for line in got if line.startswith(f"{partition} ")]
                    self.assertEqual(of_partition, [line for line in expected if line.startswith(f"{partition} ")])

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

    def test_recompression(self):
        """compression.type of the topic wins over the producer's."""
        self.cluster.create_topic("recompressed", PARTITIONS, 3, compression__type="lz4")
        kcat, java = self.clients[0], self.clients[1]
        for codec in ("none", "gzip", "snappy"):
            java.produce(self.cluster.bootstrap, "recompressed", PARTITIONS, codec, COUNT, codec)
        self.assertEqual(len(kcat.consume(self.cluster.bootstrap, "recompressed", PARTITIONS)), 3 * COUNT)
        leader = self.cluster.leader("recompressed", 0)
        dump = self.cluster.ottla_offline("dump-log", "--files",
                                          leader.directory / "data/recompressed-0/00000000000000000000.log")
        self.assertIn("compresscodec: lz4", dump)
        for other in ("compresscodec: none", "compresscodec: gzip", "compresscodec: snappy"):
            self.assertNotIn(other, dump)

    def test_zstd_is_refused_to_a_client_that_cannot_read_it(self):
        self.cluster.create_topic("only-zstd", PARTITIONS, 3)
        self.clients[1].produce(self.cluster.bootstrap, "only-zstd", PARTITIONS, "zstd", COUNT, "z")
        with self.assertRaises((AssertionError, subprocess.TimeoutExpired)):
            interop_clients.run([*self.clients[2].command, "consume", self.cluster.bootstrap, "only-zstd",
                                 str(PARTITIONS)], 20)

    def test_console_tools_of_0_8(self):
        """Produce v0 and Fetch v0: clients that do not negotiate, message format 0."""
        self.cluster.create_topic("ancient", 1, 3)
        tool = [interop_clients.KAFKA_REF, "run-tool", "--version", "0.8.2.2"]
        lines = "".join(f"line-{i}\n" for i in range(COUNT))
        interop_clients.run([*tool, "kafka-console-producer", "--broker-list", self.cluster.bootstrap, "--topic",
                             "ancient", "--new-producer"], input=lines)
        got = interop_clients.run([*tool, "kafka-simple-consumer-shell", "--broker-list", self.cluster.bootstrap,
                                   "--topic", "ancient", "--partition", "0", "--offset", "-2", "--max-messages",
                                   str(COUNT), "--no-wait-at-logend"])
        self.assertEqual([line for line in got.splitlines() if line.startswith("line-")],
                         [f"line-{i}" for i in range(COUNT)])


if __name__ == "__main__":
    unittest.main()
