"""The group coordinator against Kafka 3.9's (W30): the same random schedules of members, request by request, on both;
what comes back must be the same. OTTLA_SCHEDULES says how many (default 12), OTTLA_SEED where they begin."""

import os
import random
import select
import shutil
import socket
import tempfile
import time
import types
import unittest

import interop_clients
import wire
from cluster import OTTLA, Cluster, free_port, wait_until
from wire import array, blob, compact_array, compact_text, i8, i16, i32, i64, text

FIND_COORDINATOR, JOIN, HEARTBEAT, LEAVE, SYNC, DESCRIBE, LIST = 10, 11, 12, 13, 14, 15, 16
COMMIT, OFFSETS, DELETE_GROUPS, DELETE_OFFSETS = 8, 9, 42, 47
SETTINGS = {"group.initial.rebalance.delay.ms": 0, "group.min.session.timeout.ms": 1000, "group.max.size": 3,
            "offsets.topic.num.partitions": 1, "offsets.topic.replication.factor": 1, "offset.metadata.max.bytes": 20}
# Not for the schedules: what has expired would depend on the moment.
EXPIRY_SETTINGS = {**SETTINGS, "offsets.retention.minutes": 1, "offsets.retention.check.interval.ms": 500,
                   "offsets.topic.num.partitions": 3, "offsets.topic.segment.bytes": 1048576,
                   "offsets.topic.compression.codec": 2}
REBALANCE_SECONDS = 2.5
STEPS = 45


def nullable(value):
    return i16(-1) if value is None else text(value)


def subscription(topics):
    return i16(0) + array([text(topic) for topic in topics]) + i32(-1)


class Member:
    def __init__(self, index, instance):
        self.index, self.instance = index, instance
        self.connection = None
        self.waits_for = None
        self.forget()

    def forget(self):
        self.id, self.generation, self.leads, self.others = "", -1, False, []


