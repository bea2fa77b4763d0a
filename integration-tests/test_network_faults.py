"""Cut cables between brokers, clients and three ZooKeeper servers that live in network namespaces of their own (netns.py):
nothing acknowledged is lost, never two brokers acknowledge, and writing goes on within the time that is promised."""

import json
import unittest

from cluster import wait_until
from watched import BUSY, SUSPICION, UNAVAILABLE, WatchedCase


@unittest.skipIf(UNAVAILABLE, UNAVAILABLE)
class NetworkFaultsTest(WatchedCase, unittest.TestCase):
    def test_broker_cut_off_from_its_peers(self):
        """ZooKeeper and the clients still hear it, so it believes to lead."""
        victim = self.common_broker()
        with self.network.isolated(victim.host, self.cluster.peers_of(victim)):
            self.expect_others_to_lead(victim)
        self.verdict(SUSPICION + BUSY)

    def test_controller_cut_off_from_its_peers(self):
        victim = self.settled_controller()
        with self.network.isolated(victim.host, self.cluster.peers_of(victim)):
            self.expect_others_to_lead(victim)
        self.verdict(2 * SUSPICION + BUSY)

    def test_broker_cut_off_from_zookeeper(self):
        """Its session ends: others lead. It does not stop, and comes back."""
        victim = self.common_broker()
        with self.network.isolated(victim.host, self.cluster.zookeeper_hosts):
            self.wait_for_end_of_session(victim)
            self.watched.wait_for_progress()
        self.assertTrue(victim.process.running())
        self.verdict(BUSY)

    def test_controller_cut_off_from_zookeeper(self):
        victim = self.controller()
        with self.network.isolated(victim.host, self.cluster.zookeeper_hosts):
            self.wait_for_end_of_session(victim)
            wait_until(lambda: json.loads(self.cluster.ottla("cluster", "--json", without=victim))["controller"]
                       not in (-1, victim.id), "another controller")
            self.watched.wait_for_progress()
        self.verdict(BUSY)

    def test_broker_cut_off_from_clients(self):
        """For the cluster it is healthy: nothing moves, and what was under way comes through in the end."""
        victim = self.common_broker()
        with self.network.isolated(victim.host, [self.cluster.clients]):
            self.watched.wait_for_leaders()
            leaders = {partition["leader"] for partition in self.cluster.partitions(self.topic).values()}
            self.assertIn(victim.id, leaders)
            self.hold(SUSPICION)
        self.verdict(BUSY)

    def test_cable_pulled_out(self):
        """The host reaches nobody, and nobody it."""
        victim = self.common_broker()
        with self.network.isolated(victim.host, self.everybody()):
            self.expect_others_to_lead(victim)
            self.wait_for_end_of_session(victim)
        self.verdict(SUSPICION + BUSY)

    def test_cable_of_the_controller_pulled_out(self):
        victim = self.settled_controller()
        with self.network.isolated(victim.host, self.everybody()):
            self.expect_others_to_lead(victim)
            self.wait_for_end_of_session(victim)
        self.verdict(2 * SUSPICION + BUSY)

    def test_broker_that_is_not_heard(self):
        """It hears everybody, also ZooKeeper; nobody hears it."""
        victim = self.common_broker()
        with self.network.isolated(victim.host, self.everybody(), one_way=True):
            self.expect_others_to_lead(victim)
        self.verdict(SUSPICION + BUSY)

    def test_broker_that_does_not_hear(self):
        victim = self.common_broker()
        with self.network.deaf(victim.host, self.everybody()):
            self.expect_others_to_lead(victim)
        self.verdict(SUSPICION + BUSY)

    def test_two_brokers_do_not_hear_each_other(self):
        """The controller hears both, so it moves nothing; each asks that the other leave the ISR where it leads."""
        controller = self.controller()
        a, b = (broker for broker in self.cluster.brokers.values() if broker is not controller)
        with self.network.isolated(a.host, [b.host]):
            self.hold(SUSPICION)
            self.watched.wait_for_progress()
            self.hold(SUSPICION)
        self.verdict(SUSPICION + BUSY)

    def test_controller_and_a_broker_do_not_hear_each_other(self):
        victim = self.common_broker()
        with self.network.isolated(victim.host, [self.controller().host]):
            self.hold(SUSPICION)
            self.watched.wait_for_progress()
            self.hold(SUSPICION)
        self.verdict(2 * SUSPICION + BUSY)

    def test_cable_that_comes_and_goes(self):
        victim = self.common_broker()
        for seconds in (0.3, 1.2, 1.6, 0.6, 2.5):
            with self.network.isolated(victim.host, self.everybody()):
                self.hold(seconds)
            self.hold(0.5)
        self.verdict(10.0)

    def test_slow_link(self):
        """50 to 70 ms each way to and from one broker, and 2 of 100 packets lost."""
        victim = self.common_broker()
        self.network.slow(victim.host, delay_ms=50, jitter_ms=20, loss=0.02)
        self.watched.wait_for_progress(1000)
        self.network.fast()
        self.verdict(2 * SUSPICION + BUSY)

    def test_bad_link(self):
        """A fifth of all packets to and from one broker is lost: it may be suspected time and again."""
        victim = self.common_broker()
        self.network.slow(victim.host, delay_ms=5, loss=0.2)
        self.watched.wait_for_progress(500)
        self.hold(4.0)
        self.network.fast()
        self.verdict(30.0)


if __name__ == "__main__":
    unittest.main()
