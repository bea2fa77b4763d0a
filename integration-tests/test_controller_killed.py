"""The controller is killed at each of its writes to ZooKeeper, before it is written and after, in the middle of what
operators ask for, under an acks=all producer: the next controller goes on, or nothing was begun and the client is told so.
A gate (zookeeper_gate.py) stands between each broker and ZooKeeper, so that no kill misses its write."""

import itertools
import json
import shutil
import signal
import unittest

from admin import ELECTION_NOT_NEEDED, NO_ERROR, NO_REASSIGNMENT, NOT_CONTROLLER, PREFERRED, UNCLEAN, AdminCase
from checked import CheckedCase, TopicOfItsOwnCase
from cluster import Cluster, ToolFailed, wait_until
from zookeeper_gate import AFTER, BEFORE, Gate

MOST_WRITES = 20  # of one operation: more would never end


class ControllerKilledCase(TopicOfItsOwnCase, CheckedCase, AdminCase):
    BROKERS = 4
    replicas = 3  # of the topic
    SETTINGS = {"auto__leader__rebalance__enable": "false"}

    @classmethod
    def setUpClass(cls):
        cls.gates = {}

        def gate(broker_id):
            def connect(cluster):
                cls.gates[broker_id] = Gate(cluster.zookeeper.port)
                return f"127.0.0.1:{cls.gates[broker_id].port}{cluster.chroot}"
            return connect
        cls.cluster = Cluster(cls.BROKERS, min__insync__replicas=2, file__delete__delay__ms=100,
                              **{f"{number}:zookeeper.connect": gate(number) for number in range(1, cls.BROKERS + 1)},
                              **cls.SETTINGS)
        cls.addClassCleanup(lambda: [gate.close() for gate in cls.gates.values()])
        cls.addClassCleanup(cls.cluster.close)

    def at_each_write(self, ask, is_done, prepare=lambda: None, clean_up=lambda: None):
        """Asks for something, and kills the controller at one of the writes that it takes, for each of them. What was not
        answered is asked again, as clients do; it must be done in the end."""
        killed = []
        for when in (BEFORE, AFTER):
            for number in itertools.count(1):
                self.assertLess(number, MOST_WRITES)
                prepare()
                controller = wait_until(self.cluster.controller, "a controller")
                gate = self.gates[controller.id]
                gate.arm(number, when, lambda: controller.process.signal(signal.SIGKILL))
                is_answered = self.is_answered(ask)
                wait_until(lambda: gate.fired.is_set() or is_done(), f"{when} write {number}, or the end", 60)
                if not gate.disarm():
                    clean_up()
                    break
                controller.process.child.wait(30)
                killed.append(f"{when} {number}")
                wait_until(lambda: self.cluster.controller() not in (None, controller), "another controller", 60)
                if not is_answered:
                    wait_until(lambda: self.is_answered(ask), "an answer", 60)
                try:
                    wait_until(is_done, f"the end of what was asked for, the controller killed {when} write {number}", 60)
                except AssertionError:
                    self.cluster.print_logs()
                    raise
                controller.start()
                self.cluster.wait_for_brokers()
                clean_up()
                self.cluster.wait_for_isr(self.topic, self.replicas)
        print(f"{self.topic}: the controller was killed {', '.join(killed)}", flush=True)
        self.assertIn("before 1", killed)
        self.assertIn("after 1", killed)

    @staticmethod
    def is_answered(ask):
        try:
            return ask()
        except (OSError, ToolFailed) as error:
            print(f"asked again: {str(error).splitlines()[-1]}", flush=True)
            return False

    def others(self):
        """All brokers but the controller."""
        controller = wait_until(self.cluster.controller, "a controller").id
        return [broker_id for broker_id in self.cluster.brokers if broker_id != controller]

    def place(self, replicas):
        if self.cluster.partitions(self.topic)[0]["replicas"] != replicas:
            wait_until(lambda: self.alter(replicas) == [NO_ERROR], "a reassignment to be taken")
        self.wait_for_replicas(replicas)

    def led_by_another_than_preferred(self):
        """On brokers that are not the controller."""
        others = self.others()
        self.place(others[:self.replicas])
        leader = self.cluster.leader(self.topic).id
        follower = next(broker_id for broker_id in others[:self.replicas] if broker_id != leader)
        self.place([follower, *(broker_id for broker_id in others[:self.replicas] if broker_id != follower)])
        self.assertEqual(self.cluster.leader(self.topic).id, leader)

    def is_led_by_preferred(self):
        partition = self.cluster.partitions(self.topic)[0]
        return partition["leader"] == partition["replicas"][0]


