"""Consumer groups of unmodified clients: every record comes at least once, no committed offset goes backwards,
also while coordinators are killed and members come and go."""

import collections
import json
import pathlib
import re
import subprocess
import tempfile
import threading
import time
import unittest

import interop_clients
from cluster import BUILD, Cluster, ToolFailed, wait_until
from group_members import Member

PARTITIONS = 8
FAST = {"group__initial__rebalance__delay__ms": 200, "offsets__topic__num__partitions": 5,
        "min__insync__replicas": 2}


class Producer(threading.Thread):
    """Numbers the records that were acknowledged, until it is stopped."""

    def __init__(self, cluster, topic, per_round=40):
        super().__init__(daemon=True)
        self.cluster, self.topic, self.per_round = cluster, topic, per_round
        self.acknowledged = []
        self.stopping = threading.Event()

    def run(self):
        number = 0
        while not self.stopping.is_set():
            values = [f"v{number + i}" for i in range(self.per_round)]
            number += self.per_round
            outcome = subprocess.run(["kcat", "-P", "-b", self.cluster.bootstrap, "-t", self.topic, "-X", "acks=all"],
                                     input="\n".join(values) + "\n", text=True, capture_output=True)
            if outcome.returncode == 0 and "failed" not in outcome.stderr:
                self.acknowledged += values

    def stop(self):
        self.stopping.set()
        self.join(60)


class OffsetWatch(threading.Thread):
    """Asks for the group's offsets all the time."""

    def __init__(self, cluster, group, without=None):
        """`without`: a broker that sleeps for a while, through which nothing is asked."""
        super().__init__(daemon=True)
        self.cluster, self.group, self.without = cluster, group, without
        self.shown = collections.defaultdict(list)
        self.looks = 0
        self.stopping = threading.Event()

    def run(self):
        while not self.stopping.is_set():
            try:
                described = json.loads(self.cluster.ottla("consumer-groups", "--describe", "--group", self.group, "--json",
                                                          without=self.without))
            except (ToolFailed, ValueError, subprocess.SubprocessError):
                continue
            self.looks += 1
            for row in described[0]["offsets"]:
                if row["currentOffset"] is None:
                    continue
                self.shown[row["partition"]].append(row["currentOffset"])
            self.stopping.wait(0.05)

    def stop(self):
        self.stopping.set()
        self.join(30)

    def commits(self):
        """Of each partition, what was committed, in the order of the log."""
        found = collections.defaultdict(list)
        for log in next(iter(self.cluster.brokers.values())).directory.glob("**/__consumer_offsets-*/*.log"):
            text = self.cluster.ottla_offline("dump-log", "--offsets-decoder", "--files", log)
            for partition, offset in re.findall(
                    r'"group":"%s","topic":"orders","partition":(\d+)}} payload: {.*?"offset":(\d+)' % self.group, text):
                found[int(partition)].append(int(offset))
        return found

    def faults(self):
        """Where it was shown an offset after one that was committed later. Clients themselves may commit a smaller offset
        after a larger one: librdkafka repeats what a dead coordinator did not answer."""
        commits = self.commits()
        faults = []
        for partition, shown in self.shown.items():
            at = 0
            for offset in shown:
                if offset in commits[partition][at:]:
                    at = commits[partition].index(offset, at)
                else:
                    faults.append((partition, offset, commits[partition][:at + 1][-5:]))
        return faults


