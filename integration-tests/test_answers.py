"""What brokers answer to what no well-behaved client asks, and to what all of them ask: the same requests, in every
version, to a Kafka 3.9 and to Ottla. What comes back must be the same, but for texts and for what a broker makes up."""

import gzip
import os
import shutil
import tempfile
import types
import unittest

import interop_clients
import messages
import wire
from cluster import OTTLA, Cluster, free_port, wait_until

TIME = 1_700_000_000_000
SETTINGS = {"auto.create.topics.enable": "false", "num.io.threads": 8, "num.partitions": 1, "default.replication.factor": 1,
            "message.max.bytes": 100000, "log.retention.ms": -1, "offsets.topic.num.partitions": 1, "offsets.topic.replication.factor": 1}


class Batch(bytes):
    """Shown by what is special about it."""

    def __new__(cls, values=(b"value",), timestamp=TIME, **options):
        records = [wire.record(value, offset_delta=i) for i, value in enumerate(values)]
        made = super().__new__(cls, wire.batch(records, timestamp=timestamp, **options))
        made.name = f"Batch({len(records)} records, {timestamp - TIME:+}, {options})"
        return made

    def __repr__(self):
        return self.name


class Id:
    """The id of a topic, which differs from world to world."""

    def __init__(self, topic):
        self.topic = topic

    def __repr__(self):
        return f"id of {self.topic}"


class ProducerOf:
    """The producer id that a transactional id has, which differs from world to world."""

    def __init__(self, transactional):
        self.transactional = transactional

    def __repr__(self):
        return f"producer of {self.transactional}"


UNKNOWN_ID = b"\x11" * 16
FIRST_OWN_API = 20000  # docs/wire-protocol.md
ONE_TOPIC = "orders"
ALL_OPERATIONS = {"include_cluster_authorized_operations": True, "include_topic_authorized_operations": True}


def list_offsets(timestamp, topic=ONE_TOPIC, partition=0, epoch=-1, count=1, isolation=0, replica=-1):
    return "ListOffsets", {"replica_id": replica, "isolation_level": isolation, "topics": [{"name": topic, "partitions": [
        {"partition_index": partition, "current_leader_epoch": epoch, "timestamp": timestamp, "max_num_offsets": count}]}]}


def epochs(epoch, topic=ONE_TOPIC, partition=0, current=-1, replica=-1):
    return "OffsetForLeaderEpoch", {"replica_id": replica, "topics": [{"topic": topic, "partitions": [
        {"partition": partition, "current_leader_epoch": current, "leader_epoch": epoch}]}]}


def fetch(offset=0, topic=ONE_TOPIC, partition=0, epoch=-1, last_epoch=-1, session=0, session_epoch=-1, isolation=0,
          topic_id=None, partition_max=1 << 20, forgotten=(), **sizes):
    one = {"topic": topic, "topic_id": topic_id or Id(topic), "partitions": [
        {"partition": partition, "current_leader_epoch": epoch, "fetch_offset": offset, "last_fetched_epoch": last_epoch,
         "partition_max_bytes": partition_max}]}
    return "Fetch", {"max_wait_ms": 0, "min_bytes": 1, "max_bytes": 1 << 20, "isolation_level": isolation,
                     "session_id": session, "session_epoch": session_epoch, "topics": [one],
                     "forgotten_topics_data": list(forgotten), **sizes}


def produce(records, topic=ONE_TOPIC, partition=0, acks=-1, transactional=None, timeout=5000):
    return "Produce", {"transactional_id": transactional, "acks": acks, "timeout_ms": timeout, "topic_data": [
        {"name": topic, "partition_data": [{"index": partition, "records": records}]}]}


NEW_NAME = object()  # v0 creates what it is to validate: each time another one


def create(name=NEW_NAME, partitions=1, replicas=1, assignments=(), configs=(), validate=True, timeout=5000):
    return "CreateTopics", {"topics": [{
        "name": name, "num_partitions": partitions, "replication_factor": replicas,
        "assignments": [{"partition_index": p, "broker_ids": ids} for p, ids in assignments],
        "configs": [{"name": n, "value": v} for n, v in configs]}], "timeout_ms": timeout, "validate_only": validate}


def grow(count, topic=ONE_TOPIC, assignments=None, validate=True, timeout=5000):
    return "CreatePartitions", {"topics": [{"name": topic, "count": count, "assignments": assignments if assignments is
                                            None else [{"broker_ids": ids} for ids in assignments]}],
                                "timeout_ms": timeout, "validate_only": validate}


def configs(resource_type, name, keys=None):
    return "DescribeConfigs", {"resources": [{"resource_type": resource_type, "resource_name": name,
                                              "configuration_keys": keys}], "include_synonyms": True}


SET, DELETE, APPEND, SUBTRACT = range(4)


def alter(resource_type, name, *operations, validate=True, times=1):
    """(key, operation, value): incrementally."""
    one = {"resource_type": resource_type, "resource_name": name, "configs": [
        {"name": key, "config_operation": operation, "value": value} for key, operation, value in operations]}
    return "IncrementalAlterConfigs", {"resources": [one] * times, "validate_only": validate}


