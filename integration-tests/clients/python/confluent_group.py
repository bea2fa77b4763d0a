"""confluent-kafka: BOOTSTRAP TOPIC GROUP [NAME=VALUE ...]: a member of a group until its standard input ends; prints as
clients/java/Group.java."""

import sys
import threading

from confluent_kafka import Consumer, KafkaException


def said(what):
    def say(_, partitions):
        print(what, ",".join(str(p.partition) for p in sorted(partitions, key=lambda p: p.partition)), flush=True)
    return say


def main(bootstrap, topic, group, *settings):
    stop = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "auto.offset.reset": "earliest",
                         "session.timeout.ms": 6000, "heartbeat.interval.ms": 500, "auto.commit.interval.ms": 200,
                         "enable.auto.offset.store": False, "log_level": 2,
                         **dict(setting.split("=", 1) for setting in settings)})
    consumer.subscribe([topic], on_assign=said("assigned"), on_revoke=said("revoked"), on_lost=said("lost"))
    while not stop.is_set():
        message = consumer.poll(0.1)
        if message is None or message.error():
            continue
        print("record", message.partition(), message.offset(), message.value().decode(), flush=True)
        try:
            consumer.store_offsets(message)
        except KafkaException:
            pass  # its partition has just been taken away: the next owner reads it again
    consumer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
