"""The controller's office under load: somebody deletes /controller, once, twice in a row and time and again; ids that brokers
are given; a controlled shutdown that finds no controller."""

import re
import signal
import subprocess
import time
import unittest

import interop_clients
from checked import CheckedCase
from cluster import Broker, Cluster, wait_until

TOPIC = "orders"
PARTITIONS = 6


class OfficeCase(CheckedCase):
    def start(self, brokers=3, **overrides):
        self.cluster = Cluster(brokers, min__insync__replicas=2, **overrides)
        self.addCleanup(self.cluster.close)
        return self.cluster

    def zookeeper(self, verb, path, *data):
        connect = self.cluster.zookeeper.connect + self.cluster.chroot
        return interop_clients.run([interop_clients.KAFKA_REF, verb, "--zk", connect, path, *data], check=False)


class ControllerDeletedTest(OfficeCase, unittest.TestCase):
    """As runbooks do it to make the controller move."""

    def test_controller_is_deleted_under_load(self):
        cluster = self.start()
        cluster.create_topic(TOPIC, PARTITIONS, 3)
        cluster.wait_for_isr(TOPIC)
        checker = self.check(TOPIC, PARTITIONS)
        epoch = cluster.controller_epoch()
        self.zookeeper("zk-delete", "/controller")
        wait_until(lambda: cluster.controller_epoch() == epoch + 1 and cluster.controller(), "a controller of the next epoch")
        # At once again, before the new one may have read everything; it may be elected in between or not.
        for _ in range(2):
            self.zookeeper("zk-delete", "/controller")
        wait_until(lambda: cluster.controller_epoch() >= epoch + 2 and cluster.controller(), "a controller after two deletions")
        for number in range(5):
            before = cluster.controller_epoch()
            self.zookeeper("zk-delete", "/controller")
            # While nobody, or somebody new, is in office: what is asked for is done all the same.
            wait_until(lambda: self.created(f"during-{number}"), "a topic to be created")
            wait_until(lambda: cluster.controller_epoch() > before, "another controller epoch")
            cluster.wait_for_isr(f"during-{number}")
        for broker in cluster.brokers.values():
            self.assertTrue(broker.process.running())
        self.assertEqual(cluster.registered(), [1, 2, 3])
        # It does its work: a leader that dies is replaced.
        victim = cluster.leader(TOPIC)
        victim.process.kill()
        wait_until(lambda: all(row["leader"] not in (-1, victim.id) for row in cluster.partitions(TOPIC).values()), "others to lead")
        victim.start()
        cluster.wait_for_isr(TOPIC)
        checker.wait_for_progress(1000)
        counts = self.assert_nothing_lost(checker)
        self.assertLess(counts["longest_gap_seconds"], 5.0)

    def created(self, topic):
        if topic not in self.cluster.ottla("topics", "--list").split():
            self.cluster.create_topic(topic, 2, 3)
        return True


class GeneratedIdsTest(OfficeCase, unittest.TestCase):
    """broker.id.generation.enable: broker.id is not set."""

    def test_fresh_brokers_get_ids_and_keep_them(self):
        cluster = self.start(1, reserved__broker__max__id=5000)
        fresh = [self.fresh(number) for number in (1, 2)]
        ids = [self.id_of(broker) for broker in fresh]
        self.assertEqual(sorted(ids), [5001, 5002])  # /brokers/seqid, beyond what is reserved
        for broker, broker_id in zip(fresh, ids):
            cluster.brokers[broker_id] = cluster.brokers.pop(broker.id)
            broker.id = broker_id
        wait_until(lambda: cluster.registered() == [1, 5001, 5002], "all to be registered")
        cluster.create_topic(TOPIC, 3, 3)
        cluster.wait_for_isr(TOPIC)
        for broker in fresh:
            broker.process.terminate()
            broker.start()
            cluster.wait_for_brokers()
        for broker in fresh:
            broker.process.kill()
            broker.start()
        cluster.wait_for_brokers()
        self.assertEqual([self.id_of(broker) for broker in fresh], ids)
        cluster.wait_for_isr(TOPIC)
        # Without its disk it is somebody else.
        fresh[0].process.terminate()
        (fresh[0].directory / "data" / "meta.properties").unlink()
        fresh[0].start()
        wait_until(lambda: self.id_of(fresh[0]) == 5003, "another id")
        wait_until(lambda: 5003 in cluster.registered(), "it to be registered")

    def test_no_id_and_none_given(self):
        cluster = self.start(1)
        broker = self.fresh(1, **{"broker.id.generation.enable": "false"})
        self.assertNotEqual(broker.process.child.wait(30), 0)
        self.assertIn("broker.id", broker.log)
        del cluster.brokers[broker.id]

    def fresh(self, number, **settings):
        """A broker whose properties have no broker.id."""
        name = f"fresh-{number}"
        overrides = {"broker.id": None, "reserved.broker.max.id": 5000, "offsets.topic.replication.factor": 1, **settings}
        broker = self.cluster.brokers[name] = Broker(self.cluster, name, overrides)
        return broker

    def id_of(self, broker):
        meta = broker.directory / "data" / "meta.properties"
        return wait_until(lambda: int(re.search(r"^broker\.id=(\d+)$", meta.read_text(), re.M).group(1)), "an id in meta.properties")


class NoControllerTest(OfficeCase, unittest.TestCase):
    """controlled.shutdown.max.retries, controlled.shutdown.retry.backoff.ms: for so long the hand-over is tried."""

    SECONDS = 4

    def asked_without_controller(self):
        """A broker that leads, was told to stop, and found that the controller does not answer; and that controller."""
        cluster = self.start(2, controlled__shutdown__max__retries=self.SECONDS, ottla__suspicion__timeout__ms=60_000,
                             controlled__shutdown__retry__backoff__ms=1000, zookeeper__session__timeout__ms=60_000)
        controller = cluster.controller()
        victim = next(broker for broker in cluster.brokers.values() if broker is not controller)
        cluster.ottla("topics", "--create", "--topic", TOPIC, "--replica-assignment", f"{victim.id}:{controller.id}")
        cluster.wait_for_isr(TOPIC, 2)
        controller.process.pause()
        self.addCleanup(controller.process.resume)
        asked = time.monotonic()
        victim.process.signal(signal.SIGTERM)
        return controller, victim, asked

    def test_it_ends_unclean_when_the_time_is_up(self):
        controller, victim, asked = self.asked_without_controller()
        self.assertEqual(victim.process.child.wait(120), 0)
        took = time.monotonic() - asked
        print(f"without a controller: {took:.1f} s", flush=True)
        self.assertGreaterEqual(took, self.SECONDS)
        self.assertIn("stops without having handed over all its partitions", victim.log)
        self.assertIn("controlled shutdown: ", victim.log)  # and what hindered it
        controller.process.resume()
        victim.start()
        self.cluster.wait_for_isr(TOPIC, 2)

    def test_it_hands_over_when_the_controller_is_back(self):
        controller, victim, _ = self.asked_without_controller()
        with self.assertRaises(subprocess.TimeoutExpired):
            victim.process.child.wait(1)
        controller.process.resume()
        self.assertEqual(victim.process.child.wait(30), 0)
        self.assertNotIn("stops without having handed over", victim.log)
        self.assertIs(self.cluster.leader(TOPIC), controller)


if __name__ == "__main__":
    unittest.main()
