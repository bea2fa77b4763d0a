"""Real ZooKeeper and real Ottla brokers on loopback, for the integration tests.

Ports come from the kernel, files live in a directory of the cluster's own, and nothing waits for a
time: `wait_until` polls a condition up to a deadline. Every process that a cluster starts is ended
by its id when the cluster closes.
"""

import collections
import contextlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("OTTLA_BUILD", HERE.parent / "build" / "release"))
BROKER = BUILD / "broker" / "ottla-broker"
OTTLA = BUILD / "cli" / "ottla"
CHECKER = BUILD / "integration-tests" / "ottla-checker"
ZOOKEEPER_SERVER = "/usr/share/zookeeper/bin/zkServer.sh"


class ToolFailed(RuntimeError):
    """A command line tool ended with an error."""


def free_port():
    """A port that nobody listens on, below those that the kernel gives to outgoing connections: a broker
    that is down must find its port free when it comes back."""
    ephemeral = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(min(10000, ephemeral // 2), ephemeral)
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port


def lose(directory):
    """Takes a log dir from under a running broker, at once: it may write there at any moment."""
    taken = directory.with_name(directory.name + ".lost")
    directory.rename(taken)
    shutil.rmtree(taken, ignore_errors=True)


def wait_until(condition, what, seconds=30.0):
    """The condition's first true value; AssertionError with `what` when time is up."""
    deadline = time.monotonic() + seconds
    last = None
    while time.monotonic() < deadline:
        try:
            value = condition()
            if value:
                return value
            last = value
        except (OSError, subprocess.SubprocessError, ValueError, KeyError, IndexError, ToolFailed) as error:
            last = error
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds} s for {what}; last: {last!r}")


def accepts(port, address="127.0.0.1"):
    with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=1):
        return True
    return False


def rss_mib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ValueError("no VmRSS")


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Loopback:
    """Where processes run, unless a test has hosts of its own (netns.py)."""
    address = "127.0.0.1"
    prefix = ()
    environment = {}


