"""Who acknowledges records, and when: a probe that offers records to *every* broker all the time.

A broker that does not lead refuses at once; so the times between acknowledgements, whoever gives them, are the times
without a writable leader, however long a client of some language would need to find the new one. And of two brokers
that both believe to lead only one may acknowledge: offsets are given once, in the order of time, and what was
acknowledged is there in the end.
"""

import collections
import contextlib
import threading
import time

import wire

Ack = collections.namedtuple("Ack", "partition broker offset value sent at")
Gap = collections.namedtuple("Gap", "seconds partition start end")
NO_ERROR = 0


class WritableProbe:
    """`topic` is the probe's own. Its thread for each broker lives where the test does."""

    PAUSE = 0.02

    def __init__(self, cluster, topic, partitions):
        self.cluster, self.topic, self.partitions = cluster, topic, partitions
        self.acks = []
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._ask, args=(broker,), daemon=True)
                        for broker in cluster.brokers.values()]
        for thread in self.threads:
            thread.start()

    def _ask(self, broker):
        number = 0
        while not self.stopping.is_set():
            with contextlib.suppress(OSError, AssertionError):
                with wire.Connection(broker, timeout=1) as connection:
                    while not self.stopping.is_set():
                        number += 1
                        self._offer(connection, broker.id, b"%d-%d" % (broker.id, number))
                        self.stopping.wait(self.PAUSE)
            self.stopping.wait(self.PAUSE)

    def _offer(self, connection, broker_id, value):
        """One record for each partition. `timeout_ms` ends the wait of a leader that its followers have left."""
        batch = wire.blob(wire.batch([wire.record(value)], timestamp=int(time.time() * 1000)))
        body = wire.i16(-1) + wire.i16(-1) + wire.i32(200) + wire.array([wire.text(self.topic) + wire.array(
            [wire.i32(partition) + batch for partition in range(self.partitions)])])
        sent = time.monotonic()
        answer = connection.call(wire.PRODUCE, 3, body)
        now = time.monotonic()
        rows = answer.array(lambda: (answer.text(), answer.array(
            lambda: (answer.i32(), answer.i16(), answer.i64(), answer.i64()))))[0][1]
        for partition, error, offset, _ in rows:
            if error == NO_ERROR:
                self.acks.append(Ack(partition, broker_id, offset, value, sent, now))

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(30)

    def acknowledged_by(self, broker, since=0.0):
        """Acknowledgements of records that were offered after that time."""
        return [ack for ack in self.acks if ack.broker == broker.id and ack.sent > since]

    def has_leaders(self, since):
        """Every partition has acknowledged a record that was offered after that time."""
        return {ack.partition for ack in self.acks if ack.sent > since} == set(range(self.partitions))

    # The verdict, after `stop`.

    def longest_gaps(self):
        """The longest time without a writable leader, of each partition; from when to when, by the monotonic clock."""
        gaps = []
        for partition in range(self.partitions):
            times = sorted(ack.at for ack in self.acks if ack.partition == partition)
            gaps.append(max((Gap(end - start, partition, start, end) for start, end in zip(times, times[1:])),
                            default=Gap(float("inf"), partition, 0.0, time.monotonic())))
        return gaps

    def violations(self):
        """What two writable leaders, or a leader that lost records, would leave behind."""
        found = []
        for partition in range(self.partitions):
            acks = sorted((ack for ack in self.acks if ack.partition == partition), key=lambda ack: ack.offset)
            found += [f"offset given twice: {a}, {b}" for a, b in zip(acks, acks[1:]) if a.offset == b.offset]
            latest = None
            for ack in acks:  # in the log's order: none was acknowledged before an earlier one was offered
                if latest is not None and ack.at < latest.sent:
                    found.append(f"acknowledged before an earlier offset was offered: {ack}, {latest}")
                latest = ack if latest is None or ack.sent > latest.sent else latest
            there = self._read(partition)
            found += [f"not in the log: {ack}; {there.get(ack.offset)} is" for ack in acks
                      if there.get(ack.offset) != ack.value]
        return found

    def _read(self, partition):
        """{offset: value}, from the leader."""
        found, offset = {}, 0
        with wire.Connection(self.cluster.leader(self.topic, partition), timeout=10) as connection:
            while True:
                row = connection.fetch(self.topic, offset, partition=partition, partition_max_bytes=4 << 20,
                                       max_bytes=4 << 20)
                assert row["error"] == NO_ERROR, row
                for base, value in values(row["records"]):
                    found[base] = value
                    offset = max(offset, base + 1)
                if offset >= row["high_watermark"]:
                    return found


def values(data):
    """(offset, value) of batches with one record each, as the probe writes them."""
    at = 0
    while at + 12 <= len(data):
        batch = wire.Reader(data[at:])
        base, length = batch.i64(), batch.i32()
        if at + 12 + length > len(data):
            return
        batch.take(49)

        def varint():
            raw = batch.unsigned()
            return raw >> 1 ^ -(raw & 1)
        varint(), batch.i8(), varint(), varint(), varint()
        yield base, batch.take(varint())
        at += 12 + length
