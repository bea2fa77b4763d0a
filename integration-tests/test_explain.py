"""`ottla explain`: each state of a partition is made for real, and the reason for it must be found."""

import json
import signal
import time
import unittest

from checked import TopicOfItsOwnCase
from cluster import Cluster, lose, wait_until


class ExplainTest(TopicOfItsOwnCase, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        def two_dirs(broker_id):
            return lambda cluster: ",".join(
                str(cluster.directory / f"broker-{broker_id}" / name) for name in ("data", "more"))
        cls.cluster = Cluster(zookeeper__session__timeout__ms=10000, replica__lag__time__max__ms=2000,
                              log__segment__bytes=65536,
                              **{f"{broker_id}:log.dirs": two_dirs(broker_id) for broker_id in (1, 2, 3)})
        cls.addClassCleanup(cls.cluster.close)

    def explain(self, *words, without=None):
        return json.loads(self.cluster.ottla("explain", *words, "--json", "--timeout", 1000, without=without))

    def partition(self, without=None):
        return self.explain("partition", f"{self.topic}-0", without=without)

    @staticmethod
    def reasons(told):
        return [(one["reason"], one.get("broker")) for one in told["reasons"]]

    def wait_for_reasons(self, *wanted, condition, without=None):
        """The explanation with at least these reasons."""
        def found():
            told = self.partition(without)
            if told["condition"] == condition and set(wanted) <= set(self.reasons(told)):
                return told
            raise ValueError((told["condition"], self.reasons(told)))
        return wait_until(found, f"{wanted} for {condition}", 60)

    def fill(self, records=2000):
        self.cluster.ottla("console-producer", "--topic", self.topic, stdin="".join(f"{i:0500}\n" for i in range(records)))

    def test_healthy(self):
        self.create((1, 2, 3))
        told = self.partition()
        self.assertEqual((told["condition"], told["reasons"]), ("HEALTHY", []))
        self.assertIn("is healthy", self.cluster.ottla("explain", f"{self.topic}-0"))
        self.assertEqual(self.explain("1")["reasons"], [])

    def test_dead_broker(self):
        self.create((1, 2, 3))
        victim = self.cluster.brokers[2]
        victim.process.kill()
        told = self.wait_for_reasons(("BROKER_PROCESS_DEAD", 2), condition="UNDER_REPLICATED", without=victim)
        self.assertEqual(told["isr"], [1, 3])
        self.assertIn("sinceMs", told["reasons"][0])
        broker = self.explain("broker", 2, without=victim)
        self.assertIn(("BROKER_PROCESS_DEAD", 2), self.reasons(broker))
        self.assertIn(f"{self.topic}-0", broker["notInSync"][0]["partitions"])
        # Its session ends.
        told = self.wait_for_reasons(("BROKER_NOT_REGISTERED", 2), condition="UNDER_REPLICATED", without=victim)

    def test_all_of_the_isr_dead(self):
        self.create((2, 3))
        controller = self.cluster.controller().id
        keep = controller if controller != 1 else 1
        others = [broker for broker in self.cluster.brokers.values() if broker.id != keep]
        self.topic += "-two"
        self.create([broker.id for broker in others])
        for broker in others:
            broker.process.kill()
        told = self.wait_for_reasons(("NO_CLEAN_CANDIDATE", None), condition="OFFLINE", without=others[0])
        self.assertEqual({reason for reason, broker in self.reasons(told) if broker},
                         {"BROKER_PROCESS_DEAD"} if told["leader"] == -1 else set())
        text = self.cluster.ottla("explain", f"{self.topic}-0", without=others[0])
        self.assertIn("--election-type unclean", text)
        for line in text.splitlines():
            self.assertLessEqual(len(line), 120, line)

    def test_leaders_log_dir_failed(self):
        self.create((3,), min__insync__replicas=1)
        self.fill(10)
        victim = self.cluster.brokers[3]
        lost = next(directory for directory in (victim.directory / "data", victim.directory / "more")
                    if (directory / f"{self.topic}-0").exists())
        lose(lost)
        try:
            self.fill(300)  # rolls
        except Exception:  # noqa: BLE001: refused, once the dir is known to have failed
            pass
        told = self.wait_for_reasons(("LOG_DIR_FAILED", 3), condition="OFFLINE")
        self.assertIn(str(lost), next(one["text"] for one in told["reasons"] if one["reason"] == "LOG_DIR_FAILED"))
        self.assertIn(("LOG_DIR_FAILED", 3), self.reasons(self.explain("3")))
        self.cluster.ottla("topics", "--delete", "--topic", self.topic)
        victim.process.terminate()
        lost.mkdir(exist_ok=True)

    def test_paused_follower(self):
        controller = self.cluster.controller().id
        victim = next(broker for broker in self.cluster.brokers.values() if broker.id != controller)
        self.create([controller, victim.id])
        victim.process.pause()
        told = self.wait_for_reasons(("BROKER_SILENT", victim.id), condition="UNDER_REPLICATED", without=victim)
        self.assertIn("nor does the controller hear it", told["reasons"][0]["text"])
        self.assertIn(("BROKER_SILENT", victim.id), self.reasons(self.explain("broker", victim.id, without=victim)))

    def test_below_min_isr(self):
        self.create((1, 2), min__insync__replicas=2)
        victim = self.cluster.brokers[2]
        victim.process.kill()
        told = self.wait_for_reasons(("BELOW_MIN_ISR", None), ("BROKER_PROCESS_DEAD", 2), condition="BELOW_MIN_ISR",
                                     without=victim)
        below = next(one for one in told["reasons"] if one["reason"] == "BELOW_MIN_ISR")
        self.assertEqual((below["isr"], below["minInsyncReplicas"]), (1, 2))

    def test_reassignment(self):
        self.create((1,))
        self.fill(100)
        # The new replica's broker sleeps: the reassignment waits for it.
        sleeper = next(broker for broker in self.cluster.brokers.values()
                       if broker.id != 1 and broker is not self.cluster.controller())
        sleeper.process.pause()
        plan = self.cluster.directory / "plan.json"
        plan.write_text(json.dumps({"version": 1, "partitions": [
            {"topic": self.topic, "partition": 0, "replicas": [sleeper.id]}]}))
        self.cluster.ottla("reassign-partitions", "--execute", "--reassignment-json-file", plan, without=sleeper)
        told = self.wait_for_reasons(("REASSIGNING", None), ("BROKER_SILENT", sleeper.id),
                                     condition="HEALTHY", without=sleeper)  # what is added is not missed (KIP-352)
        self.assertIn(f"adds {sleeper.id}, removes 1", told["reasons"][-1]["text"])

    def test_zookeeper_lost_and_no_controller(self):
        self.create((1, 2, 3))
        self.cluster.zookeeper.process.kill()
        try:
            controller = self.partition()  # as long as the session may live on
            self.assertEqual(controller["condition"], "HEALTHY")
            told = self.wait_for_reasons(*[("ZOOKEEPER_LOST", broker) for broker in (1, 2, 3)], condition="HEALTHY")
            self.assertIn("can elect nobody", " ".join(one["text"] for one in told["reasons"]))
        finally:
            self.cluster.zookeeper.start()
            self.cluster.wait_for_brokers()
        wait_until(lambda: not self.partition()["reasons"], "all to be well again")

    def test_paused_controller(self):
        self.create((1, 2, 3))
        victim = self.cluster.controller()
        victim.process.pause()
        # Before and after another broker has taken the office and given it up.
        told = self.partition(without=victim)
        self.assertLessEqual(set(self.reasons(told)), {(reason, victim.id) for reason in (
            "CONTROLLER_SILENT", "BROKER_SILENT", "BROKER_NOT_REGISTERED")})
        self.assertTrue(told["reasons"])
        # Nobody waits for the sleeper longer than what it is asked for is worth.
        begin = time.monotonic()
        self.cluster.state()
        self.assertLess(time.monotonic() - begin, 15)
        wait_until(lambda: self.cluster.controller() not in (None, victim), "another controller")
        told = wait_until(lambda: (self.partition(without=victim)["condition"] == "UNDER_REPLICATED"),
                          "the sleeper to be out of the ISR")

    def test_host_crash_in_doubt(self):
        """The last member of the ISR comes back after a crash of its host: it may lack records that the other has."""
        controller = self.cluster.controller().id
        first, second = (broker for broker in self.cluster.brokers.values() if broker.id != controller)
        self.create([first.id, second.id])
        self.fill(10)
        first.process.kill()
        wait_until(lambda: self.cluster.partitions(self.topic)[0]["isr"] == [second.id], "one in the ISR")
        second.process.kill()
        wait_until(lambda: self.partition(without=second)["condition"] == "OFFLINE", "nobody to lead")
        for boot in second.directory.glob("*/ottla-boot"):
            boot.write_text("another boot\n")
        second.start()
        told = self.wait_for_reasons(("HOST_CRASH_DOUBT", second.id), ("WAITS_FOR_LOGS", None), condition="OFFLINE",
                                     without=first)
        self.assertIn(f"asked {second.id}", told["reasons"][-1]["text"])
        first.start()
        wait_until(lambda: self.partition()["condition"] == "HEALTHY", "both to be back")

    def test_no_broker_answers(self):
        self.create((1, 2, 3))
        for broker in self.cluster.brokers.values():
            broker.process.kill()
        zookeeper = self.cluster.zookeeper.connect + self.cluster.chroot
        words = "partition", f"{self.topic}-0", "--zookeeper", zookeeper
        told = wait_until(lambda: (told := self.explain(*words))["condition"] and told, "an explanation")
        self.assertIn(("NO_BROKER_ANSWERS", None), self.reasons(told))
        self.assertIn("what ZooKeeper holds", told["reasons"][0]["text"])

    def test_broker_that_is_shutting_down(self):
        controller = self.cluster.controller()
        victim, other = (broker for broker in self.cluster.brokers.values() if broker is not controller)
        self.create([victim.id, other.id], min__insync__replicas=1)
        self.fill(10)
        other.process.kill()
        wait_until(lambda: self.cluster.partitions(self.topic)[0]["isr"] == [victim.id], "one in the ISR")
        # Nobody can lead in its place: the hand-over is tried for 15 s.
        victim.process.signal(signal.SIGTERM)
        wait_until(lambda: ("BROKER_SHUTTING_DOWN", victim.id) in self.reasons(self.explain(
            "broker", victim.id, without=other)), "it to be shutting down")
        victim.process.child.wait(60)

    def test_unclean_election_cut_records(self):
        """W6: what was lost is told, where it is known."""
        controller = self.cluster.controller()
        first, second = (broker for broker in self.cluster.brokers.values() if broker is not controller)
        self.create([first.id, second.id], min__insync__replicas=1)
        self.fill(10)
        second.process.kill()
        wait_until(lambda: self.cluster.partitions(self.topic)[0]["isr"] == [first.id], "one in the ISR")
        self.cluster.ottla("console-producer", "--topic", self.topic, stdin="".join(f"{i}\n" for i in range(25)), without=second)
        first.process.kill()
        second.start()
        wait_until(lambda: second.accepts() and self.partition(without=first)["condition"] == "OFFLINE", "nobody to lead")

        def elected():
            self.cluster.ottla("leader-election", "--election-type", "unclean", "--topic", self.topic, "--partition", 0,
                               without=first)
            return self.cluster.partitions(self.topic)[0]["leader"] == second.id
        wait_until(elected, "an unclean leader")
        self.fill(3)
        first.start()
        told = self.wait_for_reasons(("RECORDS_CUT", first.id), condition="HEALTHY")
        cut = next(one for one in told["reasons"] if one["reason"] == "RECORDS_CUT")
        self.assertEqual((cut["from"], cut["to"]), (10, 35))
        self.assertIn(cut["readable"], range(26))  # as far as its checkpoint knew when it was killed
        self.assertIn("ottla-cut", " ".join(cut["next"]))
        self.assertIn("unclean election", self.cluster.ottla("explain", f"{self.topic}-0"))

    def test_what_is_wrong_with_the_question(self):
        with self.assertRaisesRegex(RuntimeError, "there is no partition nothing-7"):
            self.cluster.ottla("explain", "nothing-7")
        with self.assertRaisesRegex(RuntimeError, "ottla explain partition TOPIC-PARTITION"):
            self.cluster.ottla("explain", "what")
        self.assertEqual(self.reasons(self.explain("broker", 9)), [("UNKNOWN_BROKER", 9)])


if __name__ == "__main__":
    unittest.main()
