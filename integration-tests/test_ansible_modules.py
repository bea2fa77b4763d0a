"""What Ansible's modules and filters decide, without hosts: findings before a deployment, who restarts together, who is to
lead, what of fstab changes, what is a secret."""

import pathlib
import sys
import tempfile
import unittest

ANSIBLE = pathlib.Path(__file__).resolve().parent.parent / "ansible"
sys.path[:0] = [str(ANSIBLE / "plugins" / "module_utils"), str(ANSIBLE / "plugins" / "filter")]

import checks  # noqa: E402
import configs  # noqa: E402
import fstab  # noqa: E402
import hosts  # noqa: E402
import masking  # noqa: E402
import zookeeper  # noqa: E402
from plan import plan  # noqa: E402


def names(findings, level=None):
    return [one["name"] for one in findings if level in (None, one["level"])]


def log_dir(path="/data/1", point="/data/1", kind="xfs", options=("rw", "noatime"), free=50, total=100, owners=None, used=False):
    return {"path": path, "exists": True, "mount": (point, kind, "/dev/sda", list(options)), "free": free, "total": total,
            "owners": owners or {"ottla": 1}, "used": used}


class ChecksTest(unittest.TestCase):
    def test_log_dirs(self):
        def found(*dirs):
            return names(checks.check_log_dirs(dirs, "ottla", 10))
        self.assertEqual(found(log_dir()), [])
        self.assertEqual(found(log_dir(free=9)), ["DISK_FULL"])
        self.assertEqual(found(log_dir(total=1000)), ["DISK_FULL_SOON"])
        self.assertEqual(found(log_dir(options=["rw"])), ["ATIME"])
        self.assertEqual(found(log_dir(options=["ro", "relatime"])), ["READ_ONLY"])
        self.assertEqual(found(log_dir(kind="nfs4")), ["NETWORK_DISK"])
        self.assertEqual(found(log_dir(kind="tmpfs")), ["IN_MEMORY"])
        self.assertEqual(found(log_dir(), log_dir("/data/2")), ["SHARED_DISK"])
        self.assertEqual(found(log_dir(), log_dir("/data/2", "/")), ["NOT_MOUNTED"])
        self.assertEqual(found(log_dir(owners={"kafka": 4})), [])  # empty: the role takes it
        self.assertEqual(found(log_dir(owners={"kafka": 4, "ottla": 1}, used=True)), ["FOREIGN_FILES"])

    def test_identity(self):
        def found(properties, others, cluster_id):
            return names(checks.check_identity(1, properties, others, cluster_id))
        mine = {"/data/1": {"broker.id": "1", "cluster.id": "abc"}}
        self.assertEqual(found(mine, {"b": 2}, "abc"), [])
        self.assertEqual(found(mine, {"b": 2}, False), [])
        self.assertEqual(found({}, {}, None), [])
        self.assertEqual(found(mine, {"b": 1}, "abc"), ["SAME_ID"])
        self.assertEqual(found(mine, {}, "other"), ["OTHER_CLUSTER"])
        self.assertEqual(found(mine, {}, None), ["NO_CLUSTER"])
        self.assertEqual(found({"/data/1": {"broker.id": "7"}}, {}, "abc"), ["OTHER_ID"])
        self.assertEqual(found({**mine, "/data/2": {"broker.id": "1", "cluster.id": "xyz"}}, {}, False), ["SEVERAL_CLUSTERS"])

    def test_registration(self):
        def found(registered, runs=False):
            return names(checks.check_registration(1, registered, "a", 9092, runs))
        self.assertEqual([found(None), found(["a:9092"]), found(["b:9092"], runs=True)], [[], [], []])
        self.assertEqual(found(["b:9092"]), ["ID_IN_USE"])

    def test_ports(self):
        self.assertEqual(names(checks.check_ports([("clients", 9092, None), ("brokers", 9094, True)], (32768, 60999))), [])
        self.assertEqual(names(checks.check_ports([("clients", 9092, "java (process 7)")], (32768, 60999))), ["PORT_TAKEN"])
        self.assertEqual(names(checks.check_ports([("clients", 40000, None)], (32768, 60999))), ["PORT_MAY_BE_TAKEN"])

    def test_names(self):
        self.assertEqual(names(checks.check_names({"b": ["10.0.0.2"]})), [])
        self.assertEqual(names(checks.check_names({"b": ["127.0.1.1"]})), ["LOOPBACK_NAME"])
        self.assertEqual(names(checks.check_names({"b": "its name has no address"})), ["UNKNOWN_NAME"])

    def test_zookeeper(self):
        def found(*away, ours=False):
            servers = {f"zk-{number}:2181": "refused" if number in away else True for number in (1, 2, 3)}
            return [one["level"] for one in checks.check_zookeeper(servers, ours)]
        self.assertEqual([found(), found(1), found(1, 2), found(1, 2, ours=True)],
                         [[], ["warning"], ["serious"] * 2, ["warning"] * 2])

    def test_clocks(self):
        def found(host, clocks):
            return [one["text"] for one in checks.check_clock(host, clocks, 1.0)]
        clocks = {"a": [0.1, 0.05], "b": [0.2, 0.05], "c": [-5.0, 0.05]}
        self.assertEqual([found(host, clocks) for host in "abc"], [[], [], ["its clock is 5.1 s behind that of a"]])
        self.assertEqual(found("b", {"a": [0, 0.6], "b": [2, 0.6]}), [])  # the measurement is too coarse to tell
        self.assertEqual(found("b", {"a": [0, 0.1], "b": [2, 0.1]}), ["its clock is 2.0 s ahead of that of a"])

    def test_packages(self):
        wanted = ["ottla-broker", "ottla-cli"]
        self.assertEqual(names(checks.check_packages([], set(wanted), wanted, {}, set())), [])
        self.assertEqual(names(checks.check_packages([], set(), wanted, {"ottla-broker": "1", "ottla-cli": "1"}, set())), [])
        self.assertEqual(names(checks.check_packages([], set(), wanted, {}, {"ottla-cli"})), ["NO_PACKAGE"])
        self.assertEqual(names(checks.check_packages([], {"ottla-cli"}, wanted, {}, set())), ["NO_PACKAGE"])
        self.assertEqual(names(checks.check_packages(["/x.deb"], set(wanted), wanted, {}, set())), ["NO_PACKAGE"])

    def test_system(self):
        debian = {"ID": "debian", "VERSION_ID": "12"}
        self.assertEqual(names(checks.check_system(debian, 2048, 1024)), [])
        self.assertEqual(names(checks.check_system({"ID": "ubuntu"}, 512, 1024)), ["OTHER_SYSTEM", "LITTLE_MEMORY"])
        self.assertEqual(names(checks.check_limits(1000, 1001)), ["FEW_FILES"])
        self.assertEqual(names(checks.check_limits(1001, 1001)), [])


