"""The transaction coordinator against Kafka 3.9's: the same random schedules of producers, request by request, on both;
what comes back must be the same. OTTLA_SCHEDULES says how many (default 20), OTTLA_SEED where they begin."""

import collections
import os
import random
import time
import unittest

import test_answers
import wire
from cluster import wait_until
from test_answers import fetch, init

STEPS = 40
GROUP = "g"
CONCURRENT, TRY_AGAIN = 51, (19, 14, 15, 16)  # of a coordinator that is busy, or being made
OFFSETS_TOPIC = "__consumer_offsets"


def without_ids(answer, name=""):
    """Producer ids differ, and with them the order of hash tables and the offsets that are raced for with markers."""
    if isinstance(answer, dict):
        return {each: without_ids(value, each) for each, value in answer.items()}
    if isinstance(answer, list):
        rows = [without_ids(each) for each in answer]
        return sorted(rows, key=str) if name in ("results_by_topic_v3_and_below", "aborted_transactions") else rows
    if name == "base_offset":
        return answer >= 0
    if name == "log_start_offset":
        return "not told with each refusal"
    if name == "records" and answer:
        return sorted(contents(answer))
    return answer


def contents(records):
    """(is it a marker, epoch, sequence, what is in it) of each batch."""
    at = 0
    while at + 61 <= len(records):
        end = at + 12 + int.from_bytes(records[at + 8:at + 12], "big")
        yield (bool(records[at + 22] & 0x20), int.from_bytes(records[at + 51:at + 53], "big"),
               int.from_bytes(records[at + 53:at + 57], "big"), bytes(records[at + 61:end]))
        at = end


class Producer:
    """One of the clients that share a transactional id: what it was last told in each world. Only one is not a zombie."""

    def __init__(self, transactional, worlds):
        self.transactional = transactional
        self.ids = [-1] * worlds
        self.epoch = -1
        self.sequences = collections.Counter()

    def take(self, ids, epoch):
        self.ids, self.epoch = ids, epoch
        self.sequences.clear()


