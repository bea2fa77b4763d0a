"""kafka-python: produce BOOTSTRAP TOPIC PARTITIONS CODEC COUNT PREFIX | consume BOOTSTRAP TOPIC PARTITIONS."""

import sys

from kafka import KafkaConsumer, KafkaProducer, TopicPartition


def produce(bootstrap, topic, partitions, codec, count, prefix):
    producer = KafkaProducer(bootstrap_servers=bootstrap.split(","), acks="all", linger_ms=20,
                             compression_type=None if codec == "none" else codec)
    futures = [producer.send(topic, key=f"key-{i}".encode(), value=f"{prefix}-{i}".encode(),
                             partition=i % int(partitions))
               for i in range(int(count))]
    producer.flush(60)
    for future in futures:
        future.get(timeout=60)
    producer.close()


def consume(bootstrap, topic, partitions):
    consumer = KafkaConsumer(bootstrap_servers=bootstrap.split(","), enable_auto_commit=False)
    assigned = [TopicPartition(topic, partition) for partition in range(int(partitions))]
    consumer.assign(assigned)
    ends = consumer.end_offsets(assigned)
    consumer.seek_to_beginning()
    while any(consumer.position(partition) < ends[partition] for partition in assigned):
        for records in consumer.poll(timeout_ms=500).values():
            for record in records:
                print(record.partition, record.key.decode(), record.value.decode())
    consumer.close()


if __name__ == "__main__":
    {"produce": produce, "consume": consume}[sys.argv[1]](*sys.argv[2:])
