"""Consume what is in the page cache, beside what the kernel needs for the same bytes."""

from measure import alone, load
from row import Metric, Row

TOPIC = "consumed"


def cached(System, size):
    """Consumers begin again at the beginning when they are through."""
    found = {}
    with System(brokers=1) as system:
        system.create_topic(TOPIC, 6, 1)
        load(system, "produce", topic=TOPIC, megabytes=size.log_megabytes, batch_bytes=65536, acks=1, in_flight=5)
        for consumers in (1, 20):
            load(system, "fetch", topic=TOPIC, consumers=consumers, megabytes=size.megabytes // 4)
            outcome = load(system, "fetch", topic=TOPIC, consumers=consumers, megabytes=size.megabytes)
            plain = alone("sendfile", file=list(map(str, system.segments(TOPIC))), consumers=consumers,
                          megabytes=size.megabytes)["cpu_seconds_per_gb"]
            found |= {f"CPU-s/GB, {consumers} consumers": outcome.cpu_per_gb,
                      f"MB/s, {consumers} consumers": outcome.megabytes_per_second,
                      f"x plain sendfile, {consumers} consumers": outcome.cpu_per_gb / max(plain, 0.001)}
    return found


ROWS = [
    Row("consume-cached", "6 partitions from the page cache, 1 and 20 consumers", cached,
        full={"log_megabytes": 512, "megabytes": 4096}, quick={"log_megabytes": 32, "megabytes": 256},
        metrics=tuple(metric for consumers in (1, 20) for metric in (
            Metric(f"CPU-s/GB, {consumers} consumers", times=2), Metric(f"MB/s, {consumers} consumers", higher=True),
            Metric(f"x plain sendfile, {consumers} consumers", at_most=1.3)))),
]