class ConfigsTest(unittest.TestCase):
    def test_what_is_set_and_what_goes(self):
        now = {"a": "1", "b": "2", "by.hand": "3"}
        self.assertEqual(configs.changes(now, {"a": "1", "c": "9"}), ({"c": "9"}, [], ["a", "c"]))
        self.assertEqual(configs.changes(now, {}, own=["a", "b", "gone"]), ({}, ["a", "b"], []))
        self.assertEqual(configs.changes(now, {"b": "5"}, keep=["a"], own=["a", "b"]), ({"b": "5"}, [], ["a", "b"]))
        self.assertEqual(configs.changes(now, {"b": "2"}, purge=True), ({}, ["a", "by.hand"], ["b"]))

    def test_what_needs_a_restart(self):
        def told(name, value, source="STATIC_BROKER_CONFIG", read_only=False):
            return {"name": name, "value": value, "readOnly": read_only, "synonyms": [{"name": name, "source": source}]}
        wanted = {"broker.rack": "b", "num.io.threads": "8.0", "log.retention.ms": "7", "listeners": "PLAINTEXT://:9093"}
        as_it_runs = [told("broker.rack", "a", read_only=True), told("num.io.threads", "8"), told("log.retention.ms", "5"),
                      told("listeners", "PLAINTEXT://:9092"), told("log.dirs", "/d", read_only=True)]
        self.assertEqual(configs.compare(wanted, as_it_runs),
                         ({"broker.rack": "b", "listeners": "PLAINTEXT://:9093"}, {"log.retention.ms": "7"}))
        by_hand = [told("listeners", "PLAINTEXT://:1", "DYNAMIC_BROKER_CONFIG")]
        self.assertEqual(configs.compare(wanted, by_hand), ({}, {}))

    def test_names_are_remembered(self):
        with tempfile.TemporaryDirectory() as directory:
            memory = configs.Memory(directory + "/names.json")
            self.assertEqual(memory.names(), [])
            memory.replace(["a", "b"])
            self.assertEqual(memory.names(), ["a", "b"])
            pathlib.Path(memory.path).write_text("{torn")
            self.assertEqual(memory.names(), [])


