"""From the moment a record is due until librdkafka's consumer has it."""

from measure import load
from row import Metric, Row

TOPIC = "paced"


def measure(System, size):
    with System(brokers=3, min__insync__replicas=2) as system:
        system.create_topic(TOPIC, 1, 3)
        outcome = load(system, "latency", topic=TOPIC, rate=size.rate, seconds=size.seconds, record_bytes=100)
        return {"p50 (ms)": outcome["p50_ms"], "p99 (ms)": outcome["p99_ms"], "p99.9 (ms)": outcome["p999_ms"],
                "CPU-us/record": outcome.cpu_us_per_request}


def two_round_trips(limits):
    """To the leader, from there to the followers and back, to the consumer."""
    return 2 * limits["round trip ms"]


ROWS = [
    Row("latency", "2,000 records/s end to end, acks=all, 3 replicas, no linger", measure,
        full={"rate": 2000, "seconds": 20}, quick={"rate": 2000, "seconds": 1},
        metrics=(Metric("p50 (ms)", times=3, limit=two_round_trips), Metric("p99 (ms)", times=3, at_most=2), Metric("p99.9 (ms)", times=3))),
]
