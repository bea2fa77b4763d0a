"""producer-perf-test, consumer-perf-test and broker-api-versions next to Kafka's own, on one cluster."""

import re
import subprocess
import unittest

import interop_clients
from cluster import OTTLA, Cluster

KAFKA = "3.9.1"
RECORDS = 2000


def shape(text):
    """The text without its numbers: scripts cut them out by what stands between them."""
    return re.sub(r"\d+(\.\d+)?(E-?\d+)?", lambda number: "N" + (f".{len(number[1]) - 1}" if number[1] else ""), text)


class PerfToolsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        interop_clients.kafka_jars(KAFKA)
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.close)

    def ours(self, tool, *arguments):
        """As the tool is called in scripts: no flag is added."""
        outcome = subprocess.run([str(OTTLA), tool, *map(str, arguments)], capture_output=True, text=True, timeout=120)
        self.assertEqual(outcome.returncode, 0, outcome.stderr)
        return outcome.stdout

    def theirs(self, tool, *arguments):
        return interop_clients.kafka_tool(KAFKA, tool, *map(str, arguments))

    def both(self, tool, *arguments):
        return self.ours(tool, *arguments), self.theirs(tool, *arguments)

    def test_producer_perf_test(self):
        self.cluster.create_topic("perf", 3, 3)
        ours, theirs = self.both("kafka-producer-perf-test", "--topic", "perf", "--num-records", RECORDS, "--record-size", 100,
                                 "--throughput", 1000, "--producer-props", f"bootstrap.servers={self.cluster.bootstrap}", "acks=all")
        self.assertEqual(shape(ours.splitlines()[-1]), shape(theirs.splitlines()[-1]))
        rate = float(re.search(r"([\d.]+) records/sec", ours)[1])
        self.assertAlmostEqual(rate, 1000, delta=150)
        counted = self.cluster.ottla("get-offsets", "--topic", "perf")
        self.assertEqual(sum(int(line.split(":")[-1]) for line in counted.splitlines()), 2 * RECORDS)

    def test_transactions_and_counted_values(self):
        self.cluster.create_topic("transactional", 1, 3)
        self.ours("producer-perf-test", "--topic", "transactional", "--num-records", 500, "--payload-monotonic", "--throughput", 1000,
                  "--transactional-id", "perf", "--transaction-duration-ms", 100, "--bootstrap-server", self.cluster.bootstrap)
        read = self.cluster.ottla("console-consumer", "--topic", "transactional", "--from-beginning", "--max-messages", 500,
                                  "--isolation-level", "read_committed")
        self.assertEqual(read.splitlines(), [str(number) for number in range(500)])

    def test_consumer_perf_test(self):
        self.cluster.create_topic("read", 3, 3)
        self.ours("producer-perf-test", "--topic", "read", "--num-records", RECORDS, "--record-size", 100, "--throughput", -1,
                  "--bootstrap-server", self.cluster.bootstrap)
        ours, theirs = self.both("kafka-consumer-perf-test", "--bootstrap-server", self.cluster.bootstrap, "--topic", "read",
                                 "--messages", RECORDS)
        self.assertEqual([shape(line) for line in ours.splitlines()],
                         [shape(line) for line in theirs.splitlines() if not line.startswith("WARN")])
        self.assertEqual(ours.splitlines()[1].split(", ")[4], str(RECORDS))

    def test_e2e_latency(self):
        self.cluster.create_topic("there-and-back", 1, 3)
        ours, theirs = self.both("kafka-e2e-latency", self.cluster.bootstrap, "there-and-back", 200, "all", 100)
        self.assertEqual([shape(line) for line in ours.splitlines()[-2:]], [shape(line) for line in theirs.splitlines()[-2:]])

    def test_zookeeper_shell(self):
        server = self.cluster.zookeeper.connect
        ids = self.ours("zookeeper-shell", server, "ls", f"{self.cluster.chroot}/brokers/ids")
        self.assertEqual(ids, "[1, 2, 3]\n")
        self.assertEqual(ids.strip(), self.theirs("zookeeper-shell", server, "ls", f"{self.cluster.chroot}/brokers/ids").splitlines()[-1])
        self.assertIn('"brokerid"', self.ours("zookeeper-shell", server + self.cluster.chroot, "get", "/controller"))

    def test_zookeeper_shell_writes_as_zkcli_does(self):
        """The same commands below two nodes: the same answers, but for times and transaction ids."""
        commands = ("create {}/a some", "set -s {}/a more", "set -v 7 {}/a wrong", "set -v 1 {}/a right", "create -s {}/n-", "ls -s {}",
                    "create {}/a again", "delete {}", "delete -v 9 {}/a", "delete -v 2 {}/a", "create -e {}/mine", "create {}/mine/below",
                    "deleteall {}")

        def script(root):
            return "".join(line + "\n" for line in [f"create {root}", *(command.format(root) for command in commands), "quit"])

        def told(outcome, root):
            known = re.compile(r"^(Created|Node |version No|Ephemerals|dataVersion|dataLength|numChildren|cversion|\[(?!zk))")
            lines = (outcome.stdout + outcome.stderr).splitlines()
            return sorted(line.replace(root, "ROOT") for line in lines if known.match(line))
        server = self.cluster.zookeeper.connect
        ours = subprocess.run([str(OTTLA), "zookeeper-shell", server], input=script("/as-ours"), capture_output=True, text=True, timeout=120)
        theirs = subprocess.run([interop_clients.KAFKA_REF, "run-tool", "--version", KAFKA, "zookeeper-shell", server],
                                input=script("/as-theirs"), capture_output=True, text=True, timeout=120)
        self.assertEqual(told(ours, "/as-ours"), told(theirs, "/as-theirs"))
        self.assertGreater(len(told(ours, "/as-ours")), 15)

    def test_broker_api_versions(self):
        def rows(text):
            # Without what is usable: our tool knows newer versions than Kafka 3.9's.
            return {line.strip().split(" [usable")[0].rstrip(",") for line in text.splitlines() if line.startswith("\t")}
        ours, theirs = self.both("kafka-broker-api-versions", "--bootstrap-server", self.cluster.bootstrap)
        self.assertEqual(shape(ours.splitlines()[0]), shape(theirs.splitlines()[0]))
        served = {row for row in rows(theirs) if "UNSUPPORTED" not in row}
        self.assertEqual({row for row in rows(ours) if "UNSUPPORTED" not in row}, served)


if __name__ == "__main__":
    unittest.main()