def replace(resource_type, name, *values, validate=True):
    return "AlterConfigs", {"resources": [{"resource_type": resource_type, "resource_name": name, "configs": [
        {"name": key, "value": value} for key, value in values]}], "validate_only": validate}


def metadata(*topics, ids=(), **options):
    named = [{"name": topic} for topic in topics] + [{"name": name, "topic_id": topic_id} for name, topic_id in ids]
    return "Metadata", {"topics": named, **options}


def delete(*topics, ids=(), timeout=5000):
    return "DeleteTopics", {"topic_names": list(topics), "topics": [{"name": topic} for topic in topics] + [
        {"name": name, "topic_id": topic_id} for name, topic_id in ids], "timeout_ms": timeout}


def init(transactional=None, timeout=60000, producer=-1, epoch=-1):
    return "InitProducerId", {"transactional_id": transactional, "transaction_timeout_ms": timeout,
                              "producer_id": producer, "producer_epoch": epoch}


def delete_records(offset, topic=ONE_TOPIC, partition=0, timeout=5000):
    return "DeleteRecords", {"topics": [{"name": topic, "partitions": [{"partition_index": partition, "offset": offset}]}],
                             "timeout_ms": timeout}


def versions_of(first, last=99):
    return range(first, last + 1)


def questions():
    """(api, body[, versions][, why Ottla answers otherwise]): asked in this order."""
    yield "ApiVersions", {"client_software_name": "", "client_software_version": "1"}, versions_of(3)
    yield "ApiVersions", {"client_software_name": "a b", "client_software_version": "1"}, versions_of(3)
    yield from metadata_questions()
    yield from offset_questions()
    yield from produce_questions()
    yield from fetch_questions()
    yield from topic_questions()
    yield from config_questions()
    yield from config_change_questions()
    yield from feature_questions()
    yield from deletion_questions()


def metadata_questions():
    yield metadata(ONE_TOPIC, **ALL_OPERATIONS)
    yield metadata(ONE_TOPIC, ONE_TOPIC)
    yield metadata("nowhere", allow_auto_topic_creation=False)
    yield metadata("nowhere", allow_auto_topic_creation=True)
    for name in ("", ".", "..", "a b", "x" * 250, "a/b", "über", "__consumer_offsets_"):
        yield metadata(name, allow_auto_topic_creation=False)
    yield metadata()
    yield "Metadata", {"topics": None}, versions_of(1)
    yield (*metadata(ids=[(None, Id(ONE_TOPIC))]), versions_of(10))
    yield (*metadata(ids=[(None, UNKNOWN_ID)]), versions_of(10))
    yield (*metadata(ids=[(ONE_TOPIC, Id(ONE_TOPIC))]), versions_of(10))
    yield (*metadata(ids=[("else", Id(ONE_TOPIC))]), versions_of(10))
    yield (*metadata(ids=[(None, messages.ZERO_ID)]), versions_of(10, 11))
    yield (*metadata(ids=[(None, messages.ZERO_ID)]), versions_of(12), "3.9 fails on a topic without name and id")
    yield (*metadata(ONE_TOPIC, ids=[(None, Id("second"))]), versions_of(12))
    for kind in (0, 1, 2, 3, -1):
        yield "DescribeCluster", {"include_cluster_authorized_operations": True, "endpoint_type": kind}


def offset_questions():
    for timestamp in (-1, -2, -3, -4, -5, -6, -100, 0, TIME, TIME + 1, TIME + 10, 1 << 62):
        yield list_offsets(timestamp)
        yield list_offsets(timestamp, topic="empty")
    for count in (0, -1, -5, 100):
        yield list_offsets(-1, count=count)
        yield list_offsets(-2, count=count)
        yield list_offsets(TIME, count=count)
    yield list_offsets(-1, isolation=1)
    yield list_offsets(-1, isolation=7)
    for partition in (1, 99, -1):
        yield list_offsets(-1, partition=partition)
    for topic in ("nowhere", "", "a b"):
        yield list_offsets(-1, topic=topic)
    for epoch in (0, 1, 99, -2):
        yield list_offsets(-1, epoch=epoch)
    for replica in (-2, -3, 0, 5):
        yield list_offsets(-1, replica=replica)
    twice = list_offsets(-1)[1]
    twice["topics"] *= 2
    yield "ListOffsets", twice
    yield "ListOffsets", {"replica_id": -1, "topics": []}

    for epoch in (0, 1, 99, -1, -2):
        yield epochs(epoch)
        yield epochs(epoch, topic="empty")
    for current in (0, 1, 99, -2):
        yield epochs(0, current=current)
    for partition in (99, -1):
        yield epochs(0, partition=partition)
    for topic in ("nowhere", ""):
        yield epochs(0, topic=topic)
    for replica in (-2, 0, 5):
        yield epochs(0, replica=replica)

    yield init()
    yield init("")
    yield init(timeout=0)
    yield init(timeout=-1)
    for producer, epoch in ((5, -1), (-1, 5), (1 << 40, 3), (-2, -2), (5, -2), (0, 0)):
        yield (*init(producer=producer, epoch=epoch), versions_of(3))


