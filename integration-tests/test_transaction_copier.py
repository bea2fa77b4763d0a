"""Numbered messages are copied in transactions, each exactly once, while kill -9 is aimed at each part of a transaction
in turn: its coordinator, a leader of the output, the group's coordinator, the controller, and the copier itself."""

import collections
import json
import subprocess
import threading
import time
import unittest

import interop_clients
from cluster import Cluster, wait_until

PARTITIONS = 2
MESSAGES = 2500  # for each partition
PER_TRANSACTION = 10
STATE_PARTITIONS = 5
SETTINGS = {"offsets__topic__num__partitions": STATE_PARTITIONS, "offsets__topic__replication__factor": 3,
            "transaction__state__log__num__partitions": STATE_PARTITIONS,
            "transaction__state__log__replication__factor": 3, "min__insync__replicas": 2}
INPUT, OUTPUT = "numbers", "copies"
ROUNDS = 2


def coordinator_partition(name):
    """abs(String.hashCode(name)) % partitions, as Kafka does."""
    code = 0
    for letter in name:
        code = (31 * code + ord(letter)) & 0xffffffff
    return (code & 0x7fffffff) % STATE_PARTITIONS


class Copier:
    """The copier of one partition, whichever process it is: one that has ended early is followed by another."""

    def __init__(self, command, cluster, partition):
        self.name = f"copier-{partition}"
        self.group = f"copiers-{partition}"
        self.arguments = [*map(str, command), cluster.bootstrap, self.name, self.group, INPUT, str(partition), OUTPUT,
                          str(MESSAGES), str(PER_TRANSACTION)]
        self.stages = collections.Counter()
        self.processes = 0
        self.consumed = 0
        self.remaining = MESSAGES
        self.is_over = False
        self.child = None
        self.supervisor = threading.Thread(target=self.keep_running, daemon=True)
        self.supervisor.start()

    def keep_running(self):
        while not self.is_over and self.remaining:
            self.child = subprocess.Popen(self.arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            self.processes += 1
            consumed = 0
            for line in self.child.stdout:
                if not line.endswith("\n"):
                    break  # killed in the middle of a word
                told = json.loads(line)
                self.stages[told["stage"]] += 1
                consumed, self.remaining = told["consumed"], told["remaining"]
            self.consumed += consumed
            self.child.wait()
            self.child.stdout.close()

    def kill(self):
        child, processes = self.child, self.processes
        child.kill()
        wait_until(lambda: self.processes > processes or not self.remaining, "the next process", 60)

    def end(self):
        self.is_over = True
        if self.child and self.child.poll() is None:
            self.child.kill()
        self.supervisor.join(30)


class TransactionCopierTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        command = interop_clients.confluent_python()
        cls.command = [command[0], command[1].with_name("confluent_copier.py")]
        cls.cluster = Cluster(**SETTINGS)
        cls.addClassCleanup(cls.cluster.close)
        for topic in (INPUT, OUTPUT):
            cls.cluster.create_topic(topic, PARTITIONS, 3, min__insync__replicas=2)
            cls.cluster.wait_for_isr(topic)

    def produce(self):
        for partition in range(PARTITIONS):
            lines = "".join(f"{partition}-{number}\n" for number in range(MESSAGES))
            interop_clients.run(["kcat", "-P", "-b", self.cluster.bootstrap, "-t", INPUT, "-p", str(partition),
                                 "-X", "acks=all", "-X", "enable.idempotence=true"], input=lines)

    def read(self, isolation):
        lines = interop_clients.run(["kcat", "-C", "-b", self.cluster.bootstrap, "-t", OUTPUT, "-o", "beginning", "-e", "-q",
                                     "-f", "%p %s\n", "-X", f"isolation.level={isolation}", "-X", "check.crcs=true"])
        copies = {partition: [] for partition in range(PARTITIONS)}
        for line in lines.splitlines():
            partition, value = line.split(" ")
            copies[int(partition)].append(value)
        return copies

    def leader(self, topic, partition):
        return wait_until(lambda: self.cluster.leader(topic, partition), f"a leader of {topic}-{partition}", 60)

    def kill_broker(self, victim):
        """It is away until the copiers have gone on without it."""
        before = sum(copier.remaining for copier in self.copiers)
        victim.process.kill()
        wait_until(lambda: sum(copier.remaining for copier in self.copiers) < before - 2 * PER_TRANSACTION
                   or not any(copier.remaining for copier in self.copiers), "transactions without it", 90)
        victim.start()
        self.cluster.wait_for_brokers()
        for topic in (INPUT, OUTPUT, "__transaction_state", "__consumer_offsets"):
            self.cluster.wait_for_isr(topic)

    def strike(self, target, copier):
        aims = {"transaction coordinator": lambda: self.leader("__transaction_state", coordinator_partition(copier.name)),
                "output leader": lambda: self.leader(OUTPUT, int(copier.name.rsplit("-", 1)[1])),
                "group coordinator": lambda: self.leader("__consumer_offsets", coordinator_partition(copier.group)),
                "controller": lambda: wait_until(self.cluster.controller, "a controller", 60)}
        if target == "copier":
            copier.kill()
        else:
            self.kill_broker(aims[target]())

    def test_each_message_is_copied_once(self):
        self.produce()
        began = time.monotonic()
        self.copiers = [Copier(self.command, self.cluster, partition) for partition in range(PARTITIONS)]
        for copier in self.copiers:
            self.addCleanup(copier.end)
        wait_until(lambda: all(copier.stages["committed"] > 3 for copier in self.copiers), "transactions of each", 90)
        kills = collections.Counter()
        targets = ["transaction coordinator", "copier", "output leader", "copier", "group coordinator", "copier", "controller"]
        for number, target in enumerate(targets * ROUNDS):
            copier = self.copiers[number % PARTITIONS]
            if not copier.remaining:
                copier = max(self.copiers, key=lambda each: each.remaining)
            if not copier.remaining:
                break
            self.strike(target, copier)
            kills[target] += 1
            print(f"{time.monotonic() - began:.0f} s: {target} was killed; remaining",
                  [each.remaining for each in self.copiers], flush=True)
        try:
            wait_until(lambda: not any(copier.remaining for copier in self.copiers), "all to be copied", 180)
        finally:
            self.cluster.keep = any(copier.remaining for copier in self.copiers)
            for copier in self.copiers:
                print(copier.name, json.dumps({"processes": copier.processes, "remaining": copier.remaining, **copier.stages}),
                      flush=True)
        for copier in self.copiers:
            copier.supervisor.join(60)
        committed, written = self.read("read_committed"), self.read("read_uncommitted")
        print(json.dumps({"kills": kills, "consumed": [copier.consumed for copier in self.copiers], "seconds": round(time.monotonic() - began),
                          "written": sum(map(len, written.values())), "committed": sum(map(len, committed.values()))}), flush=True)
        for partition, copies in committed.items():
            wanted = [f"{partition}-{number}" for number in range(MESSAGES)]
            if copies != wanted:
                self.cluster.keep = True
            doubled = {value: count for value, count in collections.Counter(copies).items() if count > 1}
            self.assertEqual(doubled, {}, "copied twice")
            self.assertEqual(set(wanted) - set(copies), set(), "lost")
            self.assertEqual(copies, wanted, "out of order")
        for target in ("transaction coordinator", "output leader", "group coordinator", "controller", "copier"):
            self.assertGreater(kills[target], 0, f"the copiers were through before {target} was killed")
        self.assertGreater(sum(copier.stages["aborted"] for copier in self.copiers), 0)
        self.assertGreater(sum(map(len, written.values())), PARTITIONS * MESSAGES, "aborted copies are there, too")
        for copier in self.copiers:
            # A process that was killed may have committed what it did not tell of.
            self.assertLessEqual(copier.consumed, MESSAGES)


if __name__ == "__main__":
    unittest.main()