class HostsTest(unittest.TestCase):
    def test_batches(self):
        brokers = [{"inventory_hostname": name, "ottla_broker_id": number, "ottla_rack": rack}
                   for number, (name, rack) in enumerate((("a", "x"), ("b", "y"), ("c", "x"), ("d", "")), 1)]
        self.assertEqual(hosts.batches(brokers, "broker", 2), [["a"], ["c"], ["d"], ["b"]])
        self.assertEqual(hosts.batches(brokers, "rack", 2), [["a", "c"], ["d"], ["b"]])
        self.assertEqual(hosts.batches(brokers, "rack", 1), [["b"], ["d"], ["a", "c"]])
        self.assertEqual(hosts.batch_sizes({"a": {}, "b": {"ottla_batches": [["a", "c"], ["d"]]}}), [2, 1])

    def test_verdict(self):
        told = [{"inventory_hostname": "a", "ottla_cluster_ids": ["one"], "ottla_findings": [
            checks.finding("note", "ATIME", "slow"), checks.finding("serious", "CLOCK", "wrong")]},
            {"inventory_hostname": "b", "ottla_cluster_ids": ["one"], "ottla_findings": []}, {"inventory_hostname": "c"}]
        self.assertEqual(hosts.verdict(told), {"lines": ["serious: a: CLOCK: wrong", "note: a: ATIME: slow"],
                                               "serious": ["serious: a: CLOCK: wrong"]})
        self.assertEqual(hosts.verdict(told, ["CLOCK"]), {"lines": ["accepted: a: CLOCK: wrong", "note: a: ATIME: slow"],
                                                          "serious": []})
        told[1]["ottla_cluster_ids"] = ["two"]
        self.assertIn("serious: all: SEVERAL_CLUSTERS: log dirs are of several clusters: one on a; two on b",
                      hosts.verdict(told)["serious"])


class FstabTest(unittest.TestCase):
    TABLE = "# disks\nLABEL=root / ext4 errors=remount-ro 0 1\nLABEL=one /data/1 xfs defaults 0 0  # records\n"

    def test_one_line_changes(self):
        fields = ["LABEL=one", "/data/1", "xfs", "defaults,noatime"]
        after = fstab.with_entry(self.TABLE, "/data/1", fields)
        self.assertEqual(after.splitlines()[:2], self.TABLE.splitlines()[:2])
        self.assertEqual(after.splitlines()[2:], ["LABEL=one\t/data/1\txfs\tdefaults,noatime\t0\t0"])
        self.assertEqual(fstab.with_entry(after, "/data/1/", fields), after)
        self.assertEqual(fstab.with_entry(self.TABLE, "/data/1", ["LABEL=one", "/data/1", "xfs", "defaults"]), self.TABLE)
        added = fstab.with_entry(self.TABLE, "/data/2", ["LABEL=two", "/data/2", "ext4", "noatime"])
        self.assertEqual(added, self.TABLE + "LABEL=two\t/data/2\text4\tnoatime\t0\t2\n")

    def test_mounts(self):
        table = ("22 1 0:1 / / rw,relatime - overlay root rw\n"
                 "23 22 8:1 / /data/my\\040disk rw,noatime shared:1 - xfs /dev/sda ro,attr2\n")
        self.assertEqual(fstab.mount_of("/data/my disk/x", table)[:3], ("/data/my disk", "xfs", "/dev/sda"))
        self.assertEqual(fstab.mount_of("/data/my disk2", table)[0], "/")
        self.assertIsNone(fstab.mount_at("/data", table))
        live = fstab.mount_at("/data/my disk", table)[3]
        self.assertEqual(fstab.lacking(["noatime", "ro", "nodev", "size=1m"], live), ["nodev"])


