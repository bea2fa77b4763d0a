"""Ansible's playbooks on hosts of their own: topics as they are declared."""

import json
import unittest

from deployed import Deployed, DeployedCase, PlaybookFailed, why_unavailable

UNAVAILABLE = why_unavailable()


@unittest.skipIf(UNAVAILABLE, UNAVAILABLE)
class AnsibleTopicsTest(DeployedCase, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Deployed(zookeepers=1)
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.play("deploy")

    def described(self):
        return {topic["topic"]: topic for topic in json.loads(self.cluster.ottla("topics", "--describe", "--json"))}

    def declare(self, *topics, check=True, words=()):
        return self.cluster.play("topics", "--diff", *words, check=check, ottla_topics=topics)

    def test_topics(self):
        self.cluster.ottla("topics", "--create", "--topic", "of-somebody", "--partitions", 1, "--replication-factor", 1)
        orders = {"name": "orders.eu", "partitions": 2, "replication_factor": 2, "config": {"retention.ms": 1000000}}
        trials = {"name": "trials", "partitions": 1}
        told = self.declare(orders, trials, words=["--check"])
        self.assertIn("+orders.eu\n+  partitions: 2\n+  replication_factor: 2\n+  retention.ms: 1000000\n", told.output)
        self.assertEqual(list(self.described()), ["of-somebody"])
        self.declare(orders, trials)
        created = self.described()
        self.assertEqual((created["orders.eu"]["partitionCount"], created["orders.eu"]["replicationFactor"],
                          created["orders.eu"]["configs"]), (2, 2, {"retention.ms": "1000000"}))
        # Those for which nothing is declared have the brokers' default.
        self.assertEqual(created["trials"]["replicationFactor"], 3)
        self.assertEqual(self.declare(orders, trials).changed, {})

        orders = {"name": "orders.eu", "partitions": 4, "replication_factor": 3, "config": {"cleanup.policy": "compact"}}
        self.cluster.ottla("topics", "--create", "--topic", "orders-eu", "--partitions", 1)
        grown = self.declare(orders, {"name": "trials", "state": "absent"})
        self.assertIn("-  partitions: 2\n+  partitions: 4\n", grown.output)
        self.assertIn("-  retention.ms: 1000000\n-trials\n", grown.output)
        self.assertIn("+  cleanup.policy: compact\n", grown.output)
        now = self.described()
        self.assertEqual(sorted(now), ["of-somebody", "orders-eu", "orders.eu"])
        self.assertEqual(now["orders-eu"]["partitionCount"], 1)  # no pattern: only the topic itself
        self.assertEqual((now["orders.eu"]["partitionCount"], now["orders.eu"]["configs"]), (4, {"cleanup.policy": "compact"}))
        self.assertEqual({len(replicas) for replicas in self.cluster.assignment("orders.eu").values()}, {3})
        self.assertEqual(self.declare(orders, {"name": "trials", "state": "absent"}).changed, {})

        with self.assertRaisesRegex(PlaybookFailed, "nothing was changed: orders.eu has 4 partitions, which cannot become 3"):
            self.declare({"name": "orders.eu", "partitions": 3}, {"name": "more"})
        self.assertNotIn("more", self.described())


if __name__ == "__main__":
    unittest.main()
