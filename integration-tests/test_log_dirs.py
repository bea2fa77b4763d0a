"""Log directories: what lies in them, moves between them under load and through kills, and what a failed or
full one takes with it."""

import errno
import json
import os
import pathlib
import shutil
import subprocess
import unittest

import wire
from checked import CheckedCase
from cluster import BROKER, Cluster, Process, ToolFailed, wait_until

ALTER_REPLICA_LOG_DIRS = 34
REPLICA_NOT_AVAILABLE, KAFKA_STORAGE_ERROR, LOG_DIR_NOT_FOUND, UNKNOWN_TOPIC = 9, 56, 57, 3
THROTTLE = "replica.alter.log.dirs.io.max.bytes.per.second"


def dirs_of(broker_id):
    return lambda cluster: ",".join(
        str(cluster.directory / f"broker-{broker_id}" / name) for name in ("data", "more"))


class LogDirsCase(CheckedCase, unittest.TestCase):
    TOPIC = "orders"

    def start(self, brokers=3, **overrides):
        dirs = {f"{broker_id}:log.dirs": dirs_of(broker_id) for broker_id in range(1, brokers + 1)}
        cluster = Cluster(brokers, **{"min__insync__replicas": min(2, brokers), "log__segment__bytes": 262144,
                                      "file__delete__delay__ms": 100, "log__segment__delete__delay__ms": 100,
                                      **dirs, **overrides})
        self.addCleanup(cluster.close)
        self.cluster = cluster
        return cluster

    def described(self, broker):
        """{log dir: {(partition, is future): row}}; None for an offline one."""
        text = self.cluster.ottla("log-dirs", "--describe", "--broker-list", broker.id, "--json")
        brokers = json.loads(text)["brokers"]
        self.assertEqual([row["broker"] for row in brokers], [broker.id])
        return {row["logDir"]: None if row["error"] else
                {(partition["partition"], partition["isFuture"]): partition for partition in row["partitions"]}
                for row in brokers[0]["logDirs"]}

    def place(self, broker, partition=0, topic=None):
        """(its log dir, another one)."""
        name = (f"{topic or self.TOPIC}-{partition}", False)
        dirs = self.described(broker)
        here = next(path for path, logs in dirs.items() if logs is not None and name in logs)
        return pathlib.Path(here), pathlib.Path(next(path for path in dirs if path != here))

    def alter(self, broker, directory, partition=0, topic=None):
        """The error code of the one partition."""
        topic = topic or self.TOPIC
        body = wire.array([wire.text(str(directory)) + wire.array(
            [wire.text(topic) + wire.array([wire.i32(partition)])])])
        with wire.Connection(broker) as connection:
            answer = connection.call(ALTER_REPLICA_LOG_DIRS, 1, body)
            answer.i32()
            rows = answer.array(lambda: (answer.text(), answer.array(lambda: (answer.i32(), answer.i16()))))
        self.assertEqual([row[0] for row in rows], [topic])
        return rows[0][1][0][1]

    def wait_for_move(self, broker, target, partition=0, topic=None):
        """Served from there, with nothing left behind."""
        name = f"{topic or self.TOPIC}-{partition}"

        def moved():
            here, there = self.place(broker, partition, topic)
            return here == target and not list(there.glob(f"{name}*")) and not list(target.glob(f"{name}.*"))
        wait_until(moved, f"{name} of broker {broker.id} in {target}")

    def produce(self, partitions=1, **options):
        return self.check(self.TOPIC, partitions, **options)

    def fill(self, megabytes, topic=None, partition=0):
        """Records by hand, as many bytes as are asked for."""
        leader = self.cluster.leader(topic or self.TOPIC, partition)
        batch = wire.batch([wire.record(b"x" * 60000)])
        with wire.Connection(leader, timeout=30) as connection:
            for _ in range(megabytes * 17):
                error, _, _ = connection.produce(topic or self.TOPIC, batch, partition=partition)
                self.assertEqual(error, 0)


