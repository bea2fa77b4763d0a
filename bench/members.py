"""Members of a consumer group by hand, on one thread: what clients of any language do, without what they cost."""

import selectors
import struct
import time

import wire

JOIN_GROUP, HEARTBEAT, SYNC_GROUP, FIND_COORDINATOR = 11, 12, 14, 10
UNKNOWN_MEMBER, REBALANCE_IN_PROGRESS, ILLEGAL_GENERATION, MEMBER_ID_REQUIRED = 25, 27, 22, 79
REJOIN = (REBALANCE_IN_PROGRESS, ILLEGAL_GENERATION, UNKNOWN_MEMBER)
HEARTBEAT_S = 3.0   # heartbeat.interval.ms of every client


class Member:
    """Joins, is assigned, beats; joins again when a beat says so. `assigned` is the generation it is stable in."""

    def __init__(self, system, coordinator, group):
        self.connection = system.connect(coordinator)
        self.group, self.id, self.generation, self.assigned = wire.text(group), "", -1, None
        self.input, self.asked, self.next_beat = b"", None, None

    def ask(self, api, version, body):
        self.asked = api
        self.connection.send(wire.request(api, version, body))

    def join(self):
        self.assigned, self.next_beat = None, None
        metadata = wire.i16(0) + wire.array([wire.text("topic")]) + wire.i32(-1)
        self.ask(JOIN_GROUP, 4, self.group + wire.i32(30_000) + wire.i32(60_000) + wire.text(self.id) + wire.text("consumer")
                 + wire.array([wire.text("range") + wire.blob(metadata)]))

    def sync(self, members):
        """The leader, which alone was told the members, gives each something."""
        given = wire.blob(wire.i16(0) + wire.i32(0) + wire.i32(-1))
        self.ask(SYNC_GROUP, 1, self.group + wire.i32(self.generation) + wire.text(self.id)
                 + wire.array([wire.text(member) + given for member in members]))

    def beat(self):
        self.next_beat = None
        self.ask(HEARTBEAT, 1, self.group + wire.i32(self.generation) + wire.text(self.id))

    def readable(self):
        piece = self.connection.socket.recv(1 << 16)
        if not piece:
            raise RuntimeError("the coordinator closed a connection")
        self.input += piece
        if len(self.input) >= 4:
            size = struct.unpack(">i", self.input[:4])[0]
            if len(self.input) >= 4 + size:
                answer, self.input = wire.Reader(self.input[8:4 + size]), self.input[4 + size:]
                self.take(answer)

    def take(self, answer):
        answer.i32()  # throttle time
        error = answer.i16()
        if self.asked == JOIN_GROUP:
            self.take_join(error, answer)
        elif error in REJOIN:
            self.id = "" if error == UNKNOWN_MEMBER else self.id
            self.join()
        elif error:
            raise RuntimeError(f"api {self.asked}: error {error}")
        else:
            self.assigned = self.generation
            self.next_beat = time.monotonic() + HEARTBEAT_S

    def take_join(self, error, answer):
        self.generation, _, _ = answer.i32(), answer.text(), answer.text()
        self.id = answer.text()
        if error == MEMBER_ID_REQUIRED:
            self.join()
        elif error:
            raise RuntimeError(f"JoinGroup: error {error}")
        else:
            self.sync(answer.array(lambda: (answer.text(), answer.blob())[0]))


def serves(system, broker_id, group):
    """It is the coordinator, and has loaded the group: it knows that there is no such member."""
    with system.connect(broker_id) as connection:
        answer = connection.call(HEARTBEAT, 1, wire.text(group) + wire.i32(1) + wire.text("nobody"))
        answer.i32()
        return answer.i16() == UNKNOWN_MEMBER


def coordinator_of(system, group):
    """Its broker id, once there is one and it serves."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with system.connect() as connection:
            answer = connection.call(FIND_COORDINATOR, 1, wire.text(group) + wire.i8(0))
            answer.i32()
            error, _, broker_id = answer.i16(), answer.text(), answer.i32()
        if error == 0 and serves(system, broker_id, group):
            return broker_id
        time.sleep(0.05)
    raise AssertionError("no coordinator")


def seconds_to_join(system, group, count):
    """Until all are assigned in one and the same generation."""
    coordinator = coordinator_of(system, group)
    members = [Member(system, coordinator, group) for _ in range(count)]
    with selectors.DefaultSelector() as selector:
        for member in members:
            selector.register(member.connection.socket, selectors.EVENT_READ, member)
        began = time.monotonic()
        for member in members:
            member.join()
        while len({member.assigned for member in members}) > 1 or members[0].assigned is None:
            if time.monotonic() > began + 120:
                raise AssertionError(f"no stable group of {count} after 120 s")
            for key, _ in selector.select(0.01):
                key.data.readable()
            for member in members:
                if member.next_beat is not None and member.next_beat <= time.monotonic():
                    member.beat()
        seconds = time.monotonic() - began
    for member in members:
        member.connection.close()
    return seconds
