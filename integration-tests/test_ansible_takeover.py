"""Ansible's playbooks with a real Kafka cluster on hosts of its own: Ottla takes it over, and gives it back."""

import base64
import json
import pathlib
import unittest

import interop_clients
from cluster import wait_until
from deployed import Deployed, DeployedCase, PlaybookFailed, why_unavailable

UNAVAILABLE = why_unavailable()
KAFKA = "3.9.1"
PARTITIONS = 6

# As somebody wrote it by hand: comments, blanks, a continued line, and a setting that Ottla does not know.
PROPERTIES = """# The brokers of the shop
broker.id = {id}
listeners: PLAINTEXT://:9092
advertised.listeners=PLAINTEXT://{address}:9092
log.dirs=/var/lib/kafka/disk-1,\\
         /var/lib/kafka/disk-2
zookeeper.connect={zookeeper}:2181/shop
min.insync.replicas=2
default.replication.factor=3
offsets.topic.replication.factor=3
offsets.topic.num.partitions=3
group.initial.rebalance.delay.ms=0
controlled.shutdown.retry.backoff.ms=500
shop.metrics.reporter=loud
"""
UNIT = """[Service]
User=kafka
Environment=LOG_DIR=/var/log/kafka
ExecStart=/usr/bin/java -Xmx400m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dlog4j.configuration=file:/etc/kafka/log4j.properties -cp {jars}/* kafka.Kafka /etc/kafka/server.properties
SuccessExitStatus=143
TimeoutStopSec=120
[Install]
WantedBy=multi-user.target
"""
LOG4J = """log4j.rootLogger=INFO, C
log4j.appender.C=org.apache.log4j.ConsoleAppender
log4j.appender.C.layout=org.apache.log4j.PatternLayout
log4j.appender.C.layout.ConversionPattern=[%d] %p %m (%c)%n
"""


def put(machine, path, text):
    machine.run(f"mkdir -p {pathlib.Path(path).parent} && echo {base64.b64encode(text.encode()).decode()} | base64 -d >{path}")