class GroupsTest(unittest.TestCase):
    def start(self, brokers=3, **overrides):
        self.cluster = Cluster(brokers, **{**FAST, **overrides})
        self.addCleanup(self.cluster.close)
        self.cluster.create_topic("orders", PARTITIONS, 3)
        self.cluster.wait_for_isr("orders")
        return self.cluster

    def member(self, group, *settings):
        """librdkafka."""
        member = Member([BUILD / "integration-tests" / "ottla-group-member", self.cluster.bootstrap, "orders", group,
                         "session.timeout.ms=6000", "heartbeat.interval.ms=500", "auto.commit.interval.ms=200", *settings])
        self.addCleanup(member.kill)
        return member

    def kcat(self, group, *settings):
        words = [word for setting in ("auto.offset.reset=earliest", "session.timeout.ms=6000",
                                      "heartbeat.interval.ms=500", "auto.commit.interval.ms=200", *settings)
                 for word in ("-X", setting)]
        member = Member(["kcat", "-b", self.cluster.bootstrap, "-G", group, "-u", "-q", "-f", "record %p %o %s\n",
                         *words, "orders"])
        self.addCleanup(member.kill)
        return member

    def java(self, group, *settings):
        member = Member([*interop_clients.java_main("3.9.1", "Group"), self.cluster.bootstrap, "orders", group,
                         "session.timeout.ms=6000", "heartbeat.interval.ms=500", *settings])
        self.addCleanup(member.kill)
        return member

    def python(self, group):
        interop_clients.python()
        script = pathlib.Path(__file__).parent / "clients" / "python" / "group.py"
        member = Member([interop_clients.PYTHON, script, self.cluster.bootstrap, "orders", group])
        self.addCleanup(member.kill)
        return member

    def confluent_python(self, group, *settings):
        member = Member([*interop_clients.confluent_python(), self.cluster.bootstrap, "orders", group, *settings])
        self.addCleanup(member.kill)
        return member

    def go(self, group, *instance):
        """sarama, which knows range only."""
        client = interop_clients.go()
        member = Member([client.produce_command[0], "group", self.cluster.bootstrap, "orders", group, *instance])
        self.addCleanup(member.kill)
        return member

    def franz_go(self, group, balancer, *instance):
        client = interop_clients.go()
        member = Member([client.produce_command[0], "franz", self.cluster.bootstrap, "orders", group, balancer, *instance])
        self.addCleanup(member.kill)
        return member

    def produce(self, count, prefix="x"):
        """Evenly to all partitions, by key."""
        subprocess.run(["kcat", "-P", "-b", self.cluster.bootstrap, "-t", "orders", "-X", "acks=all", "-K", ":"],
                       input="".join(f"{prefix}{i}:{prefix}{i}\n" for i in range(count)), text=True, check=True)
        return {f"{prefix}{i}" for i in range(count)}

    def describe(self, group):
        return json.loads(self.cluster.ottla("consumer-groups", "--describe", "--group", group, "--json"))[0]

    def wait_for_members(self, group, count, seconds=40):
        """Stable with so many members that share all partitions, each with one reader."""
        def settled():
            described = self.describe(group)
            owned = sorted(p["partition"] for m in described["members"] for p in m["partitions"])
            return (described["state"] == "Stable" and len(described["members"]) == count
                    and owned == list(range(PARTITIONS)) and described)
        return wait_until(settled, f"{count} members of {group}", seconds)

    def wait_for_records(self, members, wanted, seconds=60):
        def missing():
            return wanted - {value for member in members for _, _, value in member.records()}
        try:
            wait_until(lambda: not missing(), f"{len(wanted)} records", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; missing: {sorted(missing())[:20]}") from error

    def wait_for_lag(self, group, lag=0, seconds=30):
        def lags():
            rows = self.describe(group)["offsets"]
            return rows and sum(row["logEndOffset"] if row["lag"] is None else row["lag"] for row in rows) == lag
        wait_until(lags, f"lag {lag}", seconds)

    # Different clients.

    def test_clients_share_a_group(self):
        """librdkafka, Java, kafka-python and Go (sarama) in one group: all know range."""
        self.start()
        wanted = self.produce(200)
        settings = "partition.assignment.strategy=org.apache.kafka.clients.consumer.RangeAssignor"
        members = [self.kcat("mixed", "partition.assignment.strategy=range"), self.java("mixed", settings),
                   self.python("mixed"), self.go("mixed")]
        self.wait_for_members("mixed", 4)
        wanted |= self.produce(200, "y")
        self.wait_for_records(members, wanted)
        members[1].leave()
        self.wait_for_members("mixed", 3)
        wanted |= self.produce(100, "z")
        self.wait_for_records(members, wanted)
        self.wait_for_lag("mixed")
        for member in members:
            member.stop() if member is members[0] else member.leave()
        wait_until(lambda: self.describe("mixed")["state"] == "Empty", "an empty group")
        self.wait_for_lag("mixed")

    def test_cooperative_assignment(self):
        """Java, librdkafka, Python and Go (franz-go): each among themselves, then all in one group."""
        self.start()
        java = "partition.assignment.strategy=org.apache.kafka.clients.consumer.CooperativeStickyAssignor"
        librdkafka = "partition.assignment.strategy=cooperative-sticky"
        clients = {"java": lambda group: self.java(group, java), "librdkafka": lambda group: self.member(group, librdkafka),
                   "python": lambda group: self.confluent_python(group, librdkafka),
                   "go": lambda group: self.franz_go(group, "cooperative-sticky")}
        wanted = self.produce(100)
        for name, client in clients.items():
            with self.subTest(name):
                members = [client(name)]
                self.wait_for_members(name, 1)
                self.wait_for_records(members, wanted)
                members.append(client(name))
                self.wait_for_members(name, 2)
                moved = wait_until(lambda: [words[1].split(",") for words in (line.split() for line in list(members[0].lines))
                                            if words[0] == "revoked" and len(words) > 1], "a revocation")
                self.assertEqual([len(partitions) for partitions in moved], [PARTITIONS // 2],
                                 f"only what moves is revoked: {moved}")
                wanted |= self.produce(100, name)
                self.wait_for_records(members, wanted)
                members[1].kill()
                self.wait_for_members(name, 1)
                self.assertNotIn("lost", " ".join(members[0].lines))
                wanted |= self.produce(100, name + "-again")
                self.wait_for_records(members, wanted)
                members[0].leave()
        members = [client("all") for client in clients.values()]
        self.wait_for_members("all", len(members))
        wanted |= self.produce(100, "all")
        self.wait_for_records(members, wanted)
        members[0].leave()
        self.wait_for_members("all", len(members) - 1)
        wanted |= self.produce(100, "last")
        self.wait_for_records(members, wanted)
        self.wait_for_lag("all")
        for member in members:
            member.leave()

    def test_static_members_come_back_without_a_rebalance(self):
        """Java, librdkafka, Python, Go (sarama and franz-go) in one group: each is killed and comes back, and nobody else
        notices."""
        self.start()
        session = "session.timeout.ms=20000"
        java = "partition.assignment.strategy=org.apache.kafka.clients.consumer.RangeAssignor"
        librdkafka = "partition.assignment.strategy=range"
        clients = {
            "java": lambda: self.java("static", "group.instance.id=java", session, java),
            "librdkafka": lambda: self.member("static", "group.instance.id=librdkafka", session, librdkafka),
            "python": lambda: self.confluent_python("static", "group.instance.id=python", session, librdkafka),
            "sarama": lambda: self.go("static", "sarama"),
            "franz-go": lambda: self.franz_go("static", "range", "franz-go")}
        members = {name: client() for name, client in clients.items()}
        gone = []

        def by_instance(described, what):
            return {m["groupInstanceId"]: m[what] for m in described["members"]}
        described = self.wait_for_members("static", len(clients))
        before = by_instance(described, "partitions")
        # Who reads has been told of its partitions.
        wanted = self.produce(100)
        self.wait_for_records(members.values(), wanted)
        for name, client in clients.items():
            with self.subTest(name):
                assignments = {other: member.count("assigned") for other, member in members.items()}
                old_id = by_instance(self.describe("static"), "consumerId")[name]
                members[name].kill()
                gone.append(members[name])
                members[name] = client()
                wait_until(lambda: by_instance(self.describe("static"), "consumerId")[name] != old_id, f"a new id of {name}")
                wanted |= self.produce(100, name)
                self.wait_for_records([*gone, *members.values()], wanted)
                described = self.wait_for_members("static", len(clients))
                self.assertEqual(by_instance(described, "partitions"), before)
                del assignments[name]
                self.assertEqual({other: members[other].count("assigned") for other in assignments}, assignments)
        for member in members.values():
            member.leave()

    # Failures.

    def test_coordinator_killed(self):
        """Twice, between commits and in the middle of a rebalance."""
        cluster = self.start()
        producer = Producer(cluster, "orders")
        members = [self.member("busy") for _ in range(3)]
        self.wait_for_members("busy", 3)
        cluster.wait_for_isr("__consumer_offsets")
        producer.start()
        watch = OffsetWatch(cluster, "busy")
        watch.start()
        wait_until(lambda: sum(len(m.records()) for m in members) > 200, "records")
        for in_rebalance in (False, True):
            victim = cluster.brokers[self.describe("busy")["coordinator"]["id"]]
            if in_rebalance:
                members.append(self.member("busy"))
                wait_until(lambda: (described := self.describe("busy"))["state"] != "Stable" or
                           len(described["members"]) == len(members), "a rebalance, or its end")
            looked = time.monotonic()
            victim.process.kill()

            def serves():
                described = self.describe("busy")
                return described["coordinator"]["id"] != victim.id and described
            wait_until(serves, "another coordinator", 30)
            print(f"coordinator serves after {time.monotonic() - looked:.2f} s", flush=True)
            self.wait_for_members("busy", len(members))
            print(f"group is stable after {time.monotonic() - looked:.2f} s", flush=True)
            seen = sum(len(m.records()) for m in members)
            wait_until(lambda: sum(len(m.records()) for m in members) > seen + 100, "more records")
            victim.start()
            cluster.wait_for_isr("orders")
            cluster.wait_for_isr("__consumer_offsets")
        producer.stop()
        self.wait_for_records(members, set(producer.acknowledged))
        self.wait_for_lag("busy")
        watch.stop()
        print(f"{len(producer.acknowledged)} records, offsets looked at {watch.looks} times", flush=True)
        self.assertGreater(watch.looks, 20)
        self.assertEqual(watch.faults(), [])
        for member in members:
            member.stop()

    def test_coordinator_paused(self):
        """It wakes up as a zombie: it must commit nothing, and its clients must find the new one."""
        cluster = self.start()
        producer = Producer(cluster, "orders")
        members = [self.member("paused") for _ in range(3)]
        self.wait_for_members("paused", 3)
        cluster.wait_for_isr("__consumer_offsets")
        producer.start()
        wait_until(lambda: sum(len(m.records()) for m in members) > 200, "records")
        victim = cluster.brokers[self.describe("paused")["coordinator"]["id"]]
        watch = OffsetWatch(cluster, "paused", without=victim)
        watch.start()
        victim.process.pause()

        def moved():
            described = json.loads(cluster.ottla("consumer-groups", "--describe", "--group", "paused", "--json",
                                                 without=victim))[0]
            return described["coordinator"]["id"] != victim.id and described["state"] == "Stable"
        wait_until(moved, "another coordinator", 60)
        seen = sum(len(m.records()) for m in members)
        wait_until(lambda: sum(len(m.records()) for m in members) > seen + 100, "more records", 60)
        victim.process.resume()
        cluster.wait_for_isr("orders")
        cluster.wait_for_isr("__consumer_offsets")
        self.wait_for_members("paused", 3)
        producer.stop()
        self.wait_for_records(members, set(producer.acknowledged))
        self.wait_for_lag("paused")
        watch.stop()
        self.assertGreater(watch.looks, 5)
        self.assertEqual(watch.faults(), [])
        for member in members:
            member.stop()

    def test_many_members_come_and_go(self):
        """50 members; a third leaves, a third is killed, others come."""
        cluster = self.start()
        members = [self.member("crowd", "session.timeout.ms=10000") for _ in range(50)]

        def count():
            described = self.describe("crowd")
            return described["state"] == "Stable" and len(described["members"])
        wait_until(lambda: count() == 50, "50 members", 90)
        wanted = self.produce(500)
        for i, member in enumerate(members[:34]):
            member.kill() if i % 2 else member.stop()
        gone, members = members[:34], members[34:]
        members += [self.member("crowd", "session.timeout.ms=10000") for _ in range(10)]
        wait_until(lambda: count() == 26, "26 members", 90)
        wanted |= self.produce(500, "y")
        self.wait_for_records(gone + members, wanted)
        self.wait_for_lag("crowd")
        for member in members:
            member.child.terminate()
        wait_until(lambda: self.describe("crowd")["state"] == "Empty", "an empty group", 60)

    def test_all_brokers_restarted(self):
        """Groups and offsets are in the log."""
        cluster = self.start()
        self.produce(100)
        member = self.kcat("durable")
        self.wait_for_lag_of(member, "durable")
        member.stop()
        before = self.describe("durable")
        self.assertEqual(before["state"], "Empty")
        for broker in cluster.brokers.values():
            broker.process.kill()
        for broker in cluster.brokers.values():
            broker.start()
        cluster.wait_for_brokers()
        after = wait_until(lambda: self.describe("durable"), "the group")
        for row in ("state", "protocolType", "offsets"):
            self.assertEqual(after[row], before[row])

    def wait_for_lag_of(self, member, group):
        wait_until(lambda: member.records(), "records")
        self.wait_for_lag(group)

    # The tool.

    def test_tool(self):
        cluster = self.start()
        self.produce(100)
        member = self.kcat("tool")
        self.wait_for_lag_of(member, "tool")

        def tool(*arguments, check=True):
            return cluster.ottla("consumer-groups", *arguments, check=check)
        self.assertEqual(tool("--list"), "tool\n")
        self.assertRegex(tool("--list", "--state"), r"tool +Stable")
        self.assertIn("tool", tool("--list", "--state", "stable,empty"))
        self.assertNotIn("tool", tool("--list", "--state", "empty"))
        self.assertEqual(json.loads(tool("--list", "--json"))[0]["state"], "Stable")
        with self.assertRaisesRegex(ToolFailed, "must be one of Stable Empty"):
            tool("--list", "--state", "well")
        with self.assertRaisesRegex(ToolFailed, "must be one of classic"):
            tool("--list", "--type", "modern")
        self.assertRegex(tool("--describe", "--group", "tool"), r"tool +orders +0 +\d+ +\d+ +0 +rdkafka-")
        self.assertRegex(tool("--describe", "--group", "tool", "--members", "--verbose"), r"8 +orders\(0,1,2,3,4,5,6,7\)")
        with self.assertRaisesRegex(ToolFailed, "current state is Stable"):
            tool("--reset-offsets", "--group", "tool", "--topic", "orders", "--to-earliest", "--execute")
        with self.assertRaisesRegex(ToolFailed, "current state is Stable"):
            tool("--reset-offsets", "--group", "tool", "--group", "idle", "--topic", "orders", "--to-earliest", "--execute")
        self.assertEqual({row["currentOffset"] for row in self.describe("idle")["offsets"]}, {0}, "the others are reset")
        self.assertEqual([group["group"] for group in json.loads(tool("--describe", "--all-groups", "--json"))],
                         ["idle", "tool"])
        tool("--delete", "--group", "idle")
        with self.assertRaisesRegex(ToolFailed, "NON_EMPTY_GROUP"):
            tool("--delete", "--group", "tool")
        with self.assertRaisesRegex(ToolFailed, "GROUP_SUBSCRIBED_TO_TOPIC"):
            tool("--delete-offsets", "--group", "tool", "--topic", "orders")
        member.stop()
        ends = {row["partition"]: row["logEndOffset"] for row in self.describe("tool")["offsets"]}

        def offsets():
            return {row["partition"]: row["currentOffset"] for row in self.describe("tool")["offsets"]}
        tool("--reset-offsets", "--group", "tool", "--topic", "orders", "--to-earliest")
        self.assertEqual(offsets(), ends, "nothing happens without --execute")
        plan = tool("--reset-offsets", "--group", "tool", "--all-topics", "--to-current", "--export")
        tool("--reset-offsets", "--group", "tool", "--topic", "orders:0,1", "--to-earliest", "--execute")
        self.assertEqual(offsets(), {**ends, 0: 0, 1: 0})
        tool("--reset-offsets", "--group", "tool", "--topic", "orders:0", "--shift-by", "2", "--execute")
        self.assertEqual(offsets()[0], 2)
        tool("--reset-offsets", "--group", "tool", "--topic", "orders", "--to-offset", "1", "--execute")
        self.assertEqual(set(offsets().values()), {1})
        tool("--reset-offsets", "--group", "tool", "--all-topics", "--by-duration", "PT1H", "--execute")
        self.assertEqual(set(offsets().values()), {0})
        tool("--reset-offsets", "--group", "tool", "--all-topics", "--to-datetime", "2035-01-01T00:00:00.000", "--execute")
        self.assertEqual(offsets(), ends)
        tool("--reset-offsets", "--group", "tool", "--all-topics", "--to-offset", "3", "--execute")
        with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
            file.write(plan)
            file.flush()
            tool("--reset-offsets", "--group", "tool", "--from-file", file.name, "--execute")
        self.assertEqual(offsets(), ends)
        tool("--delete-offsets", "--group", "tool", "--topic", "orders:3")
        self.assertEqual(sorted(offsets()), [0, 1, 2, 4, 5, 6, 7])
        tool("--delete", "--group", "tool")
        self.assertEqual(tool("--list"), "")
        with self.assertRaisesRegex(ToolFailed, "does not exist"):
            tool("--describe", "--group", "tool")

    def test_deleted_topic_takes_its_offsets_along(self):
        cluster = self.start()
        self.produce(50)
        member = self.kcat("gone")
        self.wait_for_lag_of(member, "gone")
        member.stop()
        cluster.ottla("topics", "--delete", "--topic", "orders")
        wait_until(lambda: "gone" not in cluster.ottla("consumer-groups", "--list").split(), "no group without offsets")

    # Old clients.

    def test_kafkas_own_tools(self):
        """kafka-consumer-groups of 3.9 against our coordinator."""
        cluster = self.start()
        self.produce(100)
        member = self.kcat("theirs")
        self.wait_for_lag_of(member, "theirs")

        def tool(*arguments):
            return interop_clients.kafka_tool("3.9.1", "kafka-consumer-groups", "--bootstrap-server", cluster.bootstrap,
                                              "--timeout", "60000", *arguments)
        self.assertIn("theirs", tool("--list"))
        described = tool("--describe", "--group", "theirs")
        self.assertRegex(described, r"theirs +orders +7 +\d+ +\d+ +0 +rdkafka-")
        self.assertRegex(tool("--describe", "--group", "theirs", "--state"), r"range +Stable +1")

        def ours(*arguments, check=True):
            return cluster.ottla("consumer-groups", *arguments, check=check)

        def rows(text):
            return [" ".join(line.split()) for line in text.splitlines() if line.strip()]
        for arguments in (("--list",), ("--list", "--state"), ("--list", "--type", "--state", "stable"),
                          ("--describe", "--group", "theirs"), ("--describe", "--group", "theirs", "--members"),
                          ("--describe", "--group", "theirs", "--state"), ("--describe", "--all-groups", "--offsets")):
            self.assertEqual(sorted(rows(ours(*arguments))), sorted(rows(tool(*arguments))), arguments)
        member.stop()
        plans = [run("--reset-offsets", "--group", "theirs", "--topic", "orders", "--to-offset", "2", "--dry-run", "--export")
                 for run in (ours, tool)]
        self.assertEqual(sorted(rows(plans[0])), sorted(rows(plans[1])))
        for run, plan in ((tool, plans[0]), (ours, plans[1])):
            with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
                file.write(plan.replace(",2\n", ",3\n"))
                file.flush()
                run("--reset-offsets", "--group", "theirs", "--from-file", file.name, "--execute")
            self.assertEqual({row["currentOffset"] for row in self.describe("theirs")["offsets"]}, {3})
            ours("--reset-offsets", "--group", "theirs", "--topic", "orders", "--to-latest", "--execute")
        tool("--reset-offsets", "--group", "theirs", "--topic", "orders", "--to-offset", "1", "--execute")
        self.assertEqual({row["currentOffset"] for row in self.describe("theirs")["offsets"]}, {1})
        self.assertIn("Successful", tool("--delete-offsets", "--group", "theirs", "--topic", "orders:0"))
        self.assertIn("successful", tool("--delete", "--group", "theirs"))

    def test_several_groups_beside_kafkas_tool(self):
        cluster = self.start()
        self.produce(100)

        def ours(*arguments, check=True):
            return cluster.ottla("consumer-groups", *arguments, check=check)

        def tool(*arguments):
            return interop_clients.kafka_tool("3.9.1", "kafka-consumer-groups", "--bootstrap-server", cluster.bootstrap,
                                              "--timeout", "60000", *arguments)

        def offsets(group):
            return {row["partition"]: row["currentOffset"] for row in self.describe(group)["offsets"]}

        def plan_of(text):
            return sorted(line for line in text.replace('"', "").splitlines() if line.strip())
        both = ("--group", "a", "--group", "b")
        ours("--reset-offsets", "--group", "a", "--topic", "orders", "--to-offset", "1", "--execute")
        ours("--reset-offsets", "--group", "b", "--topic", "orders", "--to-offset", "2", "--execute")
        plans = [plan_of(run("--reset-offsets", *scope, "--all-topics", "--to-current", "--dry-run", "--export"))
                 for run in (ours, tool) for scope in (both, ("--all-groups",))]
        self.assertEqual(plans, [plans[0]] * 4)
        self.assertEqual(len(plans[0]), 2 * PARTITIONS)
        self.assertEqual(plans[0][0].count(","), 3, "the group stands in the line")
        for run in (ours, tool):
            ends = [plan_of(run("--reset-offsets", "--group", group, "--topic", "orders", "--to-latest", "--dry-run",
                                "--export")) for group in ("a", "b")]
            self.assertEqual(ends[0], ends[1])
            run("--reset-offsets", "--all-groups", "--topic", "orders", "--to-latest", "--execute")
            logs = {row["partition"]: row["logEndOffset"] for row in self.describe("a")["offsets"]}
            self.assertEqual([offsets("a"), offsets("b")], [logs, logs])
            with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
                file.write("".join(line + "\n" for line in plans[0]))
                file.flush()
                run("--reset-offsets", *both, "--from-file", file.name, "--execute")
            self.assertEqual([set(offsets("a").values()), set(offsets("b").values())], [{1}, {2}])
        # A group that has members, or nothing to shift, does not keep the others from theirs.
        member = self.kcat("busy")
        self.wait_for_lag_of(member, "busy")
        with self.assertRaisesRegex(ToolFailed, "1 of 3 groups cannot be reset(.|\n)*'busy'.*current state is Stable"):
            ours("--reset-offsets", "--all-groups", "--all-topics", "--to-offset", "3", "--execute")
        self.assertEqual([set(offsets("a").values()), set(offsets("b").values())], [{3}, {3}])
        member.stop()
        ours("--delete-offsets", "--group", "a", "--topic", "orders:0")
        with self.assertRaisesRegex(ToolFailed, "1 of 2 groups cannot be reset(.|\n)*'a': orders-0: cannot shift"):
            ours("--reset-offsets", *both, "--topic", "orders", "--shift-by", "-1", "--execute")
        self.assertEqual([set(offsets("a").values()), set(offsets("b").values())], [{3}, {2}])
        # What would take more away than was meant is refused, and nothing is done.
        for wrong in (("--delete", "--group", "a", "--topic", "orders"), ("--delete", "--group", "a", "--all-groups"),
                      ("--delete-offsets", "--group", "a", "--all-topics"), ("--list", "--group", "a")):
            with self.assertRaises(ToolFailed, msg=wrong):
                ours(*wrong)
        self.assertEqual(ours("--list").split(), ["a", "b", "busy"])
        self.assertIn("successful", ours("--delete", "--all-groups"))
        self.assertEqual(ours("--list"), "")

    def test_zookeeper_consumer_of_0_8(self):
        """The high-level consumer of Kafka 0.8.2: members and offsets in ZooKeeper, records from us."""
        cluster = self.start()
        wanted = self.produce(100)
        output = interop_clients.kafka_tool(
            "0.8.2.2", "kafka-console-consumer", "--zookeeper", cluster.zookeeper.connect + cluster.chroot,
            "--topic", "orders", "--from-beginning", "--max-messages", "100", seconds=60)
        self.assertEqual({line for line in output.splitlines() if re.fullmatch(r"x\d+", line)}, wanted)

    def test_consumer_of_0_8_that_keeps_its_offsets_in_kafka(self):
        """offsets.storage=kafka: ConsumerMetadata (FindCoordinator v0), OffsetCommit v1, OffsetFetch v1. What the first
        run has read the second one does not read again."""
        cluster = self.start()
        properties = cluster.directory / "consumer.properties"
        properties.write_text("group.id=ancient\noffsets.storage=kafka\ndual.commit.enabled=false\n"
                              "auto.offset.reset=smallest\nauto.commit.interval.ms=200\n")

        def consume(count, *flags):
            output = interop_clients.kafka_tool(
                "0.8.2.2", "kafka-console-consumer", "--zookeeper", cluster.zookeeper.connect + cluster.chroot,
                "--topic", "orders", "--max-messages", str(count), "--consumer.config", properties, *flags, seconds=90)
            return {line for line in output.splitlines() if re.fullmatch(r"[xy]\d+", line)}
        first = self.produce(100)
        self.assertEqual(consume(100, "--from-beginning"), first)
        self.wait_for_lag("ancient")
        second = self.produce(50, "y")
        self.assertEqual(consume(50), second)

    # Why it rebalances.

    def explain(self, group):
        return json.loads(self.cluster.ottla("explain", "group", group, "--json"))

    def test_explain_tells_who_left_and_why(self):
        self.start()
        members = [self.kcat("watched") for _ in range(3)]
        self.wait_for_members("watched", 3)
        members[0].kill()
        self.wait_for_members("watched", 2)
        members[1].stop()
        self.wait_for_members("watched", 1)
        told = self.explain("watched")
        self.assertEqual((told["state"], len(told["members"]), told["rebalanceBeganMs"]), ("Stable", 1, -1))
        left = [event for event in told["events"] if event["kind"] == "left"]
        self.assertTrue(any("no heartbeat" in event["why"] for event in left), left)
        self.assertTrue(any("member left" in event["why"] for event in left), left)
        self.assertTrue(all("rdkafka" in event["client"] for event in left), left)
        ended = [event for event in told["events"] if event["kind"] == "rebalance ended"]
        self.assertEqual(ended[-1]["members"], 1)
        self.assertTrue(all(0 <= event["tookMs"] < 60_000 for event in ended))
        text = self.cluster.ottla("explain", "group", "watched")
        self.assertIn("Stable", text)
        self.assertIn("no heartbeat of member ... within its session timeout", text)
        former = self.cluster.brokers[told["coordinator"]]
        former.process.kill()
        wait_until(lambda: self.explain("watched")["coordinator"] not in (-1, former.id), "another coordinator")
        self.wait_for_members("watched", 1)


if __name__ == "__main__":
    unittest.main()