def produce_questions():
    new = versions_of(3)

    def ask(records, *where, **options):
        return (*produce(records, *where, **options), new)
    for topic, partition in ((ONE_TOPIC, 99), (ONE_TOPIC, -1), ("nowhere", 0), ("", 0), ("a b", 0)):
        yield ask(Batch(), topic, partition)
    for acks in (2, -2, 100):
        yield ask(Batch(), acks=acks)
    for timeout in (-1, 0):
        yield ask(Batch(), timeout=timeout)
    for records in (b"", b"garbage", Batch() + b"tail", Batch() + Batch()):
        yield ask(records)
    for option in ({"crc": 1}, {"length": 5}, {"length": -5}, {"count": 0}, {"count": 2}, {"count": -1},
                   {"last_offset_delta": 7}, {"last_offset_delta": -1}, {"magic": 0}, {"magic": 1}, {"magic": 3},
                   {"magic": -1}, {"base_offset": 77}, {"max_timestamp": 5}, {"timestamp": -1}, {"timestamp": -5},
                   {"timestamp": 1 << 60}, {"values": [b"v", b"w"]}, {"values": [b"x" * 200000]}):
        yield ask(Batch(**option))
    yield ask(wire.batch([wire.record(b"v", offset_delta=3)], timestamp=TIME))
    yield ask(wire.batch([wire.record(b"v"), wire.record(b"w")], timestamp=TIME))
    for attributes in (0x20, 0x10, 1, 2, 3, 4, 5, 6, 7):  # control, transactional, codecs: not what they say, unknown
        yield ask(Batch(attributes=attributes))
    yield ask(Batch(attributes=0x10, producer_id=7, producer_epoch=0, sequence=0))
    yield ask(Batch(), transactional="")
    yield ask(Batch([b"x" * 1000]), "small")
    yield ask(Batch(), "compacted")
    yield ask(wire.batch([wire.record(b"v", key=b"k")], timestamp=TIME), "compacted")
    yield ask(Batch(), "__consumer_offsets")

    # One version each: a producer's sequence numbers, whose order counts.
    def numbered(sequence, epoch=0, producer=4000, count=1, **options):
        return (*produce(Batch([b"v"] * count, producer_id=producer, producer_epoch=epoch, sequence=sequence), **options),
                versions_of(9, 9))
    yield numbered(5)
    yield numbered(5)
    yield numbered(7)
    yield numbered(6, count=3)
    yield numbered(6, count=2)
    yield numbered(3)
    yield numbered(0, epoch=1)
    yield numbered(1, epoch=0)
    yield numbered(9, epoch=2)
    yield numbered(0, epoch=-1)
    yield numbered(-1, epoch=3)
    yield numbered(2147483647, epoch=4)
    yield numbered(2147483647, producer=4001)
    yield numbered(0, producer=4001)
    yield numbered(0, producer=-5)
    yield numbered(0, producer=4002, acks=1)
    yield numbered(0, producer=4003, transactional="t")
    yield "Produce", {"acks": -1, "topic_data": []}, new


def fetch_questions():
    for offset in (0, 1, 3, 6, 1000, 1 << 40, -1, -5):
        yield fetch(offset, "plain")
    for size in (0, -1, -100, 1, 70):
        yield (*fetch(0, "plain", partition_max=size), versions_of(3 if size > 0 else 0))
        yield fetch(0, "plain", max_bytes=size)
        yield fetch(0, "plain", min_bytes=size)
    for size in (1, 70):
        yield (*fetch(0, "plain", partition_max=size), versions_of(0, 2), "who asks for too little is told so")
    yield fetch(0, "plain", max_bytes=0, partition_max=0)
    yield fetch(0, "plain", max_bytes=-5, partition_max=-5)
    yield fetch(0, "plain", max_wait_ms=-1)
    for isolation in (1, 2, -1):
        yield fetch(0, "plain", isolation=isolation)
    for partition in (99, -1):
        yield fetch(0, "plain", partition=partition)
    for topic in ("nowhere", "", "a b"):
        yield fetch(0, topic, topic_id=UNKNOWN_ID)
    yield fetch(0, "plain", topic_id=messages.ZERO_ID)
    for epoch in (0, 1, 99, -2):
        yield fetch(0, "plain", epoch=epoch)
    for last_epoch in (0, 1, 99, -2):
        yield (*fetch(3, "plain", last_epoch=last_epoch), versions_of(12))
        yield (*fetch(1000, "plain", last_epoch=last_epoch), versions_of(12))
    for session, session_epoch in ((0, 1), (5, 1), (5, -1), (5, 0), (-1, 3), (0, -2)):
        yield (*fetch(0, "plain", session=session, session_epoch=session_epoch), versions_of(7))
    yield "Fetch", {"max_wait_ms": 0, "min_bytes": 1, "topics": []}
    twice = fetch(0, "plain")[1]
    twice["topics"] *= 2
    yield "Fetch", twice, "3.9 answers one of two"
    yield fetch(0, "plain", replica_id=5)
    yield (*fetch(0, "plain", rack_id="r"), versions_of(11))


