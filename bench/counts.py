"""What a broker asks of the allocator and of the kernel, counted by libottla-count.so (bench/count) in its process."""

import contextlib
import pathlib
import struct
import tempfile

from measure import load
from systems import ottla

LIBRARY = ottla.BUILD / "bench" / "libottla-count.so"
# The order in the file.
COUNTERS = ("allocations", "allocated bytes", "read", "write", "receive", "send", "sendfile", "wait", "watch", "open", "close",
            "sync")
SYSTEM_CALLS = COUNTERS[2:]


@contextlib.contextmanager
def counting():
    """Brokers that are started meanwhile are counted."""
    with tempfile.TemporaryDirectory(prefix="ottla-count.") as directory:
        yield {"LD_PRELOAD": str(LIBRARY), "OTTLA_COUNT_DIRECTORY": directory}


def counts(directory, pids):
    """Of all these processes together."""
    total = dict.fromkeys(COUNTERS, 0)
    for pid in pids:
        content = (pathlib.Path(directory) / str(pid)).read_bytes()
        for name, value in zip(COUNTERS, struct.unpack(f"={len(COUNTERS)}Q", content)):
            total[name] += value
    return total


def per_request(system, command, **options):
    """{counter: average}, of requests one after the other; and `system calls`, all together."""
    directory = system.cluster.environment["OTTLA_COUNT_DIRECTORY"]
    requests = options.pop("requests")
    load(system, command, requests=max(100, requests // 10), **options)
    before = counts(directory, system.pids())
    load(system, command, requests=requests, **options)
    after = counts(directory, system.pids())
    found = {name: (after[name] - before[name]) / requests for name in COUNTERS}
    return found | {"system calls": sum(found[name] for name in SYSTEM_CALLS)}