class TransactionSchedulesTest(test_answers.AnswersTest):
    settings = {**test_answers.SETTINGS, "transaction.state.log.num.partitions": 1,
                "transaction.state.log.replication.factor": 1, "transaction.state.log.min.isr": 1}

    @classmethod
    def fill(cls, world):
        test_answers.AnswersTest.fill(world)
        key = {"key": "t", "key_type": 1}
        wait_until(lambda: world.call("FindCoordinator", 1, key)["error_code"] == 0, "__transaction_state", 60)

    def test_answers_are_kafkas(self):
        first = int(os.environ.get("OTTLA_SEED", 1))
        count = int(os.environ.get("OTTLA_SCHEDULES", 20))
        seen = collections.Counter()
        for seed in range(first, first + count):
            with self.subTest(seed=seed):
                self.run_schedule(random.Random(seed), f"t{seed}-{time.monotonic_ns()}", seen)
        print(f"{count} schedules: {dict(seen.most_common())}", flush=True)
        self.assertGreaterEqual(len([name for name in seen if name.startswith("end ")]), 3)

    # One schedule.

    def run_schedule(self, randomly, name, seen):
        self.told = []
        self.newest = None
        self.topics = [f"{name}-a", f"{name}-b"]
        for world in self.worlds:
            world.call("CreateTopics", 4, {"timeout_ms": 10000, "validate_only": False, "topics": [
                {"name": topic, "num_partitions": 1, "replication_factor": 1, "assignments": [], "configs": []}
                for topic in self.topics]})
            wait_until(lambda world=world: all(self.is_led(world, topic) for topic in self.topics), "their leaders", 20)
        producers = [Producer(name, len(self.worlds)) for _ in range(2)]
        self.init(randomly, producers[0])
        for _ in range(STEPS):
            producer = randomly.choice(producers)
            step = randomly.choices((self.init, self.add, self.add_offsets, self.produce, self.commit_offsets, self.end,
                                     self.look), (2, 6, 2, 8, 3, 6, 3))[0]
            told = step(randomly, producer)
            seen[f"{step.__name__} {told}"] += 1
        # Nothing may stay open for the next schedule's readers.
        self.init(randomly, producers[0])
        self.look(randomly, producers[0])

    @staticmethod
    def is_led(world, topic):
        [told] = world.call("Metadata", 8, {"topics": [{"name": topic}], "allow_auto_topic_creation": False})["topics"]
        return told["error_code"] == 0 and told["partitions"] and told["partitions"][0]["error_code"] == 0

    def ask(self, api, version, bodies, tell=None, settles=False):
        """The same to all worlds; what they agree on. `tell` finds the error; what is busy is asked again, as clients do.
        What `settles` may be the same only a little later."""
        until = time.monotonic() + (5 if settles else 0)
        while True:
            answers = self.answers(api, version, bodies, tell)
            comparable = [without_ids(world.comparable(answer)) for world, answer in zip(self.worlds, answers)]
            if comparable[0] == comparable[1] or time.monotonic() > until:
                break
        self.told.append((api, version, bodies[0], comparable[0]))
        if comparable[0] != comparable[1]:
            history = "\n".join(map(str, self.told[-12:]))
            self.fail(f"{'; '.join(test_answers.differences(*comparable))}\nthe last steps, with Kafka's answers:\n{history}")
        return answers

    def answers(self, api, version, bodies, tell):
        answers = []
        for world, body in zip(self.worlds, bodies):
            deadline = time.monotonic() + 20
            while True:
                answer = world.call(api, version, body)
                error = tell(answer) if tell and isinstance(answer, dict) else 0
                if error != CONCURRENT and error not in TRY_AGAIN or time.monotonic() > deadline:
                    break
                time.sleep(0.02)
            answers.append(answer)
        return answers

    def init(self, randomly, producer):
        # With its id and epoch (KIP-360) only who is not fenced: a zombie aborts its successor's transaction in Kafka, and
        # is fenced here (docs/transactions.md).
        is_known = producer is self.newest and randomly.random() < 0.4
        ids = producer.ids if is_known else [-1] * len(self.worlds)
        epoch = producer.epoch if is_known else -1
        answers = self.ask("InitProducerId", randomly.randint(3, 5),
                           [init(producer.transactional, 60000, each, epoch)[1] for each in ids], lambda a: a["error_code"])
        if answers[0]["error_code"] == 0:
            producer.take([answer["producer_id"] for answer in answers], answers[0]["producer_epoch"])
            self.newest = producer
        return answers[0]["error_code"]

    def add(self, randomly, producer):
        topics = [{"name": topic, "partitions": [0]} for topic in randomly.sample(self.topics, randomly.randint(1, 2))]
        if randomly.random() < 0.05:
            topics.append({"name": "nowhere", "partitions": [0]})

        def error(answer):
            return answer["results_by_topic_v3_and_below"][0]["results_by_partition"][0]["partition_error_code"]
        answers = self.ask("AddPartitionsToTxn", randomly.randint(0, 3), [
            {"v3_and_below_transactional_id": producer.transactional, "v3_and_below_producer_id": each,
             "v3_and_below_producer_epoch": producer.epoch, "v3_and_below_topics": topics} for each in producer.ids], error)
        return error(answers[0])

    def add_offsets(self, randomly, producer):
        answers = self.ask("AddOffsetsToTxn", randomly.randint(0, 4), [
            {"transactional_id": producer.transactional, "producer_id": each, "producer_epoch": producer.epoch,
             "group_id": GROUP} for each in producer.ids], lambda a: a["error_code"])
        return answers[0]["error_code"]

    def produce(self, randomly, producer):
        topic = randomly.choice(self.topics)
        sequence = producer.sequences[topic]
        value = b"%d" % len(self.told)

        def body(each):
            batch = wire.batch([wire.record(value)], attributes=0x10, timestamp=test_answers.TIME, producer_id=each,
                               producer_epoch=producer.epoch, sequence=sequence)
            return {"transactional_id": producer.transactional, "acks": -1, "timeout_ms": 5000, "topic_data": [
                {"name": topic, "partition_data": [{"index": 0, "records": batch}]}]}

        def error(answer):
            return answer["responses"][0]["partition_responses"][0]["error_code"]
        answers = self.ask("Produce", randomly.randint(9, 11), [body(each) for each in producer.ids], error)
        if error(answers[0]) == 0:
            producer.sequences[topic] += 1
        return error(answers[0])

    def commit_offsets(self, randomly, producer):
        offset = len(self.told)

        def error(answer):
            return answer["topics"][0]["partitions"][0]["error_code"]
        answers = self.ask("TxnOffsetCommit", randomly.randint(0, 4), [
            {"transactional_id": producer.transactional, "group_id": GROUP, "producer_id": each,
             "producer_epoch": producer.epoch, "generation_id": -1, "member_id": "", "group_instance_id": None,
             "topics": [{"name": "orders", "partitions": [{"partition_index": 0, "committed_offset": offset,
                                                            "committed_leader_epoch": -1, "committed_metadata": ""}]}]}
            for each in producer.ids], error)
        return error(answers[0])

    def end(self, randomly, producer):
        committed = randomly.random() < 0.7
        answers = self.ask("EndTxn", randomly.randint(0, 4), [
            {"transactional_id": producer.transactional, "producer_id": each, "producer_epoch": producer.epoch,
             "committed": committed} for each in producer.ids], lambda a: a["error_code"])
        if answers[0]["error_code"] == 0:
            self.await_markers(producer)  # until then a record still belongs to the transaction, or not
        return answers[0]["error_code"]

    def await_markers(self, producer):
        for world in self.worlds:
            wait_until(lambda world=world: not self.described(world, producer)["transaction_state"].startswith("Prepare"),
                       "the markers", 20)

    def look(self, randomly, producer):
        """Once all markers are written: the coordinator's word, what readers see, the group's offsets."""
        self.await_markers(producer)
        described = [self.described(world, producer) for world in self.worlds]
        for each in described:
            each["transaction_start_time_ms"] = each["transaction_start_time_ms"] >= 0
        self.assertEqual(*(self.worlds[0].comparable(each) for each in described))
        self.told.append(("look", described[0]))
        for topic in self.topics:
            asked = fetch(0, topic, isolation=1)[1]
            self.ask("Fetch", 11, [asked, asked], settles=True)
            asked = {"topics": [{"name": topic, "partition_indexes": [0]}]}
            answers = [world.call("DescribeProducers", 0, asked) for world in self.worlds]
            self.assertEqual(*([(row["producer_epoch"], row["last_sequence"], row["current_txn_start_offset"])
                                for row in sorted(answer["topics"][0]["partitions"][0]["active_producers"],
                                                  key=lambda row: row["producer_id"]) if row["producer_id"] in ids]
                               for answer, ids in zip(answers, zip(producer.ids))))
        wanted = {"group_id": GROUP, "topics": [{"name": "orders", "partition_indexes": [0]}], "require_stable": True}
        self.ask("OffsetFetch", 7, [wanted, wanted], lambda a: 0)
        return described[0]["transaction_state"]

    @staticmethod
    def described(world, producer):
        answer = world.call("DescribeTransactions", 0, {"transactional_ids": [producer.transactional]})
        return answer["transaction_states"][0]


if __name__ == "__main__":
    unittest.main()
