"""Replicas move between brokers, and leaders by request, under an acks=all producer: by AlterPartitionReassignments and
ElectLeaders, and by the znodes that old tools write. Nothing acknowledged is lost, comes twice or out of order."""

import json
import unittest

from admin import ELECTION_NOT_NEEDED, NO_ERROR, NO_REASSIGNMENT, NOT_CONTROLLER, PREFERRED, UNCLEAN, AdminCase
from checked import CheckedCase, TopicOfItsOwnCase
from cluster import Cluster, wait_until
from status_page import LISTENER, value

UNKNOWN_TOPIC, INVALID_REPLICA_ASSIGNMENT, PREFERRED_LEADER_NOT_AVAILABLE = 3, 39, 80


class ReassignmentTest(TopicOfItsOwnCase, CheckedCase, AdminCase, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(4, min__insync__replicas=2, file__delete__delay__ms=100,
                              log__segment__delete__delay__ms=100, log__segment__bytes=8 << 20, **LISTENER)
        cls.addClassCleanup(cls.cluster.close)

    # What the tests are made of.

    def produce(self, partitions=1, **options):
        return self.check(self.topic, partitions, **options)

    def directories(self, broker_id, suffix=""):
        data = self.cluster.brokers[broker_id].directory / "data"
        return [path.name for path in data.glob(f"{self.topic}-0{suffix}")]

    def wait_for_deletion(self, broker_id):
        wait_until(lambda: not self.directories(broker_id, "*"), f"broker {broker_id} to delete its log")

    def spare(self):
        """(a broker that is not the controller, the others with the controller in front)."""
        controller = wait_until(self.cluster.controller, "a controller").id
        others = [broker_id for broker_id in self.cluster.brokers if broker_id != controller]
        return others[-1], [controller, *others[:-1]]

    def paused(self, broker_id):
        broker = self.cluster.brokers[broker_id]
        broker.process.pause()
        return broker

    # By request.

    def test_move_with_the_leader(self):
        self.create([1, 2, 3])
        checker = self.produce()
        self.assertEqual(self.cluster.leader(self.topic).id, 1)
        self.assertEqual(self.alter([4, 2, 3]), [NO_ERROR])
        self.wait_for_replicas([4, 2, 3])
        self.wait_for_deletion(1)
        checker.wait_for_progress(1000)
        self.assert_nothing_lost(checker)

    def test_all_replicas_replaced(self):
        self.create([1, 2], [2, 1])
        checker = self.produce(2)
        self.assertEqual(self.alter([3, 4], [4, 3]), [NO_ERROR] * 2)
        self.wait_for_replicas([3, 4], 0)
        self.wait_for_replicas([4, 3], 1)
        self.wait_for_deletion(1)
        checker.wait_for_progress(1000)
        self.assert_nothing_lost(checker)

    def test_replication_factor(self):
        self.create([1, 2])
        checker = self.produce()
        self.assertEqual(self.alter([1, 2, 3, 4]), [NO_ERROR])
        self.wait_for_replicas([1, 2, 3, 4])
        checker.wait_for_progress(500)
        self.assertEqual(self.alter([4, 3]), [NO_ERROR])
        self.wait_for_replicas([4, 3])
        self.wait_for_deletion(1)
        self.wait_for_deletion(2)
        checker.wait_for_progress(500)
        self.assert_nothing_lost(checker)

    def test_cancelled(self):
        spare, others = self.spare()
        self.create(others)
        checker = self.produce()
        broker = self.paused(spare)
        self.assertEqual(self.alter([spare, *others[:2]]), [NO_ERROR])
        # The wanted ones come first, then those that go.
        wait_until(lambda: self.listed() == {0: ([spare, *others], [spare], [others[2]])}, "the reassignment to be listed")
        checker.wait_for_progress(500)
        self.assertEqual(self.alter(None), [NO_ERROR])
        self.wait_for_replicas(others)
        self.assertEqual(self.alter(None), [NO_REASSIGNMENT])
        broker.process.resume()
        wait_until(lambda: not self.directories(spare), "the spare broker to have no log")
        checker.wait_for_progress(500)
        self.wait_for_replicas(others)
        self.assert_nothing_lost(checker)

    def test_what_is_being_added_is_not_under_replicated(self):
        """KIP-352, in the metrics and in the tool."""
        spare, others = self.spare()
        self.create(others)
        leader = self.cluster.leader(self.topic)
        own = {"topic": self.topic, "partition": "0"}
        broker = self.paused(spare)
        try:
            self.assertEqual(self.alter([spare, *others[:2]]), [NO_ERROR])
            wait_until(lambda: value(leader, "kafka_cluster_partition_replicascount", **own) == 3 and
                       value(leader, "kafka_server_replicamanager_reassigningpartitions") == 1,
                       "the leader to know of the reassignment")
            self.assertEqual(value(leader, "kafka_cluster_partition_underreplicated", **own), 0)
            self.assertEqual(value(leader, "kafka_cluster_partition_insyncreplicascount", **own), 3)
            describe = ("--describe", "--topic", self.topic)
            ours = self.cluster.ottla("topics", *describe)
            self.assertIn(f"Adding Replicas: {spare}\tRemoving Replicas: {others[2]}", ours)
            self.assertIn("ReplicationFactor: 3", ours)
            self.assertEqual(self.cluster.ottla("topics", *describe, "--under-replicated-partitions"), "")
        finally:
            broker.process.resume()
        self.wait_for_replicas([spare, *others[:2]])
        wait_until(lambda: value(leader, "kafka_server_replicamanager_reassigningpartitions") == 0, "its end")

    def test_refused(self):
        self.create([1, 2, 3])
        for wanted in ([], [1, 1], [1, 99], [-1]):
            self.assertEqual(self.alter(wanted), [INVALID_REPLICA_ASSIGNMENT], wanted)
        self.assertEqual(self.alter([1, 2], topic="nowhere"), [UNKNOWN_TOPIC])
        other = next(broker for broker in self.cluster.brokers.values() if broker is not self.cluster.controller())
        self.assertEqual(self.alter([1, 2], broker=other), NOT_CONTROLLER)
        self.wait_for_replicas([1, 2, 3])

    def test_controller_killed_in_the_middle(self):
        spare, others = self.spare()
        self.create(others)
        checker = self.produce()
        broker = self.paused(spare)
        self.assertEqual(self.alter([spare, *others[:2]]), [NO_ERROR])
        wait_until(self.listed, "the reassignment to be under way")
        victim = self.cluster.controller()
        victim.process.kill()
        wait_until(lambda: self.cluster.controller() not in (None, victim), "another controller", 60)
        self.assertEqual(self.listed(), {0: ([spare, *others], [spare], [others[2]])})
        broker.process.resume()
        victim.start()
        self.wait_for_replicas([spare, *others[:2]])
        self.wait_for_deletion(others[2])
        checker.wait_for_progress(500)
        self.assert_nothing_lost(checker)

    def test_added_broker_killed_in_the_middle(self):
        spare, others = self.spare()
        self.create(others)
        checker = self.produce(value_bytes=20000, rate=1500)
        checker.wait_for_progress(3000)  # 60 MB to copy
        broker = self.cluster.brokers[spare]
        log = broker.directory / "data" / f"{self.topic}-0"
        self.assertEqual(self.alter([spare, *others[:2]]), [NO_ERROR])
        wait_until(lambda: sum(path.stat().st_size for path in log.glob("*.log")) > 1 << 20, "the copy to begin")
        broker.process.kill()
        self.assertEqual(self.listed(), {0: ([spare, *others], [spare], [others[2]])})
        checker.wait_for_progress(500)
        broker.start()
        self.wait_for_replicas([spare, *others[:2]])
        self.wait_for_deletion(others[2])
        self.assert_nothing_lost(checker)

    def test_away_while_its_replica_was_moved(self):
        spare, others = self.spare()
        self.create([*others[:2], spare])
        checker = self.produce()
        broker = self.cluster.brokers[spare]
        broker.process.kill()
        self.assertEqual(self.alter(others), [NO_ERROR])
        self.wait_for_replicas(others)
        checker.wait_for_progress(500)
        broker.start()
        wait_until(lambda: self.directories(spare, ".*-stray") and not self.directories(spare),
                   "the returned broker to put its log aside")
        checker.wait_for_progress(500)
        self.wait_for_replicas(others)
        self.assert_nothing_lost(checker)

    # Elections.

    def test_preferred_election(self):
        spare, others = self.spare()
        self.create([spare, *others[:2]])
        checker = self.produce()
        self.assertEqual(self.elect(PREFERRED), ELECTION_NOT_NEEDED)
        self.assertEqual(self.elect(PREFERRED, "nowhere"), UNKNOWN_TOPIC)
        broker = self.cluster.brokers[spare]
        broker.process.terminate()
        wait_until(lambda: self.cluster.leader(self.topic) not in (None, broker), "another leader")
        self.assertEqual(self.elect(PREFERRED), PREFERRED_LEADER_NOT_AVAILABLE)
        broker.start()
        self.cluster.wait_for_isr(self.topic)
        self.assertIsNot(self.cluster.leader(self.topic), broker)
        self.assertEqual(self.elect(PREFERRED), NO_ERROR)
        wait_until(lambda: self.cluster.leader(self.topic) is broker, "the preferred leader")
        checker.wait_for_progress(500)
        self.assert_nothing_lost(checker)

    def test_unclean_election(self):
        """Of a replica that left the ISR, though nothing was written since."""
        spare, others = self.spare()
        self.create([spare, others[1]], min__insync__replicas=1)
        checker = self.produce()
        checker.wait_for_progress(1000)
        checker.stop()
        last, behind = self.cluster.brokers[spare], self.cluster.brokers[others[1]]
        behind.process.kill()
        wait_until(lambda: self.cluster.partitions(self.topic)[0]["isr"] == [spare], "the ISR to shrink")
        last.process.kill()
        behind.start()
        wait_until(lambda: behind.id in self.cluster.registered() and self.cluster.leader(self.topic) is None,
                   "a partition without leader")
        self.assertEqual(self.elect(PREFERRED), PREFERRED_LEADER_NOT_AVAILABLE)
        self.assertEqual(self.elect(UNCLEAN), NO_ERROR)
        wait_until(lambda: self.cluster.leader(self.topic) is behind, "the unclean leader")
        self.assertEqual(self.elect(UNCLEAN), ELECTION_NOT_NEEDED)
        last.start()
        self.cluster.wait_for_isr(self.topic, 2)
        self.assert_nothing_lost(checker)

    # By znode, as old tools do.

    def test_reassignment_by_znode(self):
        spare, others = self.spare()
        self.create(others[:2], others[:2])
        checker = self.produce(2)
        broker = self.paused(spare)
        path, wanted = "/admin/reassign_partitions", ([others[2], others[1]], [spare, others[1]])
        rows = [{"topic": self.topic, "partition": i, "replicas": replicas} for i, replicas in enumerate(wanted)]
        self.zookeeper("zk-create", path, json.dumps({"version": 1, "partitions": rows}))
        self.wait_for_replicas(wanted[0], 0)
        wait_until(lambda: json.loads(self.zookeeper("zk-get", path))["partitions"] == rows[1:], "the znode to shrink")
        broker.process.resume()
        self.wait_for_replicas(wanted[1], 1)
        wait_until(lambda: not self.zookeeper("zk-get", path), "the znode to go")
        checker.wait_for_progress(500)
        self.assert_nothing_lost(checker)

    def test_preferred_election_by_znode(self):
        spare, others = self.spare()
        self.create([spare, *others[:2]])
        checker = self.produce()
        broker = self.cluster.brokers[spare]
        broker.process.terminate()
        broker.start()
        self.cluster.wait_for_isr(self.topic)
        self.assertIsNot(self.cluster.leader(self.topic), broker)
        path = "/admin/preferred_replica_election"
        self.zookeeper("zk-create", path,
                       json.dumps({"version": 1, "partitions": [{"topic": self.topic, "partition": 0}]}))
        wait_until(lambda: self.cluster.leader(self.topic) is broker, "the preferred leader")
        wait_until(lambda: not self.zookeeper("zk-get", path), "the znode to go")
        checker.wait_for_progress(500)
        self.assert_nothing_lost(checker)


class BalanceTest(unittest.TestCase):
    """auto.leader.rebalance.enable, with its interval."""

    def test_leaders_come_back_by_themselves(self):
        with Cluster(2, leader__imbalance__check__interval__seconds=1) as cluster:
            cluster.create_topic("balanced", 1, 2)
            preferred = cluster.leader("balanced")
            preferred.process.terminate()
            wait_until(lambda: cluster.leader("balanced") not in (None, preferred), "another leader")
            preferred.start()
            wait_until(lambda: cluster.leader("balanced") is preferred, "the preferred leader")


if __name__ == "__main__":
    unittest.main()