def topic_questions():
    for name in ("", ".", "..", "a b", "x" * 250, "x" * 249, ONE_TOPIC, "a.b", "und_er", "__consumer_offsets",
                 "__transaction_state", "__cluster_metadata"):
        yield create(name)
    for partitions in (-1, 0, -2, -100):
        yield create(partitions=partitions)
    for replicas in (-1, 0, -2, 2, 1000):
        yield create(replicas=replicas)
    yield create(partitions=-1, replicas=-1)
    given = [(0, [0])]
    yield create(partitions=-1, replicas=-1, assignments=given)
    yield create(partitions=1, replicas=-1, assignments=given)
    yield create(partitions=-1, replicas=1, assignments=given)
    yield create(assignments=given)
    yield (*create(partitions=-1, replicas=-1, assignments=[(0, [])]), "a partition without replicas never has a leader")
    yield (*create(partitions=-1, replicas=-1, assignments=[(-1, [0])]), "3.9 fails on a negative number of a partition")
    for assignments in ([(1, [0])], [(0, [0]), (2, [0])], [(0, [0]), (0, [0])], [(0, [0, 0])], [(0, [77])],
                        [(0, [0]), (1, [0, 1])], [(0, [-1])]):
        yield create(partitions=-1, replicas=-1, assignments=assignments)
    for name, value in (("retention.ms", "x"), ("retention.ms", "-5"), ("retention.ms", None), ("no.such", "1"), ("", ""),
                        ("cleanup.policy", "burn"), ("cleanup.policy", ""), ("retention.ms", " 5 "), ("retention.ms", ""),
                        ("min.insync.replicas", "0"), ("segment.bytes", "13"), ("compression.type", "zip"),
                        ("unclean.leader.election.enable", "maybe"), ("message.timestamp.type", "Now"),
                        ("cleanup.policy", "compact,delete"), ("cleanup.policy", "delete,delete"),
                        ("compression.gzip.level", "10"), ("compression.type", "gzip"), ("min.compaction.lag.ms", "-1"),
                        ("max.compaction.lag.ms", "0"), ("remote.storage.enable", "true"), ("preallocate", "1"),
                        ("leader.replication.throttled.replicas", "x"), ("leader.replication.throttled.replicas", "*"),
                        ("local.retention.ms", "-2"), ("message.format.version", "9.9"),
                        ("message.format.version", "2.0"), ("index.interval.bytes", "-1"),
                        ("delete.retention.ms", "9223372036854775808"), ("flush.messages", "1.5")):
        yield create(configs=[(name, value)])
    yield create(configs=[("retention.ms", "1"), ("retention.ms", "2")])
    yield create(configs=[("min.compaction.lag.ms", "10"), ("max.compaction.lag.ms", "5")])
    two = create("one")[1]
    two["topics"] *= 2
    yield "CreateTopics", two
    yield "CreateTopics", {"topics": [], "timeout_ms": 100, "validate_only": False}
    yield create(validate=True, timeout=-1)
    yield create(validate=True, timeout=0)
    yield (*create("waits-not", validate=False, timeout=0), versions_of(7))
    yield (*create("waits-not-a-bit", validate=False, timeout=-1), versions_of(7))

    for count in (0, 1, 2, -1, -5, 3):
        yield grow(count)
    for topic in ("nowhere", "a b", "__consumer_offsets"):
        yield grow(3, topic)
    yield (*grow(3, ""), "3.9 fails on an empty name")
    for assignments in ([], [[0]], [[0], [0]], [[77]], [[]], [[0, 0]], [[0, 1]], [[-1]]):
        yield grow(3, assignments=assignments)
    two = grow(3)[1]
    two["topics"] *= 2
    yield "CreatePartitions", two
    yield "CreatePartitions", {"topics": [], "timeout_ms": 100, "validate_only": False}
    yield grow(3, timeout=-1)


def config_questions():
    for keys in (None, [], ["retention.ms"], ["no.such"], ["retention.ms", "no.such"], ["retention.ms"] * 2, [""]):
        yield configs(2, "set", keys)
    for name in ("nowhere", "", "a b", "x" * 250):
        yield configs(2, name, ["retention.ms"])
    for name in ("0", "", "1", "-1", "x", "00", "+0"):
        yield configs(4, name, ["num.partitions", "queued.max.requests", "delete.topic.enable"])
    yield configs(4, "", None)
    for kind in (0, 1, 3, 5, 64, -1):
        yield configs(kind, "x", ["any"])
    yield configs(8, "0", ["no.such.logger", "root"])
    yield configs(16, "x")
    for name in ("", "1", "x"):
        yield configs(8, name, ["root"])
    twice = configs(2, "set", ["retention.ms"])[1]
    twice["resources"] *= 2
    yield "DescribeConfigs", twice
    yield "DescribeConfigs", {"resources": []}


TOPIC, BROKER, LOGGER, CLIENT_METRICS = 2, 4, 8, 16
FAILS = "3.9 fails on what makes no sense"


