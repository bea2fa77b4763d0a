"""Wall clocks that jump back and forth by minutes, hours and days under all checking clients: of brokers, of ZooKeeper
servers, of the clients. No leader moves, no session ends, no member leaves its group, nothing is deleted before Kafka
would. What goes by the wall clock (retention, the end of offsets, producers and transactions) is decided all the time."""

import json
import struct
import time
import unittest

import wall_clock
import wire
from cluster import wait_until
from watched import UNAVAILABLE, WatchedCase

MINUTE, HOUR, DAY = 60, 3600, 86400
# Below the week for which records and offsets are kept, and far above all else that is waited for.
JUMPS = (5 * MINUTE, -5 * MINUTE, 6 * HOUR, -6 * HOUR, 3 * DAY, -3 * DAY, 0)
# How long somebody may be silent before he counts as gone: too long for a busy machine to matter, and no jump is as short.
PATIENCE_MS = 30_000
# The same for a partition without a writable leader, in seconds.
OUTAGE = 15.0
CHECKS = 0.3
EARLIEST, LATEST = -2, -1
BASE_TIMESTAMP = 27  # in a batch
WHY_NOT = UNAVAILABLE or wall_clock.UNAVAILABLE


@unittest.skipIf(WHY_NOT, WHY_NOT)
class ClockJumpsTest(WatchedCase, unittest.TestCase):
    CHECKS_MS = int(CHECKS * 1000)
    GROUP_SESSION = PATIENCE_MS / 1000
    SETTINGS = {"wall_clocks": True, "tick_ms": 2000, "zookeeper__session__timeout__ms": PATIENCE_MS,
                "ottla__suspicion__timeout__ms": PATIENCE_MS, "auto__leader__rebalance__enable": "false", "log__segment__bytes": 100_000,
                "log__retention__check__interval__ms": CHECKS_MS, "offsets__retention__check__interval__ms": CHECKS_MS,
                "producer__id__expiration__check__interval__ms": CHECKS_MS,
                "transaction__abort__timed__out__transaction__cleanup__interval__ms": CHECKS_MS,
                "transaction__remove__expired__transaction__cleanup__interval__ms": CHECKS_MS}

    def setUp(self):
        super().setUp()
        self.stamps, self.stamped = f"{self.topic}-stamps", 0
        self.create_stamped(self.stamps)
        wait_until(lambda: all(self.shares()) and sorted(partition for share in self.shares()
                                                         for partition in share) == [0, 1, 2],
                   "the group to be divided")

    def create_stamped(self, topic, **configs):
        """Partition n, led by broker n + 1 alone, says what its clock says."""
        settings = {"message.timestamp.type": "LogAppendTime", "min.insync.replicas": 1, **configs}
        self.cluster.ottla("topics", "--create", "--topic", topic, "--replica-assignment",
                           ",".join(map(str, self.cluster.brokers)),
                           *(word for name, value in settings.items() for word in ("--config", f"{name}={value}")))
        self.cluster.wait_for_isr(topic, 1)

    # What must stay as it is.

    def shares(self):
        """Of the group's members: the partitions that each has now."""
        shares = []
        for member in self.watched.members:
            share = set()
            for what, *partitions in (line.split() for line in list(member.lines)):
                if what in ("assigned", "revoked", "lost"):
                    share = set(map(int, partitions[0].split(","))) if what == "assigned" and partitions else set()
            shares.append(share)
        return shares

    def log_start(self, topic, partition):
        with wire.Connection(self.cluster.leader(topic, partition)) as connection:
            return connection.list_offset(topic, EARLIEST, partition=partition)[2]

    def state(self):
        """Who leads since when, who is registered since when, how often the group was divided, where the logs begin."""
        cluster = json.loads(self.cluster.ottla("cluster", "--json", "--zookeeper",
                                                self.cluster.zookeeper.connect + self.cluster.chroot))
        topics = (self.watched.topic, self.watched.plain_topic, self.watched.probe_topic)
        return {"controller": (cluster["controller"], cluster["controllerEpoch"]),
                "brokers": {broker["id"]: broker["epoch"] for broker in cluster["brokers"] if broker["registered"]},
                "leaders": {(topic, number): (partition["leader"], partition["leaderEpoch"], sorted(partition["isr"]))
                            for topic in (*topics, "__consumer_offsets")
                            for number, partition in self.cluster.partitions(topic).items()},
                "group": [{what: member.count(what) for what in ("assigned", "revoked", "lost")}
                          for member in self.watched.members],
                "log starts": {(topic, partition): self.log_start(topic, partition)
                               for topic in topics for partition in range(3)}}

    def read(self):
        return sum(len(member.records()) for member in self.watched.members)

    def expect_no_change(self, before, jump):
        """While records flow and everything that goes by the clock is decided a few times."""
        read = self.read()
        self.hold(3 * CHECKS)
        self.watched.wait_for_progress()
        wait_until(lambda: self.read() > read + 100, "the group to read on")
        self.assertEqual(self.state(), before, f"after a jump to {jump}")

    # Whether the clocks are where they should be: a test whose jumps do not arrive shows nothing.

    def assert_clock(self, broker):
        with wire.Connection(broker) as connection:
            error, _, stamp = connection.produce(self.stamps, wire.batch([wire.record(b"now")]), partition=broker.id - 1)
        self.assertEqual(error, 0)
        self.assertAlmostEqual(stamp / 1000, time.time() + self.cluster.clocks[broker.host].ahead, delta=MINUTE)

    def assert_zookeepers_clock(self, leader):
        """It stamps what is written."""
        shell = ("zookeeper-shell", leader.connect + self.cluster.chroot)
        self.stamped += 1
        self.cluster.ottla_offline(*shell, "create", f"/stamp-{self.stamped}", "now")
        stamp = json.loads(self.cluster.ottla_offline(*shell, "--json", "stat", f"/stamp-{self.stamped}"))["createdMs"]
        self.assertAlmostEqual(stamp / 1000, time.time() + self.cluster.clocks[leader.host].ahead, delta=MINUTE)

    def assert_clients_clock(self):
        def newest():
            leader = self.cluster.leader(self.watched.topic)
            with wire.Connection(leader) as connection:
                end = connection.list_offset(self.watched.topic, LATEST)[2]
                records = connection.fetch(self.watched.topic, end - 1)["records"]
            return struct.unpack_from(">q", records, BASE_TIMESTAMP)[0] / 1000
        ahead = self.cluster.clocks[self.cluster.clients].ahead
        wait_until(lambda: abs(newest() - time.time() - ahead) < MINUTE, "records of the clients' time")

    # The jumps.

    def jump(self, broker, seconds):
        self.cluster.clocks[broker.host].set(seconds)
        self.assert_clock(broker)

    def test_one_broker(self):
        """The controller's clock, then another's."""
        before = self.state()
        for broker in (self.controller(), self.common_broker()):
            for seconds in JUMPS:
                self.jump(broker, seconds)
                self.expect_no_change(before, seconds)
        self.verdict(OUTAGE)

    def test_all_brokers(self):
        before = self.state()
        for seconds in JUMPS:
            for broker in self.cluster.brokers.values():
                self.jump(broker, seconds)
            self.expect_no_change(before, seconds)
        self.verdict(OUTAGE)

    def test_brokers_that_disagree(self):
        """Each elsewhere; then leaders move between them: what one has stamped another judges."""
        before = self.state()
        brokers = list(self.cluster.brokers.values())
        for turn in range(3):
            for place, broker in enumerate(brokers):
                self.jump(broker, (-3 * DAY, 6 * HOUR, 3 * DAY)[(place + turn) % 3])
            self.expect_no_change(before, f"turn {turn}")
        victim = self.common_broker()
        victim.process.kill()
        self.expect_others_to_lead(victim)
        victim.start()
        for topic in (self.watched.topic, self.watched.probe_topic, self.watched.plain_topic):
            self.cluster.wait_for_isr(topic)
        self.assert_clock(victim)
        starts = self.state()["log starts"]
        self.assertEqual(starts, before["log starts"])
        self.verdict(OUTAGE)

    def test_restless_broker(self):
        """Back and forth several times a second."""
        before = self.state()
        broker = self.controller()
        for turn in range(40):
            self.jump(broker, (3 * DAY, -3 * DAY, HOUR, -HOUR)[turn % 4])
            self.hold(0.1)
        self.expect_no_change(before, "many")
        self.verdict(OUTAGE)

    def test_zookeeper_servers(self):
        """Sessions are timed by its leader: its clock first, then everyone's."""
        before = self.state()
        leader = wait_until(self.cluster.zookeeper.leader, "a leader of ZooKeeper")
        for servers in ([leader], self.cluster.zookeeper.servers):
            for seconds in (HOUR, -HOUR, 3 * DAY, -3 * DAY, 0):
                for server in servers:
                    self.cluster.clocks[server.host].set(seconds)
                self.assert_zookeepers_clock(leader)
                self.expect_no_change(before, seconds)
        self.assertIs(self.cluster.zookeeper.leader(), leader)
        self.verdict(OUTAGE)

    def test_clients(self):
        """Their records are as old, or as young, as they say."""
        before = self.state()
        for seconds in JUMPS:
            self.cluster.clocks[self.cluster.clients].set(seconds)
            self.assert_clients_clock()
            self.expect_no_change(before, seconds)
        self.verdict(OUTAGE)

    def test_retention_goes_by_the_leaders_clock(self):
        """As Kafka's: what is older than it may be, by this clock, goes; an hour too early nothing does."""
        topic = f"{self.topic}-short"
        self.create_stamped(topic, **{"retention.ms": DAY * 1000})
        broker = self.common_broker()
        partition = broker.id - 1
        with wire.Connection(broker) as connection:
            self.assertEqual(connection.produce(topic, wire.batch([wire.record(b"old")]), partition=partition)[0], 0)
        for seconds in (-3 * DAY, 6 * HOUR, 23 * HOUR):
            self.jump(broker, seconds)
            self.hold(3 * CHECKS)
            self.assertEqual(self.log_start(topic, partition), 0)
        self.jump(broker, 25 * HOUR)
        wait_until(lambda: self.log_start(topic, partition) == 1, "the record to go")
        self.verdict(OUTAGE)


if __name__ == "__main__":
    unittest.main()
