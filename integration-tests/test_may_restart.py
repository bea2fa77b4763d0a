"""`ottla cluster may-restart`: what would be lost with a broker, asked before it is taken down (N10, N11)."""

import json
import subprocess
import unittest

from cluster import OTTLA, Cluster, wait_until


class MayRestartTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.close)

    def ask(self, broker):
        """(exit code, {objection: partitions}) of a broker, or of several as "1,2"."""
        outcome = subprocess.run([OTTLA, "cluster", "may-restart", "--bootstrap-server", self.cluster.bootstrap,
                                  "--broker", str(broker), "--json", "--timeout", "2000"],
                                 capture_output=True, text=True, timeout=60)
        told = json.loads(outcome.stdout)
        self.assertEqual(told["mayRestart"], outcome.returncode == 0)
        return outcome.returncode, {
            one["objection"]: [f"{name['topic']}-{name['partition']}" for name in one["partitions"]]
            for one in told["objections"]}

    def wait_for(self, broker, *answer):
        """On a busy machine a replica may fall behind for a moment."""
        wait_until(lambda: self.ask(broker) == answer, f"the answer {answer} for broker {broker}", 60)

    def test_what_would_be_lost(self):
        self.cluster.create_topic("orders", partitions=3, min__insync__replicas=2)
        self.cluster.wait_for_isr("orders")
        for broker in (1, 2, 3):
            self.wait_for(broker, 0, {})
        self.assertIn("may be restarted", wait_until(
            lambda: self.cluster.ottla("cluster", "may-restart", "--broker", 1), "the answer in words"))

        self.cluster.ottla("topics", "--create", "--topic", "alone", "--replica-assignment", "2")
        self.wait_for(2, 1, {"SINGLE_REPLICA": ["alone-0"]})
        self.wait_for(1, 0, {})  # it has no part in that

        # Each of them may, both together may not.
        self.cluster.ottla("topics", "--create", "--topic", "pairs", "--replica-assignment", "1:3,1:2")
        self.wait_for(1, 0, {})
        self.wait_for(3, 0, {})
        self.wait_for("1,3", 1, {"WOULD_BE_OFFLINE": ["pairs-0"],
                                 "WOULD_BLOCK_ACKS_ALL": ["orders-0", "orders-1", "orders-2"]})
        self.cluster.ottla("configs", "--alter", "--entity-type", "topics", "--entity-name", "orders", "--add-config",
                           "min.insync.replicas=1")
        self.wait_for("3,1", 1, {"WOULD_BE_OFFLINE": ["pairs-0"]})
        self.cluster.ottla("topics", "--delete", "--topic", "pairs")
        self.wait_for("1,3", 0, {})
        self.assertIn("brokers 1, 3 may be restarted together", wait_until(
            lambda: self.cluster.ottla("cluster", "may-restart", "--broker", "1,3"), "the answer in words"))
        self.wait_for("1,2,3", 1, {"LAST_BROKER": [], "SINGLE_REPLICA": ["alone-0"],
                                   "WOULD_BE_OFFLINE": ["orders-0", "orders-1", "orders-2"]})
        self.wait_for("1,7", 1, {"UNKNOWN_BROKER": []})
        self.cluster.ottla("configs", "--alter", "--entity-type", "topics", "--entity-name", "orders", "--add-config",
                           "min.insync.replicas=2")

        self.cluster.ottla("topics", "--create", "--topic", "unclean", "--replica-assignment", "1:3", "--config",
                           "unclean.leader.election.enable=true")
        self.cluster.wait_for_isr("unclean", 2)
        self.cluster.brokers[3].process.kill()
        wait_until(lambda: all(partition["isr"] and 3 not in partition["isr"]
                               for partition in self.cluster.partitions("orders").values()), "broker 3 to be out of the ISR")
        self.wait_for(1, 1, {"WOULD_BLOCK_ACKS_ALL": ["orders-0", "orders-1", "orders-2"], "WOULD_LOSE_RECORDS": ["unclean-0"]})
        code, objections = self.ask(3)
        self.assertEqual(code, 1)
        self.assertIn("UNKNOWN_BROKER", objections)

    def test_what_is_wrong_with_the_question(self):
        for words in (["may-restart"], ["may-restart", "--broker", "one"], ["may-restart", "--broker", "1,"],
                      ["may-restart", "--broker", "1;2"], ["may-stop", "--broker", "1"], ["--broker", "1"]):
            outcome = subprocess.run([OTTLA, "cluster", *words, "--bootstrap-server", self.cluster.bootstrap],
                                     capture_output=True, text=True, timeout=60)
            self.assertEqual(outcome.returncode, 1, words)
            self.assertTrue(outcome.stderr.strip())


class RecordsAtStakeTest(unittest.TestCase):
    """A follower that stands still stays in the ISR, but has not what acks=1 acknowledges."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(2, ottla__suspicion__timeout__ms=60000)
        cls.addClassCleanup(cls.cluster.close)

    def test_records_that_nobody_else_has(self):
        leader = wait_until(self.cluster.controller, "a controller").id
        follower = 3 - leader
        self.cluster.ottla("topics", "--create", "--topic", "ahead", "--replica-assignment", f"{leader}:{follower}")
        self.cluster.wait_for_isr("ahead", 2)
        at_stake = []

        def of_ahead():
            outcome = subprocess.run([OTTLA, "cluster", "may-restart", "--bootstrap-server", self.cluster.brokers[leader].address,
                                      "--broker", str(leader), "--json", "--timeout", "1000"], capture_output=True, text=True, timeout=60)
            told = json.loads(outcome.stdout)
            at_stake[:] = [row for row in told["onlyThere"] if row["topic"] == "ahead"]
            return [one["objection"] for one in told["objections"] if {"topic": "ahead", "partition": 0} in one["partitions"]]

        def produce(records):
            self.cluster.ottla("console-producer", "--topic", "ahead", "--request-required-acks", 1,
                               stdin="".join(f"{i}\n" for i in range(records)), without=self.cluster.brokers[follower])
        produce(7)
        wait_until(lambda: of_ahead() == [], "nothing to speak against it")
        self.cluster.brokers[follower].process.pause()
        self.addCleanup(self.cluster.brokers[follower].process.resume)
        produce(5)
        self.assertEqual((of_ahead(), at_stake), (["WOULD_LOSE_ACKS_1"], [{"topic": "ahead", "partition": 0, "records": 5}]))
        self.cluster.brokers[follower].process.resume()
        wait_until(lambda: of_ahead() == [], "the follower to have all")
        self.assertEqual(at_stake, [])


if __name__ == "__main__":
    unittest.main()
