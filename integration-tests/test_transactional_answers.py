"""Transactions as the partitions see them: the same records, markers and questions to a Kafka 3.9 and to Ottla, in every
version. Nobody coordinates here (transaction.partition.verification.enable=false), so that each step is the test's own.
And what coordinators tell of their transactions."""

import unittest

import interop_clients
import test_answers
from cluster import OTTLA, wait_until
from test_answers import TIME, Batch, ProducerOf, fetch, init, list_offsets, produce, versions_of

TOPIC, PACKED, TIMED, COMPACTED = "txn", "packed", "timed", "kept"
ONE = versions_of(9, 9)  # of Produce: what is asked once, as its order counts
GROUPS = "__consumer_offsets"


def data(sequence, producer=5000, epoch=0, count=1, topic=TOPIC, transactional="t", attributes=0x10, **options):
    records = Batch([b"v%d" % i for i in range(count)], attributes=attributes, producer_id=producer, producer_epoch=epoch,
                    sequence=sequence)
    return (*produce(records, topic, transactional=transactional, **options), ONE)


def marker(commit, producer=5000, epoch=0, coordinator=5, partitions=((TOPIC, [0]),)):
    return {"producer_id": producer, "producer_epoch": epoch, "transaction_result": commit, "coordinator_epoch": coordinator,
            "topics": [{"name": name, "partition_indexes": list(numbers)} for name, numbers in partitions]}


def end(*markers):
    return "WriteTxnMarkers", {"markers": list(markers)}, versions_of(1)


def producers(*partitions):
    return "DescribeProducers", {"topics": [{"name": name, "partition_indexes": list(numbers)} for name, numbers in partitions]}


def look(topic=TOPIC, offsets=(0,)):
    """What readers of either kind are told."""
    for isolation in (0, 1):
        for offset in offsets:
            yield (*fetch(offset, topic, isolation=isolation), versions_of(4))
        for timestamp in (-1, -2, TIME):  # what -3 finds depends on the time when a marker was written
            yield (*list_offsets(timestamp, topic, isolation=isolation), versions_of(2))
    yield producers((topic, [0]))


def commit(offset, group="g", producer=5000, epoch=0, generation=-1, member="", instance=None, topic="orders", partition=0,
           metadata="m"):
    return "TxnOffsetCommit", {
        "transactional_id": "t", "group_id": group, "producer_id": producer, "producer_epoch": epoch,
        "generation_id": generation, "member_id": member, "group_instance_id": instance,
        "topics": [{"name": topic, "partitions": [{"partition_index": partition, "committed_offset": offset,
                                                   "committed_leader_epoch": -1, "committed_metadata": metadata}]}]}


def offsets(group="g"):
    asked = [{"name": "orders", "partition_indexes": [0, 1]}]
    for stable in (False, True):
        yield "OffsetFetch", {"group_id": group, "topics": asked, "require_stable": stable,
                              "groups": [{"group_id": group, "topics": asked}]}, versions_of(1)
        yield "OffsetFetch", {"group_id": group, "topics": None, "require_stable": stable,
                              "groups": [{"group_id": group, "topics": None}]}, versions_of(2)


def produce_questions():
    yield (*produce(Batch(attributes=0x10, producer_id=5000, producer_epoch=0, sequence=0), TOPIC), versions_of(3))
    yield (*produce(Batch(attributes=0x10), TOPIC, transactional="t"), versions_of(3))
    for acks in (0, 1):
        yield (*produce(Batch(attributes=0x10, producer_id=5000, producer_epoch=0, sequence=0), TOPIC, acks=acks),
               versions_of(3))
    two = produce(Batch(attributes=0x10, producer_id=5000, producer_epoch=0, sequence=0), TOPIC, transactional="t")[1]
    two["topic_data"].append({"name": PACKED, "partition_data": [{"index": 0, "records": Batch(
        attributes=0x10, producer_id=5001, producer_epoch=0, sequence=0)}]})
    yield "Produce", two, versions_of(3)
    yield data(0, topic=GROUPS)
    yield data(0, topic="nowhere")