def config_change_questions():
    for key, operation, value in (
            ("retention.ms", SET, "5"), ("retention.ms", SET, "x"), ("retention.ms", SET, None), ("retention.ms", SET, ""),
            ("retention.ms", DELETE, None), ("retention.ms", DELETE, "5"), ("retention.ms", APPEND, "5"),
            ("retention.ms", SUBTRACT, "5"), ("cleanup.policy", APPEND, "compact"), ("cleanup.policy", SUBTRACT, "delete"),
            ("cleanup.policy", APPEND, "burn"), ("cleanup.policy", SUBTRACT, "burn"), ("cleanup.policy", APPEND, None),
            ("no.such", SET, "1"), ("no.such", DELETE, None), ("", SET, "1"), ("remote.storage.enable", SET, "true"),
            ("leader.replication.throttled.replicas", APPEND, "0:1,1:0"), ("leader.replication.throttled.replicas", APPEND, "x"),
            ("follower.replication.throttled.replicas", SET, "*"), ("message.format.version", SET, "2.0")):
        yield alter(TOPIC, "set", (key, operation, value))
    for kind, name in ((TOPIC, "nowhere"), (TOPIC, ""), (TOPIC, "a b"), (TOPIC, "__consumer_offsets_"), (BROKER, "1"),
                       (BROKER, "-1"), (BROKER, "x"), (BROKER, "00"), (BROKER, "+0"), (0, "x"), (1, ""), (3, "x"), (5, "x"),
                       (32, "x"), (64, ""), (-1, "x"), (CLIENT_METRICS, "x"), (CLIENT_METRICS, ""), (LOGGER, "x"), (LOGGER, ""),
                       (LOGGER, "1")):
        yield alter(kind, name, ("message.max.bytes" if kind == BROKER else "retention.ms", SET, "5000"))
        yield replace(kind, name, ("message.max.bytes" if kind == BROKER else "retention.ms", "5000"))
        yield alter(kind, name)
    for kind, name in ((TOPIC, "set"), (BROKER, "0"), (BROKER, ""), (LOGGER, "0")):
        yield alter(kind, name)
        yield replace(kind, name)
        yield alter(kind, name, times=2)
    yield alter(TOPIC, "set", ("retention.ms", SET, "1"), ("retention.ms", DELETE, None))
    yield alter(TOPIC, "set", ("min.compaction.lag.ms", SET, "10"), ("max.compaction.lag.ms", SET, "5"))
    yield (*alter(TOPIC, "set", ("no.such", APPEND, "1")), FAILS)
    yield (*alter(BROKER, "0", ("no.such", APPEND, "1")), FAILS)
    yield (*alter(TOPIC, "set", ("retention.ms", 9, "1")), FAILS)
    yield alter(BROKER, "0", ("message.max.bytes", 9, "1"))
    for values in ((("retention.ms", "8"), ("segment.bytes", "100000")), (("retention.ms", None),), (("retention.ms", "x"),),
                   (("no.such", "1"),), (("retention.ms", "1"), ("retention.ms", "2"))):
        yield replace(TOPIC, "set", *values)

    for name in ("0", ""):
        for key, operation, value in (
                ("num.io.threads", SET, "8"), ("num.io.threads", SET, "16"), ("num.io.threads", SET, "17"),
                ("num.io.threads", SET, "4"), ("num.io.threads", SET, "3"), ("num.io.threads", SET, "0"),
                ("num.io.threads", SET, "x"), ("num.io.threads", SET, ""), ("num.io.threads", SET, None),
                ("num.io.threads", DELETE, None), ("num.io.threads", APPEND, "1"), ("num.partitions", SET, "9"),
                ("num.partitions", DELETE, None), ("broker.id", SET, "9"),
                ("leader.replication.throttled.rate", SET, "1000"), ("leader.replication.throttled.rate", SET, "-1"),
                ("follower.replication.throttled.rate", SET, "x"), ("follower.replication.throttled.rate", SET, "0"),
                ("replica.alter.log.dirs.io.max.bytes.per.second", SET, "1"), ("no.such", SET, "1"), ("no.such", DELETE, None),
                ("log.cleanup.policy", APPEND, "compact"), ("log.cleanup.policy", SET, "burn"), ("log.retention.hours", SET, "1"),
                ("log.retention.ms", SET, "5"), ("log.roll.ms", SET, "0"), ("message.max.bytes", SET, "-1"),
                ("min.insync.replicas", SET, "0"), ("unclean.leader.election.enable", SET, "true"),
                ("max.connections", SET, "4"), ("max.connections", SET, "0"), ("max.connections.per.ip", SET, "0"), ("max.connections.per.ip.overrides", SET, "x"),
                ("background.threads", SET, "11"), ("log.cleaner.threads", SET, "0"), ("log.cleaner.dedupe.buffer.size", SET, "5"),
                ("log.message.timestamp.type", SET, "Now"), ("compression.type", SET, "zip"), ("log.cleaner.enable", SET, "false"),
                ("ssl.keystore.password", SET, "secret"), ("num.recovery.threads.per.data.dir", SET, "2"),
                ("producer.id.expiration.ms", SET, "1000"), ("producer.id.expiration.ms", SET, "0"),
                ("producer.id.expiration.ms", SET, "-1"), ("producer.id.expiration.ms", DELETE, None),
                ("producer.id.expiration.check.interval.ms", SET, "1000"),
                ("transaction.partition.verification.enable", SET, "false"),
                ("transaction.partition.verification.enable", SET, "maybe"), ("transaction.max.timeout.ms", SET, "1000"),
                ("num.replica.fetchers", SET, "2"), ("principal.builder.class", SET, "no.such.Class")):
            yield alter(BROKER, name, (key, operation, value))
        for values in ((("num.io.threads", "9"),), (("num.partitions", "9"),), (("num.io.threads", None),), (("no.such", "9"),)):
            yield replace(BROKER, name, *values)
        for key, value in (("metric.reporters", ""),
                           ("remote.log.manager.copy.max.bytes.per.second", "5")):
            yield (*alter(BROKER, name, (key, SET, value)), "what could not have an effect is refused")
    here, protocols = "127.0.0.1:0", ("listener.security.protocol.map", SET, "PLAINTEXT:PLAINTEXT,OTHER:PLAINTEXT")
    for name in ("0", ""):
        for key, values in (
                ("listeners", (f"PLAINTEXT://{here}", f"OTHER://{here}", f"PLAINTEXT://{here},OTHER://{here}", "PLAINTEXT", "",
                               f"PLAINTEXT://{here},PLAINTEXT://{here}", "PLAINTEXT://127.0.0.1:port")),
                ("advertised.listeners", ("PLAINTEXT://elsewhere:1", "PLAINTEXT://0.0.0.0:1", "OTHER://elsewhere:1", "SSL://x:1", "")),
                ("listener.security.protocol.map", ("PLAINTEXT:PLAINTEXT,OTHER:PLAINTEXT", "OTHER:PLAINTEXT", "PLAINTEXT", "PLAINTEXT:NONE"))):
            for value in values:
                yield alter(BROKER, name, (key, SET, value))
                yield replace(BROKER, name, (key, value))
            yield alter(BROKER, name, (key, DELETE, None))
        yield alter(BROKER, name, protocols, ("listeners", SET, f"PLAINTEXT://{here},OTHER://{here}"))
        yield alter(BROKER, name, protocols, ("listeners", SET, f"OTHER://{here}"))
        yield alter(BROKER, name, protocols, ("listeners", SET, f"PLAINTEXT://{here},OTHER://{here}"),
                    ("advertised.listeners", SET, "PLAINTEXT://elsewhere:1"))
        yield alter(BROKER, name, protocols, ("advertised.listeners", SET, "PLAINTEXT://elsewhere:1,OTHER://elsewhere:2"))
        for key in ("max.connection.creation.rate", "listener.name.plaintext.max.connections",
                    "listener.name.plaintext.max.connection.creation.rate"):
            for value in ("4", "0", "-1", "x"):
                yield alter(BROKER, name, (key, SET, value))
            yield alter(BROKER, name, (key, DELETE, None))
    for key, operation, value in (("root", SET, "DEBUG"), ("root", SET, "debug"), ("root", SET, "OFF"), ("root", SET, None),
                                  ("root", DELETE, None), ("root", APPEND, "DEBUG"), ("no.such", SET, "DEBUG")):
        yield alter(LOGGER, "0", (key, operation, value))
    yield "IncrementalAlterConfigs", {"resources": []}
    yield "AlterConfigs", {"resources": []}
    yield alter(TOPIC, "second", ("retention.ms", SET, "777"), ("cleanup.policy", APPEND, "compact"), validate=False)
    yield configs(TOPIC, "second", ["retention.ms", "cleanup.policy"])
    yield (*replace(TOPIC, "second", ("segment.ms", "5000000"), validate=False), versions_of(2))
    yield configs(TOPIC, "second", ["retention.ms", "segment.ms"])


