"""The .deb packages on a Debian of their own (scratch_root.py, booted_root.py): installed, upgraded with a broker running, removed,
purged, installed again. No record is ever removed, and nobody but the operator starts or restarts a broker."""

import pathlib
import shutil
import tempfile
import unittest
import uuid

import booted_root
from booted_root import BootedRoot
from cluster import ZooKeeper, wait_until
from installed import (DATA, LOG, PROPERTIES, UNIT, ServiceManager, build_packages, files_below, rebuild,
                       settings_for)
from scratch_root import ScratchRoot, why_unavailable

OLD, NEW = "0.0.1", "0.0.2"
SECOND_DISK = "srv/disk-2"
UNAVAILABLE = why_unavailable()
NO_SYSTEMD = UNAVAILABLE or booted_root.why_unavailable()


def newer(directory):
    """What a later version may well change: the unit, and the defaults of settings."""
    for path in (UNIT, PROPERTIES):
        with open(directory / path, "a", encoding="utf-8") as file:
            file.write("\n# of the new version\n")


class PackagesCase:
    """For a TestCase with packages of two versions and a `machine` to install them on."""

    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="ottla-packages."))
        cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)
        cls.old = build_packages(cls.directory, OLD)
        cls.new_broker = rebuild(cls.old["ottla-broker"], NEW, newer)

    def install(self, *packages):
        """dpkg's output. Edited settings are kept, as every answer but "overwrite" to its question does."""
        return self.machine.run("dpkg", "--force-unsafe-io", "--force-confold", "--install",
                                *(f"/mnt/{package.name}" for package in packages))

    def path(self, path):
        return self.machine.root / path

    def owner(self, path):
        return self.machine.run("stat", "--format=%U:%G %a", f"/{path}").strip()

    def tool(self, script, *arguments, **options):
        return self.machine.run(script, "--bootstrap-server", f"127.0.0.1:{self.port}", *arguments, **options)

    def produce(self, first, count):
        self.tool("kafka-console-producer.sh", "--topic", "orders",
                  stdin="".join(f"record {number}\n" for number in range(first, first + count)))

    def assert_records(self, count):
        read = self.tool("kafka-console-consumer.sh", "--topic", "orders", "--from-beginning", "--max-messages", count,
                         "--timeout-ms", 60000)
        numbers = sorted(int(line.split()[1]) for line in read.splitlines() if line.startswith("record "))
        self.assertEqual(numbers, list(range(count)))

    def configure(self, zookeeper):
        """As the operator does it: edits the file, gives a second disk to the broker."""
        text, self.port = settings_for(self.path(PROPERTIES).read_text(), zookeeper, [f"{DATA}/data", SECOND_DISK])
        self.path(PROPERTIES).write_text(text)
        self.machine.run("install", "-d", "-o", "ottla", "-g", "ottla", f"/{SECOND_DISK}")
        return text

    def start_zookeeper(self):
        server = ZooKeeper(self.directory / f"zookeeper-{uuid.uuid4()}")
        self.addCleanup(server.end)
        return server.connect


