"""What a request costs in allocations and system calls of the brokers: exact where times are not, so that a regression shows.

Bounds are a little above what is counted (docs/performance.md): what is done now and then, in the background or because
more answers came at once, is in the averages. A client that takes its time costs a call more, and that is within
the bounds: the broker looks for its next request before it has come. Whoever makes a request cheaper lowers its bound.
"""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "bench"))
from systems import Ottla  # noqa: E402
from counts import LIBRARY, counting, per_request  # noqa: E402

SMALL = {"topic": "t", "record_bytes": 100, "batch_bytes": 1}


@unittest.skipUnless(LIBRARY.exists(), "not in builds with sanitizers: they have an allocator of their own")
class RequestCostsTest(unittest.TestCase):
    def check(self, found, allocations, system_calls):
        told = {name: round(value, 2) for name, value in found.items() if value > 0.005}
        print(self.id().rsplit(".", 1)[1], told, flush=True)
        self.assertLessEqual(found["allocations"], allocations, told)
        self.assertLessEqual(found["system calls"], system_calls, told)
        self.assertGreater(found["allocations"], 0, told)
        self.assertGreaterEqual(found["receive"], 1, told)
        self.assertGreaterEqual(found["send"] + found["sendfile"], 1, told)

    def test_one_broker(self):
        with counting() as environment, Ottla(brokers=1, environment=environment, offsets__topic__replication__factor=1,
                                              offsets__topic__num__partitions=1) as system:
            system.create_topic("t")
            with self.subTest("produce, acks=1: receive in vain, wait, receive, write to the log, send"):
                self.check(per_request(system, "produce", acks=1, requests=5000, **SMALL), 23, 5.3)
            with self.subTest("produce, acks=all"):
                self.check(per_request(system, "produce", acks=-1, requests=5000, **SMALL), 33, 7.5)
            with self.subTest("fetch of 1,000 bytes"):
                self.check(per_request(system, "fetch", topic="t", max_bytes=1000, requests=5000), 29, 14.5)
            with self.subTest("offset commit"):
                self.check(per_request(system, "commit", topic="t", connections=1, requests=2000), 54, 8)

    def test_three_replicas(self):
        """Of all three brokers together."""
        with counting() as environment, Ottla(brokers=3, environment=environment) as system:
            system.create_topic("t", 1, 3)
            found = per_request(system, "produce", acks=-1, requests=5000, **SMALL)
            self.check(found, 175, 62)
            self.assertGreaterEqual(found["write"], 3, "each replica stores it")


if __name__ == "__main__":
    unittest.main()
