"""Disks of brokers that fail, hang and fill up, under all checking clients: one of two log dirs, or all of a broker's. The
others lead, nothing acknowledged is lost, and the broker comes back with its disk."""

import errno
import unittest

import faulty_disk
from cluster import wait_until
from faulty_disk import HANGS
from watched import BUSY, SUSPICION, UNAVAILABLE, WatchedCase

ONE, ALL = "/data/", "/broker-"
WHY_NOT = UNAVAILABLE or faulty_disk.UNAVAILABLE
# After this much hanging a disk counts as slow.
PATIENCE = 2.0
# After so long a broker whose network threads stand still falls silent: the watchdog's bound, and its interval.
STANDS = 6.0 + SUSPICION
# A follower that hangs off the network threads, in a cut that has to read, is waited for as any that lags.
LAG = 10.0


def two_dirs(broker_id):
    return lambda cluster: ",".join(str(cluster.directory / f"broker-{broker_id}" / name) for name in ("data", "more"))


@unittest.skipIf(WHY_NOT, WHY_NOT)
class DiskFaultsTest(WatchedCase, unittest.TestCase):
    SETTINGS = {"faulty_disks": True, **{f"{number}:log.dirs": two_dirs(number) for number in (1, 2, 3)},
                "replica__lag__time__max__ms": int(LAG * 1000), "ottla__log__dir__probe__interval__ms": 500, "ottla__slow__disk__operation__ms": 500,
                "ottla__slow__disk__patience__ms": int(PATIENCE * 1000), "ottla__slow__disk__recovery__ms": 3000}

    def topics(self):
        return self.watched.topic, self.watched.plain_topic, self.watched.probe_topic

    def wait_for_isr(self):
        for topic in self.topics():
            self.cluster.wait_for_isr(topic)

    def leads_nothing(self, victim, directory=None):
        """Of what is in the directory, or of anything."""
        def others_lead():
            return all(row["leader"] not in (-1, victim.id) for topic in self.topics()
                       for number, row in self.cluster.partitions(topic).items()
                       if directory is None or (victim.directory / directory / f"{topic}-{number}").exists())
        wait_until(others_lead, f"broker {victim.id} to lead nothing on its disk", 60)

    def fails(self, victim, outage, where=ONE, **how):
        disk = self.cluster.disks[victim.host]
        disk.set(where, **how)
        self.leads_nothing(victim, "data" if where == ONE else None)
        self.watched.wait_for_progress()
        disk.heal()
        if not victim.process.running():  # as Kafka, without a log dir that works
            victim.start()
        self.wait_for_isr()
        self.watched.wait_for_progress()
        self.verdict(outage)

    # Errors: one log dir of a broker that leads, and its only ones.

    def test_writes_fail(self):
        self.fails(self.common_broker(), BUSY, write=errno.EIO)

    def test_reads_fail(self):
        self.fails(self.common_broker(), BUSY, read=errno.EIO)

    def test_syncs_fail(self):
        self.fails(self.common_broker(), BUSY, sync=errno.EIO)

    def test_writes_of_the_controller_fail(self):
        self.fails(self.controller(), BUSY, write=errno.EIO)

    def test_all_of_a_broker_s_disks_fail(self):
        self.fails(self.common_broker(), BUSY, ALL, read=errno.EIO, write=errno.EIO, sync=errno.EIO)

    def test_disk_full(self):
        self.fails(self.common_broker(), BUSY, write=errno.ENOSPC)

    # No errors, and no answers.

    def test_syncs_hang(self):
        self.fails(self.common_broker(), BUSY + STANDS, sync=HANGS)

    def test_reads_hang(self):
        self.fails(self.common_broker(), BUSY + max(STANDS, PATIENCE + LAG), read=HANGS)

    def test_writes_hang(self):
        self.fails(self.common_broker(), BUSY + STANDS, write=HANGS)

    def test_writes_of_the_controller_hang(self):
        self.fails(self.settled_controller(), BUSY + STANDS + SUSPICION, write=HANGS)

    def test_all_hang(self):
        self.fails(self.common_broker(), BUSY + STANDS, ALL, read=HANGS, write=HANGS, sync=HANGS)

    def test_disk_that_hangs_for_moments(self):
        """Shorter than what makes it slow: nothing moves."""
        victim = self.common_broker()
        disk = self.cluster.disks[victim.host]
        for seconds in (0.2, 0.5, 1.0):
            disk.set(ONE, read=HANGS, write=HANGS, sync=HANGS)
            self.hold(seconds)
            disk.heal()
            self.hold(1.0)
        self.verdict(1.0 + BUSY)


if __name__ == "__main__":
    unittest.main()