@unittest.skipIf(UNAVAILABLE, UNAVAILABLE)
class PackagesTest(PackagesCase, unittest.TestCase):
    def setUp(self):
        self.machine = ScratchRoot(shared=self.directory)
        self.addCleanup(self.machine.close)
        self.manager = ServiceManager(self.machine)
        self.addCleanup(self.manager.end)

    def records_on_disk(self):
        return {disk: files_below(self.path(disk)) for disk in (DATA, SECOND_DISK)}

    def test_life_of_a_broker(self):
        zookeeper = self.start_zookeeper()
        self.install(*self.old.values())
        settings = self.configure(zookeeper)
        self.manager.start()
        self.tool("kafka-topics.sh", "--create", "--topic", "orders", "--partitions", 4, "--replication-factor", 1)
        self.produce(0, 500)
        self.manager.asked()

        said = self.install(self.new_broker)
        self.assertEqual(self.manager.asked(), ["daemon-reload"])
        self.assertIn("systemctl restart ottla-broker", said)
        self.assertTrue(self.manager.broker.running())
        self.assertEqual(self.path(PROPERTIES).read_text(), settings)
        self.assertIn("of the new version", self.path(UNIT).read_text())
        self.produce(500, 500)
        self.assert_records(1000)

        self.assertEqual(self.manager.stop(), 0)
        self.manager.start()
        self.assert_records(1000)
        self.assertGreater(len([name for name in files_below(self.path(SECOND_DISK)) if name.startswith("orders-")]), 0)

        user = self.machine.run("id", "ottla")
        self.machine.run("dpkg", "--remove", "ottla-broker")
        self.assertEqual(self.manager.asked(), ["stop ottla-broker.service", "daemon-reload"])
        self.assertFalse(self.manager.broker.running())
        self.assertIn("stopped", self.manager.log())
        self.assertEqual(self.path(PROPERTIES).read_text(), settings)
        records = self.records_on_disk()

        self.machine.run("ln", "-s", f"/{UNIT}", "/etc/systemd/system/multi-user.target.wants/ottla-broker.service")
        self.assertIn("/var/lib/ottla", self.machine.run("dpkg", "--purge", "ottla-broker"))
        self.assertEqual(self.records_on_disk(), records)
        self.assertEqual(self.machine.run("id", "ottla"), user)
        for gone in ("etc/ottla", "var/log/ottla", "etc/default/ottla-broker",
                     "etc/systemd/system/multi-user.target.wants/ottla-broker.service"):
            self.assertFalse(self.path(gone).exists() or self.path(gone).is_symlink(), gone)

        self.install(self.new_broker)
        self.assertEqual(self.records_on_disk(), records)
        self.configure(zookeeper)
        self.manager.start()
        self.assert_records(1000)
        self.assertEqual(self.manager.stop(), 0)

    def test_installation_changes_nothing_that_was_there(self):
        """A user, directories and records from before: of a broker that was installed by hand, or of Kafka."""
        self.machine.run("useradd", "--system", "--uid", 4242, "--shell", "/bin/false", "ottla")
        for directory in (f"{DATA}/data", f"{DATA}/data/orders-0"):
            self.machine.run("install", "-d", "-m", "0700", "-o", "daemon", "-g", "daemon", f"/{directory}")
        self.path("var/lib/ottla/data/orders-0/00000000000000000000.log").write_bytes(b"records")
        self.machine.run("install", "-d", "-m", "0755", "/var/log/ottla")
        self.path(LOG).write_text("from before\n")

        self.install(self.old["ottla-broker"])
        self.assertEqual(self.machine.run("id", "-u", "ottla").strip(), "4242")
        for directory in (f"{DATA}/data", f"{DATA}/data/orders-0"):
            self.assertEqual(self.owner(directory), "daemon:daemon 700")
        self.assertEqual(files_below(self.path(DATA)), {"data/orders-0/00000000000000000000.log": b"records"})
        self.assertEqual(self.manager.log(), "from before\n")
        self.assertEqual(self.manager.asked(), ["daemon-reload"])

        self.machine.run("dpkg", "--purge", "ottla-broker")
        self.assertEqual(files_below(self.path(DATA)), {"data/orders-0/00000000000000000000.log": b"records"})

    def test_without_a_service_manager(self):
        """As in a container."""
        self.machine.run("rm", "-rf", "/run/systemd", "/usr/bin/systemctl", "/usr/bin/systemd-sysusers",
                         "/bin/systemd-sysusers")
        self.install(self.old["ottla-broker"])
        self.assertEqual(self.owner(f"{DATA}/data"), "ottla:ottla 750")
        self.assertEqual(self.owner(PROPERTIES), "root:ottla 640")
        self.assertEqual(self.owner(LOG), "root:adm 640")
        self.install(self.new_broker)
        self.machine.run("dpkg", "--purge", "ottla-broker")
        self.assertTrue(self.path(f"{DATA}/data").is_dir())

    def test_tools_under_their_old_names(self):
        self.install(self.old["ottla-cli"])
        scripts = self.machine.run("ottla", "scripts").split()
        self.assertIn("zookeeper-shell.sh", scripts)
        for script in scripts:
            tool = script.removesuffix(".sh").removeprefix("kafka-")
            self.assertEqual(self.machine.run(script, "--help"), self.machine.run("ottla", tool, "--help"))

    def test_completion(self):
        self.install(self.old["ottla-cli"])

        def completed(*words):
            return self.machine.run(
                "bash", "-c", f". /usr/share/bash-completion/completions/{words[0]}; COMP_WORDS=(\"$@\"); "
                "COMP_CWORD=$(($# - 1)); _ottla; echo ${COMPREPLY[@]}", "bash", *words).split()
        self.assertEqual(completed("ottla", "consumer-g"), ["consumer-groups"])
        self.assertEqual(completed("ottla", "topics", "--boot"), ["--bootstrap-server"])
        self.assertEqual(completed("kafka-topics.sh", "--boot"), ["--bootstrap-server"])
        self.assertIn("--topic", completed("kafka-topics.sh", "--topic", "x", "--"))


