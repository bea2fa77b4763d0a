"""The two systems under comparison, behind one interface: Apache Kafka 3.9.1 and Ottla.

Both get a ZooKeeper of their own (Debian's), ports from the kernel, and a directory that goes when they do.
"""

import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "integration-tests"))
import cluster as ottla  # noqa: E402
import wire  # noqa: E402

KAFKA_REF = ROOT / "integration-tests" / "reference" / "kafka-ref"
KAFKA_VERSION = "3.9.1"
PATIENCE_S = 600

# Ten thousand connections; brokers inherit it.
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)


class At:
    """What wire.Connection wants to know of a broker."""

    def __init__(self, port):
        self.port = port


class System:
    """A running cluster; a context manager. `settings` are those of Kafka, of every broker; "2:name" is broker 2's."""

    zookeeper = None      # host:port and chroot
    directory = None      # pathlib.Path
    ports = {}            # of each broker id; ids from 1

    def __init__(self, brokers=3, environment=None, **settings):
        self.environment = environment  # added to that of Ottla's brokers
        self.settings = {name.replace("__", "."): str(value) for name, value in settings.items()}
        self.ids = list(range(1, brokers + 1))
        self.open()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def bootstrap(self):
        return ",".join(f"127.0.0.1:{port}" for port in self.ports.values())

    def connect(self, broker_id=1, timeout=60):
        return wire.Connection(At(self.ports[broker_id]), timeout=timeout)

    def kill(self, broker_id):
        """kill -9, now."""
        os.kill(self.pid(broker_id), signal.SIGKILL)

    def kill_all(self):
        """What is thrown away need not end in order."""
        for broker_id in self.ids:
            if self.is_running(broker_id):
                self.kill(broker_id)
        ottla.wait_until(lambda: not self.pids(), "the brokers to be gone", 60)

    def pids(self):
        return [self.pid(broker_id) for broker_id in self.ids if self.is_running(broker_id)]

    def is_running(self, broker_id):
        pid = self.pid(broker_id)
        status = pathlib.Path(f"/proc/{pid}/stat")
        return pid is not None and status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] != "Z"

    def cpu_seconds(self):
        return sum(ottla.cpu_seconds(pid) for pid in self.pids())

    def started_at(self, broker_id):
        """When the process began, as time.monotonic() counts (Linux: since boot)."""
        fields = pathlib.Path(f"/proc/{self.pid(broker_id)}/stat").read_text().rsplit(")", 1)[1].split()
        since_boot = int(fields[19]) / os.sysconf("SC_CLK_TCK")
        return since_boot - (time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic())

    # The cluster's state, by Ottla's tool for both.

    def tool(self, *arguments, seconds=PATIENCE_S):
        """Its output. It waits as long for an answer: a cluster may need minutes for a thousand logs."""
        patient = self.directory / "patient.properties"
        if not patient.exists():
            patient.write_text(f"request.timeout.ms={1000 * PATIENCE_S}\n")
        outcome = subprocess.run([ottla.OTTLA, arguments[0], "--bootstrap-server", self.bootstrap, "--command-config", patient,
                                  *map(str, arguments[1:])],
                                 capture_output=True, text=True, timeout=seconds)
        if outcome.returncode != 0:
            raise ottla.ToolFailed(f"ottla {' '.join(map(str, arguments))}: {outcome.stderr or outcome.stdout}")
        return outcome.stdout

    def state(self):
        return json.loads(self.tool("cluster", "--json"))

    def controller(self):
        return self.state()["controller"]

    def partitions(self, topic):
        """[{"partition", "leader", "replicas", "isr"}]"""
        return json.loads(self.tool("topics", "--describe", "--topic", topic, "--json"))[0]["partitions"]

    def create_topic(self, name, partitions=1, replicas=1, at_once=500, **configs):
        """Until all replicas of all are in sync; beyond `at_once` partitions as `grow_topic` does."""
        settings = [word for key, value in configs.items() for word in ("--config", f"{key.replace('__', '.')}={value}")]
        self.tool("topics", "--create", "--topic", name, "--partitions", min(partitions, at_once),
                  "--replication-factor", replicas, *settings)
        self.wait_for_isr(name, min(partitions, at_once), replicas)
        self.grow_topic(name, partitions, replicas, at_once)

    def grow_topic(self, name, partitions, replicas, at_once=500):
        """In steps of `at_once`: no request has to wait for thousands of logs."""
        there = len(self.partitions(name)) if name in self.tool("topics", "--list").split() else 0
        if not there:
            return self.create_topic(name, partitions, replicas, at_once)
        for count in range(there, partitions, at_once):
            self.tool("topics", "--alter", "--topic", name, "--partitions", min(count + at_once, partitions))
        self.wait_for_isr(name, partitions, replicas)

    def wait_for_isr(self, topic, partitions, replicas):
        def in_sync():
            found = self.partitions(topic)
            return len(found) == partitions and all(len(p["isr"]) == replicas and p["leader"] >= 0 for p in found)
        ottla.wait_until(in_sync, f"{replicas} in-sync replicas of {topic}", 600)

    def registered(self):
        """Ids, as ZooKeeper has them."""
        shown = subprocess.run([ottla.OTTLA, "cluster", "--json", "--zookeeper", self.zookeeper], capture_output=True,
                               text=True, timeout=60).stdout
        return [broker["id"] for broker in json.loads(shown)["brokers"] if broker["registered"]]

    def wait_for_the_dead(self, broker_id):
        """Until the session of a killed broker is over: a start that must wait for that is not what is measured."""
        ottla.wait_until(lambda: broker_id not in self.registered(), f"the session of broker {broker_id} to end", 90)

    def wait_for_brokers(self):
        def all_there():
            state = self.state()
            return sorted(b["id"] for b in state["brokers"] if b["registered"]) == self.ids and state["controller"] in self.ids
        ottla.wait_until(all_there, "all brokers and a controller", 300)

    def segments(self, topic):
        return sorted(self.directory.glob(f"**/{topic}-*/*.log"))


