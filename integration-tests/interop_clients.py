"""Unmodified third-party clients, built on demand, behind one interface: produce and consume.

What a machine lacks (a runtime, a network to fetch a client from) raises Unavailable, which skips the
test that wanted it.
"""

import contextlib
import fcntl
import functools
import os
import pathlib
import shutil
import subprocess
import unittest

HERE = pathlib.Path(__file__).resolve().parent
KAFKA_REF = HERE / "reference" / "kafka-ref"
WORK = pathlib.Path(os.environ.get("OTTLA_BUILD", HERE.parent / "build" / "release")) / "integration-tests" / "clients"
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
OLD_CODECS = ("none", "gzip", "snappy", "lz4")
# Debian's interpreter has Debian's kafka-python.
PYTHON = "/usr/bin/python3"


class Unavailable(unittest.SkipTest):
    """This machine cannot run that client."""


def run(arguments, seconds=120, check=True, **options):
    outcome = subprocess.run([str(argument) for argument in arguments], capture_output=True, text=True,
                             timeout=seconds, **options)
    if check and outcome.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, arguments))}: exit {outcome.returncode}\n"
                             f"{outcome.stdout[-2000:]}\n{outcome.stderr[-4000:]}")
    return outcome.stdout


def need(program):
    if shutil.which(program) is None:
        raise Unavailable(f"no {program} on this machine (deploy/install-packages --test brings it)")


@contextlib.contextmanager
def one_at_a_time():
    """Tests run side by side and share what is fetched and built."""
    WORK.mkdir(parents=True, exist_ok=True)
    with open(WORK / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def once(make):
    """Made once in this process; so is the finding that it cannot be: a machine without a network is asked once."""
    known = {}

    @functools.wraps(make)
    def made(*arguments):
        if arguments not in known:
            try:
                known[arguments] = make(*arguments)
            except Unavailable as reason:
                known[arguments] = reason
        if isinstance(known[arguments], Unavailable):
            raise Unavailable(str(known[arguments]))
        return known[arguments]
    return made


@once
def kafka_jars(version):
    """The directory with Kafka's jars."""
    need("java")
    need("mvn")
    with one_at_a_time():
        try:
            return run([KAFKA_REF, "fetch", version], 300).strip().splitlines()[-1]
        except (AssertionError, subprocess.TimeoutExpired) as error:
            raise Unavailable(f"cannot fetch Kafka {version}: {str(error)[-600:]}") from error


def kafka_tool(version, name, *arguments, **options):
    """A tool of Kafka as it came; its standard output."""
    kafka_jars(version)
    return run([KAFKA_REF, "run-tool", "--version", version, name, *arguments], **options)


def java_main(version, main):
    """The command that runs clients/java/`main`.java with the jars of that Kafka."""
    libraries = kafka_jars(version)
    need("javac")
    source = HERE / "clients" / "java" / f"{main}.java"
    classes = WORK / f"java-{version}"
    with one_at_a_time():
        classes.mkdir(parents=True, exist_ok=True)
        compiled = classes / f"{main}.class"
        if not compiled.exists() or compiled.stat().st_mtime < source.stat().st_mtime:
            run(["javac", "-nowarn", "-cp", f"{libraries}/*", "-d", classes, source])
    return ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", f"{classes}:{libraries}/*", main]


class Client:
    """Two commands, which are followed by their arguments (clients/*)."""

    def __init__(self, name, produce, consume, codecs=CODECS):
        self.name = name
        self.produce_command = produce
        self.consume_command = consume
        self.codecs = codecs

    def produce(self, bootstrap, topic, partitions, codec, count, prefix):
        """Record i goes to partition i % partitions, as "key-i" and "prefix-i"."""
        run([*self.produce_command, bootstrap, topic, partitions, codec, count, prefix])

    def consume(self, bootstrap, topic, partitions, seconds=120):
        """Every record as "partition key value", in the order it came."""
        return run([*self.consume_command, bootstrap, topic, partitions], seconds).splitlines()


class Kcat(Client):
    """librdkafka from the command line; `settings` are its own (name=value)."""

    def __init__(self, name="kcat", codecs=CODECS, settings=()):
        need("kcat")
        super().__init__(name, None, None, codecs)
        self.settings = [word for setting in settings for word in ("-X", setting)]

    def produce(self, bootstrap, topic, partitions, codec, count, prefix):
        for partition in range(partitions):
            lines = "".join(f"key-{i}\t{prefix}-{i}\n" for i in range(partition, count, partitions))
            run(["kcat", "-P", "-b", bootstrap, "-t", topic, "-p", partition, "-K", "\t", "-z", codec,
                 "-X", "acks=all", "-X", "linger.ms=20", *self.settings], input=lines)

    def consume(self, bootstrap, topic, partitions, seconds=120):
        return run(["kcat", "-C", "-b", bootstrap, "-t", topic, "-o", "beginning", "-e", "-q",
                    "-f", "%p %k %s\n", "-X", "check.crcs=true", *self.settings], seconds).splitlines()


def kcat_0_9():
    """librdkafka as it speaks to a broker of 0.9: nothing is negotiated, Produce v1, Fetch v1."""
    return Kcat("kcat-0.9", ("none", "gzip", "snappy"), ("api.version.request=false", "broker.version.fallback=0.9.0"))


def java(version, codecs=CODECS):
    return Client(f"java-{version}", java_main(version, "Produce"), java_main(version, "Consume"), codecs)


def java_0_8():
    """The first Java producer (Produce v0) and the Scala SimpleConsumer (Fetch v0): nothing is negotiated."""
    version = "0.8.2.2"
    return Client(f"java-{version}", java_main(version, "Produce"), java_main(version, "ConsumeSimple"), OLD_CODECS)


@once
def go():
    need("go")
    source = HERE / "clients" / "go"
    binary = WORK / "interop-go"
    with one_at_a_time():
        try:
            run(["go", "mod", "download"], 300, cwd=source)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            raise Unavailable(f"cannot fetch the Go client: {str(error)[-600:]}") from error
        run(["go", "build", "-o", binary, "."], 600, cwd=source)
    return Client("go-sarama", [binary, "produce"], [binary, "consume"])


def python():
    need(PYTHON)

    def has(module):
        return subprocess.run([PYTHON, "-c", f"import {module}"], capture_output=True).returncode == 0

    if not has("kafka"):
        raise Unavailable("no kafka-python on this machine (deploy/install-packages --test brings it)")
    modules = {"none": "zlib", "gzip": "zlib", "snappy": "snappy", "lz4": "lz4.frame", "zstd": "zstandard"}
    script = HERE / "clients" / "python" / "interop.py"
    return Client("kafka-python", [PYTHON, script, "produce"], [PYTHON, script, "consume"],
                  tuple(codec for codec in CODECS if has(modules[codec])))


def confluent_python():
    """The command of a group member (clients/python/confluent_group.py)."""
    need(PYTHON)
    if subprocess.run([PYTHON, "-c", "import confluent_kafka"], capture_output=True).returncode != 0:
        raise Unavailable("no confluent-kafka on this machine (deploy/install-packages --test brings it)")
    return [PYTHON, HERE / "clients" / "python" / "confluent_group.py"]
