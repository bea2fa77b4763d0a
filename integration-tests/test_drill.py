"""`ottla drill`, each kind, on a real cluster: its verdict, and its numbers against what really happened."""

import json
import os
import pathlib
import signal
import threading
import unittest

from cluster import Cluster, ToolFailed, wait_until
from drilled import DrillCase


class DrillTest(DrillCase, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(zookeeper__session__timeout__ms=6000)
        cls.addClassCleanup(cls.cluster.close)

    def setUp(self):
        self.write_pids()
        self.addCleanup(self.heal)

    def heal(self):
        for broker in self.cluster.brokers.values():
            broker.process.resume()
            if not broker.process.running():
                broker.start()
        self.cluster.wait_for_brokers()

    @property
    def pid_file(self):
        return self.cluster.directory / "{broker}.pid"

    def write_pids(self):
        for broker in self.cluster.brokers.values():
            (self.cluster.directory / f"{broker.id}.pid").write_text(f"{broker.process.pid}\n")

    def starter(self):
        """A command that starts a broker again: this process does it, which owns the children."""
        calls = self.cluster.directory / "calls"
        if not calls.exists():
            os.mkfifo(calls)
            reader = os.open(calls, os.O_RDWR)
            self.addCleanup(calls.unlink)
            self.addCleanup(os.close, reader)

            def serve():
                with os.fdopen(os.dup(reader), "r") as lines:
                    for line in lines:
                        if line.strip() == "end":
                            return
                        broker = self.cluster.brokers[int(line)]
                        broker.process.child.wait(30)
                        broker.start()
                        self.write_pids()
            thread = threading.Thread(target=serve)
            thread.start()

            def end():
                os.write(reader, b"end\n")
                thread.join()
            self.addCleanup(end)
        return f"echo {{broker}} > {calls}"

    @property
    def means(self):
        return "--pid-file", self.pid_file

    def test_leader_kill(self):
        target = next(broker for broker in self.cluster.brokers.values() if broker is not self.cluster.controller())
        old_pid = target.process.pid
        told = self.drill("leader-kill", "--broker", target.id, "--heal-command", self.starter())
        self.assertEqual(told["brokers"], [target.id])
        self.assertNotEqual(target.process.pid, old_pid)
        self.assertEqual(self.cluster.running_ids(), [1, 2, 3])
        self.assert_moved_from(told, target)

    def test_controller_kill(self):
        target = self.cluster.controller()
        epoch = self.cluster.controller_epoch()
        told = self.drill("controller-kill", "--heal-command", self.starter())
        self.assertEqual(told["brokers"], [target.id])
        self.assertGreaterEqual(told["controllerChanges"], 1)
        self.assertEqual(told["controllers"][0], {**told["controllers"][0], "controller": target.id,
                                                  "controllerEpoch": epoch})
        self.assertGreater(told["controllers"][-1]["controllerEpoch"], epoch)

    def test_rolling_restart(self):
        controller = self.cluster.controller().id
        pids = {broker.process.pid for broker in self.cluster.brokers.values()}
        told = self.drill("rolling-restart", "--heal-command", self.starter(), seconds=300)
        self.assertEqual(sorted(told["brokers"]), [1, 2, 3])
        self.assertEqual(told["brokers"][-1], controller)
        self.assertFalse(pids & {broker.process.pid for broker in self.cluster.brokers.values()})

    def test_pause(self):
        target = next(broker for broker in self.cluster.brokers.values() if broker is not self.cluster.controller())
        pid = target.process.pid
        told = self.drill("pause", "--broker", target.id, "--duration", 4000)
        self.assertEqual(target.process.pid, pid)
        self.assertGreaterEqual(told["elections"], 1)

    def test_zookeeper_session_loss(self):
        target = next(broker for broker in self.cluster.brokers.values() if broker is not self.cluster.controller())
        zookeeper = self.cluster.zookeeper.connect + self.cluster.chroot
        told = self.drill("zookeeper-session-loss", "--broker", target.id, "--zookeeper", zookeeper)
        texts = [event["text"] for event in told["events"]]
        self.assertTrue(any("session has ended" in text for text in texts), texts)
        self.assertTrue(any("registered again, broker epoch" in text for text in texts), texts)
        self.assertTrue(target.process.running())

    def test_isolate_by_command(self):
        """The commands cut a broker off as a dead host would be: here they stop and continue it."""
        target = self.cluster.brokers[2]
        told = self.drill("isolate", "--broker", 2, "--duration", 3000,
                          "--fault-command", f"kill -STOP $(cat {self.cluster.directory}/{{broker}}.pid)",
                          "--heal-command", f"kill -CONT $(cat {self.cluster.directory}/{{broker}}.pid)")
        self.assertEqual(told["brokers"], [2])
        self.assertTrue(target.process.running())
        self.assertEqual([event["kind"] for event in told["events"]][:2], ["fault", "healed"])

    def test_a_fault_that_nobody_sees_is_no_pass(self):
        with self.assertRaisesRegex(ToolFailed, "nothing was seen of the fault"):
            self.cluster.ottla("drill", "isolate", "--broker", 2, "--duration", 2000, "--observe", 200,
                               "--fault-command", "true", "--heal-command", "true")

    def test_by_hand(self):
        """Without a way to do it, the drill says what to do and waits until it sees it."""
        target = next(broker for broker in self.cluster.brokers.values() if broker is not self.cluster.controller())
        child = self.guided("leader-kill", "--broker", target.id, "--observe", 500)
        self.read_until(child, "Please: kill the process")
        target.process.kill()
        self.read_until(child, "Please: start broker")
        target.start()
        out, err = child.communicate(timeout=120)
        self.assertEqual(child.returncode, 0, err)
        self.assertTrue(json.loads(out)["passed"])

    def test_interrupted_it_puts_right_what_it_did(self):
        target = next(broker for broker in self.cluster.brokers.values() if broker is not self.cluster.controller())
        child = self.guided("pause", "--broker", target.id, "--pid", f"{target.id}={target.process.pid}",
                            "--duration", 100000)
        self.read_until(child, f"] broker {target.id}: kill -STOP")
        wait_until(lambda: self.state_of(target) == "T", "the broker to sleep")
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=120)
        self.assertEqual(child.returncode, 1, err)
        self.assertIn("the drill was interrupted", json.loads(out)["faults"])
        wait_until(lambda: self.state_of(target) != "T", "the broker to go on")

    @staticmethod
    def state_of(broker):
        return pathlib.Path(f"/proc/{broker.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]

    def test_what_speaks_against_it(self):
        self.cluster.ottla("topics", "--create", "--topic", "alone", "--replica-assignment", "2")
        self.addCleanup(self.cluster.ottla, "topics", "--delete", "--topic", "alone")
        with self.assertRaisesRegex(ToolFailed, "alone-0 have one replica"):
            self.cluster.ottla("drill", "leader-kill", "--broker", 2, "--pid-file", self.pid_file)
        self.assertTrue(self.cluster.brokers[2].process.running())
        # Another broker may go.
        self.cluster.ottla("drill", "leader-kill", "--broker", 1, "--pid-file", self.pid_file, "--check")
        with self.assertRaisesRegex(ToolFailed, "which drill"):
            self.cluster.ottla("drill", "earthquake")
        wait_until(lambda: "__ottla_drill" not in self.cluster.ottla("topics", "--list").split(), "the topic's deletion")


if __name__ == "__main__":
    unittest.main()
