"""What consumers of old data cost those at the end of the log.

A log is written and put out of the page cache. Then a producer sends 32 KiB every 5 ms with acks=all to a topic of its own,
a consumer at its end long-polls; first alone (`quiet`), then while others read the old log from its beginning (`cold`), each
a topic of its own. `produce` is the time to the acknowledgement, `end to end` until the consumer has the record. `kept` is
what the old log holds of the page cache afterwards.
"""

import collections
import os
import subprocess
import threading
import time

import wire
from measure import Load, load, quantile
from row import Metric, Row

OLD, HOT = "old", "hot"
VALUE = b"x" * 32_000
EVERY = 0.005


class HotPair:
    """A producer and a consumer at the end of the log; their latencies in milliseconds, by phase."""

    def __init__(self, system):
        self.system, self.phase, self.stopping = system, "warm-up", threading.Event()
        self.produced, self.consumed = collections.defaultdict(list), collections.defaultdict(list)
        self.sent = {}
        self.threads = [threading.Thread(target=run, daemon=True) for run in (self.produce, self.consume)]
        for thread in self.threads:
            thread.start()

    def produce(self):
        records = wire.batch([wire.record(VALUE)])
        with self.system.connect() as connection:
            offset, due = 0, time.monotonic()
            while not self.stopping.is_set():
                due = max(due + EVERY, time.monotonic() - 1)  # from when it was due: a stall delays all behind it
                self.stopping.wait(max(0.0, due - time.monotonic()))
                self.sent[offset] = (due, self.phase)
                error, *_ = connection.produce(HOT, records)
                assert error == 0, error
                self.produced[self.sent[offset][1]].append((time.monotonic() - due) * 1000)
                offset += 1

    def consume(self):
        with self.system.connect() as connection:
            offset = 0
            while not self.stopping.is_set():
                answer = connection.call(wire.FETCH, 4, wire.fetch_body(HOT, offset, max_wait_ms=200))
                got, now = len(answer.data) // len(VALUE), time.monotonic()
                for taken in range(offset, offset + got):
                    due, phase = self.sent[taken]
                    self.consumed[phase].append((now - due) * 1000)
                offset += got

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)


def forget(paths):
    for path in paths:
        with open(path, "rb") as file:
            os.fdatasync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def cached_megabytes(paths):
    shown = subprocess.run(["fincore", "--bytes", "--noheadings", "--output", "RES", *paths],
                           capture_output=True, text=True, check=True)
    return sum(map(int, shown.stdout.split())) / 1e6


def read_old(system, readers):
    """MB/s of each reader."""
    loads = [Load(system, "fetch", topic=f"{OLD}-{number}", once=True) for number in range(readers)]
    for running in loads:
        running.go()
    return [running.outcome().megabytes_per_second for running in loads]


def measure(System, size):
    with System(brokers=1) as system:
        for number in range(size.readers):
            system.create_topic(f"{OLD}-{number}")
            load(system, "produce", topic=f"{OLD}-{number}", megabytes=size.megabytes // size.readers, acks=1, in_flight=5)
        system.create_topic(HOT)
        old = [path for number in range(size.readers) for path in system.segments(f"{OLD}-{number}")]
        forget(old)
        before = cached_megabytes(old)
        pair = HotPair(system)
        time.sleep(size.seconds / 2)
        pair.phase = "quiet"
        time.sleep(size.seconds)
        pair.phase = "cold"
        began = time.monotonic()
        speeds = read_old(system, size.readers)
        seconds = time.monotonic() - began
        pair.phase = "after"
        pair.stop()
        found = {}
        for what, phases in (("produce", pair.produced), ("end to end", pair.consumed)):
            for phase in ("quiet", "cold"):
                for name, share in (("p50", 0.5), ("p99", 0.99)):
                    found[f"{what} {name}, {phase} (ms)"] = quantile(phases[phase] or [0.0], share)
            found[f"{what} p99, cold : quiet"] = found[f"{what} p99, cold (ms)"] / max(found[f"{what} p99, quiet (ms)"], 0.01)
        return found | {"cold read (MB/s)": sum(speeds), "slowest/fastest": min(speeds) / max(speeds), "cold (s)": seconds,
                        "kept (MB)": cached_megabytes(old) - before}


ROWS = [
    Row("consume-cold", "a hot producer and consumer while old data are read from the disk", measure,
        full={"megabytes": 4096, "readers": 1, "seconds": 10}, quick={"megabytes": 64, "readers": 1, "seconds": 1},
        metrics=(Metric("produce p99, cold : quiet", at_most=1.5), Metric("end to end p99, cold : quiet", at_most=1.5),
                 Metric("cold read (MB/s)", higher=True, limit=lambda limits: limits["disk read GB/s"] * 1000), Metric("slowest/fastest", higher=True))),
]
