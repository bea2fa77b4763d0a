"""A transaction whose end was decided ends like that in all its partitions (W27), though its coordinator, or all brokers,
are killed before the markers are written: alone on one broker, and while an output's leader does not answer."""

import contextlib
import os
import pathlib
import time
import unittest

import messages
import status_page
import wire
from cluster import Cluster, wait_until

TOPIC = "out"
TRANSACTIONAL = "copier"
MANY_PARTITIONS = 300  # for their markers a broker needs some milliseconds
MOST_ROUNDS = 12
NONE = 0
ALL, COMMITTED_ONLY = 0, 1
SETTINGS = {"transaction__state__log__replication__factor": 1, "transaction__state__log__min__isr": 1,
            "transaction__state__log__num__partitions": 1, "offsets__topic__replication__factor": 1,
            "ottla__http__listener": "127.0.0.1:0"}


def settled(question, error_of, what):
    """The answer that is no error: what is busy or not there yet is asked again, as clients do."""
    def answered():
        answer = question()
        return answer if error_of(answer) == NONE else None
    return wait_until(answered, what, 60)


class Producer:
    """Of one transaction after the other; each writes one record, its number, to every partition."""

    def __init__(self, cluster, partitions):
        self.cluster, self.partitions = cluster, partitions
        self.committed, self.sequence = [], 0
        key = {"key": TRANSACTIONAL, "key_type": 1}
        some = cluster.brokers[1]
        self.coordinator = cluster.brokers[settled(
            lambda: messages.ask(some, "FindCoordinator", 1, key), lambda answer: answer["error_code"], "the coordinator")["node_id"]]
        told = settled(lambda: messages.ask(self.coordinator, "InitProducerId", 4, {
            "transactional_id": TRANSACTIONAL, "transaction_timeout_ms": 600000, "producer_id": -1, "producer_epoch": -1}),
            lambda answer: answer["error_code"], "a producer id")
        self.id, self.epoch = told["producer_id"], told["producer_epoch"]
        self.leaders = {partition: cluster.brokers[row["leader"]] for partition, row in cluster.partitions(TOPIC).items()}

    def write(self, number):
        """A transaction with its records, which is left open."""
        def added(answer):
            return max(row["partition_error_code"] for row in answer["results_by_topic_v3_and_below"][0]["results_by_partition"])
        # Of one connection each: the coordinator refuses what comes on one that is older than the last it was asked on.
        settled(lambda: messages.ask(self.coordinator, "AddPartitionsToTxn", 3, {
            "v3_and_below_transactional_id": TRANSACTIONAL, "v3_and_below_producer_id": self.id,
            "v3_and_below_producer_epoch": self.epoch,
            "v3_and_below_topics": [{"name": TOPIC, "partitions": list(range(self.partitions))}]}), added, "its partitions")
        batch = wire.batch([wire.record(b"%d" % number)], attributes=0x10, timestamp=int(time.time() * 1000),
                           producer_id=self.id, producer_epoch=self.epoch, sequence=self.sequence)
        self.sequence += 1
        for leader, partitions in self.by_leader():
            rows = [{"index": partition, "records": batch} for partition in partitions]
            body = {"transactional_id": TRANSACTIONAL, "acks": -1, "timeout_ms": 5000,
                    "topic_data": [{"name": TOPIC, "partition_data": rows}]}
            settled(lambda leader=leader, body=body: messages.ask(leader, "Produce", 9, body), lambda answer: max(
                row["error_code"] for row in answer["responses"][0]["partition_responses"]), "its records")

    def decide(self, number, commit, then=lambda: None):
        """Ends it; once this is answered, the end is in the coordinator's log. What comes then comes at once."""
        frame = messages.request("EndTxn", 3, {"transactional_id": TRANSACTIONAL, "producer_id": self.id,
                                               "producer_epoch": self.epoch, "committed": commit})
        with wire.Connection(self.coordinator) as connection:
            told = connection.ask(frame)
            then()
        assert messages.answer("EndTxn", 3, told)["error_code"] == NONE
        if commit:
            self.committed.append(number)

    def state(self):
        told = messages.ask(self.coordinator, "DescribeTransactions", 0, {"transactional_ids": [TRANSACTIONAL]})["transaction_states"][0]
        return told["transaction_state"] if told["error_code"] == NONE else told["error_code"]

    def by_leader(self):
        led = {}
        for partition, leader in self.leaders.items():
            led.setdefault(leader, []).append(partition)
        return led.items()

    def ends(self, isolation, without=None):
        """{partition: the offset where readers end}"""
        found = {}
        for leader, partitions in self.by_leader():
            if leader is without:
                continue
            told = messages.ask(leader, "ListOffsets", 7, {"replica_id": -1, "isolation_level": isolation, "topics": [
                {"name": TOPIC, "partitions": [{"partition_index": partition, "current_leader_epoch": -1, "timestamp": -1}
                                               for partition in partitions]}]})
            found |= {row["partition_index"]: row["offset"] for row in told["topics"][0]["partitions"]}
        return found

    def is_ended(self, without=None):
        """Whether there is a marker behind each record."""
        ends = self.ends(COMMITTED_ONLY, without)
        return ends == self.ends(ALL, without) and min(ends.values()) >= 2 * self.sequence

    def visible(self):
        """{partition: the numbers that readers of committed records see}"""
        found = {}
        for leader, partitions in self.by_leader():
            told = messages.ask(leader, "Fetch", 11, {
                "replica_id": -1, "max_wait_ms": 0, "min_bytes": 0, "max_bytes": 10 << 20, "isolation_level": COMMITTED_ONLY,
                "session_id": 0, "session_epoch": -1, "forgotten_topics_data": [], "topics": [{"topic": TOPIC, "partitions": [
                    {"partition": partition, "current_leader_epoch": -1, "fetch_offset": 0, "last_fetched_epoch": -1,
                     "partition_max_bytes": 1 << 20} for partition in partitions]}]})
            for row in told["responses"][0]["partitions"]:
                aborted = {each["first_offset"] for each in row["aborted_transactions"] or []}
                found[row["partition_index"]] = [value for offset, is_marker, value in batches(row["records"] or b"")
                                                 if not is_marker and offset not in aborted]
        return found


