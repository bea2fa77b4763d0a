"""A reassignment with --throttle (KIP-73, N17): what moves is limited, what is in sync is not, and nothing of the limits stays
behind. With Ottla's tool and with Kafka's."""

import json
import statistics
import time
import unittest

import interop_clients
import wire
from checked import TopicOfItsOwnCase
from cluster import Cluster, wait_until

KAFKA = "3.9.1"
BATCH = 900_000
RATES = ("leader.replication.throttled.rate", "follower.replication.throttled.rate")
REPLICAS = ("leader.replication.throttled.replicas", "follower.replication.throttled.replicas")


class ThrottleTest(TopicOfItsOwnCase, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(3, chroot="/kafka", file__delete__delay__ms=100)
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.create_topic("healthy", 1, 3)
        cls.cluster.wait_for_isr("healthy")

    def fill(self, megabytes):
        leader = wait_until(lambda: self.cluster.leader(self.topic), "a leader")
        with wire.Connection(leader, timeout=60) as connection:
            for _ in range(megabytes * 1_000_000 // BATCH):
                error, *_ = connection.produce(self.topic, wire.batch([wire.record(b"x" * BATCH)]), timeout_ms=60000)
                self.assertEqual(error, 0)

    def plan(self, *replicas, log_dirs=None):
        path = self.cluster.directory / f"{self.topic}.json"
        path.write_text(json.dumps({"version": 1, "partitions": [
            {"topic": self.topic, "partition": i, "replicas": wanted} for i, wanted in enumerate(replicas)]}))
        return path

    def reassign(self, *arguments):
        return self.cluster.ottla("reassign-partitions", *arguments)

    def kafka(self, *arguments):
        return interop_clients.kafka_tool(KAFKA, "kafka-reassign-partitions", "--bootstrap-server", self.cluster.bootstrap,
                                          *arguments)

    def is_done(self, wanted):
        found = self.cluster.partitions(self.topic)
        return all(found[i]["replicas"] == replicas and sorted(found[i]["isr"]) == sorted(replicas)
                   for i, replicas in enumerate(wanted))

    def znode(self, path):
        told = interop_clients.run([interop_clients.KAFKA_REF, "zk-get", "--zk", self.cluster.zookeeper.connect,
                                    self.cluster.chroot + path], check=False)
        return json.loads(told)["config"] if told.strip() else {}

    def limits(self):
        """Of brokers and of the topic, as ZooKeeper has them."""
        return [self.znode(f"/config/brokers/{broker}") for broker in (1, 2, 3)], self.znode(f"/config/topics/{self.topic}")

    def test_a_throttled_move_takes_its_time_and_nobody_else_s(self):
        self.create([1, 2])
        self.fill(60)
        plan = self.plan([1, 3])
        began = time.monotonic()
        told = self.reassign("--execute", "--reassignment-json-file", plan, "--throttle", 10_000_000)
        self.assertIn("The inter-broker throttle limit was set to 10000000 B/s", told)
        delays = []
        with wire.Connection(wait_until(lambda: self.cluster.leader("healthy"), "a leader"), timeout=30) as connection:
            while not self.is_done([[1, 3]]) and time.monotonic() - began < 120:
                for _ in range(10):
                    asked = time.monotonic()
                    error, *_ = connection.produce("healthy", wire.batch([wire.record(b"x" * 1000)]))
                    self.assertEqual(error, 0)
                    delays.append(time.monotonic() - asked)
        took = time.monotonic() - began
        print(f"60 MB at 10 MB/s: {took:.1f} s; {len(delays)} produces with acks=all beside it: "
              f"median {statistics.median(delays) * 1000:.1f} ms, longest {max(delays) * 1000:.0f} ms", flush=True)
        self.assertGreater(took, 5)
        self.assertLess(took, 40)  # 6 s on a machine that is not busy
        self.assertLess(statistics.median(delays), 0.2)
        self.assertEqual(self.cluster.partitions("healthy")[0]["isr"], self.cluster.partitions("healthy")[0]["replicas"])
        told = self.reassign("--verify", "--reassignment-json-file", plan)
        self.assertIn("Clearing broker-level throttles on brokers 1,2,3", told)
        self.assertEqual(self.limits(), ([{}, {}, {}], {}))

    def test_the_follower_s_limit_alone(self):
        self.create([1])
        self.fill(30)
        for entity, value in ((("--broker", "3"), "follower.replication.throttled.rate=5000000"),
                              (("--topic", self.topic), "follower.replication.throttled.replicas=0:3")):
            self.cluster.ottla("configs", "--alter", *entity, "--add-config", value)
        began = time.monotonic()
        self.reassign("--execute", "--reassignment-json-file", self.plan([3]))
        wait_until(lambda: self.is_done([[3]]), "the move to end", 90)
        took = time.monotonic() - began
        print(f"30 MB at 5 MB/s: {took:.1f} s", flush=True)
        self.assertGreater(took, 3)  # 8 MB are on their way before the follower can say no
        self.reassign("--verify", "--reassignment-json-file", self.plan([3]))
        self.assertEqual(self.limits(), ([{}, {}, {}], {}))

    def test_limits_are_changed_kept_and_cleared(self):
        """Kafka's tool and ours leave the same in ZooKeeper."""
        interop_clients.kafka_jars(KAFKA)
        self.create([1, 2], [2, 3])
        self.fill(10)
        plan = self.plan([1, 3], [2, 3])
        found = []
        for tool in (self.kafka, self.reassign):
            tool("--execute", "--reassignment-json-file", plan, "--throttle", "1000")
            found.append(self.limits())
            self.assertIn("still in progress", tool("--verify", "--reassignment-json-file", plan))
            self.assertEqual(self.limits(), found[-1])
            tool("--execute", "--additional", "--reassignment-json-file", plan, "--throttle", "2000")
            self.assertEqual(self.znode("/config/brokers/1")[RATES[0]], "2000")
            tool("--cancel", "--reassignment-json-file", plan, "--preserve-throttles")
            self.assertEqual(self.znode("/config/brokers/1")[RATES[0]], "2000")
            wait_until(lambda: self.is_done([[1, 2], [2, 3]]), "the move to be given up")
            tool("--cancel", "--reassignment-json-file", plan)
            self.assertEqual(self.limits(), ([{}, {}, {}], {}))
        self.assertEqual(found[0], found[1])
        self.assertEqual(found[0][0][0], dict.fromkeys(RATES, "1000"))
        self.assertEqual(found[0][1], {REPLICAS[0]: "0:1,0:2,1:2,1:3", REPLICAS[1]: "0:3"})


if __name__ == "__main__":
    unittest.main()
