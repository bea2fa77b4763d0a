"""/metrics, /health and the JSON of the status page on real brokers, through a failover and under hostile clients."""

import ctypes
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import unittest

import interop_clients
import messages
import wire
from cluster import BROKER, Cluster, free_port, wait_until
from status_page import LISTENER, get, get_json, port_of, samples, total, value, wait_until_ready


class StoppedThread:
    """Holds one thread of a process of ours, as a debugger does."""

    SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17

    def __init__(self, pid, name):
        tasks = [task for task in pathlib.Path(f"/proc/{pid}/task").iterdir() if (task / "comm").read_text().strip() == name]
        self.thread, = (int(task.name) for task in tasks)
        self.libc = ctypes.CDLL(None, use_errno=True)

    def trace(self, request):
        if self.libc.ptrace(request, self.thread, None, None) != 0:
            raise OSError(ctypes.get_errno(), f"ptrace {request:#x}")

    def __enter__(self):
        self.trace(self.SEIZE)
        self.trace(self.INTERRUPT)
        os.waitpid(self.thread, 0x40000000)  # __WALL
        return self

    def __exit__(self, *_):
        self.trace(self.DETACH)


class StatusTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(**LISTENER)
        cls.addClassCleanup(cls.cluster.close)
        cls.brokers = list(cls.cluster.brokers.values())
        cls.cluster.create_topic("orders", 4, 3)

    def setUp(self):
        wait_until_ready(self.brokers)

    def produce(self, topic, count=1000):
        self.cluster.create_topic(topic, 4, 3)
        self.cluster.ottla("console-producer", "--topic", topic, stdin="".join(f"line-{i}\n" for i in range(count)))

    def test_what_was_produced_is_counted_once(self):
        self.produce("counted")
        # A page that is dear to make is given for a while.
        wait_until(lambda: total(self.cluster, "kafka_server_brokertopicmetrics_messagesin_total", topic="counted") >= 1000,
                   "all records to be counted")
        self.assertEqual(total(self.cluster, "kafka_server_brokertopicmetrics_messagesin_total", topic="counted"), 1000)
        self.assertEqual(total(self.cluster, "kafka_controller_kafkacontroller_activecontrollercount"), 1)
        self.assertEqual(total(self.cluster, "kafka_server_replicamanager_leadercount"),
                         total(self.cluster, "kafka_controller_kafkacontroller_globalpartitioncount"))

    def test_the_series_of_kafka_exporter_are_there_once(self):
        cluster = self.cluster
        self.produce("exported")
        cluster.ottla("console-consumer", "--topic", "exported", "--from-beginning", "--max-messages", 600,
                      "--group", "billing")
        self.assertEqual(total(cluster, "kafka_topic_partition_current_offset", topic="exported"), 1000)
        self.assertEqual(total(cluster, "kafka_topic_partitions", topic="exported"), 4)
        self.assertEqual(total(cluster, "kafka_topic_partition_replicas", topic="exported"), 12)
        self.assertEqual(total(cluster, "kafka_brokers"), 3)
        wait_until(lambda: total(cluster, "kafka_consumergroup_current_offset", consumergroup="billing") == 600,
                   "the committed offsets")
        behind = sum(place["lag"] for broker in self.brokers for group in get_json(broker, "/status.json")["groups"]
                     if group["name"] == "billing" for place in group["offsets"])
        self.assertEqual(total(cluster, "kafka_consumergroup_lag_sum", consumergroup="billing"), behind)
        self.assertLessEqual(behind, 400)

    def lags(self, group):
        """By partition, as the metrics of all brokers have them: each once."""
        found = {}
        for broker in self.brokers:
            if not broker.process.running() or broker.process.is_stopped():
                continue
            for (name, labels), lag in samples(broker).items():
                labels = dict(labels)
                if name == "kafka_consumergroup_lag" and labels["consumergroup"] == group:
                    self.assertNotIn(int(labels["partition"]), found)
                    found[int(labels["partition"])] = lag
        return found

    def shown(self, group):
        """(its coordinator, what the status page is told)."""
        for broker in self.brokers:
            for each in get_json(broker, "/status.json")["groups"]:
                if each["name"] == group:
                    return broker, each
        return None

    def test_lag_is_known_where_the_coordinator_has_no_replica(self):
        cluster = self.cluster
        cluster.create_topic("scattered", 6, 1)
        cluster.ottla("consumer-groups", "--group", "scattered", "--topic", "scattered", "--reset-offsets", "--to-earliest",
                      "--execute")
        for partition in range(6):
            with wire.Connection(cluster.leader("scattered", partition)) as connection:
                error, *_ = connection.produce("scattered", wire.batch([wire.record(b"v", offset_delta=i) for i in range(partition + 1)]), partition=partition)
                self.assertEqual(error, 0)
        expected = {partition: partition + 1 for partition in range(6)}
        wait_until(lambda: self.lags("scattered") == expected, "the lag of all partitions")
        coordinator, group = wait_until(lambda: self.shown("scattered"), "the group")
        self.assertEqual((group["lag_known"], group["lag"]), (True, 21))
        described = json.loads(cluster.ottla("consumer-groups", "--describe", "--group", "scattered", "--json"))
        self.assertEqual({row["partition"]: row["lag"] for row in described[0]["offsets"]}, expected)

        # A leader that does not answer hides its own partitions, and holds nobody up for long.
        leader = next(broker for broker in self.brokers if broker is not coordinator)
        hidden = {partition for partition in range(6) if cluster.leader("scattered", partition) is leader}
        self.assertTrue(hidden)
        leader.process.pause()
        try:
            visible = {partition: lag for partition, lag in expected.items() if partition not in hidden}
            wait_until(lambda: self.lags("scattered") == visible, "the paused leader's partitions to be unknown")
            self.assertFalse(self.shown_by(coordinator, "scattered")["lag_known"])
        finally:
            leader.process.resume()
        wait_until(lambda: self.lags("scattered") == expected, "the lag of all partitions again", 60)

    @staticmethod
    def shown_by(broker, group):
        return next(each for each in get_json(broker, "/status.json")["groups"] if each["name"] == group)

    def test_requests_that_kafka_4_refuses_are_counted(self):
        """In just the versions whose first one the clients of Kafka 4 know."""
        first = {api: int(version) for api, version in (line.split() for line in interop_clients.run(
            interop_clients.java_main("4.1.1", "FirstVersions")).splitlines())}
        broker = self.brokers[0]

        def asked(api, version, body, answered=True):
            with wire.Connection(broker) as connection:
                connection.send(messages.request(api, version, body))
                return connection.receive() if answered else None
        told = messages.answer("ApiVersions", 0, asked("ApiVersions", 0, {}))
        served = {row["api_key"]: row["max_version"] for row in told["api_keys"]}
        expected = set()
        for api, schema in messages.APIS.items():
            # Kafka 4 has no ZooKeeper; the controller's commands are not for clients.
            if schema.key not in served or api not in first or api in ("LeaderAndIsr", "StopReplica", "UpdateMetadata",
                                                                      "ControlledShutdown"):
                continue
            for version in range(min(first[api], served[schema.key]) + 1):
                asked(api, version, {"acks": 1} if api == "Produce" else {})
                if version < first[api]:
                    expected.add((api, str(version)))
        name = "kafka_network_requestmetrics_deprecatedrequests_total"

        def counted():
            rows = (dict(labels) for (sample, labels), _ in samples(broker).items() if sample == name)
            return {(row["request"], row["version"]) for row in rows}
        self.assertIn(("Fetch", "3"), expected)
        wait_until(lambda: counted() >= expected, "all to be counted")
        self.assertEqual(counted(), expected)

    def test_other_names_on_request(self):
        broker = self.brokers[0]
        name = "kafka_server_brokertopicmetrics_bytesinpersec"
        self.assertIn(name, {sample for sample, _ in samples(broker, "?dialect=B")})
        self.assertNotIn(name, {sample for sample, _ in samples(broker)})
        self.assertEqual(value(broker, "kafka_server_kafkaserver_brokerstate"), 3)

    @unittest.skipUnless(shutil.which("promtool"), "promtool is not installed (Debian's prometheus)")
    def test_promtool_can_read_it(self):
        for query in ("", "?dialect=B"):
            text = get(self.brokers[0], "/metrics" + query)[1]
            # Its other complaints are about the style of names, which are Kafka's.
            checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
            self.assertNotIn("error while linting", checked.stderr)

    def test_the_status_tells_of_topics_and_configs(self):
        broker = self.brokers[0]
        status = get_json(broker, "/status.json")
        self.assertEqual([b["id"] for b in status["brokers"]], [b.id for b in self.brokers])
        self.assertIn(f"127.0.0.1:{port_of(self.brokers[1])}", [b.get("http") for b in status["brokers"]])
        self.assertEqual((status["offline_partitions"], status["problems"]), (0, []))
        topic = get_json(broker, "/topic.json?name=orders")
        self.assertEqual(len(topic["partitions"]), 4)
        self.assertEqual(get(broker, "/topic.json?name=nothing")[0], 404)
        configs = {config["name"]: config for config in get_json(broker, "/configs.json")["configs"]}
        self.assertEqual(configs["broker.id"]["value"], str(broker.id))
        self.assertIn("<html", get(broker, "/")[1])

    def test_a_failover_shows(self):
        cluster = self.cluster
        partition = get_json(self.brokers[0], "/topic.json?name=orders")["partitions"][0]
        dead = cluster.brokers[partition["leader"]]
        alive = [broker for broker in self.brokers if broker is not dead]
        dead.process.kill()
        try:
            def problem():
                status, text = get(alive[0], "/status.json")
                return status == 200 and json.loads(text)["under_replicated_partitions"] >= 4
            wait_until(problem, "the status to tell of missing replicas")
            elections = [e for e in get_json(alive[0], "/status.json")["elections"] if e.get("partition") == "orders-0"]
            self.assertEqual(elections[0]["from"], dead.id)
            self.assertGreater(value(alive[0], "kafka_server_replicamanager_underreplicatedpartitions") +
                               value(alive[1], "kafka_server_replicamanager_underreplicatedpartitions"), 0)
            # What the others hold is whole: they are ready.
            wait_until_ready(alive)
        finally:
            dead.start()
        wait_until(dead.accepts, "the broker to be back", 60)
        wait_until_ready(self.brokers)

    def test_a_broker_that_lost_zookeeper_says_why_it_is_not_ready(self):
        zookeeper = self.cluster.zookeeper.process
        zookeeper.pause()
        try:
            wait_until(lambda: not get_json(self.brokers[0], "/status.json")["zookeeper_connected"],
                       "the loss to be noticed", 60)
            self.assertEqual(get(self.brokers[0], "/health/live")[0], 200)
        finally:
            zookeeper.resume()
        wait_until(lambda: get_json(self.brokers[0], "/status.json")["zookeeper_connected"], "ZooKeeper", 60)
        wait_until_ready(self.brokers, 120)

    def test_a_loop_that_hangs_is_not_live(self):
        """One thread of the process is stopped, as if it had been caught in an endless wait; the others run."""
        broker = self.brokers[1]
        self.assertEqual(get(broker, "/health/live")[0], 200)
        with StoppedThread(broker.process.pid, "network-1"):
            status, text = wait_until(lambda: (lambda answer: answer if answer[0] != 200 else None)(
                get(broker, "/health/live")), "the hanging thread to be noticed", 60)
            self.assertEqual(status, 503)
            told = json.loads(text)
            self.assertEqual(told["live"], False)
            self.assertIn("the thread network-1 stands still", [reason["text"] for reason in told["reasons"]])
            self.assertGreater(value(broker, "kafka_server_stallwatchdog_stalledms", thread="network-1"), 25_000)
        wait_until(lambda: get(broker, "/health/live")[0] == 200, "it to be live again", 60)
        wait_until_ready(self.brokers, 120)

    def test_who_is_not_ready_says_why(self):
        """Its replica is behind the leader of a partition, who then dies: only who was in sync may lead."""
        follower, leader = self.brokers[0], self.brokers[1]

        def reasons():
            status, text = get(follower, "/health/ready")
            told = {reason["what"]: reason for reason in json.loads(text).get("reasons", [])}
            self.assertEqual(status, 503 if told else 200)
            return told
        self.cluster.ottla("topics", "--create", "--topic", "behind", "--replica-assignment", f"{leader.id}:{follower.id}")
        self.cluster.wait_for_isr("behind", 2)
        try:
            follower.process.pause()
            wait_until(lambda: self.cluster.partitions("behind")[0]["isr"] == [leader.id], "the follower to be put out")
            leader.process.kill()
        finally:
            follower.process.resume()
        # The first twenty of each reason are named: at first those of the offsets' topic, which catches up.
        for what in ("offline_partitions", "not_caught_up"):
            wait_until(lambda: "behind-0" in reasons().get(what, {"partitions": []})["partitions"], f"{what} to be told")
        self.assertEqual(get(follower, "/health/live")[0], 200)
        # With its leader's return all is well.
        leader.start()
        wait_until_ready(self.brokers)
        self.assertEqual(reasons(), {})

    def test_hostile_clients_hurt_nobody(self):
        broker = self.brokers[0]
        clients = []
        for number in range(300):
            client = socket.create_connection(("127.0.0.1", port_of(broker)), timeout=10)
            self.addCleanup(client.close)
            client.sendall((b"", b"GET / HT", b"\x16\x03\x01 garbage\r\n\r\n", b"GET /metrics HTTP/1.1\r\n\r\n")[number % 4])
            clients.append(client)
        self.assertEqual(get(broker, "/health/ready")[0], 200)
        self.cluster.ottla("console-producer", "--topic", "orders", stdin="still here\n", seconds=20)


