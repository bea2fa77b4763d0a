"""Ansible's playbooks for what comes before and beside a cluster's life: looks at hosts, bundles for support, restarts by
rack, rebalancing, and tools on a host of their own."""

import json
import re
import tarfile
import unittest

import deployed
from cluster import wait_until
from deployed import Deployed

UNAVAILABLE = deployed.why_unavailable()
# In settings and environment, so that it comes by command lines, logs and files into what a bundle may hold.
WORDS = {"ssl.keystore.password": "mask-me-keystore", "ssl.key.password": "mask-me-key",
         "sasl.jaas.config": 'org.apache.kafka.common.security.plain.PlainLoginModule required username="u" password="mask-me-jaas";'}
SETTINGS = {"default.replication.factor": 2, "min.insync.replicas": 1, "offsets.topic.replication.factor": 2,
            "offsets.topic.num.partitions": 2, "transaction.state.log.replication.factor": 2,
            "transaction.state.log.min.isr": 1}


@unittest.skipIf(UNAVAILABLE, UNAVAILABLE)
class AnsibleOperationsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Deployed(zookeepers=1, others=["bastion"])
        cls.addClassCleanup(cls.cluster.close)
        cls.brokers = cls.cluster.inventory["brokers"]["hosts"]
        for number, rack in ((1, "a"), (2, "a"), (3, "b")):
            cls.brokers[f"broker-{number}"]["ottla_rack"] = rack
        cls.cluster.settings["ottla_config"] = {**SETTINGS, **WORDS}
        cls.cluster.settings["ottla_environment"] = {"SIDE_PASSWORD": "mask-me-environment"}
        cls.looked = cls.cluster.play("preflight")
        cls.cluster.play("deploy")

    def assign(self, topic, *replicas):
        self.cluster.ottla("topics", "--create", "--topic", topic, "--replica-assignment", ",".join(replicas))

    def wait_until_healthy(self):
        wait_until(lambda: self.cluster.state()["healthy"], "the cluster to be healthy", 60)

    @staticmethod
    def batches(played):
        """[{who started at the same time}]."""
        sections = [section for section in played.output.split("\nTASK [") if ": It starts]" in section.splitlines()[0]]
        return [started for started in (set(re.findall(r"(?m)^changed: \[([^\]]+)\]", section)) for section in sections) if started]

    def test_hosts_are_looked_at_before_anything_is_touched(self):
        self.assertEqual(self.looked.changed, {})
        self.assertIn("warning: broker-1: ZOOKEEPER_AWAY", self.looked.output)
        self.assertNotIn("CLOCK", self.looked.output)
        whole = self.cluster.play("preflight")  # the ports are taken by those who may
        self.assertNotIn("ZOOKEEPER_AWAY", whole.output)

        meta = "/var/lib/ottla/data/meta.properties"
        kept = dict(self.brokers["broker-1"]), dict(self.brokers["broker-3"])
        self.cluster.machines["broker-2"].run("sed", "-i.kept", "s/^cluster.id=.*/cluster.id=of-another-one/", meta)
        self.brokers["broker-1"].update(ottla_host="no-such-host.invalid")
        self.brokers["broker-3"].update(ottla_broker_id=2, ottla_http_port=22)
        try:
            found = self.cluster.play("preflight", check=False)
            refused = self.cluster.play("deploy", check=False)
            accepted = self.cluster.play("preflight", ottla_accepted_findings=[
                "SAME_ID", "OTHER_ID", "ID_IN_USE", "OTHER_CLUSTER", "SEVERAL_CLUSTERS", "UNKNOWN_NAME", "PORT_TAKEN"])
        finally:
            self.cluster.machines["broker-2"].run("mv", f"{meta}.kept", meta)
            self.brokers["broker-1"], self.brokers["broker-3"] = kept
        for line in ("serious: broker-2: OTHER_CLUSTER: /var/lib/ottla/data is of cluster of-another-one",
                     "serious: broker-2: UNKNOWN_NAME: no-such-host.invalid",
                     "serious: broker-2: SAME_ID: broker id 2 is also that of broker-3",
                     "serious: broker-3: OTHER_ID: /var/lib/ottla/data is broker 3's",
                     "serious: broker-3: PORT_TAKEN: port 22 (metrics) is taken by sshd",
                     "serious: all: SEVERAL_CLUSTERS"):
            self.assertIn(line, found.output)
        self.assertGreater(sum(counts["failed"] for counts in found.recap.values()), 0)
        self.assertIn("serious: broker-2: SAME_ID", refused.output)
        self.assertEqual(refused.changed, {})
        self.assertIn("accepted: broker-2: SAME_ID", accepted.output)

    def test_a_bundle_has_what_helps_and_no_secret(self):
        self.cluster.play("support_bundle")
        bundle, = (self.cluster.directory / "support").iterdir()
        self.assertEqual(bundle.stat().st_mode & 0o777, 0o600)
        with tarfile.open(bundle) as archive:
            texts = {name.split("/", 1)[1]: archive.extractfile(name).read().decode()
                     for name in archive.getnames() if archive.getmember(name).isfile()}
        for name, part in {"broker-1/broker/files/etc/ottla/server.properties": "ssl.key.password=[hidden]",
                           "broker-1/broker/files/etc/default/ottla-broker": "SIDE_PASSWORD=[hidden]",
                           "broker-2/broker/metrics.txt": "kafka_server_", "broker-2/broker/ready.txt": "",
                           "broker-3/broker/cluster.json": '"clusterId"', "broker-3/broker/explain.txt": "broker 3",
                           "broker-1/broker/znodes.txt": "/brokers/ids/1", "broker-1/broker/unit-state.txt": "ActiveState=active",
                           "broker-1/broker/files/var/log/ottla/server.log": "", "broker-1/system/disks.txt": "Filesystem",
                           "broker-1/system/files/proc/meminfo": "MemTotal", "zookeeper-1/zookeeper/srvr.txt": "Mode: standalone",
                           "zookeeper-1/zookeeper/journal.txt": ""}.items():
            self.assertIn(part, texts[name], name)
            self.assertTrue(texts[name].strip(), name)
        server = self.cluster.machines["broker-1"].run("cat", "/etc/ottla/server.properties")
        for word in ("keystore", "key", "jaas"):
            self.assertIn(f"mask-me-{word}", server)
        self.assertEqual([name for name, text in texts.items() if "mask-me" in text], [])

    def test_racks_restart_together(self):
        self.assign("racked", "1:3", "2:3", "3:1", "3:2")
        self.assign("inside", "1:2")
        self.wait_until_healthy()
        before = self.cluster.pids()
        refused = self.cluster.play("rolling_restart", "--limit", "broker-1,broker-2", check=False, ottla_restart_by="rack",
                                    ottla_stall_seconds=10)
        self.assertRegex(refused.output, "WOULD_BE_OFFLINE: inside-0 ")
        self.assertEqual(self.cluster.pids(), before)
        self.cluster.ottla("topics", "--delete", "--topic", "inside")

        restarted = self.cluster.play("apply_pending", ottla_restart_by="rack")
        self.assertEqual(self.batches(restarted), [{"broker-1", "broker-2"}])  # broker-3 was not asked to
        restarted = self.cluster.play("rolling_restart", ottla_restart_by="rack")
        self.assertCountEqual(self.batches(restarted), [{"broker-1", "broker-2"}, {"broker-3"}])
        self.assertFalse(set(before.items()) & set(self.cluster.pids().items()))
        self.wait_until_healthy()

    def test_replicas_and_leaders_are_evened_out(self):
        self.assign("uneven", *["1:3"] * 6)
        self.wait_until_healthy()
        planned = self.cluster.play("rebalance", "--check", "--diff")
        self.assertIn("-uneven-", planned.output)
        self.assertEqual(set(map(tuple, self.cluster.assignment("uneven").values())), {(1, 3)})
        self.cluster.play("rebalance")
        described = json.loads(self.cluster.ottla("topics", "--describe", "--json"))
        partitions = [one for topic in described for one in topic["partitions"]]
        self.assertTrue(all(len({"b" if replica == 3 else "a" for replica in one["replicas"]}) == 2 for one in partitions), partitions)
        leads = [sum(one["leader"] == broker for one in partitions) for broker in (1, 2, 3)]
        self.assertLessEqual(max(leads) - min(leads), 1, partitions)
        self.assertEqual(self.cluster.play("rebalance").changed, {})
        self.wait_until_healthy()

    def test_tools_on_a_host_of_their_own(self):
        self.cluster.inventory["cli"] = {
            "hosts": {"bastion": {"ansible_host": self.cluster.machines["bastion"].address}},
            "vars": {"cli_deb_files": [str(self.cluster.old["ottla-cli"])], "cli_properties": {"client.id": "bastion"}}}
        bastion = self.cluster.machines["bastion"]
        planned = self.cluster.play("deploy_cli", "--check")
        self.assertIn("bastion", planned.changed)
        self.assertEqual(bastion.run("ls", "/etc/profile.d/ottla.sh", check=False), "")
        self.cluster.play("deploy_cli")
        for words in ("ottla cluster", "kafka-topics.sh --list"):
            bastion.run("bash", "--login", "-c", f"'{words}'")
        self.assertIn("Controller: ", bastion.run("bash", "--login", "-c", "'ottla cluster'"))
        self.assertIn("bootstrap-server", bastion.run("bash", "--login", "-c", "'ottla completion'"))
        self.assertEqual(bastion.run("stat", "--format", "%a", "/etc/ottla/client.properties").strip(), "644")
        self.assertEqual(self.cluster.play("deploy_cli").changed, {})

        self.cluster.inventory["cli"]["vars"]["cli_properties"]["sasl.jaas.config"] = 'password="mask-me-cli"'
        self.assertNotIn("mask-me-cli", self.cluster.play("deploy_cli", "--diff").output)
        self.assertEqual(bastion.run("stat", "--format", "%a", "/etc/ottla/client.properties").strip(), "640")


if __name__ == "__main__":
    unittest.main()
