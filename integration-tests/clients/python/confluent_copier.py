"""confluent-kafka: BOOTSTRAP TRANSACTIONAL_ID GROUP INPUT PARTITION OUTPUT MESSAGES PER_TRANSACTION

Copies the first MESSAGES of one partition of INPUT to the same partition of OUTPUT, in transactions of PER_TRANSACTION
messages, some of which it aborts, and ends. It counts as Kafka's system tests' copier does: a JSON line after each
transaction tells how many messages it has `consumed` in committed transactions, and how many are `remaining` from the
position that the group has committed. Status 3: its producer cannot go on; another process can.
"""

import json
import random
import sys
import time

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

SECONDS = 20
PAUSE = 0.05  # between transactions, so that a run lasts for some kills


class Copier:
    def __init__(self, bootstrap, transactional_id, group, source, partition, output, messages, per_transaction):
        self.name = transactional_id
        self.input = TopicPartition(source, int(partition))
        self.output = output
        self.messages = int(messages)
        self.per_transaction = int(per_transaction)
        self.consumed = 0
        self.position = 0
        self.consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False,
                                  "isolation.level": "read_committed", "auto.offset.reset": "error", "log_level": 2})
        self.producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": transactional_id, "linger.ms": 2,
                                  "transaction.timeout.ms": 10000, "message.timeout.ms": 9000, "log_level": 2})

    def tell(self, stage):
        print(json.dumps({"transactionalId": self.name, "stage": stage, "consumed": self.consumed,
                          "remaining": self.messages - self.position}), flush=True)

    def go_to_committed_position(self):
        """The group's offset is the only truth about what was copied."""
        while True:
            try:
                [committed] = self.consumer.committed([self.input], timeout=SECONDS)
                break
            except KafkaException as error:
                if not error.args[0].retriable():
                    self.tell(f"waits for its position: {error.args[0].name()}")
                time.sleep(0.1)
        self.position = max(committed.offset, 0)
        self.consumer.assign([TopicPartition(self.input.topic, self.input.partition, self.position)])

    def copy(self):
        wanted = min(self.per_transaction, self.messages - self.position)
        copied = 0
        until = time.monotonic() + SECONDS / 4
        while copied < wanted and time.monotonic() < until:
            for message in self.consumer.consume(wanted - copied, 0.2):
                if message.error():
                    continue
                assert message.offset() == self.position + copied, "the input has a gap"
                self.producer.produce(self.output, message.value(), partition=self.input.partition)
                copied += 1
        return copied

    def step(self):
        self.producer.begin_transaction()
        copied = self.copy()
        if copied:
            offset = TopicPartition(self.input.topic, self.input.partition, self.position + copied)
            self.producer.send_offsets_to_transaction([offset], self.consumer.consumer_group_metadata(), SECONDS)
        if random.random() < 0.1:
            return self.abort("aborted")
        self.finish(self.producer.commit_transaction)
        self.position += copied
        self.consumed += copied
        self.tell("committed")

    def abort(self, stage):
        self.finish(self.producer.abort_transaction)
        self.go_to_committed_position()
        self.tell(stage)

    @staticmethod
    def finish(end):
        while True:
            try:
                return end(SECONDS)
            except KafkaException as error:
                if not error.args[0].retriable():
                    raise

    def run(self):
        self.finish(self.producer.init_transactions)
        self.go_to_committed_position()
        self.tell("began")
        while self.position < self.messages:
            try:
                self.step()
            except KafkaException as error:
                if error.args[0].fatal() or not (error.args[0].txn_requires_abort() or error.args[0].retriable()):
                    raise
                self.abort(f"gave up: {error.args[0].name()}")
            except BufferError:
                self.abort("gave up: full")
            time.sleep(PAUSE)
        self.tell("done")


def main(arguments):
    copier = Copier(*arguments)
    try:
        copier.run()
    except KafkaException as error:
        copier.tell(f"ended: {error.args[0].name()}")
        sys.exit(3)


if __name__ == "__main__":
    main(sys.argv[1:])
