"""Kafka 3.9's own tools accept what Ottla wrote; Ottla's data survive a clean restart."""

import pathlib
import re
import unittest

import interop_clients
from cluster import Cluster

RECORDS = 3000


class FormatsTest(unittest.TestCase):
    def test_dump_log_segments_of_kafka_accepts_our_files(self):
        with Cluster(log__segment__bytes=65536, log__index__interval__bytes=1024) as cluster:
            cluster.create_topic("orders", 1, 3)
            cluster.wait_for_isr("orders")
            java = interop_clients.java("3.9.1")
            for codec in interop_clients.CODECS:
                java.produce(cluster.bootstrap, "orders", 1, codec, RECORDS, "a-value-of-some-length-" + codec)
            end = int(cluster.ottla("get-offsets", "--topic", "orders").strip().split(":")[2])
            self.assertEqual(end, RECORDS * len(interop_clients.CODECS))
            for broker in cluster.brokers.values():
                self.assertEqual(broker.process.terminate(), 0)
                directory = pathlib.Path(broker.directory / "data/orders-0")
                self.assertTrue((broker.directory / "data/.kafka_cleanshutdown").exists())
                logs = sorted(directory.glob("*.log"))
                self.assertGreater(len(logs), 3, "rolled by size")
                self.check_files(directory, logs, end)

    def check_files(self, directory, logs, end):
        dump = interop_clients.run([interop_clients.KAFKA_REF, "run-tool", "kafka-dump-log", "--deep-iteration",
                                    "--files", ",".join(map(str, logs))], 180)
        batches = [(int(first), int(last)) for first, last in
                   re.findall(r"baseOffset: (\d+) lastOffset: (\d+) .*isvalid: true", dump)]
        self.assertNotIn("isvalid: false", dump)
        self.assertEqual(batches[0][0], 0)
        self.assertEqual(batches[-1][1], end - 1)
        for (_, last), (first, _) in zip(batches, batches[1:]):
            self.assertEqual(first, last + 1)
        for pattern in ("*.index", "*.timeindex"):
            for index in sorted(directory.glob(pattern)):
                found = interop_clients.run([interop_clients.KAFKA_REF, "run-tool", "kafka-dump-log",
                                             "--index-sanity-check", "--files", index], 60)
                self.assertIn("passed sanity check", found)
        offset_index = sorted(directory.glob("*.index"))[0]
        found = interop_clients.run([interop_clients.KAFKA_REF, "run-tool", "kafka-dump-log",
                                     "--verify-index-only", "--files", offset_index], 60)
        self.assertNotIn("Mismatches", found)
        snapshot = sorted(directory.glob("*.snapshot"))[-1]
        interop_clients.run([interop_clients.KAFKA_REF, "run-tool", "kafka-dump-log", "--files", snapshot], 60)


if __name__ == "__main__":
    unittest.main()
