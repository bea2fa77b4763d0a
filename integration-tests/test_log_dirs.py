"""Log directories: what lies in them, moves between them under load and through kills, and what a failed or
full one takes with it."""

import json
import pathlib
import subprocess
import unittest

import wire
from cluster import Checker, Cluster, ToolFailed, wait_until

ALTER_REPLICA_LOG_DIRS = 34
REPLICA_NOT_AVAILABLE, KAFKA_STORAGE_ERROR, LOG_DIR_NOT_FOUND, UNKNOWN_TOPIC = 9, 56, 57, 3
THROTTLE = "replica.alter.log.dirs.io.max.bytes.per.second"


def dirs_of(broker_id):
    return lambda cluster: ",".join(
        str(cluster.directory / f"broker-{broker_id}" / name) for name in ("data", "more"))


class LogDirsCase(unittest.TestCase):
    TOPIC = "orders"

    def start(self, brokers=3, **overrides):
        dirs = {f"{broker_id}:log.dirs": dirs_of(broker_id) for broker_id in range(1, brokers + 1)}
        cluster = Cluster(brokers, **{"min__insync__replicas": min(2, brokers), "log__segment__bytes": 262144,
                                      "file__delete__delay__ms": 100, "log__segment__delete__delay__ms": 100,
                                      **dirs, **overrides})
        self.addCleanup(cluster.close)
        self.cluster = cluster
        return cluster

    def described(self, broker):
        """{log dir: {(partition, is future): row}}; None for an offline one."""
        text = self.cluster.ottla("log-dirs", "--describe", "--broker-list", broker.id, "--json")
        brokers = json.loads(text)["brokers"]
        self.assertEqual([row["broker"] for row in brokers], [broker.id])
        return {row["logDir"]: None if row["error"] else
                {(partition["partition"], partition["isFuture"]): partition for partition in row["partitions"]}
                for row in brokers[0]["logDirs"]}

    def place(self, broker, partition=0, topic=None):
        """(its log dir, another one)."""
        name = (f"{topic or self.TOPIC}-{partition}", False)
        dirs = self.described(broker)
        here = next(path for path, logs in dirs.items() if logs is not None and name in logs)
        return pathlib.Path(here), pathlib.Path(next(path for path in dirs if path != here))

    def alter(self, broker, directory, partition=0, topic=None):
        """The error code of the one partition."""
        topic = topic or self.TOPIC
        body = wire.array([wire.text(str(directory)) + wire.array(
            [wire.text(topic) + wire.array([wire.i32(partition)])])])
        with wire.Connection(broker) as connection:
            answer = connection.call(ALTER_REPLICA_LOG_DIRS, 1, body)
            answer.i32()
            rows = answer.array(lambda: (answer.text(), answer.array(lambda: (answer.i32(), answer.i16()))))
        self.assertEqual([row[0] for row in rows], [topic])
        return rows[0][1][0][1]

    def wait_for_move(self, broker, target, partition=0, topic=None):
        """Served from there, with nothing left behind."""
        name = f"{topic or self.TOPIC}-{partition}"

        def moved():
            here, there = self.place(broker, partition, topic)
            return here == target and not list(there.glob(f"{name}*")) and not list(target.glob(f"{name}.*"))
        wait_until(moved, f"{name} of broker {broker.id} in {target}")

    def produce(self, partitions=1, **options):
        checker = Checker(self.cluster, self.TOPIC, partitions, **options)
        self.addCleanup(checker.kill)
        checker.wait_for_progress(500)
        return checker

    def assert_nothing_lost(self, checker, at_least=1000):
        try:
            counts = checker.finish()
        except BaseException:
            self.cluster.print_logs()
            raise
        print(counts, flush=True)
        if counts["lost"] or counts["duplicated"] or counts["reordered"]:
            self.cluster.print_logs(200)
            self.cluster.keep = True
        self.assertGreater(counts["acknowledged"], at_least)
        self.assertEqual((counts["lost"], counts["duplicated"], counts["reordered"]), (0, 0, 0))
        return counts

    def fill(self, megabytes, topic=None, partition=0):
        """Records by hand, as many bytes as are asked for."""
        leader = self.cluster.leader(topic or self.TOPIC, partition)
        batch = wire.batch([wire.record(b"x" * 60000)])
        with wire.Connection(leader, timeout=30) as connection:
            for _ in range(megabytes * 17):
                error, _, _ = connection.produce(topic or self.TOPIC, batch, partition=partition)
                self.assertEqual(error, 0)


