"""What a log keeps and what it lets go: retention, DeleteRecords, compaction, seen by clients and on the disk."""

import json
import os
import pathlib
import socket
import struct
import subprocess
import time
import unittest

import wire
from cluster import Cluster, ToolFailed, wait_until
from status_page import LISTENER, get_json, value

FAST = dict(log__segment__delete__delay__ms=100, log__retention__check__interval__ms=300, log__cleaner__backoff__ms=200)


class LogLifeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(**FAST, **LISTENER)
        cls.addClassCleanup(cls.cluster.close)

    def produce(self, topic, lines, *arguments):
        self.cluster.ottla("console-producer", "--topic", topic, "--sync", *arguments,
                           stdin="".join(line + "\n" for line in lines))

    def offsets(self, topic, time):
        found = json.loads(self.cluster.ottla("get-offsets", "--topic", topic, "--time", time, "--json"))
        return {row["partition"]: row["offset"] for row in found}

    def consume(self, topic, *arguments):
        return self.cluster.ottla("console-consumer", "--topic", topic, "--from-beginning",
                                  "--timeout-ms", 3000, *arguments, check=False).splitlines()

    def files(self, topic, pattern):
        """By broker: names of the partition's files."""
        return {broker.id: sorted(path.name for path in
                                  pathlib.Path(broker.directory / "data").glob(f"{topic}-0/{pattern}"))
                for broker in self.cluster.brokers.values()}

    def delete_records(self, topic, offset, check=True):
        path = self.cluster.directory / f"delete-{topic}.json"
        path.write_text(json.dumps({"partitions": [{"topic": topic, "partition": 0, "offset": offset}],
                                    "version": 1}))
        return self.cluster.ottla("delete-records", "--offset-json-file", path, check=check)

    def test_retention_deletes_by_size_and_by_time(self):
        self.cluster.create_topic("sized", segment__bytes=2000, retention__bytes=5000,
                                  file__delete__delay__ms=500)
        self.cluster.wait_for_isr("sized")
        for _ in range(12):
            self.produce("sized", ["x" * 400] * 4)
        wait_until(lambda: self.offsets("sized", "earliest")[0] > 10, "old segments to go")
        start = self.offsets("sized", "earliest")[0]
        self.assertEqual(self.offsets("sized", "latest")[0], 48)
        read = len(self.consume("sized"))
        # More may have gone since the log start was looked up, and before the consumer asked.
        self.assertLessEqual(read, 48 - start)
        self.assertGreaterEqual(read, 48 - self.offsets("sized", "earliest")[0])
        # On all replicas, and the files go a moment later.
        wait_until(lambda: all("00000000000000000000.log" not in names and names
                               for names in self.files("sized", "*.log").values()), "all replicas to delete")
        wait_until(lambda: not any(self.files("sized", "*.deleted").values()), "renamed files to be removed")

    def test_retention_by_time_follows_the_topics_config_and_rolls_the_active_segment(self):
        self.cluster.create_topic("timed", retention__ms=1000, replicas=1)
        self.produce("timed", ["a", "b", "c"])
        wait_until(lambda: self.offsets("timed", "earliest")[0] == 3, "the records to expire")
        self.assertEqual(self.consume("timed"), [])
        self.produce("timed", ["d"])
        self.assertEqual(self.offsets("timed", "latest")[0], 4)

    def test_deleted_records_are_gone_on_all_replicas(self):
        self.cluster.create_topic("cut", segment__bytes=1000)
        self.cluster.wait_for_isr("cut")
        for i in range(10):
            self.produce("cut", [f"{i}" * 300])
        self.assertIn("low_watermark: 6", self.delete_records("cut", 6))
        self.assertEqual(self.offsets("cut", "earliest")[0], 6)
        self.assertEqual([line[0] for line in self.consume("cut")], ["6", "7", "8", "9"])
        wait_until(lambda: all(names and names[0] > "00000000000000000003.log"
                               for names in self.files("cut", "*.log").values()), "segments below to go everywhere")
        self.assertIn("OFFSET_OUT_OF_RANGE", self.delete_records("cut", 11, check=False))
        self.assertIn("low_watermark: 10", self.delete_records("cut", -1))
        self.assertEqual(self.consume("cut"), [])

    def test_a_slow_reader_gets_what_was_deleted_meanwhile(self):
        """Its answer is on the way when the segment goes, by DeleteRecords or with its topic; nobody else waits for it."""
        for name in ("deleted-records", "deleted-topic"):
            with self.subTest(name):
                self.cluster.create_topic(name, replicas=1, segment__bytes=8 << 20, file__delete__delay__ms=100,
                                          retention__ms=-1)
                self.cluster.wait_for_isr(name, 1)
                leader = self.cluster.leader(name)
                batch = wire.batch([wire.record(b"x" * 60000)])
                with wire.Connection(leader) as producer, wire.Connection(leader, timeout=60) as reader:
                    longest_before = self.longest_produce(producer, name, batch, 200)
                    reader.send(wire.request(wire.FETCH, 4, wire.fetch_body(
                        name, 0, max_bytes=8 << 20, partition_max_bytes=8 << 20)))
                    size = struct.unpack(">i", reader.socket.recv(4, socket.MSG_WAITALL))[0]
                    self.assertGreater(size, 7 << 20)  # more than sockets hold
                    if name == "deleted-records":
                        self.delete_records(name, -1)
                    else:
                        self.cluster.ottla("topics", "--delete", "--topic", name)
                    wait_until(lambda: not any(self.files(f"{name}*", "00000000000000000000.*").values()), "the files to go")
                    if name == "deleted-records":
                        # That no lock is in the way is what deletion_stall_test.cc shows; here it is the
                        # machine, which others use as well.
                        self.assertLess(self.longest_produce(producer, name, batch, 20), max(1, 3 * longest_before))
                    answer = b""
                    while len(answer) < size:
                        piece = reader.socket.recv(1 << 20)
                        self.assertTrue(piece, f"closed after {len(answer)} of {size} bytes")
                        answer += piece
                # Whole, but for what the leader writes before the checksum, and the last batch.
                self.assertEqual(answer.count(batch[16:]), (8 << 20) // len(batch))

    def longest_produce(self, producer, topic, batch, count):
        longest = 0
        for _ in range(count):
            began = time.monotonic()
            self.assertEqual(producer.produce(topic, batch)[0], 0)
            longest = max(longest, time.monotonic() - began)
        return longest

    def test_a_cold_reader_leaves_the_page_cache_as_it_was(self):
        """What it had to get from the disk is dropped behind it; what was in memory stays, and is read from there."""
        self.cluster.create_topic("cold", replicas=1, retention__ms=-1, segment__bytes=32 << 20)
        self.cluster.wait_for_isr("cold", 1)
        leader = self.cluster.leader("cold")
        batch = wire.batch([wire.record(b"x" * 100_000)])
        count = 2000
        with wire.Connection(leader, timeout=60) as connection:
            for _ in range(count):
                self.assertEqual(connection.produce("cold", batch)[0], 0)
        segments = sorted(pathlib.Path(leader.directory / "data" / "cold-0").glob("*.log"))
        kept = self.forget(segments[:-1]) + self.cached(segments[-1:])
        dropped = value(leader, "kafka_server_coldreads_bytesdropped")
        with wire.Connection(leader, timeout=60) as connection:
            offset = 0
            while offset < count:
                got = connection.fetch("cold", offset, max_bytes=8 << 20, partition_max_bytes=8 << 20)
                self.assertEqual(got["error"], 0)
                offset += max(1, got["records"].count(batch[16:]))
        self.assertGreater(value(leader, "kafka_server_coldreads_bytesdropped"), dropped + (64 << 20))
        self.assertLess(self.cached(segments) - kept, 70 << 20)

    def test_a_client_gets_no_more_from_the_disk_than_its_share(self):
        """Others, and what is in memory, are served as before."""
        rate = 4_000_000
        self.cluster.create_topic("old", replicas=1, retention__ms=-1, segment__bytes=8 << 20)
        self.cluster.wait_for_isr("old", 1)
        leader = self.cluster.leader("old")
        batch = wire.batch([wire.record(b"x" * 100_000)])
        with wire.Connection(leader, timeout=60) as connection:
            for _ in range(200):
                self.assertEqual(connection.produce("old", batch)[0], 0)
        segments = sorted(pathlib.Path(leader.directory / "data" / "old-0").glob("*.log"))
        self.forget(segments[:-1])
        limit = ("configs", "--alter", "--entity-type", "brokers", "--entity-default")
        self.cluster.ottla(*limit, "--add-config", f"ottla.cold.read.bytes.per.second.per.client={rate}")
        # It is on its way to the broker; what that reads before would be read at once.
        wait_until(lambda: next(config for config in get_json(leader, "/configs.json")["configs"]
                                if config["name"].startswith("ottla.cold.read"))["value"] == str(rate), "the limit to arrive")
        count, held_back, produced = 120, 0, 0
        with wire.Connection(leader, timeout=60) as reader, wire.Connection(leader, timeout=60) as producer:
            began, offset = time.monotonic(), 0
            while offset < count:
                got = reader.fetch("old", offset, max_bytes=8 << 20, partition_max_bytes=8 << 20)
                self.assertEqual(got["error"], 0)
                offset += got["records"].count(batch[16:])
                held_back = max(held_back, value(leader, "kafka_server_coldreads_readersheldback"))
                self.assertEqual(producer.produce("old", batch)[0], 0)
                produced += 1
            seconds = time.monotonic() - began
            self.assertGreater(seconds, 0.8 * count * len(batch) / rate)
            self.assertEqual(held_back, 1)
            # The end of the log is in memory.
            longest = 0
            for offset in range(200, 200 + produced):
                began = time.monotonic()
                self.assertGreater(len(reader.fetch("old", offset, max_wait_ms=20_000)["records"]), 0)
                longest = max(longest, time.monotonic() - began)
            self.assertLess(longest, 10)
        self.cluster.ottla(*limit, "--delete-config", "ottla.cold.read.bytes.per.second.per.client")

    def forget(self, paths):
        """Puts them out of the page cache; returns what stayed."""
        for path in paths:
            with open(path, "rb") as file:
                os.fdatasync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        kept = self.cached(paths)
        if kept > sum(path.stat().st_size for path in paths) / 2:
            raise unittest.SkipTest("this file system is in memory")
        return kept

    @staticmethod
    def cached(paths):
        """Bytes of them that are in the page cache."""
        shown = subprocess.run(["fincore", "--bytes", "--noheadings", "--output", "RES", *paths], capture_output=True,
                               text=True, check=True)
        return sum(map(int, shown.stdout.split()))

    def test_records_of_a_compacted_topic_are_not_deleted_by_hand(self):
        self.cluster.create_topic("kept", replicas=1, cleanup__policy="compact")
        self.assertIn("POLICY_VIOLATION", self.delete_records("kept", -1, check=False))

    def test_a_compacted_topic_keeps_the_last_value_of_each_key(self):
        self.cluster.create_topic("latest", cleanup__policy="compact", segment__bytes=3000,
                                  min__cleanable__dirty__ratio=0.01, delete__retention__ms=500,
                                  file__delete__delay__ms=500)
        self.cluster.wait_for_isr("latest")
        lines = [f"k{number % 7}:{number}" + "x" * 200 for number in range(120)] + ["gone:soon"]
        for at in range(0, len(lines), 11):
            self.produce("latest", lines[at:at + 11], "--property", "parse.key=true", "--property",
                         "key.separator=:")
        self.produce("latest", ["gone:"], "--property", "parse.key=true", "--property", "key.separator=:",
                     "--property", "null.marker=")

        def read():
            return [line.split("=", 1) for line in
                    self.consume("latest", "--property", "print.key=true", "--property", "key.separator==",
                                 "--property", "null.literal=NULL")]
        wait_until(lambda: len(read()) < 60, "old values to be compacted away", 60)

        def deleted_key_is_gone():
            # Each of these makes the active segment roll, and more to compact.
            self.produce("latest", ["filler:" + "y" * 2000], "--property", "parse.key=true", "--property",
                         "key.separator=:")
            return "gone" not in [key for key, _ in read()]
        wait_until(deleted_key_is_gone, "the deleted key to go", 60)
        last = {}
        for key, value in read():
            last[key] = value
        self.assertEqual({key: value.rstrip("x") for key, value in last.items() if key != "filler"},
                         {f"k{key}": str(max(n for n in range(120) if n % 7 == key)) for key in range(7)})
        checkpoints = [broker.directory / "data" / "cleaner-offset-checkpoint"
                       for broker in self.cluster.brokers.values()]
        wait_until(lambda: all(path.exists() and "latest 0 " in path.read_text() for path in checkpoints),
                   "all replicas to have compacted")

    def test_a_deleted_topics_directory_goes(self):
        self.cluster.create_topic("gone", file__delete__delay__ms=1000)
        self.cluster.wait_for_isr("gone")
        self.produce("gone", ["a"])
        self.cluster.ottla("topics", "--delete", "--topic", "gone")

        def left():
            return [path for broker in self.cluster.brokers.values()
                    for path in (broker.directory / "data").glob("gone-0*")]
        wait_until(lambda: not left(), "directories of the topic to be removed", 90)


if __name__ == "__main__":
    unittest.main()