class World:
    """One cluster, seen through the members of one group."""

    def __init__(self, port, group):
        self.broker = types.SimpleNamespace(port=port)
        self.group = group
        # The last two are static.
        self.members = [Member(i, f"static-{i}" if i >= 2 else None) for i in range(4)]
        self.labels = {}
        for member in self.members:
            member.connection = wire.Connection(self.broker)
        self.onlooker = wire.Connection(self.broker)

    def close(self):
        for member in self.members:
            member.connection.close()
        self.onlooker.close()

    def state(self):
        """The group's, as it is told to somebody who is not in it."""
        reader = self.onlooker.call(DESCRIBE, 4, array([text(self.group)]) + i8(0))
        reader.take(4 + 4 + 2)
        reader.text()
        return reader.text()

    def label(self, member_id, member=None):
        """A name for an id that the broker made up: the same in both worlds."""
        if member_id and member_id not in self.labels and member is not None:
            count = sum(name.startswith(f"m{member.index}.") for name in self.labels.values())
            self.labels[member_id] = f"m{member.index}.{count}"
        return self.labels.get(member_id, member_id and "?")

    def send(self, member, api, version, body):
        member.waits_for = api
        member.connection.send(wire.request(api, version, body, client=f"c{member.index}".encode()))

    def receive(self, member):
        frame = member.connection.receive()
        api, member.waits_for = member.waits_for, None
        if frame is None:
            member.connection = wire.Connection(self.broker)
            return (member.index, api, "closed")
        reader = wire.Reader(frame)
        reader.i32()
        return (member.index, api, *READERS[api](self, member, reader))

    def restart(self, member):
        """A static member that has forgotten its id: its next JoinGroup replaces the old one (KIP-345)."""
        member.forget()

    # Requests.

    def join(self, member, metadata, protocols=("range",), session_ms=30000, protocol_type="consumer"):
        self.send(member, JOIN, 5, text(self.group) + i32(session_ms) + i32(int(REBALANCE_SECONDS * 1000) - 500)
                  + text(member.id) + nullable(member.instance) + text(protocol_type)
                  + array([text(name) + blob(metadata) for name in protocols]))

    def sync(self, member, generation=None):
        others = member.others if member.leads else []
        assignments = [text(other) + blob(f"to {self.label(other)}".encode()) for other in others]
        self.send(member, SYNC, 3, text(self.group) + i32(member.generation if generation is None else generation)
                  + text(member.id) + nullable(member.instance) + array(assignments))

    def heartbeat(self, member, generation=None, instance=True):
        self.send(member, HEARTBEAT, 3, text(self.group)
                  + i32(member.generation if generation is None else generation) + text(member.id)
                  + nullable(member.instance if instance else None))

    def leave(self, member, by_instance=False):
        self.send(member, LEAVE, 3, text(self.group) + array(
            [text("" if by_instance else member.id) + nullable(member.instance)]))

    def commit(self, member, offset, generation=None, as_nobody=False, metadata="m"):
        generation = -1 if as_nobody else member.generation if generation is None else generation
        self.send(member, COMMIT, 7, text(self.group) + i32(generation) + text("" if as_nobody else member.id)
                  + nullable(None if as_nobody else member.instance)
                  + array([text("orders") + array([i32(p) + i64(offset + p) + i32(-1) + text(metadata) for p in (0, 1, 9)]),
                           text("nowhere") + array([i32(0) + i64(1) + i32(-1) + nullable(None)])]))

    def offsets(self, member, everything):
        topics = i32(-1) if everything else array([text("orders") + array([i32(0), i32(1), i32(9)]),
                                                   text("nowhere") + array([i32(0)])])
        self.send(member, OFFSETS, 5, text(self.group) + topics)

    def describe(self, member):
        self.send(member, DESCRIBE, 4, array([text(self.group), text("no-such-group")]) + i8(0))

    def delete(self, member):
        self.send(member, DELETE_GROUPS, 1, array([text(self.group)]))

    def delete_offsets(self, member, topics):
        self.send(member, DELETE_OFFSETS, 0, text(self.group)
                  + array([text(topic) + array([i32(0), i32(1)]) for topic in topics]))

    # Answers.

    def read_join(self, member, reader):
        reader.i32()
        error, generation, protocol, leader = reader.i16(), reader.i32(), reader.text(), reader.text()
        member_id = reader.text()
        members = reader.array(lambda: (reader.text(), reader.text(), reader.blob()))
        if error in (0, 79) and member_id:
            self.label(member_id, member)
            member.id = member_id
        if error in (25, 82, 81):
            member.forget()
        if error == 0:
            member.generation = generation
            member.leads = leader == member_id
            member.others = sorted((each[0] for each in members), key=lambda each: self.label(each) or each)
        return (error, generation, protocol, ("leads" if leader == member_id else "follows") if leader else "",
                self.label(member_id, member), len(members), sorted((instance or "", data) for _, instance, data in members))

    def read_sync(self, member, reader):
        reader.i32()
        error = reader.i16()
        data = reader.blob()
        if error in (25, 82):
            member.forget()
        # Whom the leader knew under which name depends on who is told first.
        return (error, bool(data), data.startswith(b"to m%d." % member.index) or not data or b"?" in data)

    def read_heartbeat(self, member, reader):
        reader.i32()
        return (reader.i16(),)

    def read_leave(self, member, reader):
        reader.i32()
        error = reader.i16()
        left = reader.array(lambda: (self.label(reader.text()), reader.text(), reader.i16()))
        if not error and left and left[0][2] == 0:
            member.forget()
        return (error, left)

    def read_commit(self, member, reader):
        reader.i32()
        return (sorted(reader.array(lambda: (reader.text(), sorted(reader.array(lambda: (reader.i32(), reader.i16())))))),)

    def read_offsets(self, member, reader):
        reader.i32()

        def partition():
            return (reader.i32(), reader.i64(), reader.i32(), reader.text(), reader.i16())
        topics = sorted(reader.array(lambda: (reader.text(), sorted(reader.array(partition)))))
        return (topics, reader.i16())

    def read_describe(self, member, reader):
        reader.i32()

        def each():
            return (self.label(reader.text()), reader.text(), reader.text(), reader.text(), bool(reader.blob()),
                    bool(reader.blob()))

        def group():
            error, name, state, kind, protocol = reader.i16(), reader.text(), reader.text(), reader.text(), reader.text()
            members = sorted(str(m) for m in reader.array(each))
            reader.i32()
            return (error, name == self.group, state, kind, protocol, members)
        return (reader.array(group),)

    def read_delete(self, member, reader):
        reader.i32()
        return (reader.array(lambda: (reader.text() == self.group, reader.i16())),)

    def read_delete_offsets(self, member, reader):
        error = reader.i16()
        reader.i32()
        return (error, sorted(reader.array(
            lambda: (reader.text(), sorted(reader.array(lambda: (reader.i32(), reader.i16())))))))


