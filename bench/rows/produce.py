"""Produce by the gigabyte."""

from measure import load
from row import Metric, Row

TOPIC = "bench"


def produce(system, size, **options):
    load(system, "produce", topic=TOPIC, megabytes=size.warm_megabytes, **options)  # page cache, the JVM's compiler
    outcome = load(system, "produce", topic=TOPIC, megabytes=size.megabytes, **options)
    return {"CPU-s/GB": outcome.cpu_per_gb, "MB/s": outcome.megabytes_per_second,
            "client CPU-s/GB": outcome["client_cpu_seconds"] / (outcome["bytes"] / 1e9)}


def acks_all(System, size):
    with System(brokers=3, min__insync__replicas=2) as system:
        system.create_topic(TOPIC, size.partitions, 3)
        return produce(system, size, acks=-1, batch_bytes=65536, in_flight=5)


def large(System, size):
    with System(brokers=1) as system:
        system.create_topic(TOPIC, size.partitions, 1)
        return produce(system, size, acks=1, batch_bytes=1 << 20, in_flight=5)


def replicated(limits):
    """Each replica receives, checks and writes once; the leader sends to two."""
    return (3 * (limits["tcp receive CPU-s/GB"] + limits["CRC32C CPU-s/GB"] + limits["page cache write CPU-s/GB"])
            + 2 * limits["tcp send CPU-s/GB"])


def stored_once(limits):
    return limits["tcp receive CPU-s/GB"] + limits["CRC32C CPU-s/GB"] + limits["page cache write CPU-s/GB"]


ROWS = [
    Row("produce-acks-all", "acks=all, 3 replicas, 1 KiB records in 64 KiB batches, 6 partitions", acks_all,
        full={"megabytes": 1024, "warm_megabytes": 1024, "partitions": 6}, quick={"megabytes": 64, "warm_megabytes": 8, "partitions": 6},
        metrics=(Metric("CPU-s/GB", times=5, limit=replicated), Metric("MB/s", higher=True, times=4))),
    Row("produce-large", "acks=1, 1 replica, 1 MiB batches", large,
        full={"megabytes": 2048, "warm_megabytes": 1024, "partitions": 6}, quick={"megabytes": 64, "warm_megabytes": 8, "partitions": 6},
        metrics=(Metric("CPU-s/GB", times=3, limit=stored_once), Metric("MB/s", higher=True))),
]
