"""Ansible's playbooks on hosts of their own: topics as they are declared, and a host that watches the brokers."""

import json
import shutil
import unittest
import urllib.request

from cluster import wait_until
from deployed import Deployed, DeployedCase, PlaybookFailed, why_unavailable

UNAVAILABLE = why_unavailable()


@unittest.skipIf(UNAVAILABLE, UNAVAILABLE)
class AnsibleTopicsTest(DeployedCase, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Deployed(zookeepers=1, others=["watcher"])
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

    @unittest.skipUnless(shutil.which("prometheus"), "Prometheus is not installed (Debian's prometheus)")
    def test_watched(self):
        watcher = self.cluster.machines["watcher"]
        self.cluster.inventory["monitoring"] = {"hosts": {"watcher": {"ansible_host": watcher.address}}, "vars": {
            "monitoring_packages": [], "monitoring_env": "shop", "monitoring_scrape_interval": "1s",
            "monitoring_zookeeper_targets": ["localhost:9090"],  # something that answers
            "monitoring_scrape_configs": [{"job_name": "itself", "static_configs": [{"targets": ["localhost:9090"]}]}]}}
        self.addCleanup(self.cluster.inventory.pop, "monitoring")
        # A host with Grafana, as far as its provisioning goes.
        watcher.run("mkdir -p /etc/grafana/provisioning && echo '[Service]\nExecStart=/usr/bin/sleep infinity' "
                    ">/etc/systemd/system/grafana-server.service && systemctl start grafana-server")
        before = watcher.run("cat", "/etc/prometheus/prometheus.yml")
        told = self.cluster.play("monitoring", "--check", "--diff")
        self.assertIn("+  - job_name: kafka-broker\n", told.output)
        self.assertEqual(watcher.run("cat", "/etc/prometheus/prometheus.yml"), before)

        self.cluster.play("monitoring")
        watcher.run("promtool", "check", "config", "/etc/prometheus/prometheus.yml")
        self.assertIn("ottla-prometheus", watcher.run("cat", "/etc/grafana/provisioning/datasources/ottla.yml"))
        dashboard = json.loads(watcher.run("cat", "/etc/grafana/ottla/ottla.json"))
        self.assertEqual(dashboard["uid"], "ottla")
        self.assertEqual(self.cluster.play("monitoring").changed, {})

        def up():
            return sorted(sample["metric"]["instance"] for sample in self.asked('query?query=up{job="kafka-broker",env="shop"}==1')["result"])
        wait_until(lambda: len(up()) == 3, "three brokers to be scraped", 30)
        self.assertEqual(up(), sorted(address.replace("9092", "9404") for address in self.cluster.bootstrap.split(",")))
        rules = [rule["name"] for group in self.asked("rules")["groups"] for rule in group["rules"]]
        self.assertIn("KafkaBrokerDown", rules)
        self.assertIn("zookeeper_nodecount", rules)
        self.assertEqual(len(self.asked('query?query=up{job="zookeeper",env="shop"}==1')["result"]), 1)

        # A change is taken over without a restart.
        pid = watcher.run("pgrep", "-x", "prometheus")
        self.cluster.inventory["monitoring"]["vars"]["monitoring_env"] = "store"
        self.assertEqual(self.cluster.play("monitoring").changed, {"watcher": 2})
        wait_until(lambda: len(self.asked('query?query=up{job="kafka-broker",env="store"}==1')["result"]) == 3, "the new label", 30)
        self.assertEqual(watcher.run("pgrep", "-x", "prometheus"), pid)

    def asked(self, path):
        address = f"http://{self.cluster.machines['watcher'].address}:9090/api/v1/{path}"
        with urllib.request.urlopen(address.replace("{", "%7B").replace("}", "%7D").replace('"', "%22"), timeout=30) as answer:
            return json.load(answer)["data"]


if __name__ == "__main__":
    unittest.main()