READERS = {JOIN: World.read_join, SYNC: World.read_sync, HEARTBEAT: World.read_heartbeat, LEAVE: World.read_leave,
           COMMIT: World.read_commit, OFFSETS: World.read_offsets, DESCRIBE: World.read_describe,
           DELETE_GROUPS: World.read_delete, DELETE_OFFSETS: World.read_delete_offsets}


class Schedule:
    """Random steps, taken in both worlds."""

    def __init__(self, seed, worlds):
        self.random = random.Random(seed)
        self.worlds = worlds
        self.history = []
        self.since_join = 0
        self.generations = {}  # when the first member was told of each
        self.synced = {}  # by member, the last generation that it has its assignment of
        self.unsynced = {}  # who has joined and not asked for its assignment, since when the group waits for it
        self.rebalance_since = None
        self.too_slow = False  # a rebalance may have timed out in one world, and not yet in the other

    def step(self):
        idle = [i for i in range(len(self.worlds[0].members)) if self.worlds[0].members[i].waits_for is None]
        waiting = len(idle) < len(self.worlds[0].members)
        # Who does not join or sync in time is dropped: not at the moment of a step, which might come before it in one
        # world only.
        begin = time.monotonic()
        patience = (REBALANCE_SECONDS - 0.5) / 2
        late = any(begin - since > patience for since in (*self.unsynced.values(), self.rebalance_since or begin))
        if not idle or (waiting and self.since_join > 6) or late:
            what, arguments, seconds = "wait", (), REBALANCE_SECONDS
        else:
            what, arguments = self.choose(self.random.choice(idle))
            seconds = 0
        self.since_join = self.since_join + 1 if waiting and what != "wait" else 0
        for world in self.worlds:
            if what != "wait":
                getattr(world, what)(world.members[arguments[0]], *arguments[1:])
        answers = self.gather(seconds)
        if what == "wait":
            self.unsynced.clear()
        self.too_slow = what != "wait" and time.monotonic() - begin > patience
        for index, api, error, *rest in answers[0]:
            if api == JOIN and error == 0 and self.synced.get(index) != rest[0]:
                self.unsynced[index] = self.generations[rest[0]]
            elif api == SYNC and error == 0:
                self.synced[index] = self.worlds[0].members[index].generation
                self.unsynced.pop(index, None)
            elif api == LEAVE and error == 0 and rest[0] and rest[0][0][2] == 0:
                self.unsynced.pop(index, None)
        if self.worlds[0].state() != "PreparingRebalance":
            self.rebalance_since = None
        elif self.rebalance_since is None:
            self.rebalance_since = begin
        self.history.append((what, arguments, answers[0]))
        return what, arguments, answers

    def choose(self, index):
        member = self.worlds[0].members[index]
        if member.instance is not None and member.id and self.random.random() < 0.15:
            return "restart", (index,)
        draw = self.random.random()
        if member.generation < 0 and draw < 0.6 or draw < 0.2:
            topics = self.random.choice([["orders"], ["orders", "more"]])
            protocols = self.random.choice([("range",), ("range",), ("range",), ("range", "roundrobin"), ("sticky",)])
            session = self.random.choice([30000] * 9 + [500])
            kind = self.random.choice(["consumer"] * 14 + ["connect", ""])
            return "join", (index, subscription(topics), protocols, session, kind)
        if draw < 0.5:
            return "sync", (index, self.random.choice([None] * 9 + [77]))
        if draw < 0.6:
            return "heartbeat", (index, self.random.choice([None, None, None, 77]), self.random.random() < 0.8)
        if draw < 0.68:
            return "leave", (index, self.random.random() < 0.3)
        if draw < 0.84:
            return "commit", (index, self.random.randrange(1000), self.random.choice([None] * 5 + [77]),
                              self.random.random() < 0.25, self.random.choice(["m", "", "x" * 21]))
        if draw < 0.91:
            return "offsets", (index, self.random.random() < 0.3)
        if draw < 0.96:
            return "describe", (index,)
        if draw < 0.98:
            return "delete_offsets", (index, self.random.choice([["orders"], ["more"], ["orders", "more", "nowhere"]]))
        return "delete", (index,)

    def gather(self, seconds):
        """Answers of both worlds, until both have told the same number and are silent. With `seconds`, at least that
        long, and until the rebalances that began meanwhile are over as well."""
        answers = [[], []]
        begin = time.monotonic()
        quiet_since = begin
        while True:
            sockets = {member.connection.socket: (number, member) for number, world in enumerate(self.worlds)
                       for member in world.members if member.waits_for is not None}
            ready, _, _ = select.select(list(sockets), [], [], 0.01) if sockets else ([], [], time.sleep(0.01))
            for each in ready:
                number, member = sockets[each]
                answer = self.worlds[number].receive(member)
                answers[number].append(answer)
                quiet_since = time.monotonic()
                if answer[1:3] == (JOIN, 0):
                    self.generations.setdefault(answer[3], quiet_since)
            now = time.monotonic()
            even = len(answers[0]) == len(answers[1])
            if now - begin <= seconds or now - quiet_since <= (0.05 if even else 1.5):
                continue
            if not seconds or all(world.state() != "PreparingRebalance" for world in self.worlds):
                return [sorted(each, key=str) for each in answers]