def features(*updates, validate=False, timeout=1000):
    return "UpdateFeatures", {"timeout_ms": timeout, "validate_only": validate, "feature_updates": [
        {"feature": name, "max_version_level": level, "upgrade_type": kind, "allow_downgrade": kind > 1}
        for name, level, kind in updates]}


def feature_questions():
    """transaction.version, which Kafka 3.9 does not know, is Ottla's."""
    for name in ("no.such", "metadata.version", "", "a b"):
        for level in (0, 1, 5, -1):
            for kind in (1, 2, 3, 0, 9):
                yield features((name, level, kind))
    yield features()
    yield features(("no.such", 1, 1), validate=True)
    yield features(("no.such", 1, 1), timeout=-1)
    yield features(("no.such", 1, 1), ("metadata.version", 0, 2))
    yield features(("no.such", 1, 1), ("no.such", 2, 2))


def deletion_questions():
    for offset in (0, 1, -1, -2, 1000):
        yield delete_records(offset, "plain")
    for topic, partition in (("nowhere", 0), ("plain", 99), ("plain", -1), ("", 0), ("compacted", 0)):
        yield delete_records(0, topic, partition)
    yield delete_records(0, "plain", timeout=-1)
    yield delete("nowhere")
    yield delete("")
    yield delete("a b")
    yield delete()
    yield delete("nowhere", "nowhere")
    new = versions_of(6)
    yield (*delete(ids=[(None, UNKNOWN_ID)]), new)
    yield (*delete(ids=[(None, messages.ZERO_ID)]), new)
    yield (*delete(ids=[("plain", Id("plain"))]), new)
    yield (*delete(ids=[("nowhere", UNKNOWN_ID)]), new)
    yield (*delete("second", ids=[(None, Id("second"))]), new)
    yield (*delete("empty", timeout=0), versions_of(5, 5))
    yield (*delete(ids=[(None, Id("small"))]), new)