class ControllerKilledTest(ControllerKilledCase, unittest.TestCase):
    def test_w20_cancel_of_a_reassignment(self):
        self.create([1, 2, 3])
        checker = self.check(self.topic, 1)
        paused, kept = [], []

        def under_way():
            spare, *some = self.others()[::-1]
            controller = self.cluster.controller().id
            kept[:] = [[controller, *some]]
            self.place(kept[0])
            paused[:] = [self.cluster.brokers[spare]]
            paused[0].process.pause()
            self.assertEqual(self.alter([spare, *some]), [NO_ERROR])
            wait_until(self.listed, "the reassignment to be under way")

        def cancel():
            return self.alter(None) in ([NO_ERROR], [NO_REASSIGNMENT])

        def cancelled():
            return sorted(self.cluster.partitions(self.topic)[0]["replicas"]) == sorted(kept[0]) and not self.listed()
        self.at_each_write(cancel, cancelled, under_way, lambda: paused[0].process.resume())
        self.assert_nothing_lost(checker)

    def test_w20_reassignment_with_throttle(self):
        self.replicas = 2
        self.create([1, 2])
        checker = self.check(self.topic, 1)
        plan = self.cluster.directory / "plan.json"
        wanted = []

        def planned():
            one, two, three = self.others()  # the tool knows living brokers only
            self.place([one, two])
            wanted[:] = [two, three]
            plan.write_text(json.dumps({"version": 1, "partitions": [
                {"topic": self.topic, "partition": 0, "replicas": wanted}]}))

        def execute():
            if self.listed() or moved():  # a second one is refused then
                return True
            self.cluster.ottla("reassign-partitions", "--execute", "--reassignment-json-file", plan, "--throttle", 20_000_000)
            return True

        def moved():
            return self.moved_to(wanted)

        def verified():
            def told():
                text = self.cluster.ottla("reassign-partitions", "--verify", "--reassignment-json-file", plan)
                return "Clearing topic-level throttles" in text
            wait_until(told, "the limits to be cleared")
            limits = [json.loads(self.zookeeper("zk-get", f"/config/{entity}") or '{"config":{}}')["config"]
                      for entity in (f"topics/{self.topic}", *(f"brokers/{number}" for number in self.cluster.brokers))]
            self.assertEqual(limits, [{}] * len(limits))
        self.at_each_write(execute, moved, planned, verified)
        self.assert_nothing_lost(checker)

    def moved_to(self, wanted):
        partition = self.cluster.partitions(self.topic)[0]
        return partition["replicas"] == wanted and sorted(partition["isr"]) == sorted(wanted) and not self.listed()

    def test_w20_reassignment_by_znode(self):
        self.replicas = 2
        self.create([1, 2])
        checker = self.check(self.topic, 1)
        path = "/admin/reassign_partitions"
        wanted = []

        def planned():
            one, two, three = self.others()
            self.place([one, two])
            wanted[:] = [two, three]

        def ask():
            self.zookeeper("zk-create", path, json.dumps({"version": 1, "partitions": [
                {"topic": self.topic, "partition": 0, "replicas": wanted}]}))
            return True
        self.at_each_write(ask, lambda: self.moved_to(wanted) and not self.zookeeper("zk-get", path), planned)
        self.assert_nothing_lost(checker)

    def test_w20_replication_factor(self):
        self.create([1, 2, 3])
        checker = self.check(self.topic, 1)
        wanted = []

        def ask():
            return self.moved_to(wanted) or self.alter(wanted) == [NO_ERROR]
        for before, after in ((2, 3), (3, 2)):
            def planned(before=before, after=after):
                others = self.others()
                self.place(others[:before])
                wanted[:] = others[:after]
            self.replicas = after
            self.at_each_write(ask, lambda: self.moved_to(wanted), planned)
        self.assert_nothing_lost(checker)

    def test_controlled_shutdown(self):
        """The broker that stops goes on asking, whoever is controller, and ends when others lead."""
        self.create([1, 2, 3])
        checker = self.check(self.topic, 1)
        leaving = []

        def a_leader():
            self.place(self.others()[:3])
            leaving[:] = [self.cluster.leader(self.topic)]

        def stop():
            leaving[0].process.signal(signal.SIGTERM)
            return True

        def handed_over():
            if leaving[0].process.child.poll() is None:
                return False
            leader = self.cluster.leader(self.topic)
            return leader is not None and leader is not leaving[0]

        def back():
            self.assertEqual(leaving[0].process.child.wait(30), 0)
            leaving[0].start()
            self.cluster.wait_for_brokers()
        self.at_each_write(stop, handed_over, a_leader, back)
        self.assert_nothing_lost(checker)

    def test_preferred_election_by_request(self):
        self.create([1, 2, 3])
        checker = self.check(self.topic, 1)
        self.at_each_write(lambda: self.elect(PREFERRED) in (NO_ERROR, ELECTION_NOT_NEEDED), self.is_led_by_preferred,
                           self.led_by_another_than_preferred)
        self.assert_nothing_lost(checker)

    def test_preferred_election_by_znode(self):
        """What stands in the znode need not be asked for again."""
        self.create([1, 2, 3])
        checker = self.check(self.topic, 1)
        path = "/admin/preferred_replica_election"

        def ask():
            self.zookeeper("zk-create", path,
                           json.dumps({"version": 1, "partitions": [{"topic": self.topic, "partition": 0}]}))
            return True
        self.at_each_write(ask, lambda: self.is_led_by_preferred() and not self.zookeeper("zk-get", path),
                           self.led_by_another_than_preferred)
        self.assert_nothing_lost(checker)

    def test_partition_addition(self):
        self.create([1, 2, 3])
        checker = self.check(self.topic, 1)
        wanted = [1]

        def one_more():
            wanted[0] += 1

        def add():
            if len(self.cluster.partitions(self.topic)) < wanted[0]:
                self.cluster.ottla("topics", "--alter", "--topic", self.topic, "--partitions", wanted[0])
            return True

        def added():
            partitions = self.cluster.partitions(self.topic)
            return len(partitions) == wanted[0] and all(
                partition["leader"] > 0 and len(partition["isr"]) >= 2 for partition in partitions.values())
        self.at_each_write(add, added, one_more)
        self.assert_nothing_lost(checker)

    def test_topic_creation(self):
        self.create([1, 2, 3])
        checker = self.check(self.topic, 1)
        numbers = itertools.count(1)
        name = []

        def another():
            name[:] = [f"{self.topic}-{next(numbers)}"]

        def topics():
            return self.cluster.ottla("topics", "--list").split()

        def create():
            if name[0] not in topics():
                self.cluster.create_topic(name[0], 2, 3)
            return True

        def created():
            return name[0] in topics() and all(partition["leader"] > 0 and len(partition["isr"]) >= 2
                                               for partition in self.cluster.partitions(name[0]).values())
        self.at_each_write(create, created, another)
        self.assert_nothing_lost(checker)

    def test_topic_deletion_while_a_broker_is_down(self):
        controller, *others = [wait_until(self.cluster.controller, "a controller").id, *self.others()]
        self.create([controller, *others[:2]])
        checker = self.check(self.topic, 1)
        away = self.cluster.brokers[others[2]]
        doomed = [f"{self.topic}-{number}" for number in range(2 * MOST_WRITES)]
        for topic in doomed:
            self.cluster.ottla("topics", "--create", "--topic", topic, "--replica-assignment",
                               f"{away.id}:{controller}:{others[0]}")
        away.process.kill()
        wait_until(lambda: all(away.id not in self.cluster.partitions(topic)[0]["isr"] for topic in doomed), "others to lead")
        left = list(doomed)
        name = []

        def next_one():
            name[:] = [left.pop()]

        def topics():
            return self.cluster.ottla("topics", "--list").split()

        def delete():
            if name[0] in topics():
                self.cluster.ottla("topics", "--delete", "--topic", name[0])
            return True

        def deleted():
            return name[0] not in topics() and not self.zookeeper("zk-get", f"/brokers/topics/{name[0]}") and not any(
                list((broker.directory / "data").glob(f"{name[0]}-0")) for broker in self.cluster.brokers.values()
                if broker.process.running() and broker is not away)
        # Its session lives on at first: that it is down is known from its process.
        original, self.cluster.wait_for_brokers = self.cluster.wait_for_brokers, lambda: None
        try:
            self.at_each_write(delete, deleted, next_one)
        finally:
            self.cluster.wait_for_brokers = original
        away.start()
        self.cluster.wait_for_brokers()
        gone = set(doomed) - set(left)
        wait_until(lambda: not any((away.directory / "data" / f"{topic}-0").exists() for topic in gone),
                   "the broker that was away to put aside what is deleted")
        self.assertEqual(set(topics()) & gone, set())
        for topic in left:
            self.cluster.wait_for_isr(topic)
        self.assert_nothing_lost(checker)


