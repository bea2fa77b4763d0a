"""Transactions that hang: how they hold readers back, how they are seen, found and ended, by our tool and by Kafka's."""

import json
import time
import unittest

import interop_clients
import messages
import status_page
import wire
from cluster import Cluster, wait_until

LONG_AGO = 1_700_000_000_000
IDLE = 7999  # the id of a producer without a transaction
INVALID_TXN_STATE, INVALID_PRODUCER_ID_MAPPING = 48, 49
TRY_AGAIN = 19  # NOT_ENOUGH_REPLICAS, while the coordinator is being made


class HangingTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(brokers=1, transaction__partition__verification__enable="false",
                              producer__id__expiration__check__interval__ms=100,
                              offsets__topic__replication__factor=1, transaction__state__log__replication__factor=1,
                              transaction__state__log__min__isr=1, transaction__state__log__num__partitions=2)
        cls.addClassCleanup(cls.cluster.close)

    def setUp(self):
        self.topic = self.id().rsplit(".", 1)[1].replace("test_", "")
        self.cluster.create_topic(self.topic, 1, 1, retention__ms=-1)
        self.producer = 7000 + len(self.topic)
        self.assertEqual(open_transaction(self.cluster.brokers[1], self.topic, self.producer), 0)
        interop_clients.run(["kcat", "-P", "-b", self.cluster.bootstrap, "-t", self.topic], input="later\n")

    def read(self):
        return interop_clients.run(["kcat", "-C", "-b", self.cluster.bootstrap, "-t", self.topic, "-o", "beginning", "-e", "-q",
                                    "-f", "%s\n", "-X", "isolation.level=read_committed"]).splitlines()

    def tool(self, *arguments):
        return json.loads(self.cluster.ottla("transactions", "--json", *arguments))

    def test_is_found_and_aborted(self):
        self.assertEqual(self.read(), [])
        [described] = self.tool("describe-producers", "--topic", self.topic, "--partition", 0)
        self.assertEqual((described["ProducerId"], described["CurrentTransactionStartOffset"]), (self.producer, 0))
        found = wait_until(lambda: self.tool("find-hanging", "--broker-id", 1, "--topic", self.topic, "--partition", 0),
                           "the hanging transaction")
        self.assertEqual([(row["Topic"], row["ProducerId"], row["StartOffset"]) for row in found],
                         [(self.topic, self.producer, 0)])
        self.cluster.ottla("transactions", "abort", "--topic", self.topic, "--partition", 0, "--start-offset", 0)
        self.assertEqual(self.read(), ["later"])
        self.assertEqual(self.tool("find-hanging", "--topic", self.topic), [])

    def test_an_open_transaction_does_not_expire_with_its_producer(self):
        """Also producer.id.expiration.ms, changed while the broker runs."""
        def producers():
            return {row["ProducerId"] for row in self.tool("describe-producers", "--topic", self.topic, "--partition", 0)}
        idle = wire.batch([wire.record(b"idle")], timestamp=int(time.time() * 1000), producer_id=IDLE, producer_epoch=0, sequence=0)
        with wire.Connection(self.cluster.brokers[1]) as connection:
            self.assertEqual(connection.produce(self.topic, idle)[0], 0)
        self.assertEqual(producers(), {self.producer, IDLE})
        self.cluster.ottla("configs", "--alter", "--broker-defaults", "--add-config", "producer.id.expiration.ms=1")
        self.addCleanup(self.cluster.ottla, "configs", "--alter", "--broker-defaults", "--delete-config",
                        "producer.id.expiration.ms")
        wait_until(lambda: producers() == {self.producer}, "the idle one's expiry")
        self.cluster.ottla("transactions", "abort", "--topic", self.topic, "--partition", 0, "--start-offset", 0)
        wait_until(lambda: not producers(), "the expiry of the other one")

    def test_is_found_and_aborted_by_kafkas_tool(self):
        def kafka(*arguments):
            return interop_clients.kafka_tool("3.9.1", "kafka-transactions", "--bootstrap-server", self.cluster.bootstrap,
                                              *arguments)
        self.assertEqual(self.read(), [])
        self.assertIn(str(self.producer), kafka("describe-producers", "--topic", self.topic, "--partition", 0))
        row = [line.split() for line in kafka("find-hanging", "--topic", self.topic).splitlines()][-1]
        self.assertEqual((row[0], row[2], row[5]), (self.topic, str(self.producer), "0"))
        self.assertEqual(
            kafka("find-hanging", "--topic", self.topic).split("\t")[0].strip(),
            self.cluster.ottla("transactions", "find-hanging", "--topic", self.topic).split("\t")[0].strip())
        kafka("abort", "--topic", self.topic, "--partition", 0, "--start-offset", 0)
        self.assertEqual(self.read(), ["later"])


class VerificationTest(unittest.TestCase):
    """W26: what no coordinator knows opens no transaction."""

    def test_a_late_record_is_refused(self):
        with Cluster(brokers=1, offsets__topic__replication__factor=1, transaction__state__log__replication__factor=1,
                     transaction__state__log__min__isr=1, transaction__state__log__num__partitions=2,
                     ottla__http__listener="127.0.0.1:0") as cluster:
            cluster.create_topic("late", 1, 1)
            make_transaction_log(cluster.brokers[1])

            def refused():
                error = open_transaction(cluster.brokers[1], "late", 7777)
                return None if error == TRY_AGAIN else error
            self.assertIn(wait_until(refused, "the coordinator to answer", 60),
                          (INVALID_TXN_STATE, INVALID_PRODUCER_ID_MAPPING))
            self.assertEqual(cluster.ottla("get-offsets", "--topic", "late").strip(), "late:0:0")
            for asked in ("verificationfailurerate_total", "verificationtimems_count"):
                self.assertGreater(status_page.value(cluster.brokers[1], "kafka_server_addpartitionstotxnmanager_" + asked), 0)


def make_transaction_log(broker):
    """Asks for a coordinator: the first such question creates __transaction_state."""
    messages.ask(broker, "FindCoordinator", 1, {"key": "any", "key_type": 1})


def open_transaction(broker, topic, producer):
    """The error of a record that begins a transaction which no coordinator knows."""
    batch = wire.batch([wire.record(b"hangs")], attributes=0x10, timestamp=LONG_AGO, producer_id=producer, producer_epoch=0,
                       sequence=0)
    body = {"transactional_id": f"{topic}-id", "acks": -1, "timeout_ms": 5000, "topic_data": [
        {"name": topic, "partition_data": [{"index": 0, "records": batch}]}]}
    answer = messages.ask(broker, "Produce", 9, body)
    return answer["responses"][0]["partition_responses"][0]["error_code"]


if __name__ == "__main__":
    unittest.main()
