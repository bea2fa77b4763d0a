"""`ottla drill isolate` and `zookeeper-session-loss` as they are in earnest: brokers and three ZooKeeper servers in network
namespaces of their own, and cables that are cut, by the drill's commands or by a hand that it guides."""

import json
import unittest

import netns
from drilled import DrillCase
from networked import NetworkedCluster

UNAVAILABLE = netns.why_unavailable()


@unittest.skipIf(UNAVAILABLE, UNAVAILABLE)
class DrillNetworksTest(DrillCase, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = NetworkedCluster(zookeeper__session__timeout__ms=6000)
        cls.addClassCleanup(cls.cluster.close)

    def setUp(self):
        self.target = next(broker for broker in self.cluster.brokers.values() if broker is not self.cluster.controller())
        self.pid = self.target.process.pid
        self.addCleanup(self.cluster.heal)

    def commands(self, others):
        """Scripts that cut the cables between a broker and the others, and join them again, as an operator would have
        some: arguments of the drill."""
        router, arguments = self.cluster.network.router, []
        for flag, verb in (("--fault-command", "add"), ("--heal-command", "delete")):
            script = self.cluster.directory / f"{verb}.sh"
            lines = ["set -e", f'[ "$1" = {self.target.id} ]']
            for other in others:
                lines += [f"ip -n {router} rule {verb} pref 100 iif {a.link} to {b.address}/32 blackhole"
                          for a, b in ((self.target.host, other), (other, self.target.host))]
            script.write_text("\n".join(lines) + "\n")
            arguments += [flag, f"sh {script} {{broker}}"]
        return arguments

    def everybody(self):
        """Also the host on which the drill runs."""
        return [host for host in self.cluster.network.hosts.values() if host is not self.target.host]

    def test_isolate(self):
        told = self.drill("isolate", "--broker", self.target.id, "--duration", 4000, *self.commands(self.everybody()))
        self.assert_isolated(told)

    def test_isolate_by_hand(self):
        page = self.cluster.directory / "by-hand.html"
        child = self.guided("isolate", "--broker", self.target.id, "--duration", 4000, "--observe", 1000, "--max-gap", 20000,
                            "--html", page)
        self.read_until(child, f"Please: cut broker {self.target.id} off")
        with self.cluster.network.isolated(self.target.host, self.everybody()):
            self.read_until(child, f"Please: undo what cuts broker {self.target.id} off")
        out, err = child.communicate(timeout=180)
        self.assertEqual(child.returncode, 0, out + err)
        told = json.loads(out)
        self.assert_passed(told, page)
        self.assert_isolated(told, since="note")  # the fault is what was seen after a hand was asked for

    def assert_isolated(self, told, since="fault"):
        self.assertEqual(told["brokers"], [self.target.id])
        kinds = [event["kind"] for event in told["events"]]
        self.assertLess(kinds.index("fault"), kinds.index("healed"))
        self.assert_moved_from(told, self.target, since)
        self.assertEqual(self.target.process.pid, self.pid)
        self.assertTrue(self.target.process.running())
        # Silence costs the suspicion timeout; the others' partitions wait for it as a follower only.
        self.assertGreater(max(partition["longestGapMs"] for partition in told["partitions"]), 500)

    def test_zookeeper_session_loss(self):
        """It goes on running, and serves its clients until its session has ended."""
        zookeeper = self.cluster.zookeeper.connect + self.cluster.chroot
        told = self.drill("zookeeper-session-loss", "--broker", self.target.id, "--zookeeper", zookeeper,
                          *self.commands(self.cluster.zookeeper_hosts))
        texts = [event["text"] for event in told["events"]]
        self.assertTrue(any("session has ended" in text for text in texts), texts)
        self.assertTrue(any("registered again, broker epoch" in text for text in texts), texts)
        self.assert_moved_from(told, self.target)
        self.assertEqual(self.target.process.pid, self.pid)
        self.assertTrue(self.target.process.running())


if __name__ == "__main__":
    unittest.main()