@unittest.skipIf(NO_SYSTEMD, NO_SYSTEMD)
class SystemdTest(PackagesCase, unittest.TestCase):
    """The unit, carried out by systemd itself."""

    def setUp(self):
        self.machine = BootedRoot(shared=self.directory)
        self.addCleanup(self.machine.close)

    def show(self, name):
        return self.machine.show("ottla-broker", name)

    def systemctl(self, *words):
        self.machine.run("systemctl", *words, "ottla-broker")

    def log(self):
        return self.path(LOG).read_text(errors="replace")

    def test_life_of_a_broker(self):
        self.install(*self.old.values())
        self.assertEqual((self.show("ActiveState"), self.show("UnitFileState")), ("inactive", "disabled"))
        zookeeper = self.start_zookeeper()
        self.configure(zookeeper)
        self.systemctl("enable", "--now")
        self.assertEqual((self.show("ActiveState"), self.show("StatusText")), ("active", "serving"))
        self.tool("kafka-topics.sh", "--create", "--topic", "orders", "--partitions", 4, "--replication-factor", 1)
        self.produce(0, 500)

        pid = self.show("MainPID")
        self.assertIn("systemctl restart ottla-broker", self.install(self.new_broker))
        self.assertEqual(self.show("MainPID"), pid)
        self.assertEqual(self.show("NeedDaemonReload"), "no")
        self.systemctl("restart")
        self.assertNotEqual(self.show("MainPID"), pid)
        self.produce(500, 500)
        self.assert_records(1000)

        self.machine.run("kill", "-KILL", self.show("MainPID"))
        wait_until(lambda: (self.show("NRestarts"), self.show("ActiveState")) == ("1", "active"), "a restart after a crash")
        self.assert_records(1000)

        self.machine.run("dpkg", "--remove", "ottla-broker")
        self.assertIn(self.show("ActiveState"), ("inactive", ""))
        self.assertIn("stopped", self.log().splitlines()[-1])
        self.machine.run("dpkg", "--purge", "ottla-broker")
        self.assertFalse(self.path("etc/systemd/system/multi-user.target.wants/ottla-broker.service").is_symlink())

        self.install(self.new_broker)
        self.configure(zookeeper)
        self.systemctl("start")
        self.assert_records(1000)

    def test_what_the_broker_may_do(self):
        self.install(*self.old.values())
        self.assertEqual(self.machine.run("systemd-analyze", "verify", "ottla-broker.service"), "")
        self.configure(self.start_zookeeper())
        self.systemctl("start")
        pid = self.show("MainPID")

        status = dict(line.split(":\t", 1) for line in self.path(f"proc/{pid}/status").read_text().splitlines())
        self.assertEqual(int(status["CapEff"], 16) | int(status["CapBnd"], 16), 0)
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"].strip()), ("1", "2"))
        inside = ("nsenter", f"--target={pid}", "--mount", f"--root=/proc/{pid}/root")
        for directory in ("usr", "etc", "boot", "home"):
            self.assertIn("Read-only", self.machine.run(*inside, "touch", f"/{directory}/file", check=False))
        self.machine.run(*inside, "touch", f"/{DATA}/data/file", f"/{SECOND_DISK}/file")

        # What would be done without, in silence and slower.
        allowed = self.show("SystemCallFilter").split()
        for call in ("fallocate", "mincore", "preadv2", "sendfile", "setpriority", "sync_file_range"):
            self.assertIn(call, allowed)
        # Nothing that a broker does in its life is refused.
        self.tool("kafka-topics.sh", "--create", "--topic", "orders", "--partitions", 4, "--replication-factor", 1)
        self.produce(0, 500)
        self.assert_records(500)
        self.tool("kafka-topics.sh", "--delete", "--topic", "orders")
        self.systemctl("stop")
        self.assertEqual(self.show("Result"), "success")
        self.assertNotIn("not permitted", self.log())


if __name__ == "__main__":
    unittest.main()
