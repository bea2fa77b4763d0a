"""Members that speak the protocol by hand and never wait by themselves: how long a group takes to work again is the
coordinators' time alone (clients back off for seconds of their own)."""

import threading
import time
import types
import unittest

import wire
from cluster import Cluster, wait_until
from wire import array, blob, i8, i16, i32, i64, text

OFFSET_COMMIT, OFFSET_FETCH, FIND_COORDINATOR, JOIN, HEARTBEAT, SYNC = 8, 9, 10, 11, 12, 14
NONE, LOADING, NOT_AVAILABLE, NOT_COORDINATOR, ILLEGAL_GENERATION, UNKNOWN_MEMBER, REBALANCE = 0, 14, 15, 16, 22, 25, 27
MEMBER_ID_REQUIRED = 79
GROUP = "by-hand"
WORKS_AGAIN = 3  # seconds after a kill, on a machine that has other work too


class Lost(Exception):
    """The coordinator is gone, or is none."""


class Member(threading.Thread):
    """Joins, heartbeats, commits growing offsets for a partition of its own, looks at what is committed."""

    def __init__(self, cluster, index):
        super().__init__(daemon=True)
        self.cluster, self.index = cluster, index
        self.connection = None
        self.id, self.generation = "", -1
        self.stopping = threading.Event()
        self.may_join, self.may_sync = threading.Event(), threading.Event()
        self.may_join.set()
        self.may_sync.set()
        self.state = "new"
        self.stable = (-1, 0.0)  # the generation, and since when
        self.next_offset = 0
        self.committed = -1
        self.commits = []  # times
        self.faults = []

    def stop(self):
        self.stopping.set()
        self.may_join.set()
        self.may_sync.set()
        self.join(30)

    def run(self):
        while not self.stopping.is_set():
            try:
                if self.connection is None:
                    self.find()
                if self.generation < 0:
                    self.join_group()
                else:
                    self.work()
            except (Lost, OSError, TimeoutError):
                if self.connection is not None:
                    self.connection.close()
                self.connection = None
                time.sleep(0.01)
        if self.connection is not None:
            self.connection.close()

    def ask(self, api, version, body):
        reply = self.connection.ask(wire.request(api, version, body))
        if reply is None:
            raise Lost()
        reader = wire.Reader(reply)
        reader.i32()  # correlation
        reader.i32()  # throttle
        return reader

    def check(self, error):
        if error in (LOADING, NOT_AVAILABLE, NOT_COORDINATOR):
            raise Lost()
        if error == UNKNOWN_MEMBER:
            self.id, self.generation = "", -1
        if error in (ILLEGAL_GENERATION, REBALANCE):
            self.generation = -1
        return error == NONE

    def find(self):
        for broker in self.cluster.brokers.values():
            try:
                with wire.Connection(broker) as connection:
                    reader = connection.call(FIND_COORDINATOR, 1, text(GROUP) + i8(0))
            except OSError:
                continue
            reader.i32()
            if reader.i16() != NONE:
                continue
            reader.text()
            reader.i32()
            reader.text()
            self.connection = wire.Connection(types.SimpleNamespace(port=reader.i32()))
            return
        raise Lost()

    def join_group(self):
        self.state = "waits to join"
        self.may_join.wait()
        self.state = "joins"
        reader = self.ask(JOIN, 5, text(GROUP) + i32(10000) + i32(10000) + text(self.id) + i16(-1) + text("consumer")
                          + array([text("range") + blob(b"")]))
        error, generation, _, leader, member = reader.i16(), reader.i32(), reader.text(), reader.text(), reader.text()
        if error == MEMBER_ID_REQUIRED:
            self.id = member
            return
        if not self.check(error):
            return
        others = reader.array(lambda: (reader.text(), reader.text(), reader.blob()))
        self.state = "waits to sync"
        self.may_sync.wait()
        self.state = "syncs"
        reader = self.ask(SYNC, 3, text(GROUP) + i32(generation) + text(member) + i16(-1)
                          + array([text(other[0]) + blob(b"yours") for other in others] if leader == member else []))
        if self.check(reader.i16()):
            self.generation = generation
            self.stable = (generation, time.monotonic())
            self.state = "stable"

    def work(self):
        reader = self.ask(HEARTBEAT, 3, text(GROUP) + i32(self.generation) + text(self.id) + i16(-1))
        if not self.check(reader.i16()):
            return
        self.next_offset += 1
        reader = self.ask(OFFSET_COMMIT, 7, text(GROUP) + i32(self.generation) + text(self.id) + i16(-1)
                          + array([text("orders") + array([i32(self.index) + i64(self.next_offset) + i32(-1) + text("")])]))
        reader.i32()
        reader.text()
        reader.i32()
        reader.i32()
        if self.check(reader.i16()):
            self.committed = self.next_offset
            self.commits.append(time.monotonic())
        reader = self.ask(OFFSET_FETCH, 5, text(GROUP) + array([text("orders") + array([i32(self.index)])]))
        reader.i32()
        reader.text()
        reader.i32()
        reader.i32()
        offset = reader.i64()
        reader.i32()
        reader.text()
        error = reader.i16()
        if self.check(error or reader.i16()) and offset < self.committed:
            self.faults.append((offset, self.committed))
        time.sleep(0.005)