class MaskTest(unittest.TestCase):
    SETTINGS = """broker.id=1
ssl.keystore.password = first-word
listener.name.internal.plain.sasl.jaas.config=org.apache.kafka.PlainLoginModule required \\
  username="admin" password="second word" \\
  user_alice="third-word";
password.encoder.iterations=4096
password.encoder.secret:fourth-word
ssl.key.password=x1
zookeeper.connect=zk:2181
"""

    def test_settings_keep_their_names_only(self):
        mask = masking.Mask()
        masked = mask.properties(self.SETTINGS)
        self.assertEqual(masked.splitlines(), [
            "broker.id=1", "ssl.keystore.password = [hidden]", "listener.name.internal.plain.sasl.jaas.config=[hidden]",
            "password.encoder.iterations=4096", "password.encoder.secret:[hidden]", "ssl.key.password=[hidden]",
            "zookeeper.connect=zk:2181"])
        self.assertEqual(mask.secrets, {"first-word", "second word", "third-word", "fourth-word", "x1"})
        log = mask.text("sent first-word and 'second word', x1 but not 0x1f, index1\n")
        self.assertEqual(log, "sent [hidden] and '[hidden]', [hidden] but not 0x1f, index1\n")

    def test_what_looks_like_a_secret(self):
        mask = masking.Mask()
        for text, masked in {
            "--override ssl.key.password=abc --override a=b": "--override ssl.key.password=[hidden] --override a=b",
            '{"password": "a\\"b", "user": "u"}': '{"password": "[hidden]", "user": "u"}',
            "SASL_PASSWORD='a b' NEXT=1": "SASL_PASSWORD='[hidden]' NEXT=1",
            "http://user:word@host/": "http://user:[hidden]@host/",
            "replicas=1,2 leader: 3": "replicas=1,2 leader: 3",
        }.items():
            self.assertEqual(mask.text(text), masked)


class LeadersTest(unittest.TestCase):
    def leads(self, before, racks):
        moved = plan(before, racks, spread=False, lead_evenly=True)
        after = {**before, **moved}
        self.assertTrue(all(sorted(after[name]) == sorted(before[name]) for name in before))
        return [sum(replicas[0] == broker for replicas in after.values()) for broker in sorted(racks)]

    def test_leaders_are_spread_without_copying(self):
        before = {("orders", number): [1, 2, 3] for number in range(6)}
        self.assertEqual(self.leads(before, dict.fromkeys((1, 2, 3))), [2, 2, 2])

    def test_over_somebody_who_passes_it_on(self):
        # 1 and 3 share no partition: 2 takes from 1, and gives to 3.
        before = {("orders", number): list(replicas) for number, replicas in enumerate(
            [(1, 2), (1, 2), (1, 2), (2, 3), (2, 3), (3, 2)])}
        self.assertEqual(self.leads(before, dict.fromkeys((1, 2, 3))), [2, 2, 2])

    def test_nothing_moves_where_all_is_even(self):
        before = {("orders", 0): [1, 2], ("orders", 1): [2, 1]}
        self.assertEqual(plan(before, {1: None, 2: None}, spread=True, lead_evenly=True), {})


class ZooKeeperTest(unittest.TestCase):
    def test_connect(self):
        self.assertEqual(zookeeper.servers_of("a:2181,b:2182/kafka/one"), ([("a", 2181), ("b", 2182)], "/kafka/one"))
        self.assertEqual(zookeeper.servers_of("a, [::1]:2181"), ([("a", 2181), ("::1", 2181)], ""))


if __name__ == "__main__":
    unittest.main()