def transaction_questions():
    yield from look()
    yield data(0, count=3)
    yield (*list_offsets(-3, TOPIC, isolation=1), versions_of(2))
    yield from look(offsets=(0, 1, 3, 4))
    yield data(3, attributes=0)  # not in the transaction
    yield data(3, attributes=0, transactional=None)
    yield data(3, count=2)
    yield data(3, count=2)  # again
    yield data(9)
    yield data(0, producer=5001, count=2)
    yield data(0, producer=5002, attributes=0, transactional=None)
    yield from look(offsets=(0, 5, 7))
    yield end()
    yield end(marker(False))
    yield from look(offsets=(0, 3, 5, 8, 9))
    yield data(5)
    yield end(marker(True, coordinator=4))  # of an older coordinator
    yield (*end(marker(True, epoch=-1)), "Kafka fails on it: -1")
    yield data(0, epoch=2)
    yield data(1, epoch=1)
    yield end(marker(True, epoch=1))  # of an older producer
    yield end(marker(True, epoch=3))
    yield from look(offsets=(0, 9, 10, 11, 12))
    yield end(marker(True, producer=5001, coordinator=-1))
    yield from look(offsets=(0, 5, 7, 12, 13))
    yield end(marker(True, producer=6000, partitions=[(TOPIC, [0, 1, 99]), ("nowhere", [0]), ("", [0]), (PACKED, [0])]),
              marker(False, producer=6001, coordinator=0))
    yield end(marker(True, producer=-1))
    yield end(marker(True, partitions=[]))
    yield end(marker(True, partitions=[(TOPIC, [])]))
    yield producers((TOPIC, [0, 1, 99, -1]), ("nowhere", [0]), ("a b", [0]))
    yield producers()
    yield from look()


def topic_questions():
    """What a topic's settings make of markers."""
    for topic in (PACKED, TIMED, COMPACTED):
        yield data(0, topic=topic, producer=5100)
        yield end(marker(topic == PACKED, producer=5100, partitions=[(topic, [0])]))
        yield data(1, topic=topic, producer=5100)
        yield (*fetch(0, topic, isolation=1), versions_of(4))
        yield (*list_offsets(-1, topic, isolation=1), versions_of(2))


def group_questions():
    yield from offsets()
    yield commit(42)
    yield from offsets()
    yield end(marker(True, partitions=[(GROUPS, [0])], coordinator=5))
    yield from offsets()
    yield commit(50)
    yield commit(51, partition=1)
    yield end(marker(False, partitions=[(GROUPS, [0])]))
    yield from offsets()
    yield commit(60)
    yield commit(61, producer=5001)
    yield end(marker(True, partitions=[(GROUPS, [0])]))
    yield from offsets()
    yield end(marker(False, producer=5001, partitions=[(GROUPS, [0])]))
    yield from offsets()
    yield commit(1, group="")
    yield commit(1, topic="nowhere")
    yield commit(1, partition=99)
    yield commit(1, metadata="x" * 5000)
    yield commit(1, metadata=None)
    yield commit(-1)
    for generation, member, instance in ((3, "", None), (-1, "m", None), (3, "m", None), (-1, "", "i"), (-2, "", None)):
        yield (*commit(1, generation=generation, member=member, instance=instance), versions_of(3))
        yield (*commit(1, group="other", generation=generation, member=member, instance=instance), versions_of(3))
    yield end(marker(True, epoch=1, partitions=[(GROUPS, [0])]))
    yield commit(70)  # of an older epoch
    yield "TxnOffsetCommit", {"transactional_id": "", "group_id": "g", "producer_id": 5000, "producer_epoch": 1, "topics": []}
    yield producers((GROUPS, [0]))


def questions():
    yield from produce_questions()
    yield from transaction_questions()
    yield from topic_questions()
    yield from group_questions()


STATES = ("Empty", "Ongoing", "PrepareCommit", "PrepareAbort", "CompleteCommit", "CompleteAbort", "PrepareEpochFence", "Dead")
EMPTY, ONGOING, COMMITTED, ABORTED, WITH_OFFSETS = TRANSACTIONS = ("empty", "ongoing", "committed", "aborted", "with-offsets")


def listing(states=(), producer_ids=(), duration=None):
    body = {"state_filters": list(states), "producer_id_filters": list(producer_ids)}
    if duration is None:
        return "ListTransactions", body
    return "ListTransactions", {**body, "duration_filter": duration}, versions_of(1)