class Process:
    """A child process whose output goes to a file."""

    def __init__(self, name, arguments, output, environment=None, host=Loopback):
        self.name = name
        self.output = pathlib.Path(output)
        with open(self.output, "ab") as sink:
            self.child = subprocess.Popen(
                [str(argument) for argument in (*host.prefix, *arguments)],
                stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT,
                env={**os.environ, **host.environment, **(environment or {})})

    @property
    def pid(self):
        return self.child.pid

    def running(self):
        return self.child.poll() is None

    def signal(self, number):
        if self.running():
            self.child.send_signal(number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.child.wait(30)

    def pause(self):
        """On a busy machine its threads go on until one of them comes to run and takes the signal."""
        self.signal(signal.SIGSTOP)
        wait_until(lambda: self.is_stopped() or not self.running(), f"{self.name} to stand still")

    def is_stopped(self):
        states = [(task / "stat").read_text().rsplit(")", 1)[1].split()[0]
                  for task in pathlib.Path(f"/proc/{self.pid}/task").iterdir()]
        return all(state == "T" for state in states)

    def resume(self):
        self.signal(signal.SIGCONT)

    def terminate(self, seconds=30):
        """SIGTERM; the exit status."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        return self.child.wait(seconds)

    def end(self):
        if self.running():
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()


class ZooKeeper:
    """One server, alone or with `more` lines of configuration that make it one of several."""

    # No test crashes a host: with a busy disk a sync may last for seconds, in which nobody can be elected.
    JVM_FLAGS = "-Xmx256m -Dzookeeper.forceSync=no"

    def __init__(self, directory, tick_ms=2000, host=Loopback, more=""):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.host = host
        self.port = free_port()
        self.configuration = self.directory / "zoo.cfg"
        self.configuration.write_text(
            f"tickTime={tick_ms}\ndataDir={self.directory}/data\nclientPort={self.port}\n"
            f"clientPortAddress={host.address}\nadmin.enableServer=false\nmaxClientCnxns=0\n"
            f"4lw.commands.whitelist=*\n{more}")
        self.process = None
        self.start()

    @property
    def connect(self):
        return f"{self.host.address}:{self.port}"

    def start(self):
        self.launch()
        wait_until(self.mode, "ZooKeeper to serve", 60)

    def launch(self):
        self.process = Process(
            "zookeeper", [ZOOKEEPER_SERVER, "start-foreground", self.configuration],
            self.directory / "zookeeper.out",
            {"ZOO_LOG_DIR": str(self.directory), "JVMFLAGS": self.JVM_FLAGS, "JMXDISABLE": "true"}, self.host)

    def mode(self):
        """standalone, leader, follower; None when it does not serve: it accepts connections somewhat before that."""
        with socket.create_connection((self.host.address, self.port), timeout=1) as connection:
            connection.sendall(b"srvr")
            answer = b"".join(iter(lambda: connection.recv(4096), b"")).decode()
        return next((line.split()[1] for line in answer.splitlines() if line.startswith("Mode: ")), None)

    def end(self):
        self.process.end()


class Broker:
    def __init__(self, cluster, broker_id, overrides):
        self.cluster = cluster
        self.id = broker_id
        self.host = cluster.host_of(broker_id)
        self.port = free_port()
        self.directory = cluster.directory / f"broker-{broker_id}"
        self.directory.mkdir()
        self.properties = self.directory / "server.properties"
        settings = {
            "broker.id": broker_id,
            "listeners": f"PLAINTEXT://{self.address}",
            "log.dirs": self.directory / "data",
            "zookeeper.connect": cluster.zookeeper.connect + cluster.chroot,
            "ottla.grpc.listener": f"{self.host.address}:0",
            **overrides,
        }
        self.properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items() if value is not None))
        self.process = None
        self.start()

    @property
    def address(self):
        return f"{self.host.address}:{self.port}"

    @property
    def log(self):
        return (self.directory / "broker.out").read_text(errors="replace")

    def start(self):
        self.process = Process(f"broker-{self.id}", [BROKER, self.properties],
                               self.directory / "broker.out", self.cluster.environment, self.host)

    def accepts(self):
        return accepts(self.port, self.host.address)

    def rss_mib(self):
        return rss_mib(self.process.pid)


class Cluster:
    """ZooKeeper and `brokers` brokers with ids from 1, or `ids`. A context manager. `prepare` is called
    with the cluster when ZooKeeper runs and no broker does yet. An override that is a function is called
    with the cluster. `environment` is added to that of the brokers."""

    def __init__(self, brokers=3, chroot="/ottla", tick_ms=2000, ids=None, prepare=None, environment=None, **overrides):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="ottla-it."))
        self.chroot = chroot
        self.brokers = {}
        self.environment = environment
        self.keep = False
        self.zookeeper = self.make_zookeeper(tick_ms)
        overrides = {name.replace("__", "."): value(self) if callable(value) else value
                     for name, value in overrides.items()}
        start = time.monotonic()
        try:
            if prepare is not None:
                prepare(self)
            for broker_id in ids or range(1, brokers + 1):
                own = {name.split(":", 1)[1]: value for name, value in overrides.items()
                       if name.startswith(f"{broker_id}:")}
                common = {name: value for name, value in overrides.items() if ":" not in name}
                self.brokers[broker_id] = Broker(self, broker_id, {**common, **own})
            self.wait_for_brokers()
            self.brokers_seconds = time.monotonic() - start
        except BaseException:
            self.print_logs()
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            self.print_logs()
        self.close()

    clients = Loopback  # where checkers and consumers run

    def make_zookeeper(self, tick_ms):
        return ZooKeeper(self.directory / "zookeeper", tick_ms)

    def host_of(self, _broker_id):
        return Loopback

    def close(self):
        for broker in self.brokers.values():
            broker.process.resume()
            broker.process.signal(signal.SIGTERM)
        for broker in self.brokers.values():
            broker.process.end()
        self.zookeeper.end()
        if not self.keep:
            shutil.rmtree(self.directory, ignore_errors=True)

    def print_logs(self, lines=60, matters=lambda line: True):
        """The last that `matters`."""
        for broker in self.brokers.values():
            if (broker.directory / "broker.out").exists():
                print(f"--- broker {broker.id} (pid {broker.process.pid}, "
                      f"exit status {broker.process.child.poll()})")
                print("\n".join([line for line in broker.log.splitlines() if matters(line)][-lines:]), flush=True)

    @property
    def bootstrap(self):
        return self.bootstrap_without(None)

    def bootstrap_without(self, left_out):
        return ",".join(broker.address for broker in self.brokers.values() if broker is not left_out)

    def ottla(self, *arguments, check=True, seconds=60, stdin=None, without=None):
        """Runs the command line tool; its standard output. The broker `without` is not its first contact."""
        bootstrap = self.bootstrap_without(without)
        outcome = subprocess.run(
            [str(OTTLA), arguments[0], "--bootstrap-server", bootstrap,
             *[str(argument) for argument in arguments[1:]]],
            input=stdin, capture_output=True, text=True, timeout=seconds)
        if check and outcome.returncode != 0:
            raise ToolFailed(f"ottla {' '.join(map(str, arguments))}: exit {outcome.returncode}\n"
                             f"{outcome.stdout}\n{outcome.stderr}")
        return outcome.stdout

    def ottla_offline(self, *arguments, seconds=60):
        """A tool that works on files, without a cluster."""
        return subprocess.run([str(OTTLA), *map(str, arguments)], capture_output=True, text=True, check=True,
                              timeout=seconds).stdout

    def state(self):
        """What `ottla cluster --json` says."""
        return json.loads(self.ottla("cluster", "--json"))

    def running_ids(self):
        return sorted(i for i, broker in self.brokers.items() if broker.process.running())

    def wait_for_brokers(self, seconds=60):
        wanted = self.running_ids()
        for broker_id in wanted:
            broker = self.brokers[broker_id]
            wait_until(lambda: broker.accepts() or not broker.process.running(),
                       f"broker {broker_id} to accept connections", seconds)
            assert broker.process.running(), f"broker {broker_id} ended:\n{broker.log[-4000:]}"

        def all_known():
            state = self.state()
            return self.registered(state) == wanted and state["controller"] in wanted
        wait_until(all_known, f"brokers {wanted} and a controller to be known", seconds)

    def registered(self, state=None):
        return sorted(broker["id"] for broker in (state or self.state())["brokers"] if broker["registered"])

    def controller(self):
        """The broker in office, or None."""
        return self.brokers.get(self.state()["controller"])

    def controller_epoch(self):
        """As ZooKeeper has it."""
        return json.loads(self.ottla("cluster", "--json", "--zookeeper",
                                     self.zookeeper.connect + self.chroot))["controllerEpoch"]

    def create_topic(self, name, partitions=1, replicas=3, **configs):
        arguments = ["topics", "--create", "--topic", name, "--partitions", partitions,
                     "--replication-factor", replicas]
        for key, value in configs.items():
            arguments += ["--config", f"{key.replace('__', '.')}={value}"]
        self.ottla(*arguments)

    def partitions(self, topic):
        """{partition: {"leader", "replicas", "isr", ...}} from `ottla topics --describe --json`."""
        described = json.loads(self.ottla("topics", "--describe", "--topic", topic, "--json"))
        return {partition["partition"]: partition for partition in described[0]["partitions"]}

    def leader(self, topic, partition=0):
        """The broker that leads, or None."""
        return self.brokers.get(self.partitions(topic)[partition]["leader"])

    def wait_for_isr(self, topic, size=3, seconds=60):
        def in_sync():
            return all(len(partition["isr"]) == size and partition["leader"] >= 0
                       for partition in self.partitions(topic).values())
        wait_until(in_sync, f"{size} in-sync replicas of {topic}", seconds)


class Checker:
    """ottla-checker producing in the background; `finish` stops it, reads back, gives the counts. `log`: a file for what
    it says of itself; without one it is the test's."""

    def __init__(self, cluster, topic, partitions=1, rate=2000, idempotent=True, log=None, **options):
        self.cluster, self.topic, self.partitions = cluster, topic, partitions
        self.acks = cluster.directory / f"acks-{topic}-{time.monotonic_ns()}"
        arguments = [*cluster.clients.prefix, str(CHECKER), "produce", "--bootstrap-server", cluster.bootstrap, "--topic", topic,
                     "--partitions", str(partitions), "--acks-file", str(self.acks), "--rate", str(rate)]
        if idempotent:
            arguments.append("--idempotent")
        for name, value in options.items():
            for one in value if isinstance(value, list) else [value]:
                arguments += [f"--{name.replace('_', '-')}", str(one)]
        with contextlib.ExitStack() as files:
            errors = files.enter_context(open(log, "wb")) if log else None
            self.child = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
                                          env={**os.environ, **cluster.clients.environment})
        self.produced = None

    def acknowledged(self):
        try:
            with open(self.acks, "rb") as acks:
                return sum(chunk.count(b"\n") for chunk in iter(lambda: acks.read(1 << 20), b""))
        except FileNotFoundError:
            return 0

    def wait_for_progress(self, records=1, seconds=60):
        wanted = self.acknowledged() + records
        wait_until(lambda: self.acknowledged() >= wanted, f"{records} more acknowledgements", seconds)

    def kill(self):
        if self.produced is not None:
            return
        if self.child.poll() is None:
            self.child.kill()
        self.child.communicate()

    def stop(self, seconds=200):
        """Ends producing; what is read back later must hold all that was acknowledged."""
        if self.produced is None:
            output, _ = self.child.communicate(timeout=seconds)
            self.produced = json.loads(output)
        return self.produced

    def finish(self, seconds=200):
        produced = self.stop(seconds)
        verified = json.loads(subprocess.run(
            [str(CHECKER), "verify", "--bootstrap-server", self.cluster.bootstrap, "--topic", self.topic,
             "--acks-file", str(self.acks)],
            capture_output=True, text=True, timeout=seconds, check=True).stdout)
        return {**produced, **verified,
                "repeated_in_a_new_epoch": self.repeated_in_a_new_epoch() if verified["duplicated"] else 0}

    def repeated_in_a_new_epoch(self):
        """How many records stand in the log again under a later producer epoch. With one a broker knows nothing of the
        earlier sequence numbers. librdkafka (2.0.2) takes a new one, and repeats what was not answered well, when it has
        sent a batch to a new leader before the one that the old leader refused."""
        return sum(map(self._repeated_in_a_new_epoch, range(self.partitions)))

    def _repeated_in_a_new_epoch(self, partition):
        leader = self.cluster.leader(self.topic, partition)
        epochs, epoch = collections.defaultdict(set), None
        for log in sorted(leader.directory.glob(f"*/{self.topic}-{partition}/*.log")):
            for line in self.cluster.ottla_offline("dump-log", "--files", log, "--print-data-log").splitlines():
                batch = re.match(r"baseOffset: .* producerEpoch: (-?\d+) ", line)
                record = re.search(r" payload: (\d+) ", line)
                if batch:
                    epoch = int(batch.group(1))
                elif record:
                    epochs[record.group(1)].add(epoch)
        return sum(len(found) - 1 for found in epochs.values())
