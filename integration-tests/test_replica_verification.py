"""replica-verification: what it finds, and next to it Kafka's own on the same cluster."""

import json
import re
import subprocess
import unittest

import interop_clients
from cluster import Cluster, ToolFailed, wait_until

KAFKA = "3.9.1"
REPORT = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}: max lag is \d+ for partition \S+ at offset \d+ among \d+ partitions"


class ReplicaVerificationTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.close)

    def verify(self, topic, *flags, check=True, without=None):
        return self.cluster.ottla("replica-verification", "--topics-include", topic, *flags, check=check, without=without)

    def fill(self, topic, partitions=1, records=300, **configs):
        self.cluster.create_topic(topic, partitions, 3, **configs)
        self.cluster.ottla("verifiable-producer", "--topic", topic, "--max-messages", records, "--repeating-keys", 7,
                           "--value-prefix", 1234)

    def test_the_same(self):
        self.fill("same", 2)
        told = self.verify("same", "--once").splitlines()
        self.assertRegex(told[0], ": verification process is started$")
        self.assertRegex(told[-1], f"^{REPORT}$")
        self.assertIn("max lag is 0 for partition same-", told[-1])
        self.assertIn("among 2 partitions", told[-1])
        self.assertEqual(json.loads(self.verify("same", "--once", "--json").splitlines()[-1])["maxLag"], 0)
        small = self.verify("same", "--once", "--fetch-size", 4000)
        self.assertIn("max lag is 0", small)

    def test_kafkas_own(self):
        self.fill("both", 2)
        interop_clients.kafka_jars(KAFKA)
        path = self.cluster.directory / "kafkas.out"
        with open(path, "w") as out:
            process = subprocess.Popen([str(interop_clients.KAFKA_REF), "run-tool", "--version", KAFKA, "kafka-replica-verification",
                                        "--broker-list", self.cluster.bootstrap, "--topics-include", "both", "--time", "-2",
                                        "--report-interval-ms", "200"], stdout=out, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        kafkas = wait_until(lambda: re.search("^.*max lag is 0 .*\n", path.read_text(), re.MULTILINE), "no lag", 60)[0]
        self.assertRegex(kafkas, f"^{REPORT}\n$")
        process.terminate()

    def test_a_replica_that_differs(self):
        self.fill("differs")
        leader = self.cluster.leader("differs")
        broker = next(each for each in self.cluster.brokers.values() if each is not leader)
        broker.process.terminate()
        log = broker.directory / "data" / "differs-0" / ("0" * 20 + ".log")
        content = log.read_bytes()
        at = content.rindex(b"1234.")
        log.write_bytes(content[:at] + b"9" + content[at + 1:])
        with self.assertRaises(ToolFailed) as unread:
            self.verify("differs", "--once", "--timeout", 300, without=broker)
        self.assertIn(f"broker {broker.id} was not read: ", str(unread.exception))
        broker.start()
        self.cluster.wait_for_isr("differs")
        with self.assertRaises(ToolFailed) as found:
            self.verify("differs", "--once")
        others = ", ".join(str(each) for each in sorted(self.cluster.brokers) if each != broker.id)
        self.assertIn("differs-0: 1 differences", str(found.exception))
        events = [json.loads(line) for line in self.verify("differs", "--once", "--json", check=False).splitlines()]
        told = next(event for event in events if event["event"] == "difference")
        self.assertEqual((told["topic"], told["partition"]), ("differs", 0))
        self.assertEqual([", ".join(map(str, sorted(each["brokers"]))) for each in told["replicas"]], [others, str(broker.id)])
        self.assertIn("damaged", told["replicas"][1]["has"])


if __name__ == "__main__":
    unittest.main()