class UncleanElectionTest(ControllerKilledCase, unittest.TestCase):
    replicas = 2

    def offline(self):
        """The last in the ISR is gone, and the other replica, which is behind, is there."""
        last, behind, _ = (self.cluster.brokers[broker_id] for broker_id in self.others())
        self.place([last.id, behind.id])
        behind.process.kill()
        wait_until(lambda: self.cluster.partitions(self.topic)[0]["isr"] == [last.id], "the ISR to shrink")
        last.process.kill()
        behind.start()
        wait_until(lambda: behind.accepts() and self.cluster.partitions(self.topic)[0]["leader"] == -1,
                   "a partition without leader")
        wait_until(lambda: behind.id in self.cluster.registered(), "it to be registered")

    def has_leader(self):
        return self.cluster.leader(self.topic) is not None

    def all_back(self):
        self.heal()
        self.cluster.wait_for_isr(self.topic, 2)

    def test_elect_leaders_unclean(self):
        """The wish is in the controller's memory only: the client has its answer when the election is in ZooKeeper, or asks
        again."""
        self.create([1, 2], min__insync__replicas=1)
        checker = self.check(self.topic, 1)
        checker.stop()  # what was acknowledged is on both
        answers = []

        def elect():
            answers.append(self.elect(UNCLEAN))
            if answers[-1] == NO_ERROR:
                self.assertGreater(self.cluster.partitions(self.topic)[0]["leader"], 0)
            return answers[-1] in (NO_ERROR, ELECTION_NOT_NEEDED)
        self.at_each_write(elect, self.has_leader, self.offline, self.all_back)
        self.assertIn(NO_ERROR, answers)
        self.assert_nothing_lost(checker, at_least=500)

    def test_unclean_election_by_config(self):
        self.create([1, 2], min__insync__replicas=1)
        checker = self.check(self.topic, 1)
        checker.stop()  # what was acknowledged is on both

        def configure(*change):
            self.cluster.ottla("configs", "--alter", "--entity-type", "topics", "--entity-name", self.topic, *change)
            return True

        def forbidden_again():
            configure("--delete-config", "unclean.leader.election.enable")
            self.all_back()
        self.at_each_write(lambda: configure("--add-config", "unclean.leader.election.enable=true"), self.has_leader,
                           self.offline, forbidden_again)
        self.assert_nothing_lost(checker, at_least=500)


