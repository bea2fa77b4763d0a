"""What a client sees of records: timestamps, offsets by time, formats by version, racks."""

import time
import unittest

import interop_clients
import wire
from cluster import Cluster, wait_until
from wire import Connection, batch, record

LATEST, EARLIEST, MAX_TIMESTAMP = -1, -2, -3
NO_ERROR, OFFSET_OUT_OF_RANGE, UNSUPPORTED_VERSION, INVALID_TIMESTAMP, INVALID_REQUIRED_ACKS = 0, 1, 35, 32, 21
RECORD_TOO_LARGE, NOT_LEADER = 10, 6
LOG_APPEND_TIME_BIT = 8
BASE = 1_700_000_000_000


def now_ms():
    return int(time.time() * 1000)


class RecordsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        racks = {f"{i}:broker.rack": f"rack-{i}" for i in (1, 2, 3)}
        cls.cluster = Cluster(
            **racks, replica__selector__class="org.apache.kafka.common.replica.RackAwareReplicaSelector")
        cls.addClassCleanup(cls.cluster.close)

    def leader_of(self, topic, replicas=3, **configs):
        """A connection to the leader of a new topic's only partition."""
        self.cluster.create_topic(topic, 1, replicas, **configs)
        self.cluster.wait_for_isr(topic, replicas)
        connection = Connection(self.cluster.leader(topic))
        self.addCleanup(connection.close)
        return connection

    def test_api_versions(self):
        with Connection(self.cluster.brokers[1]) as connection:
            def row(answer):
                return answer.i16(), answer.i16(), answer.i16()
            for version in (0, 1, 2):
                answer = connection.call(wire.API_VERSIONS, version)
                self.assertEqual(answer.i16(), NO_ERROR)
                served = {key: (low, high) for key, low, high in answer.array(lambda: row(answer))}
                self.assertEqual(served[wire.PRODUCE], (0, 12))
                self.assertEqual(served[wire.FETCH], (0, 17))
                self.assertEqual(served[wire.API_VERSIONS], (0, 4))
            # A client of the future learns in v0 what it may ask (KIP-511), on the same connection.
            answer = connection.call(wire.API_VERSIONS, 9, flexible=True)
            self.assertEqual(answer.i16(), UNSUPPORTED_VERSION)
            self.assertEqual(answer.array(lambda: row(answer)), [(18, 0, 4)])

    def test_create_time(self):
        leader = self.leader_of("create-time")
        for base in (BASE, BASE + 5000, BASE + 2000):
            sent = batch([record(b"a"), record(b"b", offset_delta=1, timestamp_delta=100)], timestamp=base,
                         max_timestamp=base + 100)
            self.assertEqual(leader.produce("create-time", sent)[0::2], (NO_ERROR, -1))
        leader.produce("create-time", wire.gzip_batch([b"a", b"b"], timestamp=BASE + 9000))

        def at(timestamp, version=7):
            return leader.list_offset("create-time", timestamp, version)
        # The first record that is not older, inside batches too, compressed ones and after an older batch.
        for wanted, timestamp, offset in ((-1, 0, 0), (0, 0, 0), (1, 100, 1), (100, 100, 1), (101, 5000, 2),
                                          (5050, 5100, 3), (5101, 9000, 6), (9000, 9000, 6)):
            for version in (1, 4, 7):
                self.assertEqual(at(BASE + wanted, version), (NO_ERROR, BASE + timestamp, offset), wanted)
        self.assertEqual(at(BASE + 9001), (NO_ERROR, -1, -1))
        self.assertEqual(at(MAX_TIMESTAMP), (NO_ERROR, BASE + 9000, 6))
        self.assertEqual(at(EARLIEST), (NO_ERROR, -1, 0))
        self.assertEqual(at(LATEST), (NO_ERROR, -1, 8))
        self.assertEqual(at(MAX_TIMESTAMP, 4)[0], UNSUPPORTED_VERSION)
        # Version 0 goes by when the segments' files were written.
        for timestamp, offsets in ((LATEST, [8]), (EARLIEST, [0]), (BASE + 5000, []), (now_ms() + 60_000, [8])):
            self.assertEqual(at(timestamp, 0), (NO_ERROR, -1, offsets))
        # The producer's times are on the records.
        self.assertEqual(self.times("create-time")[:6],
                         [BASE, BASE + 100, BASE + 5000, BASE + 5100, BASE + 2000, BASE + 2100])

    def times(self, topic):
        interop_clients.need("kcat")
        lines = interop_clients.run(["kcat", "-C", "-b", self.cluster.bootstrap, "-t", topic, "-o", "beginning", "-e",
                                     "-q", "-f", "%T\n"])
        return [int(line) for line in lines.split()]

    def test_log_append_time(self):
        leader = self.leader_of("append-time", message__timestamp__type="LogAppendTime")
        before = now_ms()
        for sent in (batch([record(b"a")], timestamp=BASE), wire.gzip_batch([b"b"] * 3, timestamp=BASE)):
            error, _, appended = leader.produce("append-time", sent)
            self.assertEqual(error, NO_ERROR)
            self.assertTrue(before <= appended <= now_ms(), appended)
        self.assertEqual(leader.list_offset("append-time", before)[2], 0)
        self.assertEqual(leader.list_offset("append-time", now_ms() + 1000)[2], -1)
        attributes = int.from_bytes(leader.fetch("append-time", 0)["records"][21:23], "big")
        self.assertTrue(attributes & LOG_APPEND_TIME_BIT)
        for stamp in self.times("append-time"):
            self.assertTrue(before <= stamp <= now_ms())

    def test_timestamps_too_far_off(self):
        leader = self.leader_of("near", message__timestamp__before__max__ms=60000,
                                message__timestamp__after__max__ms=60000)
        self.assertEqual(leader.produce("near", batch([record(b"v")], timestamp=now_ms()))[0], NO_ERROR)
        for off in (-120_000, 120_000):
            sent = batch([record(b"v")], timestamp=now_ms() + off)
            self.assertEqual(leader.produce("near", sent)[0], INVALID_TIMESTAMP)

    def test_produce_says_no(self):
        leader = self.leader_of("no")
        self.assertEqual(leader.produce("no", batch([record(b"v")]), acks=2)[0], INVALID_REQUIRED_ACKS)
        self.assertEqual(leader.produce("no", batch([record(b"x" * 1_100_000)]))[0], RECORD_TOO_LARGE)
        other = next(broker for broker in self.cluster.brokers.values() if broker is not self.cluster.leader("no"))
        with Connection(other) as follower:
            self.assertEqual(follower.produce("no", batch([record(b"v")]))[0], NOT_LEADER)
            # acks=0: nobody would read an error, so the connection closes.
            follower.send(wire.request(wire.PRODUCE, 3, wire.produce_body("no", batch([record(b"v")]), acks=0)))
            self.assertIsNone(follower.receive())

    def test_formats_by_version(self):
        """A batch of format 2 is converted down for those who ask in old versions."""
        leader = self.leader_of("formats")
        leader.produce("formats", batch([record(b"v%d" % i, b"k", i) for i in range(4)]))
        leader.produce("formats", wire.gzip_batch([b"c%d" % i for i in range(4)]))
        for version, magic in ((0, 0), (1, 0), (2, 1), (3, 1), (4, 2), (11, 2)):
            fetched = leader.fetch("formats", 0, version)
            self.assertEqual(fetched["error"], NO_ERROR)
            self.assertEqual(fetched["high_watermark"], 8)
            self.assertEqual(fetched["records"][16], magic, version)
        for offset in (-1, 9):
            self.assertEqual(leader.fetch("formats", offset)["error"], OFFSET_OUT_OF_RANGE)

    def test_fetch_limits_and_waiting(self):
        leader = self.leader_of("limits")
        for _ in range(10):
            leader.produce("limits", batch([record(b"x" * 10_000)]))
        # The first batch comes whole even when it is larger than what was asked for.
        self.assertGreater(len(leader.fetch("limits", 0, max_bytes=100, partition_max_bytes=100)["records"]), 10_000)
        self.assertLess(len(leader.fetch("limits", 0, partition_max_bytes=25_000)["records"]), 25_001)
        self.assertLess(len(leader.fetch("limits", 0, max_bytes=25_000)["records"]), 25_001)
        began = time.monotonic()
        self.assertEqual(leader.fetch("limits", 10, max_wait_ms=300)["records"], b"")
        self.assertGreater(time.monotonic() - began, 0.29)
        # Someone else's record ends the wait.
        leader.send(wire.request(wire.FETCH, 4, wire.fetch_body("limits", 10, max_wait_ms=20_000)))
        with Connection(self.cluster.leader("limits")) as other:
            other.produce("limits", batch([record(b"new")]))
        began = time.monotonic()
        self.assertIn(b"new", leader.receive())
        self.assertLess(time.monotonic() - began, 5)

    def test_a_reader_is_sent_to_the_replica_of_its_rack(self):
        leader = self.leader_of("racks")
        for _ in range(3):
            leader.produce("racks", batch([record(b"v")]))
        at_leader = self.cluster.leader("racks")
        for broker in self.cluster.brokers.values():
            # Until the follower has told that it has the records, the leader answers itself.
            def preferred():
                return leader.fetch("racks", 0, 11, rack=f"rack-{broker.id}")
            if broker is at_leader:
                self.assertEqual(preferred()["preferred"], -1)
                self.assertTrue(preferred()["records"])
                continue
            wait_until(lambda: preferred()["preferred"] == broker.id, f"to be sent to broker {broker.id}")
            self.assertEqual(preferred()["records"], b"")
            with Connection(broker) as follower:
                def read():
                    return follower.fetch("racks", 0, 11, rack=f"rack-{broker.id}")
                wait_until(lambda: read()["high_watermark"] == 3, "the high watermark to reach the follower")
                self.assertEqual(read()["error"], NO_ERROR)
                self.assertEqual(read()["preferred"], -1)
                self.assertTrue(read()["records"])
        for rack in ("", "nowhere"):
            answer = leader.fetch("racks", 0, 11, rack=rack)
            self.assertEqual(answer["preferred"], -1)
            self.assertTrue(answer["records"])

    def test_real_consumers_with_a_rack(self):
        self.leader_of("consumed")
        kcat = interop_clients.Kcat()
        kcat.produce(self.cluster.bootstrap, "consumed", 1, "none", 300, "v")
        expected = [f"0 key-{i} v-{i}" for i in range(300)]
        java = interop_clients.java("3.9.1")
        for rack in (1, 2, 3):
            told = interop_clients.run([*java.consume_command, self.cluster.bootstrap, "consumed", 1,
                                        f"client.rack=rack-{rack}"])
            self.assertEqual(told.splitlines(), expected)
            told = interop_clients.run(["kcat", "-C", "-b", self.cluster.bootstrap, "-t", "consumed", "-o", "beginning",
                                        "-e", "-q", "-f", "%p %k %s\n", "-X", f"client.rack=rack-{rack}"])
            self.assertEqual(told.splitlines(), expected)


if __name__ == "__main__":
    unittest.main()
