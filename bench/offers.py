"""Offers records to the brokers themselves, with no client's waiting in between."""

import selectors
import threading
import time

import wire
from measure import ottla


class Offers(threading.Thread):
    """Offers a record for each wanted partition to one broker, again and again."""

    RECORDS = wire.blob(wire.batch([wire.record(b"x")]))

    def __init__(self, system, broker_id, topic, wanted, taken):
        super().__init__(daemon=True)
        self.system, self.broker_id, self.topic, self.wanted, self.taken = system, broker_id, topic, wanted, taken
        self.stopping = threading.Event()
        self.start()

    def run(self):
        while not self.stopping.is_set():
            try:
                with self.system.connect(self.broker_id, timeout=10) as connection:
                    while not self.stopping.is_set():
                        began = time.monotonic()
                        if self.offer(connection):
                            # The offers must not be what keeps the brokers busy.
                            self.stopping.wait(max(0.005, time.monotonic() - began))
                        else:
                            self.stopping.wait(0.001)
            except (OSError, AssertionError):
                self.stopping.wait(0.002)

    def offer(self, connection):
        wanted = self.wanted()
        if not wanted:
            return False
        rows = b"".join(wire.i32(partition) + self.RECORDS for partition in wanted)
        body = (wire.i16(-1) + wire.i16(-1) + wire.i32(300) + wire.i32(1) + wire.text(self.topic) + wire.i32(len(wanted))
                + rows)
        answer = connection.call(wire.PRODUCE, 3, body)
        now = time.monotonic()
        answers = answer.array(lambda: (answer.text(), answer.array(
            lambda: (answer.i32(), answer.i16(), answer.take(16)))))
        self.taken([partition for partition, error, _ in answers[0][1] if error == 0], now)
        return True

    def stop(self):
        self.stopping.set()
        self.join(20)


def until_taken(system, topic, partitions, brokers, event):
    """Milliseconds from `event`, which is called here, until each of the partitions has taken a record."""
    waiting, times, lock, happened = set(partitions), {}, threading.Lock(), threading.Event()

    def taken(some, now):
        with lock:
            for partition in some:
                if partition in waiting:
                    waiting.discard(partition)
                    times[partition] = (now - start) * 1000

    def wanted():
        """A few, until one of them is writable."""
        with lock:
            return sorted(waiting)[::1 if times else max(1, len(waiting) // 20)] if happened.is_set() else []
    start = time.monotonic()
    offers = [Offers(system, broker_id, topic, wanted, taken) for broker_id in brokers]
    time.sleep(0.2)  # the connections are there
    start = time.monotonic()
    event()
    happened.set()
    try:
        ottla.wait_until(lambda: not waiting, "all partitions to be writable", 120)
    finally:
        for offer in offers:
            offer.stop()
    return list(times.values())


class Asker:
    """Offers records for one partition to one broker, on a connection of its own: no partition waits for another."""

    WHEN_TAKEN_S = 0.01
    WHEN_REFUSED_S = 0.005

    def __init__(self, system, broker_id, topic, partition, taken):
        self.system, self.broker_id, self.taken = system, broker_id, taken
        body = (wire.i16(-1) + wire.i16(-1) + wire.i32(300) + wire.i32(1) + wire.text(topic) + wire.i32(1)
                + wire.i32(partition) + Offers.RECORDS)
        request = wire.request(wire.PRODUCE, 3, body)
        self.frame = wire.i32(len(request)) + request
        # Length, correlation id, one topic, one partition and its index stand before the error.
        self.error_at = 4 + 4 + 4 + len(wire.text(topic)) + 4 + 4
        self.connection, self.due, self.received = None, 0.0, b""

    def offer(self, selector, now):
        try:
            if self.connection is None:
                self.connection = self.system.connect(self.broker_id, timeout=1)
                selector.register(self.connection.socket, selectors.EVENT_READ, self)
            self.connection.send_raw(self.frame)
            self.due = float("inf")
        except OSError:
            self.give_up(selector, now)

    def read(self, selector, now):
        try:
            piece = self.connection.socket.recv(4096)
        except OSError:
            piece = b""
        if not piece:
            return self.give_up(selector, now)
        self.received += piece
        if len(self.received) >= 4 and len(self.received) == 4 + int.from_bytes(self.received[:4], "big"):
            is_taken = self.received[self.error_at:self.error_at + 2] == b"\0\0"
            self.received = b""
            self.due = now + (self.WHEN_TAKEN_S if is_taken else self.WHEN_REFUSED_S)
            if is_taken:
                self.taken(now)

    def give_up(self, selector, now):
        """Until the next try."""
        if self.connection is not None:
            if self.connection.socket.fileno() in selector.get_map():
                selector.unregister(self.connection.socket)
            self.connection.close()
        self.connection, self.received, self.due = None, b"", now + 0.02


def ask_all(askers, stopping):
    with selectors.DefaultSelector() as selector:
        while not stopping.is_set():
            now = time.monotonic()
            for asker in askers:
                if asker.due <= now:
                    asker.offer(selector, now)
            for key, _ in selector.select(max(0.0, min(min(asker.due for asker in askers) - now, 0.01))):
                key.data.read(selector, time.monotonic())
        for asker in askers:
            asker.give_up(selector, 0.0)


def longest_gaps(system, topic, partitions, event):
    """Milliseconds between two acknowledgements of each partition around `event`, which is called here."""
    acks, stopping = {partition: [] for partition in partitions}, threading.Event()
    askers = [Asker(system, broker_id, topic, partition, acks[partition].append)
              for broker_id in system.ids for partition in partitions]
    thread = threading.Thread(target=ask_all, args=(askers, stopping), daemon=True)
    thread.start()
    try:
        ottla.wait_until(lambda: all(len(times) > 5 for times in acks.values()), "all partitions to take records")
        event()
        end = time.monotonic()
        ottla.wait_until(lambda: all(times[-1] > end + 0.2 for times in acks.values()), "all partitions to be writable", 120)
    finally:
        stopping.set()
        thread.join(20)
    return [max(later - earlier for earlier, later in zip(times, times[1:])) * 1000 for times in acks.values()]