def probes():
    """(api, version, body) of requests whose answers hold nothing that a broker makes up but its port."""
    end = b"\0"  # no tagged fields; also a compact null
    for version in (0, 1, 2):
        yield FIND_COORDINATOR, version, text("g") + (i8(0) if version else b"")
    yield FIND_COORDINATOR, 3, compact_text("g") + i8(0) + end
    for version in (4, 5, 6):
        yield FIND_COORDINATOR, version, i8(0) + compact_array([compact_text("g"), compact_text("")]) + end
    yield FIND_COORDINATOR, 6, i8(2) + compact_array([compact_text("g")]) + end
    for version in range(6):
        yield JOIN, version, (text("") + i32(10000) + (i32(5000) if version else b"") + text("")
                              + (i16(-1) if version >= 5 else b"") + text("consumer") + array([text("range") + blob(b"x")]))
    for version in (6, 7, 8, 9):
        yield JOIN, version, (compact_text("g") + i32(1) + i32(5000) + compact_text("") + end + compact_text("consumer")
                              + compact_array([compact_text("range") + b"\2x" + end]) + (end if version >= 8 else b"") + end)
    for version in range(4):
        yield SYNC, version, text("g") + i32(1) + text("m") + (i16(-1) if version >= 3 else b"") + array([])
    for protocol in (end + end, compact_text("consumer") + compact_text("range")):
        yield SYNC, 5, compact_text("g") + i32(1) + compact_text("m") + end + protocol + compact_array([]) + end
    yield HEARTBEAT, 0, text("") + i32(1) + text("m")
    yield HEARTBEAT, 3, text("g") + i32(1) + text("m") + i16(-1)
    for version in (0, 1, 2):
        yield LEAVE, version, text("g") + text("m")
    yield LEAVE, 3, text("g") + array([text("m") + i16(-1), text("") + text("instance")])
    yield LEAVE, 3, text("none") + array([text("m") + i16(-1)])
    yield LEAVE, 3, text("") + array([text("m") + i16(-1)])

    yield OFFSETS, 0, text("g") + array([text("orders") + array([i32(0), i32(99)])])
    for version in (1, 2, 3, 4):
        yield OFFSETS, version, text("g") + array([text("orders") + array([i32(0), i32(99)]), text("no") + array([i32(0)])])
    for version in (0, 1, 2):
        yield OFFSETS, version, text("g") + array([])
    yield OFFSETS, 2, text("g") + i32(-1)
    yield OFFSETS, 2, text("") + i32(-1)
    topics = compact_array([compact_text("orders") + compact_array([i32(0)]) + end])
    yield OFFSETS, 6, compact_text("g") + topics + end
    yield OFFSETS, 8, compact_array([compact_text("g") + topics + end, compact_text("h") + end + end]) + i8(0) + end
    yield OFFSETS, 9, compact_array([compact_text("g") + end + i32(-1) + topics + end]) + i8(0) + end

    def offset(extra):
        return array([text("orders") + array([i32(0) + i64(5) + extra + text("m")])])
    yield COMMIT, 0, text("old") + offset(b"")
    yield OFFSETS, 0, text("old") + array([text("orders") + array([i32(0), i32(1)])])
    yield COMMIT, 1, text("simple") + i32(-1) + text("") + offset(i64(-1))
    yield COMMIT, 2, text("simple") + i32(-1) + text("") + i64(-1) + offset(b"")
    yield COMMIT, 2, text("") + i32(-1) + text("") + i64(-1) + offset(b"")
    yield COMMIT, 2, text("simple") + i32(-1) + text("") + i64(-1) + array([])
    partition = i32(0) + i64(7) + i32(-1) + end + end
    yield COMMIT, 8, (compact_text("simple") + i32(-1) + compact_text("") + end
                      + compact_array([compact_text("orders") + compact_array([partition]) + end]) + end)
    yield OFFSETS, 3, text("simple") + i32(-1)

    yield DESCRIBE, 1, array([text("simple"), text("")])
    yield DESCRIBE, 3, array([text("simple"), text("none")]) + i8(1)
    yield DESCRIBE, 5, compact_array([compact_text("simple")]) + i8(1) + end
    yield DELETE_GROUPS, 1, array([text("none")])
    yield DELETE_GROUPS, 1, array([text("")])
    yield LIST, 0, b""
    yield LIST, 4, compact_array([]) + end
    for kinds in ([], [compact_text("consumer")], [compact_text("cLASSIC")], [compact_text("nonsense")]):
        yield LIST, 5, compact_array([]) + compact_array(kinds) + end
    yield LIST, 5, compact_array([compact_text("stable"), compact_text("nonsense")]) + compact_array([]) + end
    yield DELETE_OFFSETS, 0, text("none") + array([text("orders") + array([i32(0)]), text("no") + array([i32(0)])])
    yield DELETE_OFFSETS, 0, text("none") + array([text("no") + array([i32(0)])])
    yield DELETE_OFFSETS, 0, text("") + array([text("orders") + array([i32(0)])])
    yield DELETE_GROUPS, 2, compact_array([compact_text("simple")]) + end