class MovesTest(LogDirsCase):
    def test_moves_under_load(self):
        cluster = self.start()
        cluster.create_topic(self.TOPIC, 2, 3)
        cluster.wait_for_isr(self.TOPIC)
        checker = self.produce(2)
        leader = cluster.leader(self.TOPIC)
        follower = next(broker for broker in cluster.brokers.values() if broker is not leader)
        for broker in (leader, follower, leader):
            here, there = self.place(broker)
            self.assertEqual(self.alter(broker, there), 0)
            checker.wait_for_progress(500)
            self.wait_for_move(broker, there)
            self.assertFalse((there / f"{self.TOPIC}-0" / "ottla-moved-from").exists())
            self.assertEqual(self.alter(broker, there), 0)  # it is there: nothing to do
        checker.wait_for_progress(1000)
        for partition in cluster.partitions(self.TOPIC).values():
            self.assertEqual(len(partition["isr"]), 3)
        self.assert_nothing_lost(checker)

    def test_killed_in_the_middle(self):
        """What was copied is not copied again, and the move ends by itself."""
        cluster = self.start(**{THROTTLE: 1 << 20})
        cluster.create_topic(self.TOPIC, 1, 3)
        cluster.wait_for_isr(self.TOPIC)
        checker = self.produce(value_bytes=2000)
        checker.wait_for_progress(5000)
        broker = cluster.leader(self.TOPIC)
        here, there = self.place(broker)
        self.assertEqual(self.alter(broker, there), 0)
        name = (f"{self.TOPIC}-0", True)

        def lag():
            return self.described(broker)[str(there)].get(name)
        wait_until(lambda: lag() and lag()["size"] > 2 << 20, "progress of the move")
        self.assertGreater(lag()["offsetLag"], 0)
        broker.process.kill()
        future = next(there.glob(f"{self.TOPIC}-0.*-future"))
        copied = sum(path.stat().st_size for path in future.glob("*.log"))
        self.assertGreater(copied, 2 << 20)
        checker.wait_for_progress(1000)
        properties = broker.properties.read_text()
        broker.properties.write_text(properties.replace(f"{THROTTLE}={1 << 20}", ""))
        broker.start()
        self.wait_for_move(broker, there)
        cluster.wait_for_isr(self.TOPIC)
        begins = [int(line.split("copies ")[1].split()[0]) for line in broker.log.splitlines()
                  if f"[{self.TOPIC}-0] copies " in line]
        self.assertEqual(begins[0], 0)
        self.assertGreater(begins[-1], 500)
        self.assert_nothing_lost(checker)

    def test_what_is_refused_cancelled_and_remembered(self):
        cluster = self.start(brokers=1, **{THROTTLE: 1 << 20})
        broker = cluster.brokers[1]
        cluster.create_topic(self.TOPIC, 1, 1)
        cluster.wait_for_isr(self.TOPIC, 1)
        here, there = self.place(broker)
        self.assertEqual(self.alter(broker, "/nowhere"), LOG_DIR_NOT_FOUND)
        self.assertEqual(self.alter(broker, there, partition=7), UNKNOWN_TOPIC)
        # A partition that is not there yet is made where it was asked for.
        for wanted in (here, there):
            topic = f"later-{wanted.name}"
            self.assertEqual(self.alter(broker, wanted, topic=topic), UNKNOWN_TOPIC)
            cluster.create_topic(topic, 1, 1)
            cluster.wait_for_isr(topic, 1)
            self.assertEqual(self.place(broker, topic=topic)[0], wanted)
        # The current dir as destination ends a move.
        self.fill(4)
        self.assertEqual(self.alter(broker, there), 0)
        wait_until(lambda: (f"{self.TOPIC}-0", True) in self.described(broker)[str(there)], "a future replica")
        self.assertEqual(self.alter(broker, here), 0)
        wait_until(lambda: not list(there.glob(f"{self.TOPIC}-0*")), "the future replica to be gone")
        self.assertEqual(self.place(broker)[0], here)
        # The topic's end is the move's.
        self.assertEqual(self.alter(broker, there), 0)
        cluster.ottla("topics", "--delete", "--topic", self.TOPIC)
        wait_until(lambda: not list(there.glob(f"{self.TOPIC}-0*")) and not list(here.glob(f"{self.TOPIC}-0*")),
                   "all of the topic to be gone")

    def test_log_dirs_tool(self):
        cluster = self.start(brokers=2)
        cluster.create_topic(self.TOPIC, 2, 2)
        cluster.create_topic("other", 1, 2)
        cluster.wait_for_isr(self.TOPIC, 2)
        lines = cluster.ottla("log-dirs", "--describe", "--topic-list", self.TOPIC).splitlines()
        self.assertEqual(lines[:2], ["Querying brokers for log directories information",
                                     "Received log directory information from brokers 1,2"])
        told = json.loads(lines[2])
        self.assertEqual(told["version"], 1)
        for broker in told["brokers"]:
            names = [partition["partition"] for directory in broker["logDirs"]
                     for partition in directory["partitions"]]
            self.assertEqual(sorted(names), ["orders-0", "orders-1"])
            for directory in broker["logDirs"]:
                self.assertEqual(list(directory), ["partitions", "error", "logDir"])
                self.assertIsNone(directory["error"])
        self.assertIn("free ", cluster.ottla("log-dirs", "--describe", "--table"))
        with self.assertRaises(ToolFailed) as refused:
            cluster.ottla("log-dirs", "--describe", "--broker-list", "1,7")
        self.assertIn("The given brokers do not exist from --broker-list: 7. Current existent brokers: 1,2",
                      str(refused.exception))


if __name__ == "__main__":
    unittest.main()