class GroupFailoverTest(unittest.TestCase):
    def setUp(self):
        self.cluster = Cluster(3, group__initial__rebalance__delay__ms=100, offsets__topic__num__partitions=5,
                               min__insync__replicas=2)
        self.addCleanup(self.cluster.close)
        self.cluster.create_topic("orders", 4, 3)
        self.members = [Member(self.cluster, i) for i in range(3)]
        for member in self.members[:2]:
            member.start()
            self.addCleanup(member.stop)
        self.wait_for_generation(self.members[:2])
        self.cluster.wait_for_isr("__consumer_offsets")

    def wait_for_generation(self, members, after=-1):
        """All stable in one generation that is newer."""
        def same():
            generations = {member.stable[0] for member in members if member.state == "stable"}
            return (all(member.state == "stable" for member in members) and len(generations) == 1
                    and min(generations) > after)
        wait_until(same, f"{len(members)} members in one generation", 30)

    def kill_coordinator(self):
        """When the new one serves."""
        def coordinator():
            with wire.Connection(next(b for b in self.cluster.brokers.values() if b.process.running())) as connection:
                reader = connection.call(FIND_COORDINATOR, 1, text(GROUP) + i8(0))
            reader.i32()
            reader.i16()
            reader.text()
            return reader.i32()
        victim = self.cluster.brokers[wait_until(lambda: (coordinator(),), "a coordinator")[0]]
        killed = time.monotonic()
        victim.process.kill()

        def serves():
            number = coordinator()
            if number in (-1, victim.id):
                return False
            with wire.Connection(self.cluster.brokers[number]) as connection:
                reader = connection.call(OFFSET_FETCH, 5, text(GROUP) + array([text("orders") + array([i32(0)])]))
            reader.i32()
            reader.array(lambda: (reader.text(), reader.array(lambda: (reader.i32(), reader.i64(), reader.i32(),
                                                                       reader.text(), reader.i16()))))
            return reader.i16() == NONE
        wait_until(serves, "another coordinator")
        return victim, killed, time.monotonic()

    def finish(self, victim, killed, served, what):
        """All are in a new generation, and commit: how soon counts from the kill, as members see it. On a quiet machine
        that is about a second; the figures are printed."""
        self.wait_for_generation(self.members, self.before)
        stable = max(member.stable[1] for member in self.members)
        print(f"{what}: a coordinator serves after {served - killed:.2f} s, the group is stable {stable - killed:.2f} s "
              "after the kill", flush=True)
        self.assertLess(stable - killed, WORKS_AGAIN)
        counts = [len(member.commits) for member in self.members]
        wait_until(lambda: all(len(m.commits) > count for m, count in zip(self.members, counts)), "more commits")
        victim.start()
        self.cluster.wait_for_isr("__consumer_offsets")
        self.assertEqual([member.faults for member in self.members], [[], [], []])

    def start_third(self):
        self.before = self.members[0].stable[0]
        self.members[2].start()
        self.addCleanup(self.members[2].stop)

    def test_killed_while_members_join(self):
        """One has joined, one is still to come."""
        self.members[1].may_join.clear()
        self.start_third()
        wait_until(lambda: [m.state for m in self.members] == ["joins", "waits to join", "joins"], "half a rebalance")
        outcome = self.kill_coordinator()
        self.members[1].may_join.set()
        self.finish(*outcome, "joining")

    def test_killed_while_the_leader_assigns(self):
        for member in self.members:
            member.may_sync.clear()
        self.start_third()
        wait_until(lambda: {m.state for m in self.members} == {"waits to sync"}, "all have joined")
        outcome = self.kill_coordinator()
        for member in self.members:
            member.may_sync.set()
        self.finish(*outcome, "assigning")

    def test_killed_between_commits(self):
        """Three times. Nobody rebalances: the generation is in the log."""
        self.start_third()
        self.wait_for_generation(self.members, self.before)
        for _ in range(3):
            generation = self.members[0].stable[0]
            victim, killed, served = self.kill_coordinator()
            wait_until(lambda: all(m.commits and m.commits[-1] > served for m in self.members), "commits")
            gap = max(min(at for at in m.commits if at > served) for m in self.members) - served
            print(f"commits: a coordinator serves after {served - killed:.2f} s, all have committed {gap:.2f} s later",
                  flush=True)
            self.assertLess(served - killed + gap, WORKS_AGAIN)
            self.assertEqual({m.stable[0] for m in self.members}, {generation})
            victim.start()
            self.cluster.wait_for_isr("__consumer_offsets")
        self.assertEqual([member.faults for member in self.members], [[], [], []])


if __name__ == "__main__":
    unittest.main()