FLEXIBLE_FROM = {FIND_COORDINATOR: 3, JOIN: 6, HEARTBEAT: 4, LEAVE: 4, SYNC: 4, DESCRIBE: 5, LIST: 3, COMMIT: 8,
                 OFFSETS: 6, DELETE_GROUPS: 2, DELETE_OFFSETS: 99}


class AgainstKafka(unittest.TestCase):
    """A broker of each kind."""

    settings = SETTINGS

    @classmethod
    def setUpClass(cls):
        interop_clients.kafka_jars("3.9.1")
        cls.directory = tempfile.mkdtemp(prefix="ottla-it.")
        cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)
        settings = [word for name, value in cls.settings.items() for word in ("--set", f"{name}={value}")]
        bootstrap = interop_clients.run([interop_clients.KAFKA_REF, "start", "--dir", cls.directory, "--brokers", 1,
                                         "--base-port", free_port(), "--heap", "400M", *settings]).strip()
        cls.addClassCleanup(interop_clients.run, [interop_clients.KAFKA_REF, "stop", "--dir", cls.directory])
        cls.kafka_port = int(bootstrap.split(":")[1])
        cls.cluster = Cluster(ids=[0], **{name.replace(".", "__"): value for name, value in cls.settings.items()})
        cls.addClassCleanup(cls.cluster.close)
        cls.ports = (cls.kafka_port, cls.cluster.brokers[0].port)
        for port in cls.ports:
            for topic in ("orders", "more"):
                interop_clients.run([OTTLA, "topics", "--bootstrap-server", f"127.0.0.1:{port}",
                                     "--create", "--topic", topic, "--partitions", 2, "--replication-factor", 1])
            wait_until(lambda: cls.coordinator_of(port) == 0, "a coordinator", 60)

    @staticmethod
    def coordinator_of(port):
        """The error of FindCoordinator."""
        with wire.Connection(types.SimpleNamespace(port=port)) as connection:
            reader = connection.call(FIND_COORDINATOR, 1, text("any") + i8(0))
            reader.i32()
            return reader.i16()