def without_padding(records):
    """Of an answer below v4 Kafka has told the length before it converts, and fills up with half a message."""
    if records and len(records) == 12:  # half a message alone, by which old clients see that their maximum is too small
        return "too large"
    return comparable_batches(records or b"").split(b"\xff" * 8 + b"\0\0", 1)[0] or (b"too large" if records else b"")


CRC, TIMES, COUNT_END = slice(17, 21), slice(27, 43), 61
GZIP, LOG_APPEND_TIME, CONTROL = 1, 0x08, 0x20


def comparable_batches(records):
    """Without the time when a broker wrote a batch (markers, LogAppendTime), and unpacked: there are many gzips of the same."""
    masked = bytearray()
    at = 0
    while at + COUNT_END <= len(records) and records[at + 16] == 2:
        end = at + 12 + int.from_bytes(records[at + 8:at + 12], "big")
        batch = bytearray(records[at:end])
        if batch[22] & (LOG_APPEND_TIME | CONTROL):
            batch[CRC] = bytes(4)
            batch[TIMES] = bytes(16)
        if batch[22] & 7 == GZIP:
            batch[8:12] = batch[CRC] = bytes(4)
            batch[COUNT_END:] = gzip.decompress(batch[COUNT_END:])
        masked += batch
        at = end
    return bytes(masked) + records[at:]


# Whatever Kafka and Ottla may tell differently, by the name of the field: texts, and what a broker makes up.
MADE_UP = {"records": without_padding, "cluster_id": bool, "error_message": lambda _: "a text", "producer_id": lambda i: i >= 0, "session_id": bool,
           "batch_index_error_message": lambda _: "a text", "documentation": bool,
           # Kafka leaves out synonyms that it drops for a name of its own without a default, and never says that a value
           # is a default in v0: docs/wire-protocol.md.
           "synonyms": lambda _: "not compared", "is_default": lambda _: "not told",
           "log_append_time_ms": lambda ms: ms < 0, "last_timestamp": lambda ms: ms == TIME,
           "transaction_start_time_ms": lambda ms: min(ms, 1)}

# Lists whose order is that of a hash table.
IN_ANY_ORDER = ("topics", "responses", "results", "configs", "partitions", "partition_responses", "active_producers",
                "transaction_states", "unknown_state_filters")


def differences(kafka, ottla, path=""):
    """Where two answers part."""
    if isinstance(kafka, dict) and isinstance(ottla, dict):
        for name in kafka:
            yield from differences(kafka[name], ottla.get(name), f"{path}.{name}")
    elif isinstance(kafka, list) and isinstance(ottla, list) and len(kafka) == len(ottla):
        for number, (one, other) in enumerate(zip(kafka, ottla)):
            yield from differences(one, other, f"{path}[{number}]")
    elif kafka != ottla:
        yield f"{path[1:]}: {str(kafka)[:200]} in Kafka, {str(ottla)[:200]} in Ottla"


class World:
    def __init__(self, port):
        self.broker = types.SimpleNamespace(port=port)
        self.connection = wire.Connection(self.broker)
        self.ids = {}
        self.producers = {}  # by transactional id
        self.names = 0

    def close(self):
        self.connection.close()

    def learn_ids(self):
        told = self.call("Metadata", 12, {"topics": None})
        self.ids = {topic["name"]: topic["topic_id"] for topic in told["topics"]}

    def served(self):
        return {row["api_key"]: row["max_version"] for row in self.call("ApiVersions", 3, {
            "client_software_name": "test", "client_software_version": "1"})["api_keys"]}

    def resolve(self, value):
        if value is NEW_NAME:
            self.names += 1
            return f"new-{self.names}"
        if isinstance(value, Id):
            return self.ids.get(value.topic, UNKNOWN_ID)
        if isinstance(value, ProducerOf):
            return self.producers[value.transactional]
        if isinstance(value, dict):
            return {name: self.resolve(each) for name, each in value.items()}
        return [self.resolve(each) for each in value] if isinstance(value, list) else value

    def call(self, api, version, body):
        outcome, frame = "closed", None
        try:
            frame = self.connection.ask(messages.request(api, version, self.resolve(body)))
        except TimeoutError:
            outcome = "no answer"
        if frame is None:
            self.connection.close()
            self.connection = wire.Connection(self.broker)
            return outcome
        return messages.answer(api, version, frame)

    def comparable(self, value, name=""):
        if isinstance(value, dict):
            return {each: self.comparable(value[each], each) for each in value if each != "throttle_time_ms"}
        if isinstance(value, list):
            if name in MADE_UP:
                return MADE_UP[name](value)
            rows = [self.comparable(each) for each in value]
            return sorted(rows, key=str) if name in IN_ANY_ORDER else rows
        if isinstance(value, bytes) and len(value) == 16:
            return next((topic for topic, known in self.ids.items() if known == value),
                        value if value in (messages.ZERO_ID, UNKNOWN_ID) else "an id")
        if name == "name" and value and value.startswith("new-"):
            return "new"
        if name == "port" and value == self.broker.port:
            return "its port"
        return MADE_UP[name](value) if name in MADE_UP else value


