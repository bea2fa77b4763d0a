"""What brokers answer to AlterReplicaLogDirs and DescribeLogDirs, asked for what makes sense and for what does not: the same
requests, in every version, to a Kafka 3.9 and to Ottla. Each has two log dirs, and maybe a third one that cannot be used."""

import pathlib
import shutil
import tempfile
import unittest

import interop_clients
import messages
import wire
from cluster import OTTLA, Cluster, free_port, wait_until
from test_answers import World, differences

MOVED, LARGE, ABSENT = "moved", "large", "nowhere"
THROTTLE = "replica.alter.log.dirs.io.max.bytes.per.second"
SETTINGS = {"auto.create.topics.enable": "false", "num.partitions": 1, "default.replication.factor": 1,
            "log.retention.ms": -1}


class Dir:
    """A log dir, by its number; the third one is offline."""

    def __init__(self, number, tail=""):
        self.number, self.tail = number, tail

    def __repr__(self):
        return f"dir {self.number}{self.tail}"


HERE, THERE, OFFLINE = Dir(0), Dir(1), Dir(2)


class LogDirWorld(World):
    def __init__(self, port, dirs):
        super().__init__(port)
        self.dirs = dirs

    def resolve(self, value):
        if isinstance(value, Dir):
            return f"{self.dirs[value.number]}{value.tail}"
        return super().resolve(value)

    def comparable(self, value, name=""):
        if isinstance(value, str) and value in map(str, self.dirs):
            return f"dir {list(map(str, self.dirs)).index(value)}"
        if isinstance(value, dict) and value.get("is_future_key"):  # how far the move has got
            return super().comparable(value | {"partition_size": "any", "offset_lag": value["offset_lag"] > 0})
        if name in ("total_bytes", "usable_bytes"):
            return value > 0
        return super().comparable(value, name)


def alter(*rows):
    """(dir, topic, partition, ...)"""
    return "AlterReplicaLogDirs", {"dirs": [
        {"path": directory, "topics": [{"name": topic, "partitions": list(partitions)}]}
        for directory, topic, *partitions in rows]}


def describe(*topics):
    """(name, partition, ...)"""
    return "DescribeLogDirs", {"topics": [{"topic": name, "partitions": list(partitions)} for name, *partitions in topics]}


def questions():
    """Those that change nothing, or what they change is as it was afterwards."""
    yield "DescribeLogDirs", {"topics": None}
    yield "DescribeLogDirs", {"topics": []}
    yield describe((MOVED, 0))
    yield describe((MOVED, 0, 1))
    yield describe((MOVED, 7))
    yield describe((MOVED, -1))
    yield describe((MOVED,))
    yield describe((MOVED, 0), (LARGE, 0))
    yield describe((MOVED, 0), (MOVED, 1))
    yield describe((MOVED, 0, 0))
    yield describe((ABSENT, 0))
    yield describe(("", 0))
    yield describe(("a b", 0))
    yield "AlterReplicaLogDirs", {"dirs": []}
    yield alter((HERE, MOVED, 0))
    yield alter((HERE, MOVED, 0, 0))
    yield alter((HERE, MOVED))
    for path in ("/nowhere", "", "relative", Dir(0, "/"), Dir(0, "/sub"), Dir(0, "/../" + "x")):
        yield alter((path, MOVED, 0))
    yield alter((OFFLINE, MOVED, 0))
    yield alter((OFFLINE, ABSENT, 0))
    yield alter(("/nowhere", ABSENT, 0))
    for partition in (7, -1, 1 << 30):
        yield alter((HERE, MOVED, partition))
    yield alter((OFFLINE, MOVED, 7))
    for topic in (ABSENT, "", "a b", "x" * 250, "."):
        yield alter((HERE, topic, 0))
    yield alter((HERE, MOVED, 0), ("/nowhere", LARGE, 0))
    yield alter((HERE, MOVED, 0), (HERE, LARGE, 0))
    yield alter((HERE, MOVED, 0), ("/nowhere", MOVED, 0))
    yield alter(("/nowhere", MOVED, 0), (HERE, MOVED, 0))


