"""A cluster that Ansible's playbooks deploy on hosts of their own (machines.py): what its tests share."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import time

import machines
from checked import CheckedCase
from cluster import OTTLA, Loopback, ToolFailed
from installed import build_packages, rebuild

ANSIBLE = machines.HERE.parent / "ansible"
OLD, NEW = "0.0.1", "0.0.2"
SETTINGS = {"min.insync.replicas": 2, "default.replication.factor": 3, "offsets.topic.num.partitions": 5}


def why_unavailable():
    """Why there can be no such cluster here, or None."""
    for program in ("ansible-playbook", "cpack", "dpkg-deb"):
        if shutil.which(program) is None:
            return f"{program} is not installed (deploy/install-packages --test)"
    return machines.why_unavailable()


class PlaybookFailed(AssertionError):
    """A playbook ended with an error; what it said."""


class Played:
    """What a playbook said it did."""

    def __init__(self, output):
        self.output = output
        self.recap = {host: {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", counts)}
                      for host, counts in re.findall(r"(?m)^(\S+)\s+: (ok=.*)$", output)}

    @property
    def changed(self):
        return {host: counts["changed"] for host, counts in self.recap.items() if counts["changed"]}

    def hosts_of(self, task):
        """Those that carried a task out, in their order."""
        sections = re.split(r"(?m)^TASK \[", self.output)
        return [host for section in sections if section.startswith(task) or f" : {task}]" in section.splitlines()[0]
                for host in re.findall(r"(?m)^(?:ok|changed): \[([^\]]+)\]", section)]


class Plays:
    """Runs the collection's playbooks on the hosts of `inventory`; both it and `directory` are of whoever inherits it."""

    @staticmethod
    def connection(machines):
        """What an inventory says of how hosts are reached."""
        return {"ansible_user": "root", "ansible_ssh_private_key_file": str(machines.directory / "key"),
                "ansible_ssh_common_args": " ".join(machines.ssh_options[2:]),
                "ansible_python_interpreter": "/usr/bin/python3"}

    def play(self, playbook, *words, check=True, seconds=900, **variables):
        """Runs one of the collection's playbooks. `check`: it must succeed."""
        inventory = self.directory / "inventory.json"
        inventory.write_text(json.dumps(self.inventory))
        began = time.monotonic()
        outcome = subprocess.run(
            ["ansible-playbook", "-i", inventory, f"ottla.cluster.{playbook}", "--extra-vars", json.dumps(variables), *words],
            cwd=ANSIBLE, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=seconds, env={
                **os.environ, "ANSIBLE_CONFIG": str(ANSIBLE / "ansible.cfg"), "ANSIBLE_HOME": str(self.directory / "ansible"),
                "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.directory / "cp"), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0",
                "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"})
        print(f"{playbook} {' '.join(words)}: {time.monotonic() - began:.0f} s", flush=True)
        if check and outcome.returncode != 0:
            raise PlaybookFailed(f"{playbook}: exit {outcome.returncode}\n{outcome.stdout[-12000:]}")
        return Played(outcome.stdout)


class Deployed(Plays):
    """Three ZooKeeper servers, or as many as are asked for, and three brokers; hosts for more brokers, and others that are
    named, are there."""

    clients = Loopback  # the test lives on the hosts' network

    def __init__(self, spare_brokers=0, zookeepers=3, others=()):
        brokers = [f"broker-{number}" for number in range(1, 4 + spare_brokers)]
        servers = [f"zookeeper-{number}" for number in range(1, 1 + zookeepers)]
        self.machines = machines.Machines(*servers, *brokers, *others)
        try:
            self.directory = self.machines.directory
            self.old = build_packages(self.directory, OLD)
            self.inventory = {
                "all": {"vars": self.connection(self.machines)},
                "zookeeper": {"hosts": {name: {"ansible_host": self.machines[name].address, "zookeeper_id": number}
                                        for number, name in enumerate(servers, 1)},
                              "vars": {"zookeeper_heap": "128m"}},
                "brokers": {"hosts": {}, "vars": {"ottla_deb_files": list(map(str, self.old.values())),
                                                  "ottla_config": dict(SETTINGS)}},
            }
            for number in (1, 2, 3):
                self.add_broker(number)
        except BaseException:
            self.close()
            raise

    def close(self):
        self.machines.close()

    def add_broker(self, number):
        name = f"broker-{number}"
        self.inventory["brokers"]["hosts"][name] = {
            "ansible_host": self.machines[name].address, "ottla_broker_id": number, "ottla_rack": f"rack-{number}"}

    @property
    def settings(self):
        return self.inventory["brokers"]["vars"]

    @property
    def broker_names(self):
        return list(self.inventory["brokers"]["hosts"])

    @property
    def bootstrap(self):
        return ",".join(f"{host['ansible_host']}:9092" for host in self.inventory["brokers"]["hosts"].values())

    def newer_packages(self):
        return [str(rebuild(package, NEW, lambda directory: None)) for package in self.old.values()]

    def ottla(self, *words):
        outcome = subprocess.run([OTTLA, words[0], "--bootstrap-server", self.bootstrap, *map(str, words[1:])],
                                 capture_output=True, text=True, timeout=60)
        if outcome.returncode != 0:
            raise ToolFailed(outcome.stderr)
        return outcome.stdout

    def state(self):
        return json.loads(self.ottla("cluster", "--json"))

    def controller(self):
        return f"broker-{self.state()['controller']}"

    def assignment(self, topic):
        described = json.loads(self.ottla("topics", "--describe", "--topic", topic, "--json"))
        return {one["partition"]: one["replicas"] for one in described[0]["partitions"]}

    def pid_of(self, broker):
        told = self.machines[broker].run("systemctl", "show", "ottla-broker", "--property=MainPID")
        return int(told.strip().removeprefix("MainPID="))

    def pids(self):
        return {broker: self.pid_of(broker) for broker in self.broker_names}

    def print_logs(self, lines=60):
        for broker in self.broker_names:
            print(f"--- {broker}\n" + self.machines[broker].run(
                "tail", "-n", lines, "/var/log/ottla/server.log", check=False), flush=True)


class DeployedCase(CheckedCase):
    """For a TestCase: `self.cluster` is deployed once, each test leaves it whole."""

    SPARE_BROKERS = 0

    @classmethod
    def setUpClass(cls):
        cls.cluster = Deployed(cls.SPARE_BROKERS)
        cls.addClassCleanup(cls.cluster.close)
        cls.deployed = cls.cluster.play("deploy")

    def create_topic(self, name, partitions=6):
        self.cluster.ottla("topics", "--create", "--topic", name, "--partitions", partitions, "--replication-factor", 3)

    def assert_whole(self, brokers=None):
        state = self.cluster.state()
        self.assertTrue(state["healthy"], state)
        registered = [broker["id"] for broker in state["brokers"] if broker["registered"]]
        self.assertEqual(len(registered), brokers or len(self.cluster.broker_names), state)

    def assert_no_record_suffered(self, checker):
        counts = self.assert_nothing_lost(checker)
        self.assertEqual(counts["failed"], 0)
