"""`ottla reassign-partitions` and `ottla leader-election`, and next to them Kafka's own."""

import json
import unittest

import interop_clients
import wire
from checked import TopicOfItsOwnCase
from cluster import Cluster, ToolFailed, wait_until
from status_page import LISTENER, value

KAFKA = "3.9.1"


def dirs_of(broker_id):
    return lambda cluster: ",".join(
        str(cluster.directory / f"broker-{broker_id}" / name) for name in ("data", "more"))


class PartitionToolsTest(TopicOfItsOwnCase, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(4, file__delete__delay__ms=100, **LISTENER, **{f"{i}:log.dirs": dirs_of(i) for i in (1, 2, 3, 4)})
        cls.addClassCleanup(cls.cluster.close)

    def file(self, content):
        path = self.cluster.directory / f"{self.topic}.json"
        path.write_text(json.dumps(content))
        return path

    def plan(self, *replicas, log_dirs=None):
        return self.file({"version": 1, "partitions": [
            {"topic": self.topic, "partition": i, "replicas": wanted, **({"log_dirs": log_dirs} if log_dirs else {})}
            for i, wanted in enumerate(replicas)]})

    def reassign(self, *arguments, **options):
        return self.cluster.ottla("reassign-partitions", *arguments, **options)

    def kafka(self, tool, *arguments, without=None):
        bootstrap = self.cluster.bootstrap_without(without)
        return interop_clients.kafka_tool(KAFKA, tool, "--bootstrap-server", bootstrap, *arguments)

    def wait_for_replicas(self, *replicas):
        def there():
            found = self.cluster.partitions(self.topic)
            return all(found[i]["replicas"] == wanted and sorted(found[i]["isr"]) == sorted(wanted)
                       for i, wanted in enumerate(replicas)) and json.loads(self.reassign("--list", "--json")) == []
        wait_until(there, f"{self.topic} on {replicas}")

    def spare(self):
        """(a broker that is not the controller, the others)."""
        controller = wait_until(self.cluster.controller, "a controller").id
        spare = max(broker_id for broker_id in self.cluster.brokers if broker_id != controller)
        return spare, [broker_id for broker_id in self.cluster.brokers if broker_id != spare]

    def assert_says(self, expected, *arguments):
        with self.assertRaises(ToolFailed) as refused:
            self.reassign(*arguments)
        self.assertIn(expected, str(refused.exception))

    def test_generate_execute_verify(self):
        self.create([1, 2], [2, 1])
        topics = self.file({"version": 1, "topics": [{"topic": self.topic}]})
        told = self.reassign("--generate", "--topics-to-move-json-file", topics, "--broker-list", "3,4").splitlines()
        self.assertEqual(told[0], "Current partition replica assignment")
        self.assertEqual([row["replicas"] for row in json.loads(told[1])["partitions"]], [[1, 2], [2, 1]])
        self.assertEqual(told[2:4], ["", "Proposed partition reassignment configuration"])
        proposed = [row["replicas"] for row in json.loads(told[4])["partitions"]]
        self.assertEqual(sorted(proposed), [[3, 4], [4, 3]])
        plan = self.file(json.loads(told[4]))
        begun = self.reassign("--execute", "--reassignment-json-file", plan)
        self.assertEqual(begun.splitlines(), [
            told[0], "", told[1], "", "Save this to use as the --reassignment-json-file option during rollback",
            f"Successfully started partition reassignments for {self.topic}-0,{self.topic}-1"])
        self.wait_for_replicas(*proposed)
        self.assertEqual(self.reassign("--verify", "--reassignment-json-file", plan).splitlines(), [
            "Status of partition reassignment:", f"Reassignment of partition {self.topic}-0 is completed.",
            f"Reassignment of partition {self.topic}-1 is completed.", "",
            "Clearing broker-level throttles on brokers 1,2,3,4", f"Clearing topic-level throttles on topic {self.topic}"])
        self.assertEqual(self.reassign("--list"), "No partition reassignments found.\n")

    def test_under_way_and_cancelled(self):
        spare, others = self.spare()
        self.create(others)
        wanted = [spare, *others[:2]]
        plan = self.plan(wanted)
        self.cluster.brokers[spare].process.pause()
        self.reassign("--execute", "--reassignment-json-file", plan)
        self.assertEqual(self.reassign("--list"), "Current partition reassignments:\n" +
                         f"{self.topic}-0: replicas: {','.join(map(str, [*wanted, others[2]]))}. " +
                         f"adding: {spare}. removing: {others[2]}.\n")
        self.assertIn("is still in progress.", self.reassign("--verify", "--reassignment-json-file", plan))
        self.assert_says("--additional", "--execute", "--reassignment-json-file", plan)
        self.reassign("--execute", "--reassignment-json-file", plan, "--additional")
        self.assertIn(f"Successfully cancelled partition reassignment for: {self.topic}-0",
                      self.reassign("--cancel", "--reassignment-json-file", plan, "--preserve-throttles"))
        self.wait_for_replicas(others)
        self.assertIn("None of the specified partition reassignments are active.",
                      self.reassign("--cancel", "--reassignment-json-file", plan, "--preserve-throttles"))
        self.assertIn("There is no active reassignment of partition",
                      self.reassign("--verify", "--reassignment-json-file", plan, "--preserve-throttles"))

    def test_refused(self):
        self.create([1, 2])
        plan = self.plan([1, 3])
        for flag in ("--throttle", "--replica-alter-log-dirs-throttle"):
            self.assert_says("only for --execute", "--verify", "--reassignment-json-file", plan, flag, "1000000")
        self.assert_says("--preserve-throttles", "--execute", "--reassignment-json-file", plan, "--preserve-throttles")
        self.assert_says("--wait is only for --verify", "--execute", "--reassignment-json-file", plan, "--wait")
        self.assert_says("exactly one", "--execute", "--list")
        self.assert_says("unknown broker id 9", "--execute", "--reassignment-json-file", self.plan([1, 9]))
        self.assert_says("--broker-list", "--generate", "--topics-to-move-json-file", plan)
        self.wait_for_replicas([1, 2])

    def test_log_dirs(self):
        self.create([1, 2])
        wanted = [str(self.cluster.brokers[broker].directory / "more") for broker in (2, 3)]
        plan = self.plan([2, 3], log_dirs=wanted)
        told = self.reassign("--execute", "--reassignment-json-file", plan)
        self.assertIn(f"Successfully started log directory moves for: {self.topic}-0-", told)

        def verified():
            lines = self.reassign("--verify", "--reassignment-json-file", plan).splitlines()[1:4]
            return lines == [f"Reassignment of partition {self.topic}-0 is completed."] + [
                f"Reassignment of replica {self.topic}-0-{broker} completed successfully." for broker in (2, 3)]
        wait_until(verified, "replicas in the log dirs that were asked for")

    def test_a_move_between_log_dirs_is_verified_and_cancelled(self):
        self.create([1, 2])
        broker = self.cluster.brokers[1]
        leader = self.cluster.leader(self.topic)
        with wire.Connection(leader) as connection:
            for _ in range(60):
                self.assertEqual(connection.produce(self.topic, wire.batch([wire.record(b"x" * 60000)]))[0], 0)
        self.cluster.wait_for_isr(self.topic, 2)
        name = f"{self.topic}-0"
        here = next(path for path in ("data", "more") if (broker.directory / path / name).exists())
        there = broker.directory / ("more" if here == "data" else "data")
        plan = self.plan([1, 2], log_dirs=[str(there), "any"])
        self.reassign("--execute", "--reassignment-json-file", plan, "--replica-alter-log-dirs-throttle", "100000")
        running = f"Reassignment of replica {name}-1 is still in progress."
        self.assertIn(running, self.reassign("--verify", "--reassignment-json-file", plan))
        wait_until(lambda: list(there.glob(f"{name}.*-future")), "a future log")
        self.assertIn(running, self.reassign("--verify", "--reassignment-json-file", plan))
        self.assertEqual(value(broker, "kafka_server_logdirmoves_underway"), 1)
        completed = value(broker, "kafka_server_logdirmoves_completed")
        self.assertIn(f"Successfully cancelled log directory move for: {name}-1",
                      self.reassign("--cancel", "--reassignment-json-file", plan))
        wait_until(lambda: not list(there.glob(f"{name}.*-future")), "the future log to be gone")
        self.assertTrue((broker.directory / here / name).exists())
        self.assertIn("None of the specified partition moves are active.",
                      self.reassign("--cancel", "--reassignment-json-file", plan))
        self.assertIn(f"is not being moved from log dir {broker.directory / here} to {there}.",
                      self.reassign("--verify", "--reassignment-json-file", plan))
        # Without a limit, which went with the cancelling, it ends.
        self.reassign("--execute", "--reassignment-json-file", plan)
        self.assertIn(f"Reassignment of replica {name}-1 completed successfully.",
                      self.reassign("--verify", "--reassignment-json-file", plan, "--wait"))
        wait_until(lambda: value(broker, "kafka_server_logdirmoves_underway") == 0, "no move to be under way")
        self.assertEqual(value(broker, "kafka_server_logdirmoves_completed"), completed + 1)
        self.assertGreater(value(broker, "kafka_server_logdirmoves_bytescopied"), 3_000_000)

    def test_leader_election(self):
        spare, others = self.spare()
        self.create([spare, *others[:2]])
        one = ("--topic", self.topic, "--partition", 0)
        elect = ("leader-election", "--election-type", "preferred")
        self.assertEqual(self.cluster.ottla(*elect, *one),
                         f"Valid replica already elected for partitions {self.topic}-0\n")
        broker = self.cluster.brokers[spare]
        broker.process.terminate()
        with self.assertRaises(ToolFailed) as refused:
            self.cluster.ottla(*elect, *one, without=broker)
        self.assertIn("PREFERRED_LEADER_NOT_AVAILABLE", str(refused.exception))
        broker.start()
        self.cluster.wait_for_isr(self.topic)
        self.assertEqual(self.cluster.ottla(*elect, "--path-to-json-file", self.file(
            {"partitions": [{"topic": self.topic, "partition": 0}]})),
            f"Successfully completed leader election (PREFERRED) for partitions {self.topic}-0\n")
        wait_until(lambda: self.cluster.leader(self.topic) is broker, "the preferred leader")
        self.cluster.ottla(*elect, "--all-topic-partitions")
        self.assertEqual(self.cluster.ottla("leader-election", "--election-type", "UNCLEAN", *one, "--json"),
                         f'[{{"topic":"{self.topic}","partition":0,"elected":false,"error":"ELECTION_NOT_NEEDED"}}]\n')

    def test_kafkas_own(self):
        """They do the same with Ottla, and print what ours print."""
        interop_clients.kafka_jars(KAFKA)
        spare, others = self.spare()
        self.create(others)
        wanted = [spare, *others[:2]]
        plan = self.plan(wanted)
        tool = "kafka-reassign-partitions"

        def both(*arguments, without=None):
            theirs = self.kafka(tool, *arguments, without=without)
            ours = self.reassign(*arguments, without=without)
            self.assertEqual([line for line in theirs.splitlines() if line],
                             [line for line in ours.splitlines() if line], arguments)
            return theirs
        verify = ("--verify", "--reassignment-json-file", plan)
        both("--list")
        both(*verify)
        # It takes connections and does not answer: who begins there waits for his request's timeout.
        paused = self.cluster.brokers[spare]
        paused.process.pause()
        ours = self.reassign("--execute", "--reassignment-json-file", plan, without=paused)
        self.assertIn("adding: ", both("--list", without=paused))
        self.assertIn("still in progress", both(*verify, without=paused))
        # Nor can it be asked to forget its limits.
        theirs = self.kafka(tool, "--cancel", "--reassignment-json-file", plan, "--preserve-throttles", without=paused)
        self.assertIn(f"Successfully cancelled partition reassignment for: {self.topic}-0", theirs)
        paused.process.resume()
        self.wait_for_replicas(others)
        wait_until(lambda: f"(id: {spare} " in self.kafka("kafka-broker-api-versions"), "the broker to be seen again")
        self.assertEqual(self.kafka(tool, "--execute", "--reassignment-json-file", plan), ours)
        self.wait_for_replicas(wanted)
        both(*verify)
        both("--cancel", "--reassignment-json-file", plan, "--preserve-throttles")
        topics = self.file({"version": 1, "topics": [{"topic": self.topic}]})
        generate = ("--generate", "--topics-to-move-json-file", topics, "--broker-list", "1,2,3,4")
        self.assertEqual(self.kafka(tool, *generate).splitlines()[:4], self.reassign(*generate).splitlines()[:4])

        one = ("--election-type", "preferred", "--topic", self.topic, "--partition", "0")
        wait_until(lambda: self.cluster.leader(self.topic), "a leader")
        self.kafka("kafka-leader-election", *one)
        wait_until(lambda: self.cluster.leader(self.topic).id == spare, "the preferred leader")
        self.assertEqual(self.kafka("kafka-leader-election", *one), self.cluster.ottla("leader-election", *one))


class RackAwareTest(TopicOfItsOwnCase, unittest.TestCase):
    """`reassign-partitions --generate` in a cluster with racks, ours and Kafka's: both begin anywhere, so what must hold of
    their plans is compared, not the plans."""

    RACKS = {1: "a", 2: "a", 3: "b", 4: "b"}  # and 5 has none
    PARTITIONS = 12  # by Kafka's algorithm each broker is then paired with each other, unless racks forbid it

    @classmethod
    def setUpClass(cls):
        interop_clients.kafka_jars(KAFKA)
        cls.cluster = Cluster(5, **{f"{broker}:broker.rack": rack for broker, rack in cls.RACKS.items()})
        cls.addClassCleanup(cls.cluster.close)

    def setUp(self):
        super().setUp()
        self.create(*([1 + i % 2, 5] for i in range(self.PARTITIONS)))
        self.topics = self.cluster.directory / f"{self.topic}.json"
        self.topics.write_text(json.dumps({"version": 1, "topics": [{"topic": self.topic}]}))

    def ours(self, *arguments):
        return self.cluster.ottla("reassign-partitions", *arguments)

    def kafkas(self, *arguments):
        return interop_clients.kafka_tool(KAFKA, "kafka-reassign-partitions", "--bootstrap-server", self.cluster.bootstrap,
                                          *arguments)

    def generate(self, tool, brokers, *arguments):
        return tool("--generate", "--topics-to-move-json-file", str(self.topics), "--broker-list",
                    ",".join(map(str, brokers)), *arguments)

    def plans(self, brokers, *arguments):
        """What each tool proposes: the replicas of each partition. Each broker has as much as the others."""
        plans = []
        for tool in (self.kafkas, self.ours):
            proposed = json.loads(self.generate(tool, brokers, *arguments).splitlines()[4])
            plan = [row["replicas"] for row in sorted(proposed["partitions"], key=lambda row: row["partition"])]
            self.assertEqual([len(set(replicas)) for replicas in plan], [2] * self.PARTITIONS, tool)
            placed = [broker for replicas in plan for broker in replicas]
            self.assertEqual(set(placed), set(brokers), tool)
            leaders = [replicas[0] for replicas in plan]
            self.assertLessEqual(max(map(leaders.count, brokers)) - min(map(leaders.count, brokers)), 1, tool)
            self.assertLessEqual(max(map(placed.count, brokers)) - min(map(placed.count, brokers)), 2, tool)
            plans.append(plan)
        return plans

    def in_one_rack(self, plan):
        return [replicas for replicas in plan if len({self.RACKS.get(broker) for broker in replicas}) == 1]

    def test_racks_count(self):
        for plan in self.plans([1, 2, 3, 4]):
            self.assertEqual(self.in_one_rack(plan), [])

    def test_racks_do_not_count_if_disabled(self):
        for plan in self.plans([1, 2, 3, 4], "--disable-rack-aware"):
            self.assertNotEqual(self.in_one_rack(plan), [])

    def test_some_brokers_without_a_rack(self):
        """Refused, with the way out; those that are not asked for do not count."""
        with self.assertRaises(AssertionError) as theirs:
            self.generate(self.kafkas, [1, 2, 3, 4, 5])
        self.assertIn("Not all brokers have rack information. Add --disable-rack-aware", str(theirs.exception))
        with self.assertRaises(ToolFailed) as ours:
            self.generate(self.ours, [1, 2, 3, 4, 5])
        self.assertIn("not all brokers have a rack; --disable-rack-aware", str(ours.exception))
        self.plans([1, 2, 3, 4, 5], "--disable-rack-aware")
        self.plans([1, 3])

    def test_a_plan_with_racks_is_carried_out(self):
        told = self.generate(self.ours, [1, 2, 3, 4]).splitlines()
        plan = self.cluster.directory / "plan.json"
        plan.write_text(told[4])
        self.ours("--execute", "--reassignment-json-file", str(plan))

        def there():
            partitions = self.cluster.partitions(self.topic).values()
            return not self.in_one_rack([partition["replicas"] for partition in partitions]) and all(
                len(partition["isr"]) == 2 and 5 not in partition["replicas"] for partition in partitions)
        wait_until(there, "every partition in both racks")


if __name__ == "__main__":
    unittest.main()