@unittest.skipIf(UNAVAILABLE, UNAVAILABLE)
class AnsibleTakeoverTest(DeployedCase, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.jars = interop_clients.kafka_jars(KAFKA)
        interop_clients.need("kcat")
        cls.cluster = Deployed(zookeepers=1)
        cls.addClassCleanup(cls.cluster.close)
        cls.cluster.play("deploy", "--limit", "zookeeper")
        # What Kafka's own file says is not said again.
        cls.cluster.settings.update(ottla_config={}, ottla_zookeeper_chroot="/shop", kafka_service_name="kafka")
        for number, name in enumerate(cls.cluster.broker_names, 1):
            del cls.cluster.inventory["brokers"]["hosts"][name]["ottla_rack"]
            cls.install_kafka(cls.cluster.machines[name], number)
        cls.wait_until_whole()

    @classmethod
    def install_kafka(cls, machine, number):
        put(machine, "/etc/kafka/server.properties", PROPERTIES.format(
            id=number, address=machine.address, zookeeper=cls.cluster.machines["zookeeper-1"].address))
        put(machine, "/etc/systemd/system/kafka.service", UNIT.format(jars=cls.jars))
        put(machine, "/etc/kafka/log4j.properties", LOG4J)
        parents = " ".join(map(str, pathlib.Path(cls.jars).parents))
        machine.run(f"chmod o+x {parents}; useradd --system kafka; mkdir -p /var/lib/kafka/disk-1 /var/lib/kafka/disk-2 && "
                    "chown -R kafka:kafka /var/lib/kafka && systemctl enable kafka && systemctl start kafka")

    @classmethod
    def wait_until_whole(cls):
        def whole():
            state = cls.cluster.state()
            return state["healthy"] and len([one for one in state["brokers"] if one["registered"]]) == 3
        wait_until(whole, "three brokers of Kafka", 120)

    def is_active(self, unit):
        return [self.cluster.machines[name].run("systemctl", "is-active", unit, check=False).strip() == "active"
                for name in self.cluster.broker_names]

    def records(self, topic="orders"):
        return sorted(interop_clients.Kcat().consume(self.cluster.bootstrap, topic, PARTITIONS))

    def offsets(self):
        told = json.loads(self.cluster.ottla("consumer-groups", "--describe", "--group", "shop", "--json"))
        return {(one["topic"], one["partition"]): one["currentOffset"] for one in told[0]["offsets"]}

    def consume(self, count):
        interop_clients.run(["kcat", "-b", self.cluster.bootstrap, "-G", "shop", "-c", count, "-q",
                             "-X", "auto.offset.reset=earliest", "orders"])

    def produce(self, prefix, client=None):
        (client or interop_clients.Kcat()).produce(self.cluster.bootstrap, "orders", PARTITIONS, "lz4", 300, prefix)

    def test_there_and_back(self):
        self.create_topic("orders", PARTITIONS)
        self.cluster.ottla("topics", "--create", "--topic", "single", "--partitions", 3, "--replication-factor", 1)
        self.produce("by-kafka", interop_clients.java(KAFKA))
        self.consume(120)
        before = self.records(), self.offsets()
        self.assertEqual(len(before[0]), 300)
        self.assertEqual(sum(before[1].values()), 120)

        self.it_is_checked()
        self.it_is_interrupted_and_taken_up()
        self.assertEqual(self.is_active("kafka"), [False] * 3)
        self.assertEqual((self.records(), self.offsets()), before)
        self.assertEqual(self.cluster.play("take_over_kafka").changed, {})
        self.assertEqual(self.cluster.play("deploy", "--limit", "brokers").changed, {})

        self.produce("by-ottla")
        self.consume(130)
        before = self.records(), self.offsets()
        self.assertEqual((len(before[0]), sum(before[1].values())), (600, 250))
        back = self.cluster.play("give_back_to_kafka").output
        self.assertEqual((self.is_active("kafka"), self.is_active("ottla-broker")), ([True] * 3, [False] * 3), back)
        self.assertEqual((self.records(), self.offsets()), before)
        self.produce("by-kafka-again")
        self.assertEqual(len(self.records()), 900)
        self.assertEqual(self.cluster.play("give_back_to_kafka").changed, {})

    def it_is_checked(self):
        with self.assertRaisesRegex(PlaybookFailed, "log dirs belong to kafka, not to nobody"):
            self.cluster.play("take_over_kafka", "--check", kafka_user="nobody")
        told = self.cluster.play("take_over_kafka", "--check")
        self.assertIn("shop.metrics.reporter: unknown name", told.output)
        self.assertEqual(sorted(told.changed), self.cluster.broker_names)
        self.assertEqual(self.is_active("kafka"), [True] * 3)
        for name in self.cluster.broker_names:
            left = self.cluster.machines[name].run("ls", "-d", "/etc/ottla", "/usr/bin/ottla-broker", "/tmp/*.ottla", check=False)
            self.assertEqual(left, "")

    def it_is_interrupted_and_taken_up(self):
        """By something in the way of the settings on one host, when all of Kafka has stopped."""
        second = self.cluster.machines["broker-2"]
        second.run("mkdir", "-p", "/etc/ottla/kafka.properties/in-the-way")
        self.assertIn("in-the-way", second.run("ls", "/etc/ottla/kafka.properties"))
        stopped = self.cluster.play("take_over_kafka", check=False)
        self.assertGreater(stopped.recap["broker-2"]["failed"], 0, stopped.output[-8000:])
        self.assertEqual(self.is_active("ottla-broker"), [False] * 3)
        second.run("rm", "-r", "/etc/ottla/kafka.properties")
        self.assertEqual(len(list((self.cluster.directory / "backups").glob("zookeeper-*.tar.gz"))), 1)
        taken = self.cluster.play("take_over_kafka")
        self.assertIn("partitions end where they ended before", taken.output)
        self.assert_whole(3)


if __name__ == "__main__":
    unittest.main()
