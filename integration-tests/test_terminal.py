"""What the tools print on a terminal, which a script never sees: tables that fit, and how far long work is."""

import fcntl
import json
import os
import pty
import struct
import subprocess
import termios
import threading
import unittest

from cluster import OTTLA, Cluster

GROUP = "the-group-that-has-a-rather-long-name-for-a-narrow-terminal"
ERASE = "\r\x1b[K"


class Terminal:
    """The other end of a pty; a context manager."""

    def __init__(self, columns):
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        attributes = termios.tcgetattr(self.slave)
        attributes[1] &= ~termios.OPOST  # a line feed stays one
        termios.tcsetattr(self.slave, termios.TCSANOW, attributes)
        self.text = ""
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        data = b""
        while True:
            try:
                more = os.read(self.master, 65536)
            except OSError:  # nobody has the other end open any more
                break
            if not more:
                break
            data += more
        self.text = data.decode()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        os.close(self.slave)
        self.reader.join()
        os.close(self.master)


class TerminalTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(brokers=1, offsets__topic__replication__factor=1)
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.create_topic("orders", 3, 1, retention__ms=100000000, cleanup__policy="compact", segment__bytes=1000000)
        cls.cluster.ottla("consumer-groups", "--group", GROUP, "--topic", "orders", "--reset-offsets", "--to-earliest", "--execute")

    def run_tool(self, *words, out=subprocess.PIPE, err=subprocess.PIPE, environment=None):
        inherited = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
        outcome = subprocess.run([OTTLA, words[0], "--bootstrap-server", self.cluster.bootstrap, *map(str, words[1:])],
                                 stdin=subprocess.DEVNULL, stdout=out, stderr=err, timeout=60, env={**inherited, **(environment or {})})
        self.assertEqual(outcome.returncode, 0, outcome.stderr)
        return outcome

    def on_terminal(self, columns, *words, **options):
        with Terminal(columns) as terminal:
            self.run_tool(*words, out=terminal.slave, **options)
        return terminal.text

    def piped(self, *words, **options):
        return self.run_tool(*words, **options).stdout.decode()

    def test_tables_and_lines_fit(self):
        for words in (("consumer-groups", "--describe", "--group", GROUP), ("topics", "--describe", "--topic", "orders"),
                      ("cluster",), ("explain", "group", GROUP), ("explain", "partition", "orders-0"),
                      ("log-dirs", "--describe", "--table", "--topic-list", "orders"), ("topics", "--help")):
            with self.subTest(words=words):
                shown = self.on_terminal(80, *words)
                self.assertLessEqual(max(len(line.expandtabs()) for line in shown.splitlines()), 80, shown)
                # Nothing is left out.
                for word in ("orders", "retention.ms=100000000", "--under-replicated-partitions"):
                    if word in self.piped(*words):
                        self.assertIn(word, shown)

    def test_what_fits_is_as_in_a_pipe(self):
        for words in (("consumer-groups", "--describe", "--group", GROUP), ("topics", "--describe", "--topic", "orders")):
            self.assertEqual(self.on_terminal(400, *words), self.piped(*words))

    def test_columns_goes_before_the_terminal_but_not_for_a_pipe(self):
        words = "consumer-groups", "--describe", "--group", GROUP
        shown = self.on_terminal(400, *words, environment={"COLUMNS": "90"})
        self.assertLessEqual(max(map(len, shown.splitlines())), 90)
        self.assertEqual(self.piped(*words, environment={"COLUMNS": "90"}), self.piped(*words))
        wide = self.on_terminal(90, *words, environment={"COLUMNS": "none"})
        self.assertLessEqual(max(map(len, wide.splitlines())), 90)

    def test_how_far_long_work_is(self):
        words = "verifiable-producer", "--topic", "orders", "--max-messages", 150, "--throughput", 75, "--repeating-keys", 7
        with Terminal(60) as terminal:
            outcome = self.run_tool(*words, err=terminal.slave)
        self.assertRegex(terminal.text, r"sending  \[#+\.+\]  \d+ %, \d+ s left")
        self.assertTrue(terminal.text.endswith(ERASE), repr(terminal.text[-100:]))
        self.assertLess(max(len(line) for line in terminal.text.split(ERASE)), 60)
        events = [json.loads(line) for line in outcome.stdout.splitlines()]
        self.assertEqual(events[-1]["acked"], 150)
        # Not for programs, and not where results go to the same terminal.
        with Terminal(60) as terminal:
            self.run_tool(*words, "--json", err=terminal.slave)
        self.assertEqual(terminal.text, "")
        with Terminal(60) as terminal:
            self.run_tool(*words, out=terminal.slave, err=terminal.slave)
        self.assertNotIn(ERASE, terminal.text)
        self.assertEqual(self.run_tool(*words).stderr, b"")


if __name__ == "__main__":
    unittest.main()
