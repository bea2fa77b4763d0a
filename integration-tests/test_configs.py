"""Configs of topics and brokers while brokers run: `ottla configs` beside Kafka's own, what old tools write to ZooKeeper,
and that each change has its effect without a restart."""

import contextlib
import json
import pathlib
import select
import subprocess
import tempfile
import time
import types
import unittest

import interop_clients
import messages
import wire
from checked import CheckedCase, TopicOfItsOwnCase
from cluster import BROKER, Cluster, ToolFailed, accepts, free_port, wait_until

KAFKA = "3.9.1"
NO_ERROR, MESSAGE_TOO_LARGE, NOT_ENOUGH_REPLICAS = 0, 10, 19


class ConfigsTest(TopicOfItsOwnCase, CheckedCase, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(3, chroot="/kafka", num__io__threads=4, file__delete__delay__ms=100)
        cls.addClassCleanup(cls.cluster.close)

    @property
    def zookeeper_address(self):
        return self.cluster.zookeeper.connect + self.cluster.chroot

    def ottla(self, *arguments):
        return self.cluster.ottla("configs", *arguments)

    def alter(self, *arguments):
        return self.ottla("--alter", *arguments)

    def kafka(self, *arguments, version=KAFKA):
        return interop_clients.kafka_tool(version, "kafka-configs", "--bootstrap-server", self.cluster.bootstrap, *arguments)

    def zookeeper(self, verb, path, *data):
        return interop_clients.run([interop_clients.KAFKA_REF, verb, "--zk", self.cluster.zookeeper.connect,
                                    self.cluster.chroot + path, *data])

    def znode(self, path):
        told = self.zookeeper("zk-get", path)
        return json.loads(told)["config"] if told.strip() else None

    def values(self, *entity):
        """{name: value} of what was set for an entity."""
        told = json.loads(self.ottla("--describe", "--json", *entity))
        return {config["name"]: config["value"] for config in told[0]["configs"]}

    def effective(self, name, *entity):
        told = json.loads(self.ottla("--describe", "--all", "--json", *entity))
        return next(config["value"] for config in told[0]["configs"] if config["name"] == name)

    def assert_says(self, expected, *arguments):
        with self.assertRaises(ToolFailed) as refused:
            self.ottla(*arguments)
        self.assertIn(expected, str(refused.exception))

    def produce(self, size, acks=-1):
        leader = wait_until(lambda: self.cluster.leader(self.topic), "a leader")
        with wire.Connection(leader) as connection:
            error, *_ = connection.produce(self.topic, wire.batch([wire.record(b"x" * size)]), acks=acks)
        return error

    # The tool.

    def test_topic(self):
        self.create([1, 2])
        topic = ("--entity-type", "topics", "--entity-name", self.topic)
        self.assertEqual(self.ottla("--describe", *topic), f"Dynamic configs for topic {self.topic} are:\n")
        self.assertEqual(self.alter(*topic, "--add-config", "retention.ms=5000,cleanup.policy=[compact,delete]"),
                         f"Completed updating config for topic {self.topic}.\n")
        self.assertEqual(self.ottla("--describe", "--topic", self.topic).splitlines(), [
            f"Dynamic configs for topic {self.topic} are:",
            "  cleanup.policy=compact,delete sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:cleanup.policy=compact,delete, "
            "DEFAULT_CONFIG:log.cleanup.policy=delete}",
            "  retention.ms=5000 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:retention.ms=5000, "
            "DEFAULT_CONFIG:log.retention.hours=168}"])
        self.assertEqual(self.znode(f"/config/topics/{self.topic}"),
                         {"retention.ms": "5000", "cleanup.policy": "compact,delete"})
        self.assert_says("Invalid config(s): no.such", "--alter", *topic, "--delete-config", "no.such")
        self.assert_says("retention.ms=x", "--alter", *topic, "--add-config", "retention.ms=x")
        self.assert_says("no.such", "--alter", *topic, "--add-config", "no.such=1")
        self.assert_says("At least one of --add-config", "--alter", *topic)
        self.assert_says("At least one entity type", "--describe")
        self.alter(*topic, "--delete-config", "retention.ms,cleanup.policy")
        self.assertEqual(self.values(*topic), {})
        path = self.cluster.directory / "added.properties"
        path.write_text("retention.ms=77\nsegment.ms = 100000\n")
        self.alter(*topic, "--add-config-file", path)
        self.assertEqual(self.values(*topic), {"retention.ms": "77", "segment.ms": "100000"})

    def test_kafkas_own_tool_prints_the_same(self):
        interop_clients.kafka_jars(KAFKA)
        self.create([1, 2])

        def both(*arguments):
            theirs, ours = self.kafka(*arguments), self.ottla(*arguments)
            self.assertEqual(theirs.splitlines(), ours.splitlines(), arguments)
            return ours
        topic = ("--entity-type", "topics", "--entity-name", self.topic)
        both("--alter", *topic, "--add-config", "retention.ms=5000,cleanup.policy=[compact,delete]")
        both("--describe", *topic)
        both("--describe", "--topic", self.topic, "--all")
        self.kafka("--alter", *topic, "--delete-config", "retention.ms")
        self.assertEqual(self.values(*topic), {"cleanup.policy": "compact,delete"})
        both("--alter", "--broker", "2", "--add-config", "log.cleaner.backoff.ms=14000")
        both("--alter", "--broker-defaults", "--add-config", "log.cleaner.backoff.ms=13000")
        both("--describe", "--broker", "2")
        both("--describe", "--broker-defaults")
        both("--describe", "--entity-type", "brokers")
        both("--describe", "--broker-logger", "1")
        both("--alter", "--broker-logger", "1", "--add-config", "root=DEBUG")
        both("--alter", "--broker-logger", "1", "--add-config", "root=INFO")
        self.kafka("--alter", "--broker", "2", "--delete-config", "log.cleaner.backoff.ms")
        self.kafka("--alter", "--broker-defaults", "--delete-config", "log.cleaner.backoff.ms")
        self.assertEqual((self.values("--broker", "2"), self.values("--broker-defaults")), ({}, {}))

    # Old tools, by ZooKeeper.

    def topic_id(self):
        """As ZooKeeper has it."""
        node = self.cluster.ottla_offline("zookeeper-shell", self.zookeeper_address, "get", f"/brokers/topics/{self.topic}")
        return json.loads(node).get("topic_id")

    def check_old_tools(self, version):
        interop_clients.kafka_jars(version)

        def old(tool, *arguments):
            return interop_clients.kafka_tool(version, tool, "--zookeeper", self.zookeeper_address, *arguments)
        old("kafka-topics", "--create", "--topic", self.topic, "--partitions", "2", "--replication-factor", "2")
        self.cluster.wait_for_isr(self.topic, 2)
        self.assertIn("PartitionCount", old("kafka-topics", "--describe", "--topic", self.topic))
        topic = ("--entity-type", "topics", "--entity-name", self.topic)
        old("kafka-configs", "--alter", *topic, "--add-config", "max.message.bytes=3000")
        wait_until(lambda: self.produce(5000) == MESSAGE_TOO_LARGE, "the old tool's change to have its effect")
        self.assertEqual(self.values(*topic), {"max.message.bytes": "3000"})
        self.alter(*topic, "--add-config", "retention.ms=123456")
        told = old("kafka-configs", "--describe", *topic)
        self.assertIn("max.message.bytes=3000", told)
        self.assertIn("retention.ms=123456", told)
        old("kafka-configs", "--alter", *topic, "--delete-config", "max.message.bytes")
        wait_until(lambda: self.produce(5000) == NO_ERROR, "the old tool's deletion to have its effect")
        before = self.topic_id()
        self.assertIsNotNone(before)
        old("kafka-topics", "--alter", "--topic", self.topic, "--partitions", "3")
        wait_until(lambda: len(self.cluster.partitions(self.topic)) == 3, "the old tool's partition")
        # W5: tools before 2.8 write the znode without the id.
        wait_until(lambda: self.topic_id() == before, "the topic's id to be written back")
        said = [line for broker in self.cluster.brokers.values() for line in broker.log.splitlines()
                if f"[{self.topic}] topic id {before} is written back to its znode" in line]
        self.assertEqual(bool(said), version.startswith("1."), said)
        self.assertTrue(all(line[0] == "W" and "state.change.logger]" in line for line in said), said)
        old("kafka-topics", "--delete", "--topic", self.topic)
        wait_until(lambda: self.topic not in self.cluster.ottla("topics", "--list").split(), "the topic to go")

    def test_tools_of_1_1_by_zookeeper(self):
        self.check_old_tools("1.1.1")

    def test_tools_of_2_8_by_zookeeper(self):
        self.check_old_tools("2.8.2")

    # Effects.

    def test_message_size_of_all_and_of_one(self):
        self.create([1], max__message__bytes=200000)
        self.create_plain()
        self.assertEqual(self.produce(50000), NO_ERROR)
        self.alter("--broker-defaults", "--add-config", "message.max.bytes=20000")
        self.addCleanup(self.alter, "--broker-defaults", "--delete-config", "message.max.bytes")
        wait_until(lambda: self.produce(50000) == MESSAGE_TOO_LARGE, "the default of all brokers")
        self.alter("--broker", "1", "--add-config", "message.max.bytes=100000")
        wait_until(lambda: self.produce(50000) == NO_ERROR, "the broker's own value over it")
        self.alter("--broker", "1", "--delete-config", "message.max.bytes")
        wait_until(lambda: self.produce(50000) == MESSAGE_TOO_LARGE, "the default again")

    def create_plain(self):
        """The topic without a config of its own."""
        self.alter("--topic", self.topic, "--delete-config", "max.message.bytes")

    def test_threads(self):
        pid = self.cluster.brokers[2].process.pid

        def threads():
            return sum((task / "comm").read_text().strip() == "io" for task in pathlib.Path(f"/proc/{pid}/task").iterdir())
        self.assertEqual(threads(), 4)
        self.alter("--broker", "2", "--add-config", "num.io.threads=7")
        wait_until(lambda: threads() == 7, "7 threads")
        self.assert_says("num.io.threads=1", "--alter", "--broker", "2", "--add-config", "num.io.threads=1")
        self.alter("--broker", "2", "--delete-config", "num.io.threads")
        wait_until(lambda: threads() == 4, "4 threads again")

    def test_network_threads_under_load(self):
        self.create([2, 1, 3])
        pid = self.cluster.brokers[2].process.pid

        def threads():
            return sum((task / "comm").read_text().startswith("network-")
                       for task in pathlib.Path(f"/proc/{pid}/task").iterdir())
        before = threads()
        checker = self.check(self.topic, 1)
        checker.wait_for_progress(200)
        self.alter("--broker", "2", "--add-config", f"num.network.threads={2 * before}")
        wait_until(lambda: threads() == 2 * before, "twice as many threads")
        checker.wait_for_progress(500)
        self.alter("--broker", "2", "--add-config", f"num.network.threads={before}")
        wait_until(lambda: f"num.network.threads {2 * before} -> {before}" in self.cluster.brokers[2].log, "them to go")
        checker.wait_for_progress(500)
        self.assert_says("num.network.threads=100", "--alter", "--broker", "2", "--add-config", "num.network.threads=100")
        self.alter("--broker", "2", "--delete-config", "num.network.threads")
        checker.wait_for_progress(500)
        self.assert_nothing_lost(checker)

    def test_the_log_of_requests(self):
        """Kafka's logger: off until somebody turns it on, by either tool."""
        broker = self.cluster.brokers[1]

        def lines():
            return [line.partition("Completed request:")[2] for line in broker.log.splitlines()
                    if "kafka.request.logger] Completed request:" in line]

        def ask():
            with wire.Connection(broker) as connection:
                connection.ask(messages.request("ApiVersions", 0, {}))
        ask()
        self.assertEqual(lines(), [])
        logger = ("--alter", "--broker-logger", "1", "--add-config")
        self.kafka(*logger, "kafka.request.logger=DEBUG")
        ask()
        wait_until(lambda: any('"requestApiKeyName":"ApiVersions"' in line for line in lines()), "a line of a request")
        line = json.loads(lines()[-1])
        self.assertEqual((line["connection"], line["listener"]), ("127.0.0.1", "PLAINTEXT"))
        self.assertGreaterEqual(line["totalTimeMs"], line["localTimeMs"])
        self.assertNotIn("response", line)
        self.ottla(*logger, "kafka.request.logger=TRACE")
        ask()
        wait_until(lambda: any("response" in json.loads(line) for line in lines()), "a line with an answer")
        self.ottla("--alter", "--broker-logger", "1", "--delete-config", "kafka.request.logger")
        count = len(lines())
        ask()
        # The request that turned it off had its line begun before.
        self.assertLessEqual(len(lines()), count + 1)

    def test_connections(self):
        self.alter("--broker", "3", "--add-config", "max.connections.per.ip=1")
        self.addCleanup(self.alter, "--broker", "3", "--delete-config", "max.connections.per.ip")
        broker = self.cluster.brokers[3]

        def second_is_refused():
            with wire.Connection(broker), wire.Connection(broker) as second:
                try:
                    return second.ask(messages.request("ApiVersions", 0, {})) is None
                except (TimeoutError, OSError):
                    return True
        wait_until(second_is_refused, "the second connection to be refused")

    def test_connections_of_a_listener(self):
        """Who comes too many waits, and gets in when another goes."""
        broker, setting = self.cluster.brokers[3], "listener.name.plaintext.max.connections"
        self.alter("--broker", "3", "--add-config", f"{setting}=2")
        self.assertEqual(self.values("--broker", "3"), {setting: "2"})
        answered = []
        try:
            # One that was being accepted when the limit came may be in besides.
            for _ in range(5):
                connection = wire.Connection(broker)
                connection.send(messages.request("ApiVersions", 0, {}))
                if not select.select([connection.socket], [], [], 3)[0]:
                    break
                answered.append(connection)
            self.assertIn(len(answered), (2, 3))
        finally:
            for each in answered:
                each.close()
        with connection:
            self.assertIsNotNone(connection.receive())
        self.alter("--broker", "3", "--delete-config", setting)

    def test_new_connections_in_a_second(self):
        """KIP-612: averaged over ten seconds, so the first come at once."""
        def seconds_for(count):
            begin = time.monotonic()
            for _ in range(count):
                with wire.Connection(self.cluster.brokers[3]) as connection:
                    self.assertIsNotNone(connection.ask(messages.request("ApiVersions", 0, {})))
            return time.monotonic() - begin
        wait_until(lambda: seconds_for(30) < 1, "new connections at once")
        self.alter("--broker", "3", "--add-config", "max.connection.creation.rate=2")
        wait_until(lambda: seconds_for(3) > 1, "new connections to be slowed down")
        self.alter("--broker", "3", "--delete-config", "max.connection.creation.rate")
        wait_until(lambda: seconds_for(10) < 1, "new connections at once")

    def brokers_seen_at(self, port):
        """{id: (host, port)} that a client is told which comes to this port of broker 3."""
        answer = messages.ask(types.SimpleNamespace(id=3, port=port), "Metadata", 1, {"topics": []})
        return {broker["node_id"]: (broker["host"], broker["port"]) for broker in answer["brokers"]}

    def endpoints(self, broker):
        return sorted(json.loads(self.zookeeper("zk-get", f"/brokers/ids/{broker.id}"))["endpoints"])

    def test_listeners(self):
        """One comes for clients from elsewhere, outlives a restart, is announced under another name, and goes."""
        broker, second = self.cluster.brokers[3], free_port()
        inner, outer = f"PLAINTEXT://{broker.address}", f"OUTER://127.0.0.1:{second}"
        names = "listener.security.protocol.map=[PLAINTEXT:PLAINTEXT,OUTER:PLAINTEXT]"
        everybody = {each.id: ("127.0.0.1", each.port) for each in self.cluster.brokers.values()}
        taken = f"OUTER://127.0.0.1:{self.cluster.brokers[1].port}"
        for said, *settings in (
                ("OUTER has no security protocol", f"listeners=[{inner},{outer}]"),
                ("Address already in use", names, f"listeners=[{inner},{taken}]"),
                ("is not served yet", f"listeners=[{inner},SSL://127.0.0.1:{second}]"),
                ("the listener PLAINTEXT, on which brokers reach each other", names, f"listeners=[{outer}]"),
                ("OUTER is not among listeners", names, f"advertised.listeners=[{inner},{outer}]")):
            self.assert_says(said, "--alter", "--broker", "3", "--add-config", ",".join(settings))
        self.assert_says("only be set for one broker", "--alter", "--broker-defaults", "--add-config", f"listeners={inner}")

        registrations = broker.log.count("registered, broker epoch")
        self.kafka("--alter", "--entity-type", "brokers", "--entity-name", "3", "--add-config",
                   f"{names},listeners=[{inner},{outer}]")
        wait_until(lambda: self.brokers_seen_at(second) == {3: ("127.0.0.1", second)}, "the new listener to be announced")
        self.assertEqual(self.endpoints(broker), [outer, inner])
        self.assertEqual(broker.log.count("registered, broker epoch"), registrations)  # rewritten in place
        self.assertEqual(self.brokers_seen_at(broker.port), everybody)
        self.create([3])
        with wire.Connection(types.SimpleNamespace(port=second)) as connection:
            error, *_ = connection.produce(self.topic, wire.batch([wire.record(b"from outside")]))
        self.assertEqual(error, NO_ERROR)

        with self.stopped(3):
            pass
        wait_until(lambda: self.brokers_seen_at(second) == {3: ("127.0.0.1", second)}, "it to be back")
        self.alter("--broker", "3", "--add-config", f"advertised.listeners=[{inner},OUTER://localhost:{second}]")
        wait_until(lambda: self.brokers_seen_at(second) == {3: ("localhost", second)}, "its other name")

        with wire.Connection(types.SimpleNamespace(port=second)) as connection:
            self.assertIsNotNone(connection.ask(messages.request("ApiVersions", 0, {})))
            self.alter("--broker", "3", "--delete-config",
                       "listeners,advertised.listeners,listener.security.protocol.map")
            self.assertIsNone(connection.receive())
        self.assertFalse(accepts(second))
        wait_until(lambda: self.endpoints(broker) == [inner], "it to be gone from ZooKeeper")
        wait_until(lambda: self.brokers_seen_at(broker.port) == everybody, "all to be as it was")
        self.assertEqual(self.effective("listeners", "--broker", "3"), inner)

    def test_listeners_that_cannot_be_do_not_stop_a_broker(self):
        """As another tool may write them, without asking the broker."""
        broker = self.cluster.brokers[3]
        with self.stopped(3):
            self.write_broker_config(3, {"listeners": "OUTER://:1", "log.cleaner.backoff.ms": "12321"})
        self.cluster.wait_for_brokers()
        self.assertEqual(self.effective("log.cleaner.backoff.ms", "--broker", "3"), "12321")
        self.assertEqual(self.effective("listeners", "--broker", "3"), f"PLAINTEXT://{broker.address}")
        self.assertIn("what is set there of listeners is not applied", broker.log)
        self.write_broker_config(3, {})

    def test_unclean_election_as_default(self):
        self.create([1, 2])
        with self.stopped(2):
            wait_until(lambda: self.cluster.partitions(self.topic)[0]["isr"] == [1], "an ISR of one")
            self.assertEqual(self.produce(10), NO_ERROR)
            with self.stopped(1):
                self.cluster.brokers[2].start()
                wait_until(lambda: 2 in self.cluster.registered(), "broker 2")
                wait_until(lambda: self.cluster.partitions(self.topic)[0]["leader"] == -1, "no leader")
                self.alter("--broker-defaults", "--add-config", "unclean.leader.election.enable=true")
                wait_until(lambda: self.cluster.partitions(self.topic)[0]["leader"] == 2, "an unclean leader")
                self.alter("--broker-defaults", "--delete-config", "unclean.leader.election.enable")

    @contextlib.contextmanager
    def stopped(self, broker_id):
        broker = self.cluster.brokers[broker_id]
        broker.process.terminate()
        try:
            yield
        finally:
            if not broker.process.running():
                broker.start()

    def test_what_stands_in_zookeeper_wrong_is_skipped(self):
        broker = self.cluster.brokers[3]
        broker.process.terminate()
        self.write_broker_config(3, {"num.io.threads": "many", "ssl.keystore.location": "/x", "broker.id": "9",
                                     "log.cleaner.backoff.ms": "12345"})
        broker.start()
        self.cluster.wait_for_brokers()
        self.assertEqual(self.effective("num.io.threads", "--broker", "3"), "4")
        self.assertEqual(self.effective("log.cleaner.backoff.ms", "--broker", "3"), "12345")
        for name in ("num.io.threads=many", "ssl.keystore.location", "broker.id"):
            self.assertIn(name, broker.log)
        self.alter("--broker", "3", "--add-config", "message.max.bytes=777777")  # what is wrong does not hinder
        self.assertEqual(self.effective("message.max.bytes", "--broker", "3"), "777777")
        self.write_broker_config(3, {})

    def write_broker_config(self, broker_id, config):
        path = f"/config/brokers/{broker_id}"
        self.zookeeper("zk-set" if self.znode(path) is not None else "zk-create", path,
                       json.dumps({"version": 1, "config": config}))

    def test_changes_at_the_same_time_lose_nothing(self):
        """Kafka's brokers read a config, change it and write it whole: of two, one may be lost."""
        self.create([1])
        names = ["retention.ms", "segment.ms", "segment.bytes", "retention.bytes", "flush.ms", "flush.messages",
                 "max.message.bytes", "index.interval.bytes", "delete.retention.ms", "file.delete.delay.ms"]
        connections = [wire.Connection(broker, timeout=30) for broker in self.cluster.brokers.values()]
        for connection in connections:
            self.addCleanup(connection.close)
        for round_number in range(5):
            value = str(100000 + round_number)
            for i, name in enumerate(names):  # all are asked before any answer is read
                connections[i % 3].send(messages.request("IncrementalAlterConfigs", 1, {
                    "resources": [{"resource_type": 2, "resource_name": self.topic, "configs": [
                        {"name": name, "config_operation": 0, "value": value}]}], "validate_only": False}))
            for i in range(len(names)):
                answer = messages.answer("IncrementalAlterConfigs", 1, connections[i % 3].receive())
                self.assertEqual(answer["responses"][0]["error_code"], NO_ERROR)
            self.assertEqual(self.znode(f"/config/topics/{self.topic}"), dict.fromkeys(names, value))


class CheckTest(unittest.TestCase):
    """`ottla-broker --check`, which starts nothing."""

    def check(self, *lines, more=()):
        with tempfile.NamedTemporaryFile("w", suffix=".properties") as properties:
            properties.write("".join(line + "\n" for line in ("zookeeper.connect=nowhere:2181", *lines)))
            properties.flush()
            outcome = subprocess.run([BROKER, "--check", properties.name, *more], capture_output=True, text=True, timeout=30)
        return outcome.returncode, outcome.stdout.splitlines(), outcome.stderr

    def test_settings_that_do(self):
        self.assertEqual(self.check("num.io.threads=4", "listeners=PLAINTEXT://:9092"), (0, [], ""))

    def test_settings_without_effect(self):
        status, told, _ = self.check("shop.metrics.reporter=loud", "authorizer.class.name=kafka.security.authorizer.AclAuthorizer")
        self.assertEqual((status, told), (0, ["authorizer.class.name: has no effect in this release of Ottla",
                                              "shop.metrics.reporter: unknown name, ignored"]))

    def test_settings_with_which_no_broker_starts(self):
        for line, said in (("num.io.threads=many", "num.io.threads=many"), ("process.roles=broker", "process.roles"),
                           ("listeners=PLAINTEXT://:9092,SSL://:9093", "SSL is not served yet")):
            status, _, why = self.check(line)
            self.assertEqual(status, 1, line)
            self.assertIn(said, why)
        self.assertEqual(self.check(more=["--override=num.io.threads=0"])[0], 1)


if __name__ == "__main__":
    unittest.main()
