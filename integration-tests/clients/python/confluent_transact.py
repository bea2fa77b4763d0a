"""confluent-kafka: BOOTSTRAP TRANSACTIONAL_ID GROUP INPUT OUTPUT ABORT_EVERY: as clients/java/Transact.java."""

import sys
import threading

from confluent_kafka import Consumer, KafkaError, KafkaException, OFFSET_BEGINNING, Producer, TopicPartition

STOP = threading.Event()
COPIED_AT_MOST = 20


def go_back(consumer):
    """To what the group has committed."""
    assigned = consumer.assignment()
    for partition in consumer.committed(assigned, timeout=10) if assigned else []:
        if partition.offset < 0:
            partition.offset = OFFSET_BEGINNING
        consumer.seek(partition)


def commit(producer, consumer, messages, output, abort):
    offsets = {}
    for message in messages:
        producer.produce(output, message.value(), message.key(), message.partition())
        offsets[message.topic(), message.partition()] = message.offset() + 1
    producer.send_offsets_to_transaction([TopicPartition(*where, offset) for where, offset in offsets.items()],
                                         consumer.consumer_group_metadata(), 20)
    if abort:
        producer.abort_transaction(20)
        go_back(consumer)
        return print("aborted", flush=True)
    while True:
        try:
            producer.commit_transaction(20)
            return print("committed", len(messages), flush=True)
        except KafkaException as error:
            if not error.args[0].retriable():
                raise


def copy(consumer, producer, output, abort_every):
    transactions = 0
    while not STOP.is_set():
        messages = [message for message in consumer.consume(COPIED_AT_MOST, 0.2) if not message.error()]
        if not messages:
            continue
        transactions += 1
        producer.begin_transaction()
        try:
            commit(producer, consumer, messages, output, abort_every and transactions % abort_every == 0)
        except KafkaException as error:
            print("error", error.args[0].name(), flush=True)
            if not error.args[0].txn_requires_abort() and not error.args[0].retriable():
                raise
            producer.abort_transaction(20)
            go_back(consumer)
        except BufferError:
            producer.abort_transaction(20)
            go_back(consumer)


def main(bootstrap, transactional_id, group, source, output, abort_every):
    threading.Thread(target=lambda: (sys.stdin.read(), STOP.set()), daemon=True).start()
    while not STOP.is_set():
        consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "auto.offset.reset": "earliest",
                             "session.timeout.ms": 6000, "heartbeat.interval.ms": 500, "enable.auto.commit": False,
                             "isolation.level": "read_committed", "log_level": 2})
        try:
            producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": transactional_id,
                                 "transaction.timeout.ms": 10000, "message.timeout.ms": 9000, "linger.ms": 5, "log_level": 2})
            producer.init_transactions(20)
            consumer.subscribe([source])
            copy(consumer, producer, output, int(abort_every))
        except KafkaException as error:
            if error.args[0].code() == KafkaError._ALL_BROKERS_DOWN:
                continue
            print("again", error.args[0].name(), flush=True)
        finally:
            consumer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
