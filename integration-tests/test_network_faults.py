"""Cut cables between brokers, clients and three ZooKeeper servers that live in network namespaces of their own (netns.py):
nothing acknowledged is lost, never two brokers acknowledge, and writing goes on within the time that is promised."""

import json
import subprocess
import sys
import time
import unittest

from cluster import wait_until
from netns import Network, ip
from watched import BUSY, SUSPICION, UNAVAILABLE, WatchedCase

UNTIL_SERVERS_GIVE_UP = 25  # gRPC's do on connections that acknowledge nothing for 20 s
SYNCED_AGAIN = 10


@unittest.skipIf(UNAVAILABLE, UNAVAILABLE)
class NetworkFaultsTest(WatchedCase, unittest.TestCase):
    def test_broker_cut_off_from_its_peers(self):
        """ZooKeeper and the clients still hear it, so it believes to lead."""
        victim = self.common_broker()
        with self.network.isolated(victim.host, self.cluster.peers_of(victim)):
            self.expect_others_to_lead(victim)
        self.verdict(SUSPICION + BUSY)

    def test_broker_cut_off_from_its_peers_for_long(self):
        """Its session goes on. Connections of that time must be given up by both ends: TCP would send again as late after
        the cut as it was long, and an end that is closed during the cut cannot tell the other, which would wait for ever."""
        victim = self.common_broker()
        with self.network.isolated(victim.host, self.cluster.peers_of(victim)):
            self.expect_others_to_lead(victim)
            self.hold(UNTIL_SERVERS_GIVE_UP)
        since = time.monotonic()
        self.cluster.wait_for_same_views(self.topic, SYNCED_AGAIN)
        print(f"{self.topic}: in sync again after {time.monotonic() - since:.1f} s", flush=True)
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

    def test_link_that_reorders_and_duplicates(self):
        """A fifth of all packets to and from one broker overtake others, a twentieth come twice, and some get lost."""
        victim = self.common_broker()
        self.network.slow(victim.host, delay_ms=10, jitter_ms=10, loss=0.01, reorder=0.2, duplicate=0.05)
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


@unittest.skipIf(UNAVAILABLE, UNAVAILABLE)
class LinkTest(unittest.TestCase):
    """That a bad link is what it claims to be, by netem or by our relay."""

    PACKETS = 1000

    def through(self, **how):
        """The numbers of packets sent to a host, in the order in which they came."""
        with Network() as network:
            host, other = network.host("host"), network.host("other")
            listener = subprocess.Popen([*host.prefix, sys.executable, "-c", RECEIVE], stdout=subprocess.PIPE, text=True)
            self.addCleanup(listener.stdout.close)
            self.assertEqual(listener.stdout.readline(), "ready\n")
            if how:
                network.slow(host, **how)
                if network.relay:  # packets get lost until it is there
                    wait_until(lambda: "LOWER_UP" in ip("-o", "link", "show", "relay", namespace=network.router), "the relay")
            subprocess.run([*other.prefix, sys.executable, "-c", SEND, host.address, str(self.PACKETS)], check=True)
            return [int(line) for line in listener.communicate(timeout=60)[0].split()]

    def test_nothing_is_done_to_a_good_link(self):
        self.assertEqual(self.through(), list(range(self.PACKETS)))

    def test_delay_alone_keeps_the_order(self):
        self.assertEqual(self.through(delay_ms=20), list(range(self.PACKETS)))

    def test_parts_are_lost_reordered_and_doubled(self):
        came = self.through(delay_ms=20, loss=0.1, reorder=0.2, duplicate=0.1)
        lost, twice = self.PACKETS - len(set(came)), len(came) - len(set(came))
        overtaken = sum(a > b for a, b in zip(came, came[1:]))
        print(f"of {self.PACKETS}: {lost} lost, {twice} twice, {overtaken} overtaken", flush=True)
        for count in (lost, twice):
            self.assertTrue(0.03 * self.PACKETS < count < 0.2 * self.PACKETS, count)
        self.assertGreater(overtaken, 0.03 * self.PACKETS)


SEND = """
import socket, sys, time
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for number in range(int(sys.argv[2])):
    sender.sendto(b"%d" % number, (sys.argv[1], 7777))
    time.sleep(0.0005)
"""
RECEIVE = """
import socket
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("0.0.0.0", 7777))
print("ready", flush=True)
receiver.settimeout(3)
try:
    while True:
        print(int(receiver.recv(64)))
except TimeoutError:
    pass
"""


if __name__ == "__main__":
    unittest.main()