class LogDirAnswersTest(unittest.TestCase):
    def start(self, count):
        """A Kafka and an Ottla with so many log dirs, the third one offline."""
        interop_clients.kafka_jars("3.9.1")
        directory = pathlib.Path(tempfile.mkdtemp(prefix="ottla-it."))
        self.addCleanup(shutil.rmtree, directory, ignore_errors=True)
        (directory / "a-file").touch()

        def dirs(of):
            return [directory / of / "one", directory / of / "two", directory / "a-file" / of][:count]
        settings = [word for name, value in {**SETTINGS, "log.dirs": ",".join(map(str, dirs("kafka-data")))}.items()
                    for word in ("--set", f"{name}={value}")]
        bootstrap = interop_clients.run([interop_clients.KAFKA_REF, "start", "--dir", directory / "kafka", "--brokers", 1,
                                         "--base-port", free_port(), "--heap", "400M", *settings]).strip()
        self.addCleanup(interop_clients.run, [interop_clients.KAFKA_REF, "stop", "--dir", directory / "kafka"])
        cluster = Cluster(ids=[0], **{name.replace(".", "__"): value for name, value in SETTINGS.items()},
                          log__dirs=",".join(map(str, dirs("ottla-data"))))
        self.addCleanup(cluster.close)
        self.worlds = [LogDirWorld(int(bootstrap.split(":")[1]), dirs("kafka-data")),
                       LogDirWorld(cluster.brokers[0].port, dirs("ottla-data"))]
        for world in self.worlds:
            self.addCleanup(world.close)
            for topic, partitions in ((MOVED, 2), (LARGE, 1)):
                # What is not there yet is made where it is asked for.
                world.call("AlterReplicaLogDirs", 2, alter((HERE, topic, *range(partitions)))[1])
                interop_clients.run([OTTLA, "topics", "--bootstrap-server", f"127.0.0.1:{world.broker.port}", "--create",
                                     "--topic", topic, "--partitions", partitions, "--replication-factor", 1])
            self.fill(world, MOVED, 3, 100)
            self.fill(world, LARGE, 60, 90_000)

    def fill(self, world, topic, records, size):
        batch = wire.batch([wire.record(b"x" * size)])
        for _ in range(records):
            def taken():
                error, *_ = world.connection.produce(topic, batch)
                return error == 0
            wait_until(taken, f"a record in {topic}")

    def move(self, world, where, topic, partition=0):
        """Asks until the log is there."""
        def there():
            world.call("AlterReplicaLogDirs", 2, alter((where, topic, partition))[1])
            return self.place(world, topic, partition) == [(str(world.dirs[where.number]), False)]
        wait_until(there, f"{topic}-{partition} in {where}", 60)

    def place(self, world, topic, partition=0):
        """[(dir, is future)]"""
        told = world.call("DescribeLogDirs", 4, {"topics": None})["results"]
        return sorted((row["log_dir"], log["is_future_key"]) for row in told for each in row["topics"]
                      for log in each["partitions"] if (each["name"], log["partition_index"]) == (topic, partition))

    def compare(self, asked):
        found = {}
        count = 0
        for api, body in asked:
            newest = min(world.served()[messages.APIS[api].key] for world in self.worlds)
            for version in range(newest + 1):
                try:
                    answers = [world.comparable(world.call(api, version, body)) for world in self.worlds]
                except KeyError as error:
                    self.fail(f"{api} v{version} {body}: {error}")
                count += 1
                if answers[0] != answers[1]:
                    where = "; ".join(differences(*answers))
                    found.setdefault((f"{api} {body}", where), []).append(version)
        print(f"{count} requests, {sum(map(len, found.values()))} answers differ", flush=True)
        report = "\n".join(f"{question} v{versions}\n    {where}" for (question, where), versions in found.items())
        self.assertFalse(found, "\n" + report)

    def test_answers_are_kafkas(self):
        self.start(3)
        self.compare(questions())

    def test_answers_of_moves_are_kafkas(self):
        self.start(2)
        for world in self.worlds:  # Kafka takes it as a dynamic config only
            world.call("IncrementalAlterConfigs", 1, {"resources": [{"resource_type": 4, "resource_name": "0", "configs": [
                {"name": THROTTLE, "config_operation": 0, "value": "20000"}]}], "validate_only": False})
            asked = {"resources": [{"resource_type": 4, "resource_name": "0", "configuration_keys": [THROTTLE]}]}
            wait_until(lambda: "20000" in str(world.call("DescribeConfigs", 4, asked)), "the throttle")
        with self.subTest("a move that runs: 5 MB at 20,000 bytes/s"):
            self.compare([alter((THERE, LARGE, 0))])
            for world in self.worlds:
                wait_until(lambda: len(self.place(world, LARGE)) == 2, "a future log")
            self.compare([describe((LARGE, 0)), alter((THERE, LARGE, 0)), describe((LARGE, 0)), describe((LARGE, 0), (MOVED, 0)),
                          alter(("/nowhere", LARGE, 0)), describe((LARGE, 0))])
        with self.subTest("given up"):  # by a wish for where the log is
            self.compare([alter((HERE, LARGE, 0))])
            for world in self.worlds:
                wait_until(lambda: self.place(world, LARGE) == [(str(world.dirs[0]), False)], "the move to be given up")
            self.compare([describe((LARGE, 0)), describe((MOVED, 0))])
        with self.subTest("made where it was asked for"):
            self.compare([alter((THERE, "later", 0))])
            for world in self.worlds:
                interop_clients.run([OTTLA, "topics", "--bootstrap-server", f"127.0.0.1:{world.broker.port}", "--create",
                                     "--topic", "later", "--partitions", 1, "--replication-factor", 1])
                wait_until(lambda: self.place(world, "later"), "the log")
            self.compare([describe(("later", 0))])
        with self.subTest("moved"):
            for world in self.worlds:
                self.move(world, THERE, MOVED)
            self.compare([describe((MOVED, 0)), describe((MOVED, 1)), alter((THERE, MOVED, 0))])


if __name__ == "__main__":
    unittest.main()
