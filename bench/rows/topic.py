"""A topic with very many partitions comes and goes."""

import os
import time

from measure import wait_until_served
from row import Metric, Row
from systems import ottla

TOPIC = "wide"


def is_gone(system):
    """No broker knows it, and none of its files is left (Kafka renames a log's directory, and deletes it later)."""
    left = any(name.startswith(f"{TOPIC}-") and not name.endswith("-delete")
               for broker_id in system.ids for name in os.listdir(system.data(broker_id)))
    return not left and TOPIC not in system.tool("topics", "--list").split()


def measure(System, size):
    with System(brokers=3) as system:
        began = time.monotonic()
        system.tool("topics", "--create", "--topic", TOPIC, "--partitions", size.partitions, "--replication-factor",
                    size.replicas)
        wait_until_served(system, TOPIC, size.partitions)
        created = time.monotonic()
        system.wait_for_isr(TOPIC, size.partitions, size.replicas)
        before = system.cpu_seconds()
        deleting = time.monotonic()
        system.tool("topics", "--delete", "--topic", TOPIC)
        ottla.wait_until(lambda: is_gone(system), "the topic to be gone", 600)
        return {"created (s)": created - began, "deleted (s)": time.monotonic() - deleting,
                "CPU of the deletion (s)": system.cpu_seconds() - before}


ROWS = [
    Row("topic-2000", "a topic of 2,000 partitions created until all leaders serve; deleted", measure,
        full={"partitions": 2000, "replicas": 3}, quick={"partitions": 30, "replicas": 3},
        metrics=(Metric("created (s)", times=5), Metric("deleted (s)", times=5))),
]
