"""Every tool and --json: what is printed is JSON, one value or one in each line, whatever is asked for.

Tools and their switches come from `ottla --help`: one that is added without a row here is found."""

import json
import re
import subprocess
import unittest

from cluster import HERE, OTTLA, Cluster
from test_transaction_tools import open_transaction

# Of every tool.
EVERYWHERE = {"help", "version", "json"}
# Switches that are refused, or that cannot be run beside the others here; what they mean has tests of its own.
NOT_RUN = {
    "dump-log": {"cluster-metadata-decoder", "remote-log-metadata-decoder"},  # refused
    "configs": {"client-defaults", "ip-defaults", "user-defaults"},  # refused until there are quotas
    "drill": {"keep-topic"},  # only for a drill that runs: test_drill.py
    "features": {"unsafe"},  # says how, not what: test_tools.py
}
# What a cluster with ZooKeeper refuses, and says so in JSON.
REFUSED = {("features", "transaction.version=2"): 1}
PRODUCER = 7001
SAMPLES = HERE / "samples" / "clean"


def values_in(text):
    """One value, or one in each line."""
    try:
        return [json.loads(text)]
    except ValueError:
        return [json.loads(line) for line in text.splitlines()]


def run(*words, stdin="", seconds=120):
    return subprocess.run([OTTLA, *map(str, words)], input=stdin, capture_output=True, text=True, timeout=seconds)


def declared_tools():
    return re.findall(r"^  ([\w-]+)  ", run("--help").stdout, re.MULTILINE)


def declared_switches(tool):
    """Flags without a value, by name."""
    return set(re.findall(r"^  --([\w.-]+)  ", run(tool, "--help").stdout, re.MULTILINE))


class JsonOutputTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(transaction__partition__verification__enable="false")
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.create_topic("orders", 1, 3)
        cls.cluster.create_topic("moved", 1, 2)
        cls.cluster.ottla("console-producer", "--topic", "orders", stdin="".join(f"{i}\n" for i in range(100)))
        cls.cluster.ottla("consumer-groups", "--group", "g", "--topic", "orders", "--reset-offsets", "--to-earliest", "--execute")
        leader = cls.cluster.leader("orders")
        cls.partition = leader.directory / "data" / "orders-0"
        cls.cluster.create_topic("hanging", 1, 3)
        assert open_transaction(cls.cluster.leader("hanging"), "hanging", PRODUCER) == 0

    def file(self, name, content):
        path = self.cluster.directory / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def cases(self):
        """(tool, words, standard input): in this order."""
        cluster = "--bootstrap-server", self.cluster.bootstrap
        brokers = self.cluster.bootstrap
        zookeeper = self.cluster.zookeeper.connect + self.cluster.chroot
        plan = self.file("plan.json", {"version": 1, "partitions": [{"topic": "moved", "partition": 0, "replicas": [1, 2, 3]}]})
        topics = self.file("topics.json", {"version": 1, "topics": [{"topic": "moved"}]})
        one = self.file("one.json", {"partitions": [{"topic": "orders", "partition": 0}]})
        offsets = self.file("offsets.json", {"version": 1, "partitions": [{"topic": "orders", "partition": 0, "offset": 3}]})
        exported = self.cluster.directory / "exported"
        segment = self.partition / "00000000000000000000"

        def all_of(tool, *rows, common=cluster):
            return [(tool, (*common, *(row if isinstance(row, tuple) else (row,))), "") for row in rows]

        describe = "--describe", "--topic", "orders"
        reset = "--reset-offsets", "--group", "g", "--topic", "orders"
        return [
            *all_of("broker-api-versions", ()),
            *all_of("cluster", (), "--check", "--cluster-id", "cluster-id", ("may-restart", "--broker", 1),
                    ("--zookeeper", zookeeper)),
            *all_of("configs", ("--describe", "--topic", "orders"), ("--describe", "--all", "--topic", "orders"),
                    ("--describe", "--entity-type", "brokers", "--entity-default"), ("--describe", "--broker-defaults"),
                    ("--describe", "--broker-logger", 1),
                    ("--alter", "--force", "--topic", "orders", "--add-config", "retention.ms=99999999999"),
                    ("--alter", "--topic", "orders", "--delete-config", "retention.ms")),
            ("console-producer", (*cluster, "--topic", "orders"), "a\nb\n"),
            ("console-producer", (*cluster, "--topic", "orders", "--sync"), "a\nb\n"),
            *all_of("console-consumer",
                    ("--topic", "orders", "--from-beginning", "--max-messages", 3),
                    ("--topic", "orders", "--from-beginning", "--max-messages", 3, "--enable-systest-events",
                     "--skip-message-on-error")),
            *all_of("consumer-groups", "--list", ("--list", "--state"), ("--list", "--type"),
                    ("--describe", "--group", "g"), ("--describe", "--all-groups", "--offsets"),
                    ("--describe", "--group", "g", "--members", "--verbose"), ("--describe", "--group", "g", "--state"),
                    (*reset, "--to-current", "--dry-run"), (*reset, "--to-latest", "--execute"), (*reset, "--to-earliest", "--export"),
                    ("--reset-offsets", "--group", "g", "--all-topics", "--to-earliest"),
                    ("--reset-offsets", "--group", "g", "--from-file", exported, "--dry-run"),
                    ("--delete-offsets", "--group", "g", "--topic", "orders"),
                    ("--undelete-offsets", "--group", "g"),
                    ("--reset-offsets", "--group", "g2", "--topic", "orders", "--to-earliest", "--execute"),
                    ("--delete", "--group", "g2")),
            *all_of("consumer-perf-test",
                    ("--topic", "orders", "--messages", 50, "--hide-header"),
                    ("--topic", "orders", "--messages", 50, "--show-detailed-stats", "--reporting-interval", 1, "--print-metrics"),
                    ("--topic", "orders", "--messages", 5, "--from-latest", "--timeout", 500)),
            *all_of("delete-records", ("--offset-json-file", offsets)),
            *all_of("drill", ("leader-kill", "--check", "--force", "--fault-command", "true", "--heal-command", "true"),
                    ("rolling-restart", "--check", "--fault-command", "true", "--heal-command", "true")),
            *all_of("dump-log",
                    *[("--files", f"{segment}{kind}") for kind in (".log", ".index", ".timeindex")],
                    ("--files", f"{segment}.index", "--index-sanity-check"), ("--files", f"{segment}.timeindex", "--verify-index-only"),
                    ("--files", f"{segment}.log", "--print-data-log"),
                    ("--files", f"{segment}.log", "--deep-iteration", "--skip-record-metadata"),
                    ("--files", f"{segment}.log", "--offsets-decoder"), ("--files", f"{segment}.log", "--transaction-log-decoder"),
                    ("--files", self.partition / "partition.metadata"),
                    *[("--files", SAMPLES / name) for name in
                      ("meta.properties", "recovery-point-offset-checkpoint", "txn-0/leader-epoch-checkpoint",
                       "txn-0/00000000000000000010.txnindex", "txn-0/00000000000000000025.snapshot")],
                    ("--verify", self.partition), common=()),
            ("e2e-latency", (brokers, "orders", 20, "all", 50), ""),
            *all_of("explain", ("partition", "orders-0"), ("broker", 1), ("group", "g")),
            *all_of("features", "describe", ("upgrade", "--dry-run", "--feature", "transaction.version=2")),
            *all_of("get-offsets", ("--topic", "orders"), "--exclude-internal-topics"),
            *all_of("leader-election", ("--election-type", "preferred", "--all-topic-partitions"),
                    ("--election-type", "preferred", "--path-to-json-file", one)),
            *all_of("log-dirs", "--describe", ("--describe", "--table")),
            *all_of("reassign-partitions",
                    ("--generate", "--topics-to-move-json-file", topics, "--broker-list", "1,2,3"),
                    ("--generate", "--topics-to-move-json-file", topics, "--broker-list", "1,2,3", "--disable-rack-aware"),
                    ("--execute", "--reassignment-json-file", plan), "--list",
                    ("--execute", "--additional", "--reassignment-json-file", plan),
                    ("--verify", "--reassignment-json-file", plan, "--preserve-throttles"),
                    ("--verify", "--reassignment-json-file", plan, "--wait"),
                    ("--cancel", "--reassignment-json-file", plan)),
            *all_of("replica-verification", ("--topics-include", "orders", "--once")),
            *all_of("topics", ("--create", "--topic", "made"), ("--create", "--topic", "made", "--if-not-exists"),
                    "--list", ("--list", "--exclude-internal"), "--describe", describe,
                    *[("--describe", f"--{only}") for only in
                      ("topics-with-overrides", "unavailable-partitions", "under-min-isr-partitions", "at-min-isr-partitions",
                       "under-replicated-partitions")],
                    ("--alter", "--topic", "made", "--partitions", 2), ("--delete", "--topic", "made"),
                    ("--delete", "--topic", "none", "--if-exists")),
            ("producer-perf-test", ("--topic", "moved", "--num-records", 50, "--payload-monotonic", "--throughput", -1,
                                    "--print-metrics", "--transactional-id", "perf", "--producer-props", f"bootstrap.servers={brokers}"), ""),
            *all_of("transactions", "list", ("describe", "--transactional-id", "perf"),
                    ("describe-producers", "--topic", "hanging", "--partition", 0), ("find-hanging", "--topic", "hanging"),
                    ("abort", "--topic", "hanging", "--partition", 0, "--start-offset", 0)),
            *all_of("verifiable-producer", ("--topic", "orders", "--max-messages", 10)),
            *all_of("verifiable-consumer", ("--topic", "orders", "--group-id", "g2", "--max-messages", 10),
                    ("--topic", "orders", "--group-id", "g3", "--max-messages", 10, "--verbose", "--enable-autocommit")),
            *[("zookeeper-shell", (zookeeper, *command.split()), "") for command in
              ("help", "create /mine", "create /mine/a some words", "ls /", "ls -R /mine", "get /mine/a", "get -s /mine/a",
               "set /mine/a others", "set -v 1 /mine/a again", "ls -s /mine", "stat /mine", "delete -v 2 /mine/a", "create -s /mine/b",
               "deleteall /mine")],
            ("zookeeper-shell", (zookeeper,), "create /more\nls /more\ndelete /more\nquit\n"),
        ]

    def test_what_every_tool_prints(self):
        cases = self.cases()
        tools = declared_tools()
        self.assertGreater(len(tools), 20)
        self.assertEqual(set(tools) - {tool for tool, _, _ in cases}, set(), "tools without a row in cases()")
        for tool in tools:
            used = {str(word)[2:] for name, words, _ in cases if name == tool for word in words if str(word).startswith("--")}
            self.assertEqual(declared_switches(tool) - EVERYWHERE - NOT_RUN.get(tool, set()) - used, set(),
                             f"{tool}: switches without a row in cases()")
        told = {}
        for tool, words, stdin in cases:
            with self.subTest(tool=tool, words=words):
                outcome = run(tool, *words, "--json", stdin=stdin)
                self.assertEqual(outcome.returncode, REFUSED.get((tool, words[-1]), 0), outcome.stderr)
                values = values_in(outcome.stdout)
                self.assertTrue(values, "nothing is printed")
                told[(tool, *map(str, words))] = values
                if "--export" in words:
                    self.file("exported", outcome.stdout)
        # Some of it word by word.
        def only(tool, *words):
            [[value]] = [values for key, values in told.items() if key[0] == tool and key[-len(words):] == tuple(map(str, words))]
            return value
        cluster_id = self.cluster.state()["clusterId"]
        self.assertEqual(only("cluster", "cluster-id"), {"clusterId": cluster_id})
        self.assertEqual(only("cluster", "--cluster-id"), {"clusterId": cluster_id})
        plan = [{"group": "g", "topic": "orders", "partition": 0, "newOffset": 0}]
        self.assertEqual(only("consumer-groups", "--to-earliest", "--export"), plan)
        self.assertEqual(only("consumer-groups", "--from-file", self.cluster.directory / "exported", "--dry-run"), plan)
        self.assertEqual(only("transactions", "abort", "--topic", "hanging", "--partition", 0, "--start-offset", 0)["aborted"]["producerId"],
                         PRODUCER)
        drill = only("drill", "leader-kill", "--check", "--force", "--fault-command", "true", "--heal-command", "true")
        self.assertEqual((drill["drill"], drill["mayRun"], len(drill["targets"])), ("leader-kill", True, 1))
        self.assertEqual(only("zookeeper-shell", "ls", "-R", "/mine"), ["/mine", "/mine/a"])
        self.assertEqual(only("zookeeper-shell", "deleteall", "/mine"), {"deleted": ["/mine/b0000000001", "/mine"]})
        self.assertEqual(only("zookeeper-shell", "set", "-v", 1, "/mine/a", "again"), {"set": "/mine/a", "version": 2})
        self.assertEqual(only("dump-log", "--files", self.partition / "partition.metadata").keys(), {"file", "topicId"})


if __name__ == "__main__":
    unittest.main()
