"""What a request costs as the cluster grows: CPU of the brokers for each, which should stay as it is.

The same load each time, of small requests (one record of 100 bytes, 16 under way): produced round over all partitions
(three replicas, acks=all), over all connections, to a log of many segments, and to a long log; the last two are also read
at random places. What is fitted is the exponent of cost ~ size^exponent: 0 is flat, 1 grows in proportion.
"""

import math

from measure import load
from row import Metric, Row

def produce_cost(system, size, topic, **options):
    options |= {"topic": topic, "record_bytes": 100, "batch_bytes": 1, "active": 16}
    load(system, "produce", **options, seconds=size.seconds / 2)
    return load(system, "produce", **options, seconds=size.seconds).cpu_us_per_request


def fetch_cost(system, size, topic):
    options = {"topic": topic, "random": True, "consumers": 8, "max_bytes": 4096}
    load(system, "fetch", **options, seconds=size.seconds / 2)
    return load(system, "fetch", **options, seconds=size.seconds).cpu_us_per_request


def warm_up(system, size, topic, replicas, **options):
    """Else the first point would be the JVM's warm-up."""
    system.create_topic(topic, 6, replicas)
    load(system, "produce", topic=topic, record_bytes=100, batch_bytes=1, connections=16, seconds=size.warm_seconds, **options)
    load(system, "fetch", topic=topic, random=True, consumers=8, max_bytes=4096, seconds=size.warm_seconds)


def by_partitions(system, size):
    """One topic that grows."""
    costs = {}
    warm_up(system, size, "warm", 3, acks=-1)
    for partitions in size.partitions:
        system.grow_topic("wide", partitions, 3)
        costs[partitions] = produce_cost(system, size, "wide", acks=-1, connections=30)
    return {"produce, by partitions (CPU-us)": costs}


def by_connections(system, size):
    """All of them are used in turn."""
    warm_up(system, size, "warm", 1, acks=1)
    system.create_topic("crowded", 6)
    return {"produce, by connections (CPU-us)": {
        connections: produce_cost(system, size, "crowded", acks=1, connections=connections) for connections in size.connections}}


def by_segments(system, size):
    """A segment for each batch; then the size of segments is as usual."""
    produced, fetched = {}, {}
    for segments in size.segments:
        topic = f"segments-{segments}"
        system.create_topic(topic, 1, segment__bytes=1024)
        load(system, "produce", topic=topic, requests=segments, batch_bytes=1, record_bytes=900, acks=1)
        system.tool("configs", "--alter", "--entity-type", "topics", "--entity-name", topic, "--add-config",
                    f"segment.bytes={1 << 30}")
        produced[segments] = produce_cost(system, size, topic, acks=1, connections=16)
        fetched[segments] = fetch_cost(system, size, topic)
        system.tool("topics", "--delete", "--topic", topic)
    return {"produce, by segments (CPU-us)": produced, "fetch, by segments (CPU-us)": fetched}


def by_bytes(system, size):
    """One log that grows."""
    produced, fetched, there = {}, {}, 0
    system.create_topic("long", 1, retention__ms=-1)
    for megabytes in size.log_megabytes:
        load(system, "produce", topic="long", megabytes=megabytes - there, batch_bytes=65536, acks=1, in_flight=5)
        there = megabytes
        produced[megabytes] = produce_cost(system, size, "long", acks=1, connections=16)
        fetched[megabytes] = fetch_cost(system, size, "long")
    return {"produce, by MB of the log (CPU-us)": produced, "fetch, by MB of the log (CPU-us)": fetched}


def exponent(costs):
    """Of the line through log(size), log(cost) by least squares."""
    points = [(math.log(size), math.log(max(cost, 0.1))) for size, cost in costs.items()]
    mean_x, mean_y = (sum(values) / len(points) for values in zip(*points))
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


def measure(System, size):
    with System(brokers=3, min__insync__replicas=2) as system:
        series = by_partitions(system, size)
    # With Kafka's backlog of 50 thousands of connections at once wait for SYNs that are sent again.
    with System(brokers=1, socket__listen__backlog__size=4096) as system:
        for part in (by_connections, by_segments, by_bytes):
            series |= part(system, size)
    return series | {f"exponent: {name.removesuffix(' (CPU-us)')}": exponent(costs) for name, costs in series.items()}


FLAT = 0.05  # 10 -> 10,000 costs at most 1.4 x
EXPONENTS = [f"exponent: {what}" for what in (
    "produce, by partitions", "produce, by connections", "produce, by segments", "fetch, by segments",
    "produce, by MB of the log", "fetch, by MB of the log")]

ROWS = [
    Row("growth", "CPU-us of a request as partitions, connections, segments and the log grow", measure,
        full={"partitions": [10, 100, 1000, 10000], "connections": [10, 100, 1000, 10000], "segments": [10, 100, 1000, 10000],
              "log_megabytes": [1000, 5000, 20000, 50000], "seconds": 5, "warm_seconds": 20},
        quick={"partitions": [6, 24], "connections": [10, 100], "segments": [10, 100], "log_megabytes": [10, 40],
               "seconds": 0.3, "warm_seconds": 0.2},
        metrics=tuple(Metric(name, at_most=FLAT, is_ratio=False) for name in EXPONENTS)),
]
