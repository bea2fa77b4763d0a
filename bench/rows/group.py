"""Consumer groups: members come at once; offsets are committed."""

from measure import load
from members import seconds_to_join
from row import Metric, Row


def join(system, size):
    seconds_to_join(system, "warm-up", 2)
    return seconds_to_join(system, "crowd", size.members)


def measure(System, size):
    """With Kafka's default delay of the first rebalance, in which a new group waits for more members, and without."""
    settings = {"offsets__topic__num__partitions": size.offsets_partitions}
    with System(brokers=3, group__initial__rebalance__delay__ms=size.delay_ms, **settings) as system:
        found = {"members join (s)": join(system, size)}
    with System(brokers=3, group__initial__rebalance__delay__ms=0, **settings) as system:
        found["members join, no initial delay (s)"] = join(system, size)
        system.create_topic("committed", 1, 3)
        load(system, "commit", topic="committed", connections=32, seconds=size.seconds)
        outcome = load(system, "commit", topic="committed", connections=32, seconds=size.seconds)
    return found | {"commits/CPU-s": outcome.requests_per_cpu_second, "commits/s": outcome["requests"] / outcome["seconds"],
                    "commit p99 (ms)": outcome["p99_ms"]}


ROWS = [
    Row("group", "100 members join at once; offset commits of 32 groups, 3 replicas", measure,
        full={"members": 100, "delay_ms": 3000, "offsets_partitions": 50, "seconds": 10}, quick={"members": 20, "delay_ms": 300, "offsets_partitions": 3, "seconds": 0.5},
        metrics=(Metric("members join (s)", times=2), Metric("members join, no initial delay (s)"),
                 Metric("commits/CPU-s", higher=True, times=3, limit=lambda limits: limits["round trips/s per server CPU-s"]))),
]
