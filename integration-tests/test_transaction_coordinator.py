"""The transaction coordinator by hand-made frames: ends that reach all partitions, fencing, the timeout, late requests,
and coordinators that are killed. Nothing is written in the transactions but their markers."""

import unittest

from cluster import Cluster, wait_until
from wire import Connection, array, i8, i16, i32, i64, text

FIND_COORDINATOR, INIT, ADD_PARTITIONS, ADD_OFFSETS, END = 10, 22, 24, 25, 26
NONE, LOADING, NOT_AVAILABLE, NOT_COORDINATOR, CONCURRENT, FENCED = 0, 14, 15, 16, 51, 90
PARTITIONS = 4
TOPIC = "orders"


class Producer:
    """A transactional producer that asks until it is answered for good."""

    def __init__(self, cluster, name, timeout_ms=60000):
        self.cluster, self.name, self.timeout_ms = cluster, name, timeout_ms
        self.id, self.epoch = -1, -1
        self.connection = None

    def coordinator(self):
        for broker in self.cluster.brokers.values():
            if not broker.process.running():
                continue
            try:
                with Connection(broker) as connection:
                    reader = connection.call(FIND_COORDINATOR, 1, text(self.name) + i8(1))
                    reader.i32()  # throttle
                    error, _, node = reader.i16(), reader.text(), reader.i32()
                    if error == NONE:
                        return self.cluster.brokers[node]
            except (OSError, AssertionError):
                pass
        return None

    def ask_once(self, api, version, body, read):
        """What `read` makes of the answer, which begins with the error; None when there is none."""
        try:
            if self.connection is None:
                broker = self.coordinator()
                if broker is None:
                    return None
                self.connection = Connection(broker)
            return read(self.connection.call(api, version, body))
        except (OSError, AssertionError):  # closed
            self.connection = None
            return None

    def ask(self, api, version, body, read):
        answer = None

        def answered():
            nonlocal answer
            answer = self.ask_once(api, version, body, read)
            if answer is not None and answer[0] in (NOT_COORDINATOR, NOT_AVAILABLE):
                self.close()
            return answer is not None and answer[0] not in (LOADING, NOT_AVAILABLE, NOT_COORDINATOR, CONCURRENT)

        wait_until(answered, f"an answer to API {api}", 60)
        return answer

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def init(self):
        def read(reader):
            reader.i32()
            return reader.i16(), reader.i64(), reader.i16()

        error, self.id, self.epoch = self.ask(INIT, 1, text(self.name) + i32(self.timeout_ms), read)
        return error

    def who(self):
        return text(self.name) + i64(self.id) + i16(self.epoch)

    def add(self, *partitions):
        def read(reader):
            reader.i32()
            rows = reader.array(lambda: (reader.text(), reader.array(lambda: (reader.i32(), reader.i16()))))
            return (rows[0][1][0][1],)

        body = self.who() + array([text(TOPIC) + array([i32(partition) for partition in partitions])])
        return self.ask(ADD_PARTITIONS, 2, body, read)[0]

    @staticmethod
    def read_error(reader):
        reader.i32()
        return (reader.i16(),)

    def add_offsets(self, group):
        return self.ask(ADD_OFFSETS, 2, self.who() + text(group), self.read_error)[0]

    def end(self, commit=True):
        return self.ask(END, 2, self.who() + i8(int(commit)), self.read_error)[0]


class TransactionCoordinatorTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(transaction__state__log__num__partitions=3,
                              transaction__abort__timed__out__transaction__cleanup__interval__ms=200)
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.create_topic(TOPIC, PARTITIONS, 3)
        cls.cluster.wait_for_isr(TOPIC)

    def producer(self, **options):
        producer = Producer(self.cluster, self.id().rsplit(".", 1)[1], **options)
        self.addCleanup(producer.close)
        self.addCleanup(self.heal)
        return producer

    def heal(self):
        for broker in self.cluster.brokers.values():
            if not broker.process.running():
                broker.start()
        self.cluster.wait_for_brokers()

    def test_ends_reach_all_partitions(self):
        producer = self.producer()
        self.assertEqual((producer.init(), producer.epoch), (NONE, 0))
        for commit in (True, False):
            self.assertEqual(producer.add(*range(PARTITIONS)), NONE)
            self.assertEqual(producer.add_offsets("g"), NONE)
            self.assertEqual(producer.end(commit), NONE)
        # The next one has to wait until all markers are written.
        self.assertEqual(producer.add(0), NONE)
        self.assertEqual(producer.end(), NONE)

    def test_a_new_producer_fences_the_old_one(self):
        old, new = self.producer(), self.producer()
        old.init()
        self.assertEqual(old.add(0), NONE)
        self.assertEqual((new.init(), new.id), (NONE, old.id))
        self.assertEqual(new.epoch, 2)
        self.assertEqual(old.end(), FENCED)
        self.assertEqual(new.add(0), NONE)
        self.assertEqual(new.end(), NONE)

    def test_a_transaction_that_takes_too_long_is_aborted(self):
        producer = self.producer(timeout_ms=500)
        producer.init()
        self.assertEqual(producer.add(0, 1), NONE)
        wait_until(lambda: producer.add(0) == FENCED, "the timeout", 30)

    def test_a_late_request_is_not_taken(self):
        producer = self.producer()
        producer.init()
        self.assertEqual(producer.add(0), NONE)
        older, producer.connection = producer.connection, None
        self.addCleanup(older.close)
        self.assertEqual(producer.end(), NONE)
        self.assertEqual(producer.add(1), NONE)
        with self.assertRaises((OSError, AssertionError)):
            older.call(END, 2, producer.who() + i8(1))
        self.assertEqual(producer.add(2), NONE)
        self.assertEqual(producer.end(), NONE)

    def test_coordinators_are_killed(self):
        producer = self.producer()
        producer.init()
        for number in range(4):
            self.assertEqual(producer.add(*range(PARTITIONS)), NONE)
            if number % 2 == 0:  # while it is open
                victim = producer.coordinator()
                victim.process.kill()
            self.assertEqual(producer.end(number % 3 != 0), NONE)
            if number % 2 == 1:  # once its end is decided
                victim = producer.coordinator()
                victim.process.kill()
            self.heal()
        self.assertEqual(producer.add(0), NONE)
        self.assertEqual(producer.end(), NONE)


if __name__ == "__main__":
    unittest.main()
