"""Read, process, write in transactions with unmodified clients: every input record comes out exactly once for a
read_committed consumer, while brokers are killed: coordinators of transactions and groups, leaders, controllers."""

import collections
import functools
import json
import random
import subprocess
import threading
import time
import unittest

import interop_clients
from cluster import Cluster, wait_until

PARTITIONS = 4
WORDS = [f"word{i}" for i in range(40)]
SETTINGS = {"group__initial__rebalance__delay__ms": 200, "offsets__topic__num__partitions": 5,
            "transaction__state__log__num__partitions": 5, "transaction__state__log__replication__factor": 3,
            "min__insync__replicas": 2}


class Copier:
    """A client's loop (clients/java/Transact.java and its like) whose lines are counted as they come."""

    def __init__(self, command, *arguments):
        self.said = collections.Counter()
        self.child = subprocess.Popen([str(word) for word in (*command, *arguments)], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.child.stdout:
            words = line.split()
            self.said[words[0] if words[0] in ("committed", "aborted") else " ".join(words)] += 1

    def kill(self):
        if self.child.poll() is None:
            self.child.kill()
        self.end()

    def end(self):
        self.child.stdin.close()  # its sign to end
        try:
            self.child.wait(60)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait(10)
        self.reader.join(10)
        self.child.stdout.close()


class TransactionsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(**SETTINGS)
        cls.addClassCleanup(cls.cluster.close)

    def setUp(self):
        self.name = self.id().rsplit(".", 1)[1].replace("test_", "")
        for topic in (f"{self.name}-in", f"{self.name}-out"):
            self.cluster.create_topic(topic, PARTITIONS, 3, min__insync__replicas=2)
            self.cluster.wait_for_isr(topic)
        self.produced = 0
        self.addCleanup(self.heal)

    def heal(self):
        for broker in self.cluster.brokers.values():
            if not broker.process.running():
                broker.start()
        self.cluster.wait_for_brokers()

    def produce(self, count):
        """Records with numbers of their own."""
        lines = "".join(f"key-{i}\tv{i}\n" for i in range(self.produced, self.produced + count))
        interop_clients.run(["kcat", "-P", "-b", self.cluster.bootstrap, "-t", f"{self.name}-in", "-K", "\t",
                             "-X", "acks=all", "-X", "enable.idempotence=true"], input=lines)
        self.produced += count

    def read(self, shown="%s\n"):
        return [line for line in interop_clients.run(
            ["kcat", "-C", "-b", self.cluster.bootstrap, "-t", f"{self.name}-out", "-o", "beginning", "-e", "-q",
             "-f", shown, "-X", "isolation.level=read_committed", "-X", "check.crcs=true"]).splitlines() if line]

    def start(self, command, copiers=2, abort_every=7):
        started = [Copier(command, self.cluster.bootstrap, f"{self.name}-{i}", f"{self.name}-group", f"{self.name}-in",
                          f"{self.name}-out", abort_every) for i in range(copiers)]
        for copier in started:
            self.addCleanup(copier.kill)
        return started

    def assert_exactly_once(self, copiers, seconds=120):
        wanted = {f"v{i}" for i in range(self.produced)}
        try:
            wait_until(lambda: len(set(self.read())) >= len(wanted), f"{len(wanted)} records to come out", seconds)
        except AssertionError as error:
            self.cluster.keep = True
            raise AssertionError(f"{error}\n{self.standstill(wanted, len(copiers))}") from error
        finally:
            for copier in copiers:
                copier.end()
            print(self.name, sum((copier.said for copier in copiers), collections.Counter()), flush=True)
        came = collections.Counter(self.read())
        doubled = {value: count for value, count in came.items() if count > 1}
        if doubled or set(came) != wanted:
            self.cluster.keep = True
        self.assertEqual(doubled, {})
        self.assertEqual(set(came), wanted)

    def standstill(self, wanted, copiers):
        """What a look at the cluster tells of records that do not come."""
        missing = wanted - set(self.read())
        told = [f"missing: {len(missing)}, such as {sorted(missing)[:10]}", f"cluster: {self.cluster.directory}"]
        for command in (["transactions", "list"],
                        *(["transactions", "describe", "--transactional-id", f"{self.name}-{i}"] for i in range(copiers)),
                        *(["transactions", "describe-producers", "--topic", f"{self.name}-out", "--partition", p]
                          for p in range(PARTITIONS)),
                        ["consumer-groups", "--describe", "--group", f"{self.name}-group"],
                        ["consumer-groups", "--describe", "--group", f"{self.name}-group", "--members"],
                        ["get-offsets", "--topic", f"{self.name}-(in|out)"],
                        ["topics", "--describe", "--topic", f"{self.name}-(in|out)"]):
            told.append(" ".join(map(str, command)) + "\n" + self.cluster.ottla(*command, check=False))
        return "\n".join(told)

    def kill_in_turn(self, rounds, seed, feed=None):
        """kill -9 of a random broker, and its return; records come all the while."""
        feed = feed or functools.partial(self.produce, 200)
        randomly = random.Random(seed)
        for _ in range(rounds):
            victim = self.cluster.brokers[randomly.choice(sorted(self.cluster.brokers))]
            victim.process.kill()
            feed()
            time.sleep(randomly.random() * 2)  # how long it is away: any time will do
            victim.start()
            self.cluster.wait_for_brokers()
            for topic in (f"{self.name}-in", f"{self.name}-out"):
                self.cluster.wait_for_isr(topic)

    def exactly_once_through_kills(self, command, rounds=5, seed=1):
        self.produce(500)
        copiers = self.start(command)
        wait_until(lambda: sum(copier.said["committed"] for copier in copiers) > 0, "a transaction", 90)
        self.kill_in_turn(rounds, seed)
        self.assert_exactly_once(copiers)
        self.assertGreater(sum(copier.said["aborted"] for copier in copiers), 0)

    def test_java_2_8(self):
        self.exactly_once_through_kills(interop_clients.java_main("2.8.2", "Transact"), rounds=3, seed=4)

    def test_go(self):
        command = [*interop_clients.go().produce_command[:1], "transact"]
        self.exactly_once_through_kills(command, rounds=3, seed=5)

    def test_streams(self):
        """Kafka Streams with exactly_once_v2: every word is counted once through ten kills."""
        words = random.Random(6).choices(WORDS, k=4000)
        counter = self.start(interop_clients.java_main("3.9.1", "CountWords"), copiers=1)[0]
        wait_until(lambda: counter.said["running"] > 0, "the application to run", 90)
        kills = 10
        part = len(words) // kills
        for kill in range(kills):
            batch = words[kill * part:(kill + 1) * part]
            lines = [" ".join(batch[i:i + 5]) for i in range(0, len(batch), 5)]
            self.kill_in_turn(1, seed=kill, feed=lambda: self.write_lines(lines))
        counted = {}
        def is_counted():
            for line in self.read("%k\t%s\n"):
                word, count = line.split("\t")
                counted[word] = int(count)
            return counted == collections.Counter(words) or None
        try:
            wait_until(is_counted, f"{len(words)} words to be counted", 120)
        except AssertionError:
            self.assertEqual(counted, collections.Counter(words))
        updates = [line.split("\t") for line in self.read("%k\t%s\n")]
        for word in WORDS:
            counts = [int(count) for each, count in updates if each == word]
            self.assertEqual(counts, sorted(set(counts)), f"{word} was counted back, or twice")

    def write_lines(self, lines):
        interop_clients.run(["kcat", "-P", "-b", self.cluster.bootstrap, "-t", f"{self.name}-in",
                             "-X", "acks=all", "-X", "enable.idempotence=true"], input="\n".join(lines) + "\n")

    def test_java_3_9(self):
        self.exactly_once_through_kills(interop_clients.java_main("3.9.1", "Transact"))

    def test_java_4_1(self):
        """With transaction version 2: each end raises the epoch."""
        self.exactly_once_through_kills(interop_clients.java_main("4.1.1", "Transact"), seed=2)
        [described] = json.loads(self.cluster.ottla("transactions", "--json", "describe", "--transactional-id", "java_4_1-0"))
        self.assertGreater(described["ProducerEpoch"], 10)

    def test_librdkafka(self):
        command = interop_clients.confluent_python()
        self.exactly_once_through_kills([command[0], command[1].with_name("confluent_transact.py")], seed=3)


if __name__ == "__main__":
    unittest.main()
