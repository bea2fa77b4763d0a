"""Crashes, pauses and restarts under an acks=all producer: nothing acknowledged is lost, nothing comes
twice or out of order, and the partitions are writable again soon."""

import signal
import unittest

from checked import CheckedCase
from cluster import Cluster, accepts, lose, wait_until


class FaultsTest(CheckedCase, unittest.TestCase):
    TOPIC = "orders"
    PARTITIONS = 4

    def start(self, **overrides):
        cluster = Cluster(min__insync__replicas=2, **overrides)
        self.addCleanup(cluster.close)
        self.cluster = cluster
        cluster.create_topic(self.TOPIC, self.PARTITIONS, 3)
        cluster.wait_for_isr(self.TOPIC)
        return cluster

    def produce(self, **options):
        return self.check(self.TOPIC, self.PARTITIONS, **options)

    def test_leader_killed(self):
        cluster = self.start()
        checker = self.produce()
        victim = cluster.leader(self.TOPIC)
        victim.process.kill()
        wait_until(lambda: cluster.leader(self.TOPIC) not in (None, victim), "another leader")
        checker.wait_for_progress(2000)
        victim.start()
        cluster.wait_for_isr(self.TOPIC)
        counts = self.assert_nothing_lost(checker)
        self.assertLess(counts["longest_gap_seconds"], 3.0)

    def test_controller_killed(self):
        cluster = self.start()
        checker = self.produce()
        victim = cluster.controller()
        victim.process.kill()
        wait_until(lambda: cluster.controller() not in (None, victim), "another controller")
        checker.wait_for_progress(2000)
        victim.start()
        cluster.wait_for_isr(self.TOPIC)
        self.assert_nothing_lost(checker)

    def test_follower_killed(self):
        cluster = self.start()
        checker = self.produce()
        leader = cluster.leader(self.TOPIC)
        victim = next(broker for broker in cluster.brokers.values()
                      if broker not in (leader, cluster.controller()))
        victim.process.kill()
        checker.wait_for_progress(2000)
        victim.start()
        cluster.wait_for_isr(self.TOPIC)
        self.assert_nothing_lost(checker)

    def test_all_brokers_killed(self):
        cluster = self.start()
        checker = self.produce()
        for broker in cluster.brokers.values():
            broker.process.signal(signal.SIGKILL)
        for broker in cluster.brokers.values():
            broker.process.child.wait(30)
            broker.start()
        cluster.wait_for_isr(self.TOPIC)
        checker.wait_for_progress(2000)
        self.assert_nothing_lost(checker)

    def test_leader_restarted_quickly_takes_over_its_stale_registration(self):
        cluster = self.start()
        checker = self.produce()
        victim = cluster.leader(self.TOPIC)
        victim.process.kill()
        victim.start()  # at once: its old session lives on in ZooKeeper
        wait_until(lambda: accepts(victim.port), "the broker to be back", 5)
        cluster.wait_for_isr(self.TOPIC)
        checker.wait_for_progress(1000)
        self.assert_nothing_lost(checker)

    def test_paused_leader_is_fenced(self):
        # Longer than the session timeout: it wakes as a zombie leader.
        cluster = self.start(zookeeper__session__timeout__ms=6000)
        checker = self.produce()
        victim = cluster.leader(self.TOPIC)
        old_pid = victim.process.pid
        victim.process.pause()
        others = [broker for broker in cluster.brokers.values() if broker is not victim]
        wait_until(lambda: cluster.registered() == sorted(broker.id for broker in others),
                   "the session to end", 60)
        checker.wait_for_progress(2000)
        victim.process.resume()
        cluster.wait_for_isr(self.TOPIC)
        self.assertEqual(victim.process.pid, old_pid)
        self.assertTrue(victim.process.running())
        checker.wait_for_progress(1000)
        self.assert_nothing_lost(checker)

    def test_paused_controller_is_fenced(self):
        cluster = self.start(zookeeper__session__timeout__ms=6000)
        checker = self.produce()
        victim = cluster.controller()
        epoch = cluster.controller_epoch()
        victim.process.pause()
        wait_until(lambda: cluster.controller() not in (None, victim), "another controller", 60)
        wait_until(lambda: victim.id not in cluster.registered(), "the session to end", 60)
        checker.wait_for_progress(2000)
        victim.process.resume()
        cluster.create_topic("meanwhile", 1, 1)  # whoever is the controller: the tool asks again
        cluster.wait_for_isr(self.TOPIC)
        self.assertGreater(cluster.controller_epoch(), epoch)
        checker.wait_for_progress(1000)
        self.assert_nothing_lost(checker)

    def test_log_dir_failed(self):
        """One of two log dirs: its partitions get other leaders, the broker serves on from the other dir."""
        def two_dirs(broker_id):
            return lambda cluster: ",".join(
                str(cluster.directory / f"broker-{broker_id}" / name) for name in ("data", "more"))
        cluster = self.start(log__segment__bytes=65536,
                             **{f"{broker_id}:log.dirs": two_dirs(broker_id) for broker_id in (1, 2, 3)})
        checker = self.produce()
        victim = cluster.leader(self.TOPIC)
        # The next roll finds no directory to create its files in.
        lost = next(directory for directory in (victim.directory / "data", victim.directory / "more")
                    if (directory / f"{self.TOPIC}-0").exists())
        moved = [int(path.name.rsplit("-", 1)[1]) for path in lost.glob(f"{self.TOPIC}-*")]
        kept = [number for number in range(self.PARTITIONS) if number not in moved]
        lose(lost)

        def without_the_lost():
            partitions = cluster.partitions(self.TOPIC)
            return (all(partitions[number]["leader"] not in (-1, victim.id) and
                        victim.id not in partitions[number]["isr"] for number in moved) and
                    all(victim.id in partitions[number]["isr"] for number in kept))
        wait_until(without_the_lost, "leaders elsewhere for what was in the failed log dir")
        self.assertTrue(victim.process.running())
        checker.wait_for_progress(2000)
        self.assertLess(self.assert_nothing_lost(checker)["longest_gap_seconds"], 3.0)

    def test_zookeeper_restarted(self):
        cluster = self.start()
        checker = self.produce()
        cluster.zookeeper.process.kill()
        checker.wait_for_progress(2000)  # replication and acks go on without ZooKeeper
        cluster.zookeeper.start()
        cluster.create_topic("after", 1, 3)
        cluster.wait_for_isr("after")
        cluster.wait_for_isr(self.TOPIC)
        checker.wait_for_progress(1000)
        self.assert_nothing_lost(checker)

    def test_all_brokers_stop_without_zookeeper(self):
        cluster = self.start()
        checker = self.produce()
        cluster.zookeeper.process.kill()
        for broker in cluster.brokers.values():
            broker.process.signal(signal.SIGTERM)
        for broker in cluster.brokers.values():
            self.assertEqual(broker.process.child.wait(15), 0)
        cluster.zookeeper.start()
        for broker in cluster.brokers.values():
            broker.start()
        cluster.wait_for_isr(self.TOPIC)
        checker.wait_for_progress(1000)
        self.assert_nothing_lost(checker)

    def test_a_broker_that_waits_for_zookeeper_ends_on_sigterm(self):
        cluster = self.start()
        victim = cluster.brokers[3]
        victim.process.terminate()
        cluster.zookeeper.process.kill()
        starts = victim.log.count("[zookeeper] connecting")
        victim.start()
        wait_until(lambda: victim.log.count("[zookeeper] connecting") > starts, "a start that waits for ZooKeeper")
        victim.process.terminate(5)
        cluster.zookeeper.start()
        victim.start()
        cluster.wait_for_isr(self.TOPIC)

    def test_rolling_restart(self):
        cluster = self.start()
        checker = self.produce()
        for broker in cluster.brokers.values():
            self.assertEqual(broker.process.terminate(), 0)
            broker.start()
            cluster.wait_for_brokers()
            cluster.wait_for_isr(self.TOPIC)
        counts = self.assert_nothing_lost(checker)
        self.assertLess(counts["longest_gap_seconds"], 2.0)


if __name__ == "__main__":
    unittest.main()
