"""A real Prometheus scrapes a cluster: what public dashboards, our dashboard and our alerts ask for is answered."""

import contextlib
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest
import urllib.parse
import urllib.request

from cluster import HERE, OTTLA, Cluster, Process, free_port, wait_until
from status_page import LISTENER, port_of, wait_until_ready

DEPLOY = HERE.parent / "deploy"
QUERIES = [line.split("\t") for line in (HERE / "dashboard_queries.tsv").read_text().splitlines()
           if not line.startswith("#")]


class Prometheus:
    def __init__(self, directory, brokers):
        self.port = free_port()
        targets = "".join(f'"127.0.0.1:{port_of(broker)}",' for broker in brokers)
        job = ("  - job_name: {name}\n    static_configs:\n      - targets: [" + targets + "]\n"
               "        labels: {{env: {env}}}\n{more}")
        configuration = pathlib.Path(directory) / "prometheus.yml"
        configuration.write_text(
            "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
            f"rule_files: [{DEPLOY / 'prometheus' / 'alerts.yml'}]\nscrape_configs:\n" +
            job.format(name="kafka-broker", env="test", more="") +
            job.format(name="kafka-broker-b", env="test-b", more='    params: {dialect: ["B"]}\n'))
        self.process = Process("prometheus", [
            "prometheus", f"--config.file={configuration}", f"--storage.tsdb.path={directory}/data",
            f"--web.listen-address=127.0.0.1:{self.port}"], pathlib.Path(directory) / "prometheus.out")

    def get(self, path, **parameters):
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}?{query}", timeout=30) as answer:
            return json.load(answer)["data"]

    def query(self, expression):
        return self.get("/api/v1/query", query=expression)["result"]

    def up(self):
        return {(sample["metric"]["job"], sample["metric"]["instance"]) for sample in self.query("up == 1")}


@unittest.skipUnless(shutil.which("prometheus"), "Prometheus is not installed (Debian's prometheus)")
class PrometheusTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(**LISTENER)
        cls.addClassCleanup(cls.cluster.close)
        cls.brokers = list(cls.cluster.brokers.values())
        wait_until_ready(cls.brokers)
        directory = tempfile.mkdtemp(prefix="ottla-prometheus.")
        cls.addClassCleanup(shutil.rmtree, directory, ignore_errors=True)
        cls.prometheus = Prometheus(directory, cls.brokers)
        cls.addClassCleanup(cls.prometheus.process.end)
        cls.work()
        wait_until(lambda: len(cls.prometheus.up()) == 6, "all targets to be scraped", 60)

    @classmethod
    def work(cls):
        """Something of everything, so that every series has a reason to be there."""
        cls.cluster.create_topic("orders", 6, 3)
        lines = "".join(f"line-{i}\n" for i in range(3000))
        cls.cluster.ottla("console-producer", "--topic", "orders", stdin=lines)
        cls.cluster.ottla("console-consumer", "--topic", "orders", "--from-beginning", "--max-messages", 1000, "--group", "g")
        # Connections that stay, so that they are counted by what they say they are.
        consumer = Process("consumer", [OTTLA, "console-consumer", "--bootstrap-server", cls.cluster.bootstrap, "--topic",
                                        "orders", "--group", "live"], cls.cluster.directory / "consumer.out")
        cls.addClassCleanup(consumer.end)
        # Each broker is asked for what is not there: an error in each one's counters.
        for broker in cls.brokers:
            subprocess.run(["kcat", "-b", broker.address, "-L", "-t", "no-such-topic", "-X", "allow.auto.create.topics=false"],
                           capture_output=True, timeout=60)
            cls.cluster.ottla("get-offsets", "--topic", "orders")

    def answered(self, dialect, how, selector):
        env = "test" if dialect == "A" else "test-b"  # one cluster for alerts
        name, _, rest = selector.partition("{")
        selected = f'{name}{{env="{env}"{"," + rest[:-1] if rest else ""}}}'
        expression = f"rate({selected}[30s])" if how == "rate" else selected
        return self.prometheus.query(expression)

    def test_public_dashboards_are_answered(self):
        def unanswered():
            return [query for query in QUERIES if not self.answered(*query[1:])]
        with contextlib.suppress(AssertionError):
            wait_until(lambda: not unanswered(), "each query to have series", 30)
        self.assertEqual(unanswered(), [])

    def test_our_dashboard_is_answered(self):
        dashboard = json.loads((DEPLOY / "grafana" / "ottla.json").read_text())
        expressions = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
        self.assertGreater(len(expressions), 30)

        def unanswered():
            # Some ask for what should not be there: lags of nobody, errors of nobody.
            return [e for e in (re.sub(r"\$\w+", ".*", expression) for expression in expressions)
                    if not self.prometheus.query(e.replace("[1m]", "[10s]").replace("[5m]", "[10s]").replace("[1h]", "[10s]"))]
        with contextlib.suppress(AssertionError):
            wait_until(lambda: not unanswered(), "each panel to have series", 30)
        self.assertEqual(unanswered(), [])

    def test_the_alerts_are_loaded_and_quiet(self):
        groups = self.prometheus.get("/api/v1/rules")["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        self.assertGreater(len(rules), 15)
        wait_until(lambda: all(rule["health"] == "ok" for group in self.prometheus.get("/api/v1/rules")["groups"]
                               for rule in group["rules"]), "all rules to be evaluated", 60)
        firing = [alert["labels"] for alert in self.prometheus.get("/api/v1/alerts")["alerts"]
                  if alert["state"] == "firing"]
        self.assertEqual(firing, [])

    def test_the_rules_pass_their_own_tests(self):
        for arguments in (["check", "config", "prometheus.yml"], ["test", "rules", "alerts_test.yml", "zookeeper_test.yml"]):
            outcome = subprocess.run(["promtool", *arguments], cwd=DEPLOY / "prometheus", capture_output=True, text=True)
            self.assertEqual(outcome.returncode, 0, outcome.stdout + outcome.stderr)


if __name__ == "__main__":
    unittest.main()
