"""Unmodified third-party clients, built on demand, behind one interface: produce and consume."""

import os
import pathlib
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
KAFKA_REF = HERE / "reference" / "kafka-ref"
WORK = pathlib.Path(os.environ.get("OTTLA_BUILD", HERE.parent / "build" / "release")) / "integration-tests" / "clients"
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


def run(arguments, seconds=120, **options):
    outcome = subprocess.run([str(argument) for argument in arguments], capture_output=True, text=True,
                             timeout=seconds, **options)
    if outcome.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, arguments))}: exit {outcome.returncode}\n"
                             f"{outcome.stdout[-2000:]}\n{outcome.stderr[-4000:]}")
    return outcome.stdout


class Client:
    """`command` is followed by produce|consume and its arguments (clients/*/interop.*)."""

    def __init__(self, name, command, codecs=CODECS):
        self.name = name
        self.command = command
        self.codecs = codecs

    def produce(self, bootstrap, topic, partitions, codec, count, prefix):
        run([*self.command, "produce", bootstrap, topic, partitions, codec, count, prefix])

    def consume(self, bootstrap, topic, partitions):
        """Every record as "partition key value", in the order it came."""
        return run([*self.command, "consume", bootstrap, topic, partitions]).splitlines()


class Kcat(Client):
    """librdkafka from the command line."""

    def __init__(self):
        super().__init__("kcat", ["kcat"])

    def produce(self, bootstrap, topic, partitions, codec, count, prefix):
        for partition in range(partitions):
            lines = "".join(f"key-{i}\t{prefix}-{i}\n" for i in range(partition, count, partitions))
            run(["kcat", "-P", "-b", bootstrap, "-t", topic, "-p", partition, "-K", "\t", "-z", codec,
                 "-X", "acks=all", "-X", "linger.ms=20"], input=lines)

    def consume(self, bootstrap, topic, partitions):
        return run(["kcat", "-C", "-b", bootstrap, "-t", topic, "-o", "beginning", "-e", "-q",
                    "-f", "%p %k %s\n", "-X", "check.crcs=true"]).splitlines()


def java(version, codecs=CODECS):
    libraries = run([KAFKA_REF, "fetch", version], 300).strip().splitlines()[-1]
    classes = WORK / f"java-{version}"
    classes.mkdir(parents=True, exist_ok=True)
    run(["javac", "-nowarn", "-cp", f"{libraries}/*", "-d", classes, HERE / "clients" / "java" / "Interop.java"])
    return Client(f"java-{version}", ["java", "-Xmx256m", "-cp", f"{classes}:{libraries}/*", "Interop"], codecs)


def go():
    WORK.mkdir(parents=True, exist_ok=True)
    binary = WORK / "interop-go"
    run(["go", "build", "-o", binary, "."], 600, cwd=HERE / "clients" / "go")
    return Client("go-sarama", [binary])


def python():
    # Debian's interpreter has Debian's kafka-python.
    return Client("kafka-python", ["/usr/bin/python3", HERE / "clients" / "python" / "interop.py"])
