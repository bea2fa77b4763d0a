"""verifiable-producer and verifiable-consumer next to Kafka's own, on one cluster."""

import json
import subprocess
import unittest

import interop_clients
from cluster import OTTLA, Cluster, wait_until

KAFKA = "3.9.1"


def events_of(text):
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def shape(event):
    """The event's name, its fields in order, and what kind each value has."""
    return event["name"], [(name, type(value).__name__) for name, value in event.items()]


class VerifiableToolsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        interop_clients.kafka_jars(KAFKA)
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.close)

    def ours(self, tool, *arguments):
        return events_of(self.cluster.ottla(tool, *arguments, seconds=120))

    def theirs(self, tool, *arguments):
        return events_of(interop_clients.kafka_tool(KAFKA, tool, "--bootstrap-server", self.cluster.bootstrap,
                                                    *map(str, arguments)))

    def start(self, name, *arguments):
        """(the process, the file with its events)."""
        path = self.cluster.directory / f"{name}.events"
        with open(path, "w") as out:
            process = subprocess.Popen([str(OTTLA), *arguments, "--bootstrap-server", self.cluster.bootstrap], stdout=out)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process, path

    @staticmethod
    def named(events, name):
        return [event for event in events if event["name"] == name]

    def test_producer(self):
        self.cluster.create_topic("produced", 2, 3)
        flags = ("--topic", "produced", "--max-messages", 20, "--throughput", 1000, "--repeating-keys", 2, "--value-prefix", 7)
        both = [run("kafka-verifiable-producer", *flags) for run in (self.ours, self.theirs)]
        for events in both:
            self.assertEqual([event["name"] for event in events],
                             ["startup_complete", *["producer_send_success"] * 20, "shutdown_complete", "tool_data"])
            self.assertEqual((events[-1]["sent"], events[-1]["acked"], events[-1]["target_throughput"]), (20, 20, 1000))
        for ours, theirs in zip(*both):
            self.assertEqual(shape(ours), shape(theirs))

        def placed(events):  # Keys go to the same partitions, values in the same order.
            return sorted((event["partition"], event["key"], event["value"]) for event in self.named(events, "producer_send_success"))
        self.assertEqual(placed(both[0]), placed(both[1]))

    def test_failed_records(self):
        self.cluster.create_topic("refused", 1, 3, max__message__bytes=70)
        flags = ("--topic", "refused", "--max-messages", 1, "--value-prefix", 1234567890)
        ours, theirs = (run("kafka-verifiable-producer", *flags) for run in (self.ours, self.theirs))
        failed = [self.named(events, "producer_send_error") for events in (ours, theirs)]
        self.assertEqual([len(events) for events in failed], [1, 1], (ours, theirs))
        self.assertEqual(shape(failed[0][0]), shape(failed[1][0]))
        self.assertEqual(failed[0][0]["exception"], failed[1][0]["exception"])
        self.assertEqual((ours[-1]["sent"], ours[-1]["acked"]), (1, 0))

    def test_times_of_records(self):
        self.cluster.create_topic("timed", 1, 3, retention__ms=-1)
        self.ours("verifiable-producer", "--topic", "timed", "--max-messages", 2, "--message-create-time", 1_000_000_000_000)
        told = self.cluster.ottla("console-consumer", "--topic", "timed", "--from-beginning", "--max-messages", 2,
                                  "--property", "print.timestamp=true")
        self.assertRegex(told, r"\ACreateTime:10000000\d{5}\t0\nCreateTime:10000000\d{5}\t1\n\Z")

    def test_consumer(self):
        self.cluster.create_topic("consumed", 2, 3)
        self.ours("verifiable-producer", "--topic", "consumed", "--max-messages", 40, "--repeating-keys", 4)
        both = []
        for run, group in ((self.ours, "ours"), (self.theirs, "theirs")):
            events = run("kafka-verifiable-consumer", "--topic", "consumed", "--group-id", group, "--max-messages", 40,
                         "--session-timeout", 10000, "--verbose")
            both.append(events)
            self.assertEqual([events[0]["name"], events[1]["name"]], ["startup_complete", "partitions_assigned"])
            self.assertEqual([events[-2]["name"], events[-1]["name"]], ["partitions_revoked", "shutdown_complete"])
            committed = {(row["topic"], row["partition"]): row["offset"] for event in self.named(events, "offsets_committed")
                         for row in event["offsets"]}
            self.assertEqual(sum(committed.values()), 40)
            self.assertEqual(sum(row["count"] for event in self.named(events, "records_consumed") for row in event["partitions"]), 40)
        ours, theirs = both
        for name in ("startup_complete", "partitions_assigned", "record_data", "records_consumed", "offsets_committed",
                     "partitions_revoked", "shutdown_complete"):
            self.assertEqual(shape(self.named(ours, name)[0]), shape(self.named(theirs, name)[0]))
        self.assertEqual(self.named(ours, "partitions_assigned")[0]["partitions"],
                         self.named(theirs, "partitions_assigned")[0]["partitions"])
        for event in (*self.named(ours, "records_consumed"), *self.named(theirs, "records_consumed")):
            self.assertEqual([list(row) for row in event["partitions"]],
                             [["topic", "partition", "count", "minOffset", "maxOffset"]] * len(event["partitions"]))

    def test_the_group_protocol_of_kraft(self):
        """Kafka's own tools learn that it is not served, as from a Kafka 3.9 with ZooKeeper; ours say so before they ask."""
        self.cluster.create_topic("protocol", 1, 3)
        for tool, flags in (("verifiable-consumer", ("--group-id", "new", "--group-protocol", "Consumer")),
                            ("console-consumer", ("--group", "new", "--consumer-property", "group.protocol=Consumer"))):
            with self.subTest(tool=tool):
                arguments = ["--bootstrap-server", self.cluster.bootstrap, "--topic", "protocol", *flags]
                ours = subprocess.run([OTTLA, tool, *arguments], capture_output=True, text=True, timeout=60)
                self.assertEqual((ours.returncode, ours.stdout), (1, ""))
                self.assertRegex(ours.stderr, r"group[-.]protocol.Consumer: must be classic, .* ZooKeeper")
                theirs = subprocess.run([interop_clients.KAFKA_REF, "run-tool", "--version", KAFKA, f"kafka-{tool}", *arguments],
                                        capture_output=True, text=True, timeout=120)
                self.assertIn("UnsupportedVersionException", theirs.stderr)
        classic = ("--group-id", "old", "--group-protocol", "CLASSIC")
        self.ours("verifiable-producer", "--topic", "protocol", "--max-messages", 1)
        self.assertTrue(self.named(self.ours("verifiable-consumer", "--topic", "protocol", "--max-messages", 1, *classic),
                                   "records_consumed"))

    def test_rebalance_and_stop(self):
        """A second static member takes half of the partitions; both end when they are told to."""
        self.cluster.create_topic("shared", 2, 3)
        started = [self.start("producer", "verifiable-producer", "--topic", "shared", "--throughput", "200")]
        for number in (0, 1):
            started.append(self.start(
                f"member-{number}", "verifiable-consumer", "--topic", "shared", "--group-id", "both", "--group-instance-id",
                f"member-{number}", "--enable-autocommit", "--assignment-strategy",
                "org.apache.kafka.clients.consumer.CooperativeStickyAssignor"))
            wait_until(lambda: '"records_consumed"' in started[-1][1].read_text(), f"member {number} to read", 60)
        for process, _ in started:
            process.terminate()
        self.assertEqual([process.wait(60) for process, _ in started], [0, 0, 0])
        sent, first, second = (events_of(path.read_text()) for _, path in started)
        self.assertEqual(sent[-1]["sent"], len(self.named(sent, "producer_send_success")))
        for events in (first, second):
            self.assertEqual(events[-1]["name"], "shutdown_complete")
            self.assertEqual(self.named(events, "offsets_committed"), [])
        self.assertEqual(len(self.named(first, "partitions_assigned")[0]["partitions"]), 2)
        self.assertEqual(len(self.named(first, "partitions_revoked")[0]["partitions"]), 1)


if __name__ == "__main__":
    unittest.main()
