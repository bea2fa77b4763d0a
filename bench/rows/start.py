"""From the start of the process until it serves."""

import re
import time

from measure import knows_itself, load, wait_until_served
from row import Metric, Row
from systems import ottla

STORED, MANY = "stored", "many"


def seconds_until(system, condition, what):
    """Since the process began, which is later than when its start was asked for."""
    ottla.wait_until(condition, what, 600)
    now = time.monotonic()
    return now - system.started_at(1)


def again(system, topic, partitions):
    system.start(1)
    return seconds_until(system, lambda: wait_until_served(system, topic, partitions), "the broker to serve")


def empty(system):
    system.terminate(1)
    system.start(1)
    seconds = seconds_until(system, lambda: knows_itself(system, 1), "the broker to answer")
    system.wait_for_brokers()
    return seconds


def after_a_crash(system, size):
    """Everything lies past the recovery point, in the page cache. Seconds until served; of the logs alone; CPU."""
    system.create_topic(STORED, size.crash_partitions, 1)
    load(system, "produce", topic=STORED, megabytes=size.crash_megabytes, batch_bytes=size.batch_bytes, acks=1, in_flight=5)
    ends = wait_until_served(system, STORED, size.crash_partitions)
    system.kill(1)
    system.wait_for_the_dead(1)
    (system.data(1) / "recovery-point-offset-checkpoint").write_text("0\n0\n")
    seconds = again(system, STORED, size.crash_partitions)
    cpu = system.cpu_seconds()
    found = wait_until_served(system, STORED, size.crash_partitions)
    if found != ends:
        raise RuntimeError(f"{system.name}: the log ends at {found} after the crash, at {ends} before it")
    system.wait_for_brokers()
    return seconds, recovery_seconds(system), cpu


def with_partitions(system, size):
    """After an orderly end: what a rolling restart sees."""
    system.create_topic(MANY, size.partitions, 1)
    load(system, "produce", topic=MANY, requests=size.partitions, batch_bytes=1, acks=1)
    system.terminate(1)
    return again(system, MANY, size.partitions)


def recovery_seconds(system):
    """What the broker says itself about the loading of its logs."""
    lines = "".join(path.read_text(errors="replace") for path in (
        *system.directory.glob("**/broker.out"), *system.directory.glob("**/broker-*/out.log")))
    milliseconds = re.findall(r"logs loaded in (\d+) ms|Loaded \d+ logs in (\d+)ms", lines)
    return int("".join(milliseconds[-1])) / 1000


def measure(System, size):
    """The partitions come last: recovery is that of the stored log alone."""
    with System(brokers=1, log__flush__offset__checkpoint__interval__ms=600_000, zookeeper__session__timeout__ms=4000,
                num__recovery__threads__per__data__dir=size.threads) as system:
        found = {"empty (s)": empty(system)}
        crash, recovery, cpu = after_a_crash(system, size)
        return found | {
            "with partitions (s)": with_partitions(system, size), "after a crash (s)": crash, "recovery of the logs (s)": recovery,
            "recovery GB/s": size.crash_megabytes * 1.048576 / 1000 / max(recovery, 0.001), "CPU after a crash (s)": cpu}


def read_and_checked(limits):
    """By one thread, out of the page cache."""
    return 1 / (limits["page cache read CPU-s/GB"] + limits["CRC32C CPU-s/GB"])


ROWS = [
    Row("start", "to serving: empty; 1,000 partitions; after a crash with 2 GB past the recovery point", measure,
        full={"partitions": 1000, "crash_megabytes": 2048, "crash_partitions": 1, "threads": 1, "batch_bytes": 65536},
        quick={"partitions": 20, "crash_megabytes": 64, "crash_partitions": 1, "threads": 1, "batch_bytes": 65536},
        metrics=(*(Metric(f"{what} (s)", times=10) for what in ("empty", "with partitions", "after a crash")),
                 Metric("recovery GB/s", higher=True, limit=read_and_checked))),
]
