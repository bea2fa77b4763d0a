"""Ansible's playbooks on hosts of their own: brokers come, are replaced and leave; drills; ZooKeeper's state is saved and
put back."""

import unittest

from cluster import OTTLA
from deployed import DeployedCase, PlaybookFailed, why_unavailable

UNAVAILABLE = why_unavailable()


@unittest.skipIf(UNAVAILABLE, UNAVAILABLE)
class AnsibleGrowthTest(DeployedCase, unittest.TestCase):
    SPARE_BROKERS = 1

    def test_brokers_come_are_replaced_and_leave(self):
        self.create_topic("grown", 8)
        checker = self.check("grown", 8)

        self.cluster.add_broker(4)
        self.assertIn("broker-4", self.cluster.play("scale_out").changed)
        held = [replica for replicas in self.cluster.assignment("grown").values() for replica in replicas]
        self.assertEqual([held.count(broker) for broker in (1, 2, 3, 4)], [6, 6, 6, 6])
        self.assert_whole(4)

        with self.assertRaisesRegex(PlaybookFailed, "broker 2 is in the cluster, from another host"):
            self.take_away_unit("broker-2")
            self.cluster.play("replace_broker", ottla_new="broker-2")
        self.cluster.machines["broker-2"].replace()
        self.cluster.play("replace_broker", ottla_new="broker-2")
        self.assert_whole(4)

        self.cluster.play("decommission", ottla_leaving="broker-4")
        self.assertEqual(self.cluster.play("decommission", ottla_leaving="broker-4").changed, {})
        del self.cluster.inventory["brokers"]["hosts"]["broker-4"]
        self.assertEqual({replica for replicas in self.cluster.assignment("grown").values() for replica in replicas}, {1, 2, 3})
        self.assert_no_record_suffered(checker)
        self.assert_whole(3)

    def take_away_unit(self, broker):
        """The broker runs on, but not as a unit: as one from another host would."""
        self.cluster.machines[broker].run("mv", "/run/test-units/ottla-broker.json", "/run/test-units/hidden")

    def test_drill(self):
        self.cluster.play("failover_drill", ottla_cli=str(OTTLA), ottla_drill="leader-kill",
                          ottla_drill_options=["--observe", "500"])
        self.assertIn("<html", (self.cluster.directory / "drill-leader-kill.html").read_text()[:200])
        self.assert_whole()

    def test_zookeeper_is_restarted_saved_and_put_back(self):
        self.create_topic("kept", 1)
        self.cluster.inventory["zookeeper"]["vars"]["zookeeper_properties"] = {"maxSessionTimeout": 60000}
        self.assertIn("run ottla.cluster.zookeeper_rolling_restart", self.cluster.play("deploy", "--limit", "zookeeper").output)
        restarted = self.cluster.play("zookeeper_rolling_restart").hosts_of("The server stops and starts")
        self.assertEqual(len(restarted), 3)
        self.assertEqual(self.cluster.play("zookeeper_rolling_restart").changed, {})
        self.assert_whole()

        self.cluster.play("backup_zookeeper")
        backup, = (self.cluster.directory / "backups").glob("zookeeper-*.tar.gz")
        self.create_topic("forgotten", 1)
        self.cluster.play("restore_zookeeper", ottla_backup=str(backup))
        self.assert_whole()
        topics = self.cluster.ottla("topics", "--list").split()
        self.assertIn("kept", topics)
        self.assertNotIn("forgotten", topics)


if __name__ == "__main__":
    unittest.main()
