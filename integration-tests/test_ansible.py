"""Ansible's playbooks against hosts of their own: deployed from nothing, restarted, upgraded and changed under load."""

import unittest

from deployed import NEW, DeployedCase, why_unavailable

UNAVAILABLE = why_unavailable()


@unittest.skipIf(UNAVAILABLE, UNAVAILABLE)
class AnsibleTest(DeployedCase, unittest.TestCase):
    def test_a_second_run_changes_nothing(self):
        self.assertEqual(sorted(self.deployed.changed), sorted(self.deployed.recap))
        self.assert_whole(3)
        self.assertEqual(self.cluster.play("deploy").changed, {})

    def test_restart_and_upgrade_under_load(self):
        self.create_topic("rolled")
        checker = self.check("rolled", 6)

        before, controller = self.cluster.pids(), self.cluster.controller()
        restarted = self.cluster.play("rolling_restart")
        self.assertEqual(restarted.hosts_of("It starts")[-1], controller)
        self.assertEqual(sorted(restarted.hosts_of("It starts")), self.cluster.broker_names)
        after = self.cluster.pids()
        self.assertFalse(set(before.items()) & set(after.items()))
        checker.wait_for_progress()

        self.cluster.settings["ottla_deb_files"] = self.cluster.newer_packages()
        before, controller = self.cluster.pids(), self.cluster.controller()
        planned = self.cluster.play("rolling_upgrade", "--check")
        self.assertEqual(self.cluster.pids(), before)
        self.assertEqual(sorted(planned.changed), self.cluster.broker_names)
        # As by somebody who interrupts it: one broker only, then the rest.
        first = next(broker for broker in self.cluster.broker_names if broker != controller)
        self.cluster.play("rolling_upgrade", "--limit", first)
        resumed = self.cluster.play("rolling_upgrade").hosts_of("It starts")
        self.assertEqual(sorted([first] + resumed), self.cluster.broker_names)
        for broker in self.cluster.broker_names:
            version = self.cluster.machines[broker].run("dpkg-query", "--showformat", "'${Version}'", "--show", "ottla-broker")
            self.assertEqual(version, NEW)
        self.assertEqual(self.cluster.play("rolling_upgrade").changed, {})

        self.assert_no_record_suffered(checker)
        self.assert_whole(3)

    def test_settings(self):
        """Dynamic ones without a restart; a wrong one stops at the first broker, and is put right."""
        before = self.cluster.pids()
        self.cluster.settings["ottla_config"]["message.max.bytes"] = 2000000
        self.cluster.settings["ottla_dynamic_config"] = {"log.retention.ms": 777777777}
        changed = self.cluster.play("change_config", "--diff")
        self.assertIn("+message.max.bytes=2000000", changed.output)
        self.assertEqual(self.cluster.pids(), before)
        told = self.cluster.ottla("configs", "--describe", "--all", "--entity-type", "brokers", "--entity-name", 2)
        self.assertIn(" message.max.bytes=2000000 ", told)
        self.assertIn(" log.retention.ms=777777777 ", told)

        self.cluster.settings["ottla_config"]["num.io.threads"] = "many"
        first = [broker for broker in self.cluster.broker_names if broker != self.cluster.controller()][0]
        stopped = self.cluster.play("change_config", check=False, ottla_stall_seconds=30)
        self.assertGreater(sum(counts["failed"] for counts in stopped.recap.values()), 0)
        self.assertIn("num.io.threads", stopped.output)
        after = self.cluster.pids()
        self.assertEqual({broker for broker in before if after[broker] != before[broker]} - {first}, set())

        del self.cluster.settings["ottla_config"]["num.io.threads"]
        self.cluster.play("change_config")
        self.assert_whole(3)
        self.assertEqual(self.cluster.play("change_config").changed, {})

        # Taken back: out of ZooKeeper as well, but not what somebody set by hand.
        self.cluster.ottla("configs", "--alter", "--entity-type", "brokers", "--entity-default",
                           "--add-config", "log.segment.bytes=88888888")
        del self.cluster.settings["ottla_config"]["message.max.bytes"]
        del self.cluster.settings["ottla_dynamic_config"]
        self.cluster.play("change_config")
        told = self.cluster.ottla("configs", "--describe", "--all", "--entity-type", "brokers", "--entity-name", 2)
        self.assertNotIn("message.max.bytes=2000000", told)
        self.assertNotIn("log.retention.ms=777777777", told)
        self.assertIn(" log.segment.bytes=88888888 ", told)
        self.assert_whole(3)
        self.assertEqual(self.cluster.play("change_config").changed, {})


if __name__ == "__main__":
    unittest.main()