class Ottla(System):
    name = "ottla"

    def open(self):
        self.cluster = ottla.Cluster(len(self.ids), environment=self.environment, **self.settings)
        self.directory = self.cluster.directory
        self.zookeeper = self.cluster.zookeeper.connect + self.cluster.chroot
        self.ports = {broker.id: broker.port for broker in self.cluster.brokers.values()}

    def pid(self, broker_id):
        process = self.cluster.brokers[broker_id].process
        return process.pid if process.running() else None

    def terminate(self, broker_id):
        self.cluster.brokers[broker_id].process.terminate(300)

    def start(self, broker_id):
        self.cluster.brokers[broker_id].start()

    def data(self, broker_id):
        return self.directory / f"broker-{broker_id}" / "data"

    def close(self):
        self.kill_all()
        self.cluster.close()


class Kafka(System):
    name = "kafka"

    def open(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="kafka-bench."))
        self.own_zookeeper = ottla.ZooKeeper(self.directory / "own-zookeeper")
        self.zookeeper = self.own_zookeeper.connect
        base = free_ports(len(self.ids))
        self.ports = {broker_id: base + broker_id - 1 for broker_id in self.ids}
        try:
            self.reference("start", "--brokers", len(self.ids), "--base-port", base, "--first-id", 1, "--zk", self.zookeeper,
                           *(word for setting in self.settings.items() for word in ("--set", "=".join(setting))))
            self.wait_for_brokers()
        except BaseException:
            self.close()
            raise

    def reference(self, verb, *arguments, check=True):
        outcome = subprocess.run([KAFKA_REF, verb, "--dir", self.directory / "kafka", *map(str, arguments)],
                                 capture_output=True, text=True, timeout=400)
        if check and outcome.returncode != 0:
            raise RuntimeError(f"kafka-ref {verb}: {outcome.stderr}")

    def pid(self, broker_id):
        file = self.directory / "kafka" / f"broker-{broker_id}" / "pid"
        pid = int(file.read_text().split()[0]) if file.exists() else None
        return pid if pathlib.Path(f"/proc/{pid}").exists() else None

    def terminate(self, broker_id):
        self.reference("stop", "--broker", broker_id, "--timeout", 300)

    def start(self, broker_id):
        """Kafka ends itself when its last session is still there."""
        self.wait_for_the_dead(broker_id)
        self.reference("start", "--broker", broker_id, "--no-wait")

    def data(self, broker_id):
        return self.directory / "kafka" / f"broker-{broker_id}" / "data"

    def close(self):
        self.kill_all()
        self.own_zookeeper.end()
        shutil.rmtree(self.directory, ignore_errors=True)


def free_ports(count):
    """The first of so many in a row that nobody listens on."""
    while True:
        base = ottla.free_port()
        try:
            for port in range(base + 1, base + count):
                with socket.socket() as listener:
                    listener.bind(("127.0.0.1", port))
            return base
        except OSError:
            continue


def fetch_kafka():
    subprocess.run([KAFKA_REF, "fetch", KAFKA_VERSION], check=True, stdout=subprocess.DEVNULL)
