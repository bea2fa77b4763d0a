"""Hosts that die, stand still, restart and come back with damaged files; ZooKeeper servers that go: brokers and three
ZooKeeper servers in network namespaces of their own, under all checking clients."""

import os
import signal
import unittest

from cluster import wait_until
from watched import BUSY, SUSPICION, UNAVAILABLE, WatchedCase


@unittest.skipIf(UNAVAILABLE, UNAVAILABLE)
class HostFaultsTest(WatchedCase, unittest.TestCase):
    def start_again(self, broker):
        broker.start()
        self.watched.wait_for_progress()

    # Brokers.

    def test_broker_killed(self):
        victim = self.common_broker()
        victim.process.kill()
        self.expect_others_to_lead(victim)
        self.start_again(victim)
        self.verdict(BUSY)

    def test_controller_killed(self):
        victim = self.controller()
        victim.process.kill()
        self.expect_others_to_lead(victim)
        self.start_again(victim)
        self.verdict(BUSY)

    def test_two_controllers_killed_in_a_row(self):
        """The second before the first is back: one replica is left, and nothing is writable below min.insync.replicas."""
        first = self.controller()
        first.process.kill()
        second = wait_until(lambda: (found := self.cluster.controller()) is not first and found, "another controller")
        second.process.kill()
        first.start()
        self.watched.wait_for_progress()
        self.start_again(second)
        self.verdict(20.0)

    def test_broker_stopped_and_continued(self):
        """For longer than the suspicion timeout, shorter than its session: it wakes up as a leader that is none."""
        victim = self.common_broker()
        victim.process.pause()
        self.watched.wait_for_leaders()
        victim.process.resume()
        self.watched.wait_for_progress()
        self.verdict(SUSPICION + BUSY)

    def test_controller_stopped_and_continued(self):
        victim = self.settled_controller()
        victim.process.pause()
        self.watched.wait_for_leaders()
        victim.process.resume()
        self.watched.wait_for_progress()
        self.verdict(2 * SUSPICION + BUSY)

    def test_rolling_restart(self):
        for broker in self.cluster.brokers.values():
            self.assertEqual(broker.process.terminate(), 0)
            self.watched.wait_for_leaders()
            broker.start()
            self.cluster.wait_for_brokers()
            for topic in (self.watched.topic, self.watched.probe_topic, self.watched.plain_topic):
                self.cluster.wait_for_isr(topic)
        self.verdict(BUSY)

    # Files, between stop and start.

    def logs(self, broker):
        """The directories of this test's partitions."""
        return [path for topic in (self.watched.topic, self.watched.plain_topic, self.watched.probe_topic)
                for path in (broker.directory / "data").glob(f"{topic}-[0-9]*") if path.is_dir()]

    def damaged(self, damage):
        """Each broker in turn is killed, damaged, started."""
        for broker in self.cluster.brokers.values():
            broker.process.kill()
            self.watched.wait_for_leaders()
            logs = self.logs(broker)
            self.assertTrue(logs)
            for number, log in enumerate(logs):
                damage(log, number)
            broker.start()
            for topic in (self.watched.topic, self.watched.probe_topic, self.watched.plain_topic):
                self.cluster.wait_for_isr(topic)
        self.watched.wait_for_progress()
        self.verdict(BUSY)

    @staticmethod
    def active_segment(log):
        return max(log.glob("*.log"))

    def test_torn_tails(self):
        def tear(log, number):
            segment = self.active_segment(log)
            os.truncate(segment, max(0, segment.stat().st_size - (1, 30, 200, 5000)[number % 4]))
        self.damaged(tear)

    def test_garbage_tails(self):
        def spoil(log, number):
            with self.active_segment(log).open("ab") as segment:
                segment.write((os.urandom(4096), bytes(100), b"\0\0\0\0\0\0\0\7\x7f\xff\xff\xff")[number % 3])
        self.damaged(spoil)

    def test_indexes_and_checkpoints_deleted(self):
        def strip(log, number):
            for pattern in ("*.index", "*.timeindex", "*.snapshot", "leader-epoch-checkpoint"):
                for path in log.glob(pattern):
                    path.unlink()
            if number == 0:
                for path in log.parent.glob("*-offset-checkpoint"):
                    path.unlink()
        self.damaged(strip)

    # ZooKeeper.

    def test_zookeeper_leader_killed(self):
        victim = wait_until(self.cluster.zookeeper.leader, "a leader of ZooKeeper")
        victim.process.kill()
        wait_until(lambda: self.cluster.zookeeper.leader() not in (None, victim), "another leader of ZooKeeper")
        broker = self.common_broker()
        broker.process.kill()
        self.expect_others_to_lead(broker)
        broker.start()
        self.verdict(2 * BUSY)

    def test_zookeeper_leader_stopped_and_continued(self):
        victim = wait_until(self.cluster.zookeeper.leader, "a leader of ZooKeeper")
        victim.process.pause()
        others = [server for server in self.cluster.zookeeper.servers if server is not victim]
        wait_until(lambda: any(server.mode() == "leader" for server in others), "another leader of ZooKeeper")
        self.watched.wait_for_progress()
        victim.process.resume()
        self.verdict(BUSY)

    def test_zookeeper_leader_cut_off_from_its_peers(self):
        """Brokers still reach it; it must not answer for the others."""
        victim = wait_until(self.cluster.zookeeper.leader, "a leader of ZooKeeper")
        others = [server for server in self.cluster.zookeeper.servers if server is not victim]
        with self.network.isolated(victim.host, self.cluster.zookeeper_hosts):
            wait_until(lambda: any(server.mode() == "leader" for server in others), "another leader of ZooKeeper")
            self.watched.wait_for_progress()
        self.verdict(BUSY)

    def test_zookeeper_without_quorum(self):
        """Writing goes on; a broker that dies meanwhile is replaced when ZooKeeper is back, and the dead one with it."""
        for server in self.cluster.zookeeper.servers[:2]:
            server.process.kill()
        self.watched.wait_for_progress()
        for server in self.cluster.zookeeper.servers[:2]:
            server.launch()
        self.cluster.zookeeper.wait_for_all()
        self.watched.wait_for_progress()
        self.verdict(BUSY)

    def test_leader_dies_while_zookeeper_has_no_quorum(self):
        for server in self.cluster.zookeeper.servers[:2]:
            server.process.kill()
        victim = self.common_broker()
        victim.process.kill()
        self.hold(SUSPICION)
        for server in self.cluster.zookeeper.servers[:2]:
            server.launch()
        self.expect_others_to_lead(victim)
        victim.start()
        self.verdict(30.0)

    def test_everything_killed(self):
        """Brokers and ZooKeeper servers."""
        processes = [broker.process for broker in self.cluster.brokers.values()]
        processes += [server.process for server in self.cluster.zookeeper.servers]
        for process in processes:
            process.signal(signal.SIGKILL)
        for process in processes:
            process.child.wait(30)
        self.cluster.heal()
        self.watched.wait_for_progress()
        self.verdict(60.0)


if __name__ == "__main__":
    unittest.main()