def describing(*names):
    return "DescribeTransactions", {"transactional_ids": list(names)}


def listing_questions():
    """Which do not depend on whether there is a transaction."""
    yield listing()
    for states in (("Nonsense",), ("Nonsense", "Ongoing"), ("Nonsense", "Nonsense", ""), ("ongoing",), ("Complete", "Prepare"),
                   *((state,) for state in STATES), STATES):
        yield listing(states)
    for ids in ((-1,), (0, -1), (1 << 60,)):
        yield listing(producer_ids=ids)
    for duration in (-1, -2, 0, 1 << 40, (1 << 63) - 1):
        yield listing(duration=duration)
        yield listing(("Ongoing", "Nonsense"), duration=duration)
    for names in ((), ("",), ("unknown",), ("unknown", "unknown"), ("x" * 300,)):
        yield describing(*names)


def transaction_listing_questions():
    yield from listing_questions()
    for name in TRANSACTIONS:
        yield describing(name)
        yield listing(producer_ids=[ProducerOf(name)])
        yield listing(("Ongoing", "CompleteAbort", "Nonsense"), [ProducerOf(name)])
        yield listing(producer_ids=[ProducerOf(name)], duration=0)
    yield describing(ONGOING, "unknown", ABORTED, ONGOING)
    yield listing(producer_ids=[ProducerOf(ONGOING), ProducerOf(ABORTED), ProducerOf(ONGOING), -1])


def make_transactions(world):
    def until_done(api, version, body, error_of):
        return wait_until(lambda: (lambda answer: answer if error_of(answer) == 0 else None)(world.call(api, version, body)), api, 60)

    def error_code(answer):
        return answer["error_code"]

    def added(answer):
        return answer["results_by_topic_v3_and_below"][0]["results_by_partition"][0]["partition_error_code"]

    until_done("FindCoordinator", 1, {"key": "t", "key_type": 1}, error_code)
    for name in TRANSACTIONS:
        told = until_done("InitProducerId", 4, init(name)[1], error_code)
        world.producers[name] = told["producer_id"]
        who = {"transactional_id": name, "producer_id": told["producer_id"], "producer_epoch": told["producer_epoch"]}
        if name != EMPTY:
            until_done("AddPartitionsToTxn", 3, {"v3_and_below_topics": [
                {"name": TOPIC, "partitions": [0, 1]}, {"name": PACKED, "partitions": [0]}],
                **{f"v3_and_below_{field}": value for field, value in who.items()}}, added)
        if name == WITH_OFFSETS:
            until_done("AddOffsetsToTxn", 3, {**who, "group_id": "g"}, error_code)
        if name in (COMMITTED, ABORTED):
            until_done("EndTxn", 3, {**who, "committed": name == COMMITTED}, error_code)
            wait_until(lambda name=name: world.call("DescribeTransactions", 0, describing(name)[1])[
                "transaction_states"][0]["transaction_state"].startswith("Complete"), "the markers", 60)


class TransactionalAnswersTest(test_answers.AnswersTest):
    settings = {**test_answers.SETTINGS, "transaction.partition.verification.enable": "false",
                **{f"transaction.state.log.{name}": 1 for name in ("num.partitions", "replication.factor", "min.isr")}}
    questions = staticmethod(questions)

    @staticmethod
    def fill(world):
        test_answers.AnswersTest.fill(world)
        for topic, partitions, option in ((TOPIC, 2, "retention.ms=-1"), (PACKED, 1, "compression.type=gzip"),
                                          (TIMED, 1, "message.timestamp.type=LogAppendTime"),
                                          (COMPACTED, 1, "cleanup.policy=compact,delete")):
            interop_clients.run([OTTLA, "topics", "--bootstrap-server", f"127.0.0.1:{world.broker.port}", "--create", "--topic",
                                 topic, "--partitions", partitions, "--replication-factor", 1, "--config", option])
        world.learn_ids()

    def test_coordinators_tell_the_same(self):
        """At first there is no coordinator."""
        self.compare(listing_questions())
        for world in self.worlds:
            make_transactions(world)
        self.compare(transaction_listing_questions())


if __name__ == "__main__":
    unittest.main()
