"""Many small requests."""

from measure import load
from row import Metric, Row

TOPIC = "small"


def small(System, size):
    found = {}
    with System(brokers=3, min__insync__replicas=2) as system:
        system.create_topic(TOPIC, 6, 3)
        for name, acks in (("acks=1", 1), ("acks=all", -1)):
            options = {"topic": TOPIC, "acks": acks, "connections": 32, "record_bytes": 100, "batch_bytes": 1}
            load(system, "produce", seconds=size.seconds, **options)
            outcome = load(system, "produce", seconds=size.seconds, **options)
            found |= {f"requests/CPU-s, {name}": outcome.requests_per_cpu_second,
                      f"requests/s, {name}": outcome["requests"] / outcome["seconds"],
                      f"p99 (ms), {name}": outcome["p99_ms"]}
    return found


def answered(limits):
    return limits["round trips/s per server CPU-s"]


ROWS = [
    Row("small-requests", "one 100-byte record a request, 32 connections, 3 replicas", small,
        full={"seconds": 10}, quick={"seconds": 1},
        metrics=tuple(Metric(f"requests/CPU-s, {acks}", higher=True, times=4, limit=answered)
                      for acks in ("acks=1", "acks=all"))),
]