class MovesTest(LogDirsCase):
    def test_w8_moves_under_load(self):
        cluster = self.start()
        cluster.create_topic(self.TOPIC, 2, 3)
        cluster.wait_for_isr(self.TOPIC)
        checker = self.produce(2)
        leader = cluster.leader(self.TOPIC)
        follower = next(broker for broker in cluster.brokers.values() if broker is not leader)
        for broker in (leader, follower, leader):
            here, there = self.place(broker)
            self.assertEqual(self.alter(broker, there), 0)
            checker.wait_for_progress(500)
            self.wait_for_move(broker, there)
            self.assertFalse((there / f"{self.TOPIC}-0" / "ottla-moved-from").exists())
            self.assertEqual(self.alter(broker, there), 0)  # it is there: nothing to do
        checker.wait_for_progress(1000)
        for partition in cluster.partitions(self.TOPIC).values():
            self.assertEqual(len(partition["isr"]), 3)
        self.assert_nothing_lost(checker)

    def test_killed_in_the_middle(self):
        """What was copied is not copied again, and the move ends by itself."""
        cluster = self.start(**{THROTTLE: 1 << 20, "log.segment.bytes": 2 << 20})
        cluster.create_topic(self.TOPIC, 1, 3)
        cluster.wait_for_isr(self.TOPIC)
        checker = self.produce(value_bytes=2000)
        checker.wait_for_progress(5000)
        broker = cluster.leader(self.TOPIC)
        here, there = self.place(broker)
        self.assertEqual(self.alter(broker, there), 0)
        name = (f"{self.TOPIC}-0", True)

        def lag():
            return self.described(broker)[str(there)].get(name)
        wait_until(lambda: lag() and lag()["size"] > 2 << 20, "progress of the move")
        self.assertGreater(lag()["offsetLag"], 0)
        broker.process.kill()
        future = next(there.glob(f"{self.TOPIC}-0.*-future"))
        copied = sum(path.stat().st_size for path in future.glob("*.log"))
        self.assertGreater(copied, 2 << 20)
        checker.wait_for_progress(1000)
        properties = broker.properties.read_text()
        broker.properties.write_text(properties.replace(f"{THROTTLE}={1 << 20}", ""))
        broker.start()
        self.wait_for_move(broker, there)
        cluster.wait_for_isr(self.TOPIC)
        begins = [int(line.split("copies ")[1].split()[0]) for line in broker.log.splitlines()
                  if f"[{self.TOPIC}-0] copies " in line]
        self.assertEqual(begins[0], 0)
        self.assertGreater(begins[-1], 500)
        self.assert_nothing_lost(checker)

    def test_what_is_refused_cancelled_and_remembered(self):
        cluster = self.start(brokers=1, **{THROTTLE: 1 << 20})
        broker = cluster.brokers[1]
        cluster.create_topic(self.TOPIC, 1, 1)
        cluster.wait_for_isr(self.TOPIC, 1)
        here, there = self.place(broker)
        self.assertEqual(self.alter(broker, "/nowhere"), LOG_DIR_NOT_FOUND)
        self.assertEqual(self.alter(broker, there, partition=7), UNKNOWN_TOPIC)
        # A partition that is not there yet is made where it was asked for.
        for wanted in (here, there):
            topic = f"later-{wanted.name}"
            self.assertEqual(self.alter(broker, wanted, topic=topic), UNKNOWN_TOPIC)
            cluster.create_topic(topic, 1, 1)
            cluster.wait_for_isr(topic, 1)
            self.assertEqual(self.place(broker, topic=topic)[0], wanted)
        # The current dir as destination ends a move.
        self.fill(4)
        self.assertEqual(self.alter(broker, there), 0)
        wait_until(lambda: (f"{self.TOPIC}-0", True) in self.described(broker)[str(there)], "a future replica")
        self.assertEqual(self.alter(broker, here), 0)
        wait_until(lambda: not list(there.glob(f"{self.TOPIC}-0*")), "the future replica to be gone")
        self.assertEqual(self.place(broker)[0], here)
        # The topic's end is the move's.
        self.assertEqual(self.alter(broker, there), 0)
        cluster.ottla("topics", "--delete", "--topic", self.TOPIC)
        wait_until(lambda: not list(there.glob(f"{self.TOPIC}-0*")) and not list(here.glob(f"{self.TOPIC}-0*")),
                   "all of the topic to be gone")

    def test_an_old_copy_in_another_log_dir_costs_nothing(self):
        """Somebody restored a directory to the wrong disk, or a disk came back: Kafka would not start."""
        cluster = self.start(1)
        broker = cluster.brokers[1]
        cluster.create_topic(self.TOPIC, 4, 1)
        cluster.wait_for_isr(self.TOPIC, 1)

        def produce(partition, count):
            with wire.Connection(broker) as connection:
                for _ in range(count):
                    error = connection.produce(self.TOPIC, wire.batch([wire.record(b"x")]), partition=partition)[0]
                    self.assertEqual(error, 0)
        for partition in range(4):
            produce(partition, 3)
        here, there = self.place(broker)
        broker.process.terminate()
        shutil.copytree(here / f"{self.TOPIC}-0", cluster.directory / "copy")
        broker.start()
        wait_until(broker.accepts, "the broker")
        cluster.wait_for_isr(self.TOPIC, 1)
        produce(0, 4)
        broker.process.kill()
        shutil.copytree(cluster.directory / "copy", there / f"{self.TOPIC}-0")
        broker.start()
        wait_until(broker.accepts, "the broker")
        cluster.wait_for_isr(self.TOPIC, 1)
        ends = json.loads(cluster.ottla("get-offsets", "--topic", self.TOPIC, "--json"))
        self.assertEqual({row["partition"]: row["offset"] for row in ends}, {0: 7, 1: 3, 2: 3, 3: 3})
        self.assertNotIn(None, self.described(broker).values())
        self.assertEqual(self.place(broker), (here, there))
        self.assertEqual(len(list(there.glob(f"{self.TOPIC}-0.*-stray"))), 1)
        self.assertIn("is in two log dirs", broker.log)

    def test_log_dirs_tool(self):
        cluster = self.start(brokers=2)
        cluster.create_topic(self.TOPIC, 2, 2)
        cluster.create_topic("other", 1, 2)
        cluster.wait_for_isr(self.TOPIC, 2)
        lines = cluster.ottla("log-dirs", "--describe", "--topic-list", self.TOPIC).splitlines()
        self.assertEqual(lines[:2], ["Querying brokers for log directories information",
                                     "Received log directory information from brokers 1,2"])
        told = json.loads(lines[2])
        self.assertEqual(told["version"], 1)
        for broker in told["brokers"]:
            names = [partition["partition"] for directory in broker["logDirs"]
                     for partition in directory["partitions"]]
            self.assertEqual(sorted(names), ["orders-0", "orders-1"])
            for directory in broker["logDirs"]:
                self.assertEqual(list(directory), ["partitions", "error", "logDir"])
                self.assertIsNone(directory["error"])
        self.assertIn("free ", cluster.ottla("log-dirs", "--describe", "--table"))
        with self.assertRaises(ToolFailed) as refused:
            cluster.ottla("log-dirs", "--describe", "--broker-list", "1,7")
        self.assertIn("The given brokers do not exist from --broker-list: 7. Current existent brokers: 1,2",
                      str(refused.exception))


SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

/* Writes below FAULTY_DIR fail with the errno that the file FAULTY_TRIGGER holds, while it is there. */
static int fault(int fd) {
  char link[64], path[4096];
  const char* dir = getenv("FAULTY_DIR");
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  if (strncmp(path, dir, strlen(dir)) != 0 || path[strlen(dir)] != '/') return 0;
  FILE* trigger = fopen(getenv("FAULTY_TRIGGER"), "r");
  if (!trigger) return 0;
  int error = 0;
  if (fscanf(trigger, "%d", &error) != 1) error = 0;
  fclose(trigger);
  errno = error;
  return error;
}
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
ssize_t pwrite(int fd, const void* data, size_t size, off_t at) {
  return fault(fd) ? -1 : NEXT(pwrite)(fd, data, size, at);
}
ssize_t pwritev(int fd, const struct iovec* pieces, int count, off_t at) {
  return fault(fd) ? -1 : NEXT(pwritev)(fd, pieces, count, at);
}
ssize_t pwrite64(int fd, const void* data, size_t size, off64_t at) {
  return fault(fd) ? -1 : NEXT(pwrite64)(fd, data, size, at);
}
ssize_t pwritev64(int fd, const struct iovec* pieces, int count, off64_t at) {
  return fault(fd) ? -1 : NEXT(pwritev64)(fd, pieces, count, at);
}
"""


class FailingDirsTest(LogDirsCase):
    """One log dir of a broker fails under load, or is full for a while."""

    def start_with_shim(self, brokers, **overrides):
        """Writes to <broker>/data fail while <broker>/fault holds an errno."""
        cluster = self.start(brokers, **overrides)
        shim = cluster.directory / "shim.so"
        (cluster.directory / "shim.c").write_text(SHIM)
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", shim, cluster.directory / "shim.c", "-ldl"], check=True)
        for broker in cluster.brokers.values():
            broker.process.terminate()
            broker.process = Process(
                f"broker-{broker.id}", [BROKER, broker.properties], broker.directory / "broker.out",
                {"LD_PRELOAD": str(shim), "FAULTY_DIR": str(broker.directory / "data"),
                 "FAULTY_TRIGGER": str(broker.directory / "fault")})
        cluster.wait_for_brokers()
        return cluster

    def test_io_error_takes_one_dir_offline(self):
        cluster = self.start_with_shim(3)
        cluster.create_topic(self.TOPIC, 4, 3)
        cluster.wait_for_isr(self.TOPIC)
        checker = self.produce(4)
        victim = cluster.leader(self.TOPIC)
        faulty = victim.directory / "data"
        lost = [number for number in range(4) if (faulty / f"{self.TOPIC}-{number}").exists()]
        kept = [number for number in range(4) if number not in lost]
        self.assertTrue(lost and kept)
        (victim.directory / "fault").write_text(str(errno.EIO))

        def without_the_lost():
            partitions = cluster.partitions(self.TOPIC)
            return (all(partitions[number]["leader"] not in (-1, victim.id) and
                        victim.id not in partitions[number]["isr"] for number in lost) and
                    all(victim.id in partitions[number]["isr"] for number in kept))
        wait_until(without_the_lost, "leaders elsewhere for what is in the failed log dir")
        self.assertTrue(victim.process.running())
        dirs = self.described(victim)
        self.assertIsNone(dirs[str(faulty)])
        self.assertEqual(sorted(name for name, _ in dirs[str(victim.directory / "more")] if name.startswith(self.TOPIC)),
                         [f"{self.TOPIC}-{number}" for number in kept])
        # Nothing can be moved to it, or out of it.
        self.assertEqual(self.alter(victim, faulty, partition=kept[0]), KAFKA_STORAGE_ERROR)
        self.assertEqual(self.alter(victim, victim.directory / "more", partition=lost[0]), KAFKA_STORAGE_ERROR)
        checker.wait_for_progress(2000)
        self.assert_nothing_lost(checker)

    def in_sync_again(self, victim, pid):
        self.cluster.wait_for_isr(self.TOPIC, seconds=120)
        self.assertEqual(victim.process.pid, pid)
        self.assertTrue(victim.process.running())
        self.assertNotIn(None, self.described(victim).values())

    def fail_dir(self, victim):
        (victim.directory / "fault").write_text(str(errno.EIO))
        wait_until(lambda: self.described(victim)[str(victim.directory / "data")] is None, "the dir to be offline")

        def moved():
            return all(partition["leader"] not in (-1, victim.id) or (victim.directory / "more" /
                       f"{self.TOPIC}-{number}").exists()
                       for number, partition in self.cluster.partitions(self.TOPIC).items())
        wait_until(moved, "leaders elsewhere for what is in the failed log dir")

    def test_a_failed_dir_comes_back_without_a_restart(self):
        cluster = self.start_with_shim(3, **{"ottla.log.dir.probe.interval.ms": 500})
        cluster.create_topic(self.TOPIC, 4, 3)
        cluster.wait_for_isr(self.TOPIC)
        checker = self.produce(4)
        victim = cluster.leader(self.TOPIC)
        pid = victim.process.pid
        self.fail_dir(victim)
        checker.wait_for_progress(2000)
        (victim.directory / "fault").unlink()
        self.in_sync_again(victim, pid)
        self.assertIn("registers anew", victim.log)
        # The others lead what it acknowledges now: it counts as any other replica.
        for broker in cluster.brokers.values():
            if broker is not victim:
                broker.process.kill()
                break
        checker.wait_for_progress(2000)
        broker.start()
        cluster.wait_for_isr(self.TOPIC)
        checker.wait_for_progress(500)
        self.assert_nothing_lost(checker)

    def test_a_replaced_disk_is_filled_from_the_leaders(self):
        cluster = self.start_with_shim(3, **{"ottla.log.dir.probe.interval.ms": 300})
        cluster.create_topic(self.TOPIC, 4, 3)
        cluster.wait_for_isr(self.TOPIC)
        checker = self.produce(4)
        victim = cluster.leader(self.TOPIC)
        pid = victim.process.pid
        data = victim.directory / "data"
        self.fail_dir(victim)
        data.rename(victim.directory / "broken")
        wait_until(lambda: "is not there: is the disk mounted?" in victim.log, "a word on what is missing")
        data.mkdir()
        (victim.directory / "fault").unlink()
        wait_until(lambda: "has no meta.properties" in victim.log, "advice on an empty disk")
        checker.wait_for_progress(1000)
        self.assertIsNone(self.described(victim)[str(data)], "an empty directory may be one that is not mounted")
        self.assertEqual(list(data.glob(f"{self.TOPIC}-*")) + list(data.glob("meta.properties")), [])
        shutil.copy(victim.directory / "more" / "meta.properties", data / "meta.properties")
        self.in_sync_again(victim, pid)
        self.assert_nothing_lost(checker)

    def test_a_move_into_a_dir_that_fails(self):
        cluster = self.start_with_shim(3)
        cluster.create_topic(self.TOPIC, 4, 3)
        cluster.wait_for_isr(self.TOPIC)
        checker = self.produce(4)
        broker = cluster.leader(self.TOPIC)
        moving = next(number for number in range(4)
                      if (broker.directory / "more" / f"{self.TOPIC}-{number}").exists())
        (broker.directory / "fault").write_text(str(errno.EIO))
        self.assertIn(self.alter(broker, broker.directory / "data", partition=moving), (0, KAFKA_STORAGE_ERROR))
        wait_until(lambda: self.described(broker)[str(broker.directory / "data")] is None, "the dir to be offline")
        self.assertEqual(self.place_in(broker, broker.directory / "more", moving), False)
        checker.wait_for_progress(2000)
        self.assertIn(broker.id, cluster.partitions(self.TOPIC)[moving]["isr"])
        self.assert_nothing_lost(checker)

    def place_in(self, broker, directory, partition):
        """Whether the replica there is a future one."""
        return self.described(broker)[str(directory)][(f"{self.TOPIC}-{partition}", False)]["isFuture"]

    def test_full_disk_passes(self):
        """Refused with a retriable error while it is full; served again without a restart."""
        cluster = self.start_with_shim(1)
        broker = cluster.brokers[1]
        cluster.create_topic(self.TOPIC, 2, 1)
        cluster.wait_for_isr(self.TOPIC, 1)
        cluster.create_topic("probe", 2, 1)
        cluster.wait_for_isr("probe", 1)
        in_full = next(number for number in range(2) if (broker.directory / "data" / f"probe-{number}").exists())
        batch = wire.batch([wire.record(b"value")])
        checker = self.produce(2)
        (broker.directory / "fault").write_text(str(errno.ENOSPC))
        wait_until(lambda: "disk is full" in broker.log, "a refused write")
        with wire.Connection(broker) as connection:
            self.assertEqual(connection.produce("probe", batch, partition=in_full)[0], KAFKA_STORAGE_ERROR)
            self.assertEqual(connection.produce("probe", batch, partition=1 - in_full)[0], 0)
        before = checker.acknowledged()
        self.assertIsNotNone(self.described(broker)[str(broker.directory / "data")], "a full dir is not offline")
        self.assertTrue(broker.process.running())
        (broker.directory / "fault").unlink()
        wait_until(lambda: checker.acknowledged() > before + 2000, "it to serve again")
        with wire.Connection(broker) as connection:
            self.assertEqual(connection.produce("probe", batch, partition=in_full)[0], 0)
            self.assertGreater(len(connection.fetch("probe", 0, partition=in_full)["records"]), 0)
        self.assert_nothing_lost(checker)


class SmallDisksTest(LogDirsCase):
    """Log dirs on small file systems of their own."""

    MIB = 1 << 20

    def start_on_small_disks(self, **overrides):
        """<broker>/data is a file system of 64 MiB."""
        self.mounts = []

        def mount(cluster):
            for broker_id in (1, 2, 3):
                disk = cluster.directory / f"disk-{broker_id}"
                disk.mkdir()
                if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", disk],
                                  capture_output=True).returncode != 0:
                    raise unittest.SkipTest("no right to mount a file system")
                self.mounts.append(disk)
        dirs = {f"{broker_id}:log.dirs": (lambda number: lambda cluster: str(cluster.directory / f"disk-{number}"))(broker_id)
                for broker_id in (1, 2, 3)}
        self.addCleanup(self.unmount)
        cluster = self.start(3, prepare=mount, **{**dirs, **overrides})
        for topic in (self.TOPIC, "probe"):
            cluster.create_topic(topic, 3, 3, retention__ms=-1)
            cluster.wait_for_isr(topic)
        return cluster

    def unmount(self):
        for disk in self.mounts:
            subprocess.run(["umount", "-l", disk], check=False)
            shutil.rmtree(disk.parent, ignore_errors=True)

    def disk(self, broker):
        return self.cluster.directory / f"disk-{broker.id}"

    def free(self, broker):
        volume = os.statvfs(self.disk(broker))
        return volume.f_bavail * volume.f_frsize

    def fill_up(self, broker, leaving):
        """Somebody else's file."""
        filler = self.disk(broker) / "filler"
        with open(filler, "ab", buffering=0) as file:
            try:
                while self.free(broker) > leaving:
                    file.write(b"x" * min(self.MIB, self.free(broker) - leaving))
            except OSError as error:
                self.assertEqual(error.errno, errno.ENOSPC)
        return filler

    def produce_to(self, broker, partition):
        with wire.Connection(broker) as connection:
            return connection.produce("probe", wire.batch([wire.record(b"value")]), partition=partition)[0]

    def led_by(self, broker):
        return next(number for number, partition in self.cluster.partitions("probe").items()
                    if partition["leader"] == broker.id)

    def test_below_the_limit_only_producers_are_refused(self):
        cluster = self.start_on_small_disks(**{"ottla.log.dir.min.free.bytes": 24 * self.MIB})
        checker = self.produce(3, rate=300)
        victim = cluster.leader(self.TOPIC)
        own = self.led_by(victim)
        self.assertEqual(self.produce_to(victim, own), 0)
        self.fill_up(victim, 16 * self.MIB)
        wait_until(lambda: "refuses records of clients" in victim.log, "the limit to be noticed")
        self.assertIn(f"largest topics: {self.TOPIC}", victim.log)
        # Others lead in its place; it follows them, and stays in the ISR.
        self.wait_for_leaders_without(victim)
        other = cluster.leader("probe", own)
        for _ in range(20):
            self.assertEqual(self.produce_to(other, own), 0)
        self.assertIn(victim.id, cluster.partitions("probe")[own]["isr"])
        self.assertIn("online\tfree", cluster.ottla("log-dirs", "--describe", "--table", "--largest", "1"))
        # Nobody has room: whoever leads refuses, and is read from.
        for broker in cluster.brokers.values():
            self.fill_up(broker, 16 * self.MIB)
        for broker in cluster.brokers.values():
            wait_until(lambda: "refuses records of clients" in broker.log, "the limit to be noticed")

        def refusal():
            leader = cluster.leader("probe", own)
            return self.produce_to(leader, own) == KAFKA_STORAGE_ERROR and leader
        leader = wait_until(refusal, "a refusal")
        with wire.Connection(leader) as connection:
            self.assertGreater(len(connection.fetch("probe", 0, partition=own)["records"]), 0)
        self.assertIn(victim.id, cluster.partitions("probe")[own]["isr"])
        for broker in cluster.brokers.values():
            (self.disk(broker) / "filler").unlink()
        wait_until(lambda: self.produce_to(cluster.leader("probe", own), own) == 0, "records to be taken again")

        def leads_again():  # refused as long as the victim has not found its room
            cluster.ottla("leader-election", "--election-type", "preferred", "--topic", "probe", "--partition", own, check=False)
            return self.produce_to(victim, own) == 0
        wait_until(leads_again, "it to lead again")
        checker.wait_for_progress(500)
        self.assert_nothing_lost(checker, at_least=500)

    def test_nobody_waits_for_a_full_disk(self):
        """A leader whose disk is full to the last byte hands over, a follower leaves the ISR, long before it would lag."""
        cluster = self.start_on_small_disks(replica__lag__time__max__ms=600_000, **{
            "ottla.log.dir.min.free.bytes": 0, "ottla.log.dir.reserve.bytes": 0})
        checker = self.produce(3, rate=300)
        victim = cluster.leader(self.TOPIC)
        self.fill_up(victim, 0)
        self.wait_for_leaders_without(victim)
        wait_until(lambda: all(victim.id not in partition["isr"] for partition in cluster.partitions(self.TOPIC).values()),
                   "it to leave the ISR")
        told = json.loads(cluster.ottla("explain", "partition", f"{self.TOPIC}-0", "--json"))
        self.assertEqual([(reason["reason"], reason["broker"]) for reason in told["reasons"]
                          if reason["reason"] != "NOT_PREFERRED_LEADER"], [("LOG_DIR_FULL", victim.id)])
        checker.wait_for_progress(1000)
        (self.disk(victim) / "filler").unlink()
        cluster.wait_for_isr(self.TOPIC)
        self.assert_nothing_lost(checker, at_least=1000)

    def wait_for_leaders_without(self, victim):
        wait_until(lambda: all(partition["leader"] not in (victim.id, -1) for topic in (self.TOPIC, "probe")
                               for partition in self.cluster.partitions(topic).values()), "others to lead")

    def test_full_and_started_again_while_full(self):
        """Full to the last byte under load, killed, started: it serves what it has, and takes records once
        there is room."""
        cluster = self.start_on_small_disks(**{"ottla.log.dir.min.free.bytes": 0,
                                               "ottla.log.dir.reserve.bytes": 2 * self.MIB})
        checker = self.produce(3, rate=300)
        victim = cluster.leader(self.TOPIC)
        reserve = self.disk(victim) / "ottla-reserve"
        wait_until(lambda: reserve.exists() and reserve.stat().st_size == 2 * self.MIB, "the reserve")
        filler = self.fill_up(victim, 0)
        wait_until(lambda: "is full, refuses all records" in victim.log, "the full disk to be noticed")
        wait_until(lambda: not reserve.exists(), "the reserve to be given up")
        self.assertTrue(victim.process.running())
        self.fill_up(victim, 0)  # somebody takes that, too
        victim.process.kill()
        victim.start()
        try:
            cluster.wait_for_brokers()
        except AssertionError:
            print(victim.log[-6000:], flush=True)
            raise
        self.assertLess(self.free(victim), self.MIB)
        self.assertIsNotNone(self.described(victim)[str(self.disk(victim))])
        checker.wait_for_progress(300)
        filler.unlink()
        cluster.wait_for_isr(self.TOPIC)
        wait_until(reserve.exists, "the reserve to be made again")
        checker.wait_for_progress(500)
        self.assert_nothing_lost(checker, at_least=500)


if __name__ == "__main__":
    unittest.main()