class TakenPortTest(unittest.TestCase):
    def test_a_taken_port_ends_the_start(self):
        """As a taken Kafka port does: at once, before anything is touched."""
        with tempfile.TemporaryDirectory(prefix="ottla-it.") as directory, socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            holder.listen()
            taken = f"127.0.0.1:{holder.getsockname()[1]}"
            properties = pathlib.Path(directory, "server.properties")
            properties.write_text(f"broker.id=1\nlog.dirs={directory}/data\nlisteners=PLAINTEXT://127.0.0.1:{free_port()}\n"
                                  f"zookeeper.connect=127.0.0.1:{free_port()}\nottla.http.listener={taken}\n")
            ended = subprocess.run([BROKER, properties], capture_output=True, text=True, timeout=60)
            self.assertEqual(ended.returncode, 1)
            self.assertIn(f"ottla.http.listener: cannot bind {taken}: Address already in use", ended.stderr)
            self.assertFalse(pathlib.Path(directory, "data").exists())


class RecoveryTest(unittest.TestCase):
    """A start after a crash, held up in the middle of it."""

    def test_a_start_tells_how_far_its_recovery_is(self):
        cluster = Cluster(1, **LISTENER)
        self.addCleanup(cluster.close)
        broker = cluster.brokers[1]
        cluster.create_topic("orders", 4, 1)
        cluster.wait_for_isr("orders", 1)
        cluster.ottla("console-producer", "--topic", "orders", stdin="".join(f"line-{i}\n" for i in range(1000)))
        wait_until_ready([broker])
        broker.process.kill()
        # Who opens a pipe to read from it waits for a writer, as for a disk that does not answer.
        left = broker.directory / "data" / "left-0"
        left.mkdir()
        segment, pipe = left / "00000000000000000000.log", left / "pipe"
        os.mkfifo(segment)
        broker.start()
        def is_recovering():
            return "recovering_logs" in get(broker, "/health/ready")[1]
        wait_until(is_recovering, "the recovery to begin")
        status, text = get(broker, "/health/ready")
        reason = json.loads(text)["reasons"][0]
        self.assertEqual((status, reason["what"]), (503, "recovering_logs"))
        self.assertRegex(reason["text"], r"^recovering logs: [1-9]\d* of [1-9]\d* left$")
        self.assertEqual(get(broker, "/health/live")[0], 200)
        shown = get_json(broker, "/status.json")
        self.assertEqual((shown["ready"], shown["state"], shown["why"]), (False, "loading logs", reason["text"]))
        directory, = shown["recovery"]
        self.assertEqual(directory["logs_left"], directory["logs"])
        self.assertGreaterEqual(directory["logs"], 5)
        where = {"dir": directory["directory"]}
        self.assertEqual(value(broker, "kafka_log_logmanager_remaininglogstorecover", **where), directory["logs"])
        self.assertEqual(value(broker, "kafka_log_logmanager_remainingsegmentstorecover", threadNum="0", **where), 0)
        self.assertEqual(value(broker, "kafka_server_kafkaserver_brokerstate"), 2)
        segment.rename(pipe)
        segment.touch()
        with open(pipe, "wb"):
            pipe.unlink()
            wait_until_ready([broker])
        # As with Kafka they are there while there is something to tell.
        wait_until(lambda: "torecover{" not in get(broker, "/metrics")[1], "the figures of the recovery to go")
        self.assertRegex(broker.log, r"recovering logs: \d+ of \d+ left, \d+ of \d+ MB left to read")


if __name__ == "__main__":
    unittest.main()
