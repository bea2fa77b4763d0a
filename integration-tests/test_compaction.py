"""Compaction of real brokers' logs: the offsets topic under load and through crashes, what Kafka's own tool says of the
files, and a damaged log beside sound ones."""

import json
import re
import subprocess
import threading
import unittest

import interop_clients
from cluster import Cluster, wait_until
from wire import Connection, array, i16, i32, i64, text

KAFKA = "3.9.1"
OFFSET_COMMIT, OFFSET_FETCH, FIND_COORDINATOR = 8, 9, 10
GROUPS, PARTITIONS = 40, 8
OFFSETS_LOG = "__consumer_offsets-0"


class Commits(threading.Thread):
    """Commits rising offsets for many groups without members, until it is stopped, whoever coordinates them."""

    def __init__(self, cluster):
        super().__init__(daemon=True)
        self.cluster = cluster
        self.acknowledged = {}  # group -> the last offset that was acknowledged
        self.sent = {}
        self.count = 0
        self.stopping = threading.Event()
        self.connection = None

    def run(self):
        number = 0
        while not self.stopping.is_set():
            number += 1
            for group in range(GROUPS):
                if self.stopping.is_set():
                    return
                self.sent[group] = number
                try:
                    if not commit(self.coordinator(), f"g{group}", number):
                        self.acknowledged[group] = number
                        self.count += 1
                        continue
                except (OSError, AssertionError):
                    pass
                self.disconnect()
                self.stopping.wait(0.02)

    def coordinator(self):
        self.connection = self.connection or connect_to_coordinator(self.cluster, "g0")
        return self.connection

    def disconnect(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def stop(self):
        self.stopping.set()
        self.join(60)
        self.disconnect()


def connect_to_coordinator(cluster, group):
    for broker in cluster.brokers.values():
        if not broker.process.running():
            continue
        try:
            with Connection(broker, timeout=5) as connection:
                answer = connection.call(FIND_COORDINATOR, 0, text(group))
                if answer.i16() == 0:
                    return Connection(cluster.brokers[answer.i32()], timeout=5)
        except (OSError, AssertionError):
            pass
    raise OSError(f"no coordinator of {group}")


def commit(connection, group, offset):
    """The first error of any partition."""
    partitions = [i32(partition) + i64(offset) + text("") for partition in range(PARTITIONS)]
    body = text(group) + i32(-1) + text("") + i64(-1) + array([text("orders") + array(partitions)])
    answer = connection.call(OFFSET_COMMIT, 2, body)
    errors = answer.array(lambda: (answer.text(), answer.array(lambda: (answer.i32(), answer.i16()))))[0][1]
    return next((error for _, error in errors if error), 0)


def committed(connection, group):
    """The group's offset, which is the same in all partitions; None while the coordinator loads."""
    body = text(group) + array([text("orders") + array([i32(partition) for partition in range(PARTITIONS)])])
    answer = connection.call(OFFSET_FETCH, 1, body)
    rows = answer.array(lambda: (answer.text(), answer.array(
        lambda: (answer.i32(), answer.i64(), answer.text(), answer.i16()))))[0][1]
    if any(error for *_, error in rows):
        return None
    offsets = {offset for _, offset, _, _ in rows}
    assert len(offsets) == 1, f"{group}: a commit is there in part: {rows}"
    return offsets.pop()


class OffsetsTopicTest(unittest.TestCase):
    def start(self, **overrides):
        self.cluster = Cluster(3, offsets__topic__num__partitions=1, offsets__topic__segment__bytes=60_000,
                               offsets__commit__required__acks=-1, min__insync__replicas=2,
                               log__cleaner__min__cleanable__ratio=0.05, log__cleaner__backoff__ms=50,
                               log__segment__delete__delay__ms=200, **overrides)
        self.addCleanup(self.cluster.close)
        self.cluster.create_topic("orders", PARTITIONS, 3)
        self.commits = Commits(self.cluster)
        wait_until(lambda: connect_to_coordinator(self.cluster, "g0"), "a coordinator").close()
        self.commits.start()
        self.addCleanup(self.commits.stop)
        return self.cluster

    def wait_for_commits(self, count, seconds=60):
        wanted = self.commits.count + count
        wait_until(lambda: self.commits.count >= wanted, f"{count} more commits", seconds)

    def check_offsets(self):
        """No group lost a commit that was acknowledged, and none has one that nobody sent."""
        def read():
            with connect_to_coordinator(self.cluster, "g0") as connection:
                found = {group: committed(connection, f"g{group}") for group in self.commits.acknowledged}
            return None if None in found.values() else found
        found = wait_until(read, "all groups' offsets")
        self.assertEqual(len(found), GROUPS)
        for group, offset in found.items():
            self.assertGreaterEqual(offset, self.commits.acknowledged[group], f"g{group} went back")
            self.assertLessEqual(offset, self.commits.sent[group])

    def log_bytes(self, broker):
        return sum(path.stat().st_size for path in (broker.directory / "data" / OFFSETS_LOG).glob("*.log"))

    def test_a_compacted_offsets_topic_survives_its_coordinators(self):
        cluster = self.start()
        self.wait_for_commits(3000)
        leader = cluster.leader("__consumer_offsets")
        leader.process.kill()
        self.wait_for_commits(1500)
        self.check_offsets_while_running()
        leader.start()
        cluster.wait_for_brokers()
        self.wait_for_commits(1000)
        self.commits.stop()
        self.check_offsets()
        cluster.wait_for_isr("__consumer_offsets")
        # Each commit takes more than 700 bytes; what is left are the last ones and the active segment.
        self.assertGreater(self.commits.count, 5000)
        wait_until(lambda: all(self.log_bytes(broker) < 300_000 for broker in cluster.brokers.values()),
                   "the offsets topic to be compacted on all brokers", 60)
        self.assertEqual([broker.process.terminate() for broker in cluster.brokers.values()], [0, 0, 0])
        for broker in cluster.brokers.values():
            self.cluster.ottla_offline("dump-log", "--verify", broker.directory / "data")
            self.check_with_kafka(broker.directory / "data" / OFFSETS_LOG)
        for broker in cluster.brokers.values():
            broker.start()
        cluster.wait_for_brokers()
        self.check_offsets()

    def check_offsets_while_running(self):
        """What one group had before is not less now: the others go on committing."""
        before = dict(self.commits.acknowledged)

        def read():
            with connect_to_coordinator(self.cluster, "g0") as connection:
                return committed(connection, "g0")
        self.assertGreaterEqual(wait_until(read, "the group's offset"), before[0])

    def check_with_kafka(self, directory):
        """DumpLogSegments takes each compacted file for one of Kafka's own."""
        try:
            interop_clients.kafka_jars(KAFKA)
        except unittest.SkipTest as reason:
            print(f"not compared with Kafka's tool: {reason}")
            return

        def dump(pattern, *options):
            paths = ",".join(map(str, sorted(directory.glob(pattern))))
            return interop_clients.kafka_tool(KAFKA, "kafka-dump-log", *options, "--files", paths)
        logs = dump("*.log", "--offsets-decoder")
        self.assertNotIn("isvalid: false", logs)
        self.assertNotIn("invalid bytes", logs)
        batches = [(int(first), int(last)) for first, last in
                   re.findall(r"baseOffset: (\d+) lastOffset: (\d+) ", logs)]
        kept = sum(last - first + 1 for first, last in batches)
        self.assertLess(kept, batches[-1][1] / 4, "most offsets are gone")
        shown = set(re.findall(r'"group":"?(g\d+)', logs)) or set(re.findall(r"group=(g\d+)", logs))
        self.assertEqual(len(shown), GROUPS, logs[-2000:])
        for pattern in ("*.index", "*.timeindex"):
            found = dump(pattern, "--index-sanity-check")
            self.assertNotIn("not found", found)
            found = dump(pattern, "--verify-index-only")
            self.assertNotIn("Mismatches", found)
            self.assertNotIn("not found", found)

    def test_loading_while_the_log_is_compacted(self):
        """W29: the cleaner is so slow that it always has something to do, also while a coordinator loads."""
        cluster = self.start(log__cleaner__io__max__bytes__per__second=2_000_000)
        self.wait_for_commits(2000)
        for _ in range(4):
            leader = wait_until(lambda: cluster.leader("__consumer_offsets"), "a leader")
            leader.process.kill()
            self.wait_for_commits(400)
            self.check_offsets_while_running()
            leader.start()
            cluster.wait_for_brokers()
            cluster.wait_for_isr("__consumer_offsets")
        self.commits.stop()
        self.check_offsets()
        compacted = sum(broker.log.count(f"[{OFFSETS_LOG}] compacted below") for broker in cluster.brokers.values())
        self.assertGreater(compacted, 5)
        for broker in cluster.brokers.values():
            self.assertNotIn("cannot be compacted", broker.log)


class SmallLogsTest(unittest.TestCase):
    def test_another_setting_of_the_cleaner_needs_no_restart(self):
        with Cluster(1, log__cleaner__backoff__ms=3_600_000, log__cleaner__min__cleanable__ratio=0.01) as cluster:
            broker = cluster.brokers[1]
            cluster.create_topic("slow", replicas=1, cleanup__policy="compact", segment__bytes=3000)
            self.produce(cluster, "slow", 40)
            self.assertNotIn("compacted below", broker.log)
            zookeeper = cluster.zookeeper.connect + cluster.chroot
            for path, data in (("/config/brokers/1", {"version": 1, "config": {"log.cleaner.backoff.ms": "100",
                                                                               "log.cleaner.threads": "2"}}),
                               ("/config/changes/config_change_0000000099", {"version": 2, "entity_path": "brokers/1"})):
                interop_clients.run([interop_clients.KAFKA_REF, "zk-create", "--zk", zookeeper, path, json.dumps(data)])
            wait_until(lambda: "[slow-0] compacted below" in broker.log, "the log to be compacted")
            self.assertIn("goes on with 2 threads", broker.log)

    def test_damaged_logs_are_shown_and_the_others_go_on(self):
        with Cluster(1, log__cleaner__backoff__ms=100, log__cleaner__min__cleanable__ratio=0.01,
                     log__cleaner__enable="false") as cluster:
            broker = cluster.brokers[1]
            for topic in ("bad", "torn", "good"):
                cluster.create_topic(topic, replicas=1, cleanup__policy="compact", segment__bytes=3000,
                                     file__delete__delay__ms=200)
                self.produce(cluster, topic, 40)
            self.assertEqual(broker.process.terminate(), 0)
            first = {topic: broker.directory / f"data/{topic}-0/00000000000000000000.log" for topic in ("bad", "torn")}
            data = {topic: bytearray(path.read_bytes()) for topic, path in first.items()}
            batch = 12 + int.from_bytes(data["bad"][8:12], "big")
            data["bad"][5 * batch + batch // 2] ^= 0x55  # a byte of a record
            data["torn"][5 * batch + 8] = 0x7F  # the batch's length
            for topic, path in first.items():
                path.write_bytes(data[topic])
            before = self.bytes_of(broker, "good")
            settings = broker.properties.read_text()
            broker.properties.write_text(settings.replace("log.cleaner.enable=false", "log.cleaner.enable=true"))
            broker.start()
            cluster.wait_for_brokers()
            wait_until(lambda: "[torn-0] cannot be compacted" in broker.log, "the torn log to be told of")
            wait_until(lambda: "[bad-0] compacted below" in broker.log, "the log around the damaged batch to be compacted")
            wait_until(lambda: self.bytes_of(broker, "good") < before / 2, "the other log to be compacted")
            # Not once only.
            compacted = broker.log.count("[good-0] compacted below")
            self.produce(cluster, "good", 40)
            wait_until(lambda: broker.log.count("[good-0] compacted below") > compacted, "it to be compacted again")
            self.assertEqual(broker.log.count("[torn-0] cannot be compacted"), 1)
            self.assertEqual(broker.log.count("[bad-0] a damaged batch stays as it is"), 1)
            self.assertEqual(first["torn"].read_bytes(), data["torn"])
            self.assertIn(data["bad"][5 * batch:6 * batch], first["bad"].read_bytes())
            self.assertEqual(broker.process.terminate(), 0)
            with self.assertRaises(subprocess.CalledProcessError) as found:
                cluster.ottla_offline("dump-log", "--verify", broker.directory / "data", "--json")
            findings = json.loads(found.exception.output)["findings"]
            damaged = {finding["file"] for finding in findings if finding["severity"] == "damage"}
            self.assertLessEqual({str(path) for path in first.values()}, damaged)
            self.assertFalse([file for file in damaged if "good-0" in file])

    def produce(self, cluster, topic, count):
        for _ in range(4):
            lines = "".join(f"k{number % 5}:{'v' * 200}\n" for number in range(count // 4))
            cluster.ottla("console-producer", "--topic", topic, "--sync", "--property", "parse.key=true",
                          "--property", "key.separator=:", stdin=lines)

    def bytes_of(self, broker, topic):
        return sum(path.stat().st_size for path in (broker.directory / f"data/{topic}-0").glob("*.log"))


if __name__ == "__main__":
    unittest.main()
