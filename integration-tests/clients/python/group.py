"""kafka-python: BOOTSTRAP TOPIC GROUP: a member of a group until its standard input ends; prints as clients/java/Group.java."""

import sys
import threading

from kafka import ConsumerRebalanceListener, KafkaConsumer
from kafka.errors import CommitFailedError


class Listener(ConsumerRebalanceListener):
    def on_partitions_revoked(self, revoked):
        print("revoked", ",".join(str(p.partition) for p in sorted(revoked)), flush=True)

    def on_partitions_assigned(self, assigned):
        print("assigned", ",".join(str(p.partition) for p in sorted(assigned)), flush=True)


def main(bootstrap, topic, group):
    stop = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
    consumer = KafkaConsumer(bootstrap_servers=bootstrap.split(","), group_id=group, enable_auto_commit=False,
                             auto_offset_reset="earliest", session_timeout_ms=6000, heartbeat_interval_ms=1000)
    consumer.subscribe([topic], listener=Listener())
    while not stop.is_set():
        batches = consumer.poll(timeout_ms=200)
        for records in batches.values():
            for record in records:
                print("record", record.partition, record.offset, record.value.decode(), flush=True)
        if batches:
            try:
                consumer.commit()
            except CommitFailedError:
                print("uncommitted", flush=True)
    consumer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