class GroupSchedulesTest(AgainstKafka):
    def test_answers_are_kafkas_byte_for_byte(self):
        """First, on fresh clusters: the tests run in the order of their names."""
        for api, version, body in probes():
            answers = []
            for port in self.ports:
                with wire.Connection(types.SimpleNamespace(port=port)) as connection:
                    frame = wire.request(api, version, body, flexible=version >= FLEXIBLE_FROM[api])
                    answers.append((connection.ask(frame) or b"closed").replace(i32(port), b"PORT"))
            self.assertEqual(answers[1], answers[0], f"api {api} v{version} {body}; second is Kafka's")

    def test_random_schedules(self):
        first = int(os.environ.get("OTTLA_SEED", "1"))
        steps = ended_early = 0
        for seed in range(first, first + int(os.environ.get("OTTLA_SCHEDULES", "12"))):
            worlds = [World(port, f"schedule-{seed}") for port in self.ports]
            schedule = Schedule(seed, worlds)
            try:
                for _ in range(STEPS):
                    what, arguments, answers = schedule.step()
                    steps += 1
                    if schedule.too_slow or self.leaders_differ(answers):
                        ended_early += 1
                        break
                    self.assertEqual(answers[1], answers[0],
                                     f"seed {seed}, after {what} {arguments}; second is Kafka's. Before:\n"
                                     + "\n".join(map(str, schedule.history)))
            finally:
                for world in worlds:
                    world.close()
        print(f"{steps} steps, {ended_early} schedules ended early", flush=True)

    @staticmethod
    def leaders_differ(answers):
        """When a leader leaves Kafka takes any other: which one is not ours to foretell."""
        def leaders(side):
            return [answer[0] for answer in side if answer[1] == JOIN and len(answer) > 5 and answer[5] == "leads"]

        def without_leaders(side):
            return [answer[:5] + ("", answer[6]) if answer[1] == JOIN and len(answer) > 6 else answer for answer in side]
        return leaders(answers[0]) != leaders(answers[1]) and \
            [str(a) for a in without_leaders(answers[0])] == [str(a) for a in without_leaders(answers[1])]