def batches(records):
    """(offset, is it a marker, the number in it) of each."""
    at = 0
    while at + 61 < len(records):
        offset = int.from_bytes(records[at:at + 8], "big")
        end = at + 12 + int.from_bytes(records[at + 8:at + 12], "big")
        is_marker = bool(records[at + 22] & 0x20)
        # After length, attributes, the deltas of time and offset, and a key that is null.
        body = records[at + 61:end]
        yield offset, is_marker, None if is_marker else int(body[6:6 + body[5] // 2])
        at = end


def markers_of(broker, partition):
    """In the files, whether the broker runs or not."""
    [segment] = (broker.directory / "data" / f"{TOPIC}-{partition}").glob("*.log")
    return sum(is_marker for _, is_marker, _ in batches(segment.read_bytes()))


@contextlib.contextmanager
def behind_us(process):
    """Whoever waits for its answer runs before it does anything more: they share a CPU, where it is the last."""
    before = os.sched_getaffinity(0)
    shared = {min(before)}
    os.sched_setaffinity(0, shared)
    for task in pathlib.Path(f"/proc/{process.pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), shared)
        os.setpriority(os.PRIO_PROCESS, int(task.name), 19)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class DecidedEndsTest(unittest.TestCase):
    def cluster_with(self, brokers, partitions):
        cluster = Cluster(brokers=brokers, **SETTINGS)
        self.addCleanup(cluster.close)
        cluster.create_topic(TOPIC, partitions, 1)
        cluster.wait_for_isr(TOPIC, 1)
        return cluster

    def restart(self, cluster, *brokers):
        for broker in brokers:
            broker.start()
        cluster.wait_for_brokers()
        cluster.wait_for_isr(TOPIC, 1)

    def assert_whole(self, producer, end):
        wait_until(lambda: producer.state() == end, f"{end}: all markers", 60)
        wait_until(producer.is_ended, "a marker behind each record", 60)
        self.assertEqual(producer.visible(), {partition: producer.committed for partition in range(producer.partitions)})

    def test_power_fails_under_the_only_broker(self):
        cluster = self.cluster_with(1, MANY_PARTITIONS)
        [broker] = cluster.brokers.values()
        producer = Producer(cluster, MANY_PARTITIONS)
        missing = {True: [], False: []}  # by whether it was to be committed
        while not all(missing.values()) or not any(any(counts) for counts in missing.values()):
            number = sum(map(len, missing.values()))
            if number == MOST_ROUNDS:  # the machine decides how fast a kill is; the other tests do not depend on it
                self.skipTest(f"no kill came before the markers: {missing}")
            commit = number % 2 == 0
            producer.write(number)
            with behind_us(broker.process):
                producer.decide(number, commit, broker.process.kill)
            missing[commit].append(sum(markers_of(broker, partition) <= number for partition in range(MANY_PARTITIONS)))
            self.restart(cluster, broker)
            self.assert_whole(producer, "CompleteCommit" if commit else "CompleteAbort")
        print(f"of {MANY_PARTITIONS} markers were missing when the broker was killed: {missing}", flush=True)

    def test_the_coordinator_dies_while_an_output_is_away(self):
        cluster, producer, away = self.decided_while_one_is_away(0, commit=True)
        producer.coordinator.process.kill()
        self.restart_without(away, producer.coordinator)
        # The next coordinator knows what was decided, and that it is not carried out yet.
        wait_until(lambda: producer.state() == "PrepareCommit", "the coordinator", 60)
        wait_until(lambda: status_page.value(
            producer.coordinator, "kafka_coordinator_transaction_transactionmarkerchannelmanager_unknowndestinationqueuesize") > 0,
            "markers that are sent again", 60)
        away.process.resume()
        self.assert_whole(producer, "CompleteCommit")
        self.assert_goes_on(cluster, producer)

    def test_power_fails_while_an_output_is_away(self):
        for number, commit in enumerate((True, False)):
            with self.subTest(commit=commit):
                cluster, producer, _ = self.decided_while_one_is_away(number, commit)
                for broker in cluster.brokers.values():
                    broker.process.kill()
                self.restart(cluster, *cluster.brokers.values())
                self.assert_whole(producer, "CompleteCommit" if commit else "CompleteAbort")
                self.assert_goes_on(cluster, producer)
                cluster.close()

    def decided_while_one_is_away(self, number, commit):
        """A transaction that has its markers everywhere but on one broker, which is paused and leads some of the output."""
        cluster = self.cluster_with(3, 6)
        producer = Producer(cluster, 6)
        producer.write(number)
        away = next(leader for leader in producer.leaders.values() if leader is not producer.coordinator)
        away.process.pause()
        self.addCleanup(away.process.resume)
        producer.decide(number, commit)
        wait_until(lambda: producer.is_ended(without=away), "the other markers", 60)
        self.assertEqual(producer.state(), "PrepareCommit" if commit else "PrepareAbort")
        self.assertTrue(all(markers_of(away, partition) == 0 for partition, leader in producer.leaders.items() if leader is away))
        return cluster, producer, away

    def restart_without(self, away, broker):
        self.assertIsNot(away, broker)
        broker.start()
        wait_until(broker.accepts, "the coordinator to serve", 60)

    def assert_goes_on(self, cluster, producer):
        cluster.wait_for_isr(TOPIC, 1)
        producer.write(9)
        producer.decide(9, commit=True)
        self.assert_whole(producer, "CompleteCommit")


if __name__ == "__main__":
    unittest.main()
