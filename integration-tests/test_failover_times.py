"""How long 100 partitions are without a writable leader when a broker, or the controller, is killed or stopped. The goals
(200 ms, 50 ms; bench/compare measures them on a quiet machine) are far below the bounds here, which hold on a busy machine
and are missed as soon as anything waits for a suspicion (1.5 s) or for the end of a session (18 s)."""

import statistics
import time
import unittest

from cluster import Cluster, wait_until
from writable import WritableProbe

TOPIC = "orders"
PARTITIONS = 100
ROUNDS = 5
BOUND = 1.2


class FailoverTimesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(3, min__insync__replicas=2, auto__leader__rebalance__enable="false")
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.create_topic(TOPIC, PARTITIONS, 3)
        cls.cluster.wait_for_isr(TOPIC)

    def setUp(self):
        self.probe = WritableProbe(self.cluster, TOPIC, PARTITIONS)
        self.addCleanup(self.probe.stop)
        self.wait_for_leaders()

    def wait_for_leaders(self):
        since = time.monotonic()
        wait_until(lambda: self.probe.has_leaders(since), "all partitions to be writable", 60)

    def give_leaders_back(self):
        self.cluster.ottla("leader-election", "--election-type", "preferred", "--all-topic-partitions", check=False)
        wait_until(lambda: all(row["leader"] == row["replicas"][0] for row in self.cluster.partitions(TOPIC).values()),
                   "the preferred leaders")

    def seconds_without(self, since, until):
        """The longest time between two acknowledgements of a partition that lies at least partly in between."""
        longest = 0.0
        for partition in range(PARTITIONS):
            times = sorted(ack.at for ack in self.probe.acks if ack.partition == partition and ack.at > since - 1)
            longest = max([longest, *(end - start for start, end in zip(times, times[1:]) if end > since and start < until)])
        return longest

    def judge(self, choose, end):
        """Ends a broker again and again; what it led at first is led by others within the bound."""
        found = []
        for _ in range(ROUNDS):
            self.give_leaders_back()
            self.wait_for_leaders()
            victim = choose()
            self.assertTrue(any(row["leader"] == victim.id for row in self.cluster.partitions(TOPIC).values()))
            since = time.monotonic()
            end(victim)
            self.wait_for_leaders()
            found.append(self.seconds_without(since, time.monotonic()))
            victim.start()
            self.cluster.wait_for_brokers()
            self.cluster.wait_for_isr(TOPIC)
        print(f"{self.id().rsplit('.', 1)[1]}: seconds without a writable leader, the worst of {PARTITIONS} partitions: "
              f"{', '.join(f'{seconds:.3f}' for seconds in found)}", flush=True)
        self.assertLess(statistics.median(found), BOUND)

    def controller(self):
        return wait_until(self.cluster.controller, "a controller")

    def common_broker(self):
        controller = self.controller()
        return next(broker for broker in self.cluster.brokers.values() if broker is not controller)

    def test_broker_killed(self):
        self.judge(self.common_broker, lambda broker: broker.process.kill())

    def test_controller_killed(self):
        self.judge(self.controller, lambda broker: broker.process.kill())

    def test_broker_stopped(self):
        self.judge(self.common_broker, lambda broker: self.assertEqual(broker.process.terminate(), 0))

    def test_controller_stopped(self):
        self.judge(self.controller, lambda broker: self.assertEqual(broker.process.terminate(), 0))


if __name__ == "__main__":
    unittest.main()
