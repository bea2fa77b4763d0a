"""What rows measure with: loads from outside, memory, and whether partitions are served."""

import json
import pathlib
import subprocess
import time

import systems
import wire
from profile_brokers import profiled
from systems import ottla

LOAD = ottla.BUILD / "bench" / "ottla-load"
UNKNOWN_TOPIC = 3


class Outcome(dict):
    """What ottla-load says, and `cpu`: the seconds that all brokers needed meanwhile."""

    @property
    def cpu_per_gb(self):
        return self["cpu"] / (self["bytes"] / 1e9)

    @property
    def megabytes_per_second(self):
        return self["bytes"] / 1e6 / self["seconds"]

    @property
    def requests_per_cpu_second(self):
        return self["requests"] / max(self["cpu"], 0.01)

    @property
    def cpu_us_per_request(self):
        return self["cpu"] * 1e6 / self["requests"]


def flags(options):
    """`in_flight=3` becomes --in-flight 3; True stands for a flag alone."""
    words = []
    for name, value in options.items():
        for one in value if isinstance(value, list) else [value]:
            words += [f"--{name.replace('_', '-')}"] + ([] if one is True else [str(one)])
    return words


def alone(command, **options):
    """A command of ottla-load that needs no broker."""
    return json.loads(subprocess.run([LOAD, command, *flags(options)], capture_output=True, text=True, check=True,
                                     timeout=600).stdout)


class Load:
    """ottla-load, begun when its connections stand."""

    def __init__(self, system, command, **options):
        self.child = subprocess.Popen(
            [str(LOAD), command, "--bootstrap-server", system.bootstrap, "--wait", *flags(options)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        ready = self.child.stdout.readline()
        if ready != "ready\n":
            raise RuntimeError(f"ottla-load {command}: {self.child.communicate()[1]}")

    def go(self):
        self.child.stdin.write("go\n")
        self.child.stdin.flush()

    def outcome(self, seconds=1800):
        output, errors = self.child.communicate(timeout=seconds)
        if self.child.returncode != 0:
            raise RuntimeError(errors)
        return Outcome(json.loads(output))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.child.poll() is None:
            self.child.kill()
            self.child.communicate()


def load(system, command, **options):
    with Load(system, command, **options) as running, profiled(system, command):
        before = system.cpu_seconds()
        running.go()
        outcome = running.outcome()
        outcome["cpu"] = system.cpu_seconds() - before
        return outcome


def pss_mib(pid):
    """A process's part of the memory, what it shares counted in parts."""
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise ValueError("no Pss")


def settled_pss_mib(pid, interval):
    """When it has not moved by more than 2 % for an interval: what stays, not what a start needs."""
    deadline = time.monotonic() + 60
    before = pss_mib(pid)
    while True:
        time.sleep(interval)
        now = pss_mib(pid)
        if abs(now - before) <= 0.02 * before or time.monotonic() > deadline:
            return now
        before = now


def served(connection, topic, partitions):
    """Those whose leader is at the other end and knows the log's end."""
    body = wire.i32(-1) + wire.array([wire.text(topic) + wire.array(
        [wire.i32(partition) + wire.i64(-1) for partition in partitions])])
    answer = connection.call(wire.LIST_OFFSETS, 1, body)
    rows = answer.array(lambda: (answer.text(), answer.array(
        lambda: (answer.i32(), answer.i16(), answer.i64(), answer.i64()))))[0][1]
    return {partition: offset for partition, error, _, offset in rows if error == 0}


def wait_until_served(system, topic, partitions, seconds=600):
    """Every partition by some broker. The log end offsets."""
    ends = {}

    def all_served():
        for broker_id in system.ids:
            missing = [partition for partition in range(partitions) if partition not in ends]
            if missing:
                with system.connect(broker_id) as connection:
                    ends.update(served(connection, topic, missing))
        return len(ends) == partitions
    ottla.wait_until(all_served, f"{partitions} partitions of {topic} to be served", seconds)
    return ends


def knows_itself(system, broker_id):
    """The broker answers Metadata, with itself and a controller in it."""
    with system.connect(broker_id, timeout=5) as connection:
        answer = connection.call(wire.METADATA, 4, wire.metadata_body([], 4))
        answer.i32()
        brokers = answer.array(lambda: (answer.i32(), answer.text(), answer.i32(), answer.text()))
        answer.text()
        return broker_id in [row[0] for row in brokers] and answer.i32() >= 0


def quantile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