class EmptyDiskTest(ControllerKilledCase, unittest.TestCase):
    # Without what was on its disk a broker cannot tell its own registration from another's: it waits for its end.
    SETTINGS = {**ControllerKilledCase.SETTINGS, "zookeeper__session__timeout__ms": 4000}

    def test_broker_replaced_with_an_empty_disk(self):
        self.create([1, 2, 3])
        checker = self.check(self.topic, 1)
        replaced = []

        def a_leader():
            self.place(self.others())
            replaced[:] = [self.cluster.leader(self.topic)]

        def replace():
            replaced[0].process.kill()
            shutil.rmtree(replaced[0].directory / "data")
            replaced[0].start()
            return True

        def whole_again():
            return replaced[0].accepts() and len(self.cluster.partitions(self.topic)[0]["isr"]) == self.replicas
        self.at_each_write(replace, whole_again, a_leader)
        self.assert_nothing_lost(checker)


class BalanceTest(ControllerKilledCase, unittest.TestCase):
    SETTINGS = {"leader__imbalance__check__interval__seconds": 1}

    def test_automatic_balance(self):
        """A partition's preferred leader becomes another by a reassignment; nobody asks for its election, so that the next
        controller must find out by itself."""
        self.create([1, 2, 3])
        checker = self.check(self.topic, 1)
        wanted = []

        def another_preferred():
            others = self.others()
            leader = self.cluster.leader(self.topic).id
            first = next(broker_id for broker_id in others if broker_id != leader)
            wanted[:] = [first, *(broker_id for broker_id in others if broker_id != first)]

        def is_balanced():
            return (self.cluster.partitions(self.topic)[0]["replicas"] == wanted and self.is_led_by_preferred()
                    and not self.listed())
        self.at_each_write(lambda: self.alter(wanted) == [NO_ERROR], is_balanced, another_preferred)
        self.assert_nothing_lost(checker)


if __name__ == "__main__":
    unittest.main()