class AnswersTest(unittest.TestCase):
    settings = SETTINGS
    questions = staticmethod(questions)

    @classmethod
    def setUpClass(cls):
        interop_clients.kafka_jars("3.9.1")
        cls.directory = tempfile.mkdtemp(prefix="ottla-it.")
        cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)
        settings = [word for name, value in cls.settings.items() for word in ("--set", f"{name}={value}")]
        bootstrap = interop_clients.run([interop_clients.KAFKA_REF, "start", "--dir", cls.directory, "--brokers", 1,
                                         "--base-port", free_port(), "--heap", "400M", *settings]).strip()
        cls.addClassCleanup(interop_clients.run, [interop_clients.KAFKA_REF, "stop", "--dir", cls.directory])
        cls.cluster = Cluster(ids=[0], **{name.replace(".", "__"): value for name, value in cls.settings.items()})
        cls.addClassCleanup(cls.cluster.close)
        cls.worlds = [World(int(bootstrap.split(":")[1])), World(cls.cluster.brokers[0].port)]
        for world in cls.worlds:
            cls.addClassCleanup(world.close)
            cls.fill(world)

    @staticmethod
    def fill(world):
        address = f"127.0.0.1:{world.broker.port}"
        for topic, partitions, options in (
                (ONE_TOPIC, 2, []), ("second", 1, []), ("set", 1, ["retention.ms=123456789"]), ("plain", 1, []), ("empty", 1, []),
                ("small", 1, ["max.message.bytes=500"]), ("compacted", 1, ["cleanup.policy=compact"]), ("und.er", 1, [])):
            interop_clients.run([OTTLA, "topics", "--bootstrap-server", address, "--create", "--topic", topic,
                                 "--partitions", partitions, "--replication-factor", 1,
                                 *(word for option in options for word in ("--config", option))])
        wait_until(lambda: world.call("FindCoordinator", 1, {"key": "g"})["error_code"] == 0, "__consumer_offsets", 60)
        wait_until(lambda: world.call("InitProducerId", 4, init()[1])["error_code"] == 0, "a block of producer ids", 60)
        for topic in (ONE_TOPIC, "plain"):
            for i in range(6):
                error, *_ = world.connection.produce(topic, wire.batch([wire.record(b"value %d" % i)], timestamp=TIME + i))
                assert error == 0
        world.learn_ids()

    def test_answers_are_kafkas(self):
        self.compare(self.questions())

    def test_what_neither_offers_gets_the_same_treatment(self):
        """Client telemetry (KIP-714) among it, which Kafka 3.9 has with KRaft only."""
        served = [world.served() for world in self.worlds]
        refused = [name for name, api in messages.APIS.items()
                   if api.key < FIRST_OWN_API and not any(api.key in each for each in served)]
        self.assertLessEqual({"GetTelemetrySubscriptions", "PushTelemetry"}, set(refused))
        for api in refused:
            for version in range(messages.APIS[api].versions.last + 1):
                with self.subTest(api=api, version=version):
                    kafka, ottla = (world.call(api, version, {}) for world in self.worlds)
                    self.assertEqual(ottla, kafka)

    def compare(self, questions):
        served = [world.served() for world in self.worlds]
        found = {}
        asked = 0
        only = os.environ.get("OTTLA_API")
        for api, body, *rest in questions:
            kept = [each for each in rest if isinstance(each, str)]
            rest = [each for each in rest if not isinstance(each, str)]
            same = []
            newest = min(each.get(messages.APIS[api].key, -1) for each in served)
            for version in range(newest + 1 if api == only or not only else 0):
                if rest and version not in rest[0]:
                    continue
                answers = [world.comparable(world.call(api, version, body)) for world in self.worlds]
                asked += 1
                if kept:
                    same += [version] if answers[0] == answers[1] else []
                elif answers[0] != answers[1]:
                    where = "; ".join(differences(*answers))
                    found.setdefault((f"{api} {body}", where), []).append(version)
            for version in same:
                found.setdefault((f"{api} {body}", f"does not differ any more: {kept[0]}"), []).append(version)
        print(f"{asked} requests, {sum(map(len, found.values()))} answers differ", flush=True)
        report = "\n".join(f"{question} v{versions}\n    {where}" for (question, where), versions in found.items())
        self.assertFalse(found, "\n" + report)


if __name__ == "__main__":
    unittest.main()