class GroupExpiryTest(AgainstKafka):
    settings = EXPIRY_SETTINGS

    def test_offsets_expire_as_kafkas(self):
        """W31: what a version of OffsetCommit says of an offset's end, for who is in no group, for a group with a member
        that has subscribed to the topic, and for one whose member has not. Retention is a minute; commits are told to be
        two minutes old (version 1), or to be good for a moment or for an hour (2 to 4)."""
        ago = 120_000

        def commit(version, group, generation, member, topic, said):
            told = {1: i64(int(time.time() * 1000) - ago if said == "old" else -1)}.get(version, b"")
            kept = {"moment": i64(1), "hour": i64(3_600_000)}.get(said, i64(-1)) if 2 <= version <= 4 else b""
            epoch = i32(-1) if version >= 6 else b""
            return (text(group) + i32(generation) + text(member) + kept + (nullable(None) if version >= 7 else b"")
                    + array([text(topic) + array([i32(0) + i64(5) + epoch + told + text("")])]))
        kinds = [(1, ""), (1, "old"), (2, ""), (2, "moment"), (2, "hour"), (4, "moment"), (5, ""), (7, "")]
        outcomes = []
        for port in self.ports:
            kept = {}
            with wire.Connection(types.SimpleNamespace(port=port)) as connection:
                def left(group, topic):
                    reader = connection.call(OFFSETS, 5, text(group) + array([text(topic) + array([i32(0)])]))
                    reader.take(4 + 4)
                    reader.text()
                    reader.take(4 + 4)
                    return reader.i64() == 5
                groups = []
                for version, said in kinds:
                    for member_of in ("nothing", "orders"):
                        group = f"expiry-{version}-{said}-{member_of}"
                        generation, member = -1, ""
                        if member_of != "nothing":
                            generation, member = self.only_member(connection, group, subscription(["orders"]))
                        for topic in ("orders", "more"):
                            connection.call(COMMIT, version, commit(version, group, generation, member, topic, said))
                            groups.append((group, generation, member, topic))
                # Two looks at 500 ms each; members stay.
                deadline = time.monotonic() + 2.5
                while time.monotonic() < deadline:
                    for group, generation, member, _ in groups:
                        if member:
                            connection.call(HEARTBEAT, 3, text(group) + i32(generation) + text(member) + nullable(None))
                    time.sleep(0.1)
                for group, _, _, topic in groups:
                    kept[(group, topic)] = left(group, topic)
            outcomes.append(kept)
        self.assertEqual(outcomes[1], outcomes[0], "second is Kafka's")
        print(f"{sum(not kept for kept in outcomes[0].values())} of {len(outcomes[0])} have expired", flush=True)
        self.assertFalse(outcomes[0][("expiry-2-moment-nothing", "orders")])
        self.assertTrue(outcomes[0][("expiry-2-moment-orders", "orders")], "it is being read")
        self.assertFalse(outcomes[0][("expiry-2-moment-orders", "more")])
        self.assertTrue(outcomes[0][("expiry-2-hour-nothing", "orders")])
        self.assertFalse(outcomes[0][("expiry-1-old-nothing", "orders")])
        self.assertTrue(outcomes[0][("expiry-7--nothing", "orders")])

    def test_offsets_topic_is_made_as_kafkas(self):
        """With the same configs, and batches compressed as offsets.topic.compression.codec says."""
        described = [interop_clients.run([OTTLA, "topics", "--bootstrap-server", f"127.0.0.1:{port}", "--describe",
                                          "--topic", "__consumer_offsets"]).split("\n") for port in self.ports]
        self.assertRegex(described[0][0], "PartitionCount: 3.*compression.type=producer.*segment.bytes=1048576")
        self.assertEqual(*(sorted(lines[0].split("Configs: ")[1].split(",")) for lines in described))
        with wire.Connection(types.SimpleNamespace(port=self.ports[1])) as connection:
            connection.call(COMMIT, 2, text("codec") + i32(-1) + text("") + i64(-1)
                            + array([text("orders") + array([i32(0) + i64(5) + text("")])]))
        logs = list(self.cluster.brokers[0].directory.rglob("__consumer_offsets-*/*.log"))
        dumped = interop_clients.run([OTTLA, "dump-log", "--files", ",".join(map(str, logs))])
        self.assertIn("compresscodec: snappy", dumped)
        self.assertNotIn("compresscodec: none", dumped)

    @staticmethod
    def only_member(connection, group, metadata):
        """(generation, id) of a stable group's member."""
        def join(member):
            reader = connection.call(JOIN, 5, text(group) + i32(30000) + i32(10000) + text(member) + nullable(None)
                                     + text("consumer") + array([text("range") + blob(metadata)]))
            reader.i32()
            error, generation = reader.i16(), reader.i32()
            reader.text()
            reader.text()
            return error, generation, reader.text()
        # A look at expired offsets takes a group away that has nothing but a promised member, Kafka's as well.
        unknown_member = 25
        error = unknown_member
        while error == unknown_member:
            _, _, member = join("")
            error, generation, member = join(member)
        assert error == 0, error
        reader = connection.call(SYNC, 3, text(group) + i32(generation) + text(member) + nullable(None)
                                 + array([text(member) + blob(b"all")]))
        reader.i32()
        assert reader.i16() == 0
        return generation, member


if __name__ == "__main__":
    unittest.main()
