"""Ansible's collection without hosts: lint, syntax, and where replicas are to be."""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

import yaml

ANSIBLE = pathlib.Path(__file__).resolve().parent.parent / "ansible"
sys.path.insert(0, str(ANSIBLE / "plugins" / "module_utils"))

from plan import Impossible, plan  # noqa: E402


class AnsibleLintTest(unittest.TestCase):
    @unittest.skipUnless(shutil.which("ansible-lint"), "ansible-lint is not installed (deploy/install-packages --test)")
    def test_production_profile(self):
        outcome = subprocess.run(["ansible-lint", "--offline", "--nocolor", "--profile", "production"], cwd=ANSIBLE,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
        self.assertEqual(outcome.returncode, 0, outcome.stdout[-6000:])

    @unittest.skipUnless(shutil.which("ansible-playbook"), "ansible is not installed (deploy/install-packages --test)")
    def test_example_inventories(self):
        for inventory in ANSIBLE.glob("inventory/*.yml"):
            outcome = subprocess.run(["ansible-playbook", "-i", inventory, "--syntax-check", "ottla.cluster.deploy"],
                                     cwd=ANSIBLE, capture_output=True, text=True, timeout=60)
            self.assertEqual(outcome.returncode, 0, outcome.stderr)

    def test_every_way_into_a_role_checks_its_variables(self):
        """What a playbook takes of a role (tasks_from) has an argument spec, and no spec is of tasks that are gone."""
        used = {(role.name, "main") for role in ANSIBLE.glob("roles/*")}
        for playbook in ANSIBLE.glob("playbooks/*.yml"):
            used |= set(re.findall(r"name: ottla\.cluster\.(\w+)\n\s+tasks_from: (\w+)", playbook.read_text()))
        checked = {(role.name, name) for role in ANSIBLE.glob("roles/*") for name in specs_of(role.name)}
        self.assertEqual(sorted(used - checked), [])
        tasks = {(path.parent.parent.name, path.stem) for path in ANSIBLE.glob("roles/*/tasks/*.yml")}
        self.assertEqual(sorted(checked - tasks), [])

    @unittest.skipUnless(shutil.which("ansible"), "ansible is not installed (deploy/install-packages --test)")
    def test_wrong_variables_are_refused_by_name(self):
        """Nothing is done then: the tasks behind the check would need a host."""
        broker = {"ottla_broker_id": 1}
        wrong = [("broker", "main", {}, "missing required arguments: ottla_broker_id"),
                 ("broker", "main", {"ottla_broker_id": "first"}, "ottla_broker_id"),
                 ("broker", "configure", {**broker, "ottla_port": "many"}, "ottla_port"),
                 ("broker", "main", {**broker, "ottla_log_dirs": {"a": 1}}, "ottla_log_dirs"),
                 ("broker", "main", {**broker, "ottla_config": "eight threads"}, "ottla_config"),
                 ("broker", "restart", {**broker, "ottla_restart_by": "room"}, "ottla_restart_by must be one of: broker, rack"),
                 ("broker", "spread", {**broker, "ottla_reassignment_throttle": "10MB"}, "ottla_reassignment_throttle"),
                 ("broker", "drill", {"ottla_drill": "flood", "ottla_drill_report": "/r", "ottla_cli": "o"}, "ottla_drill must be"),
                 ("broker", "kafka_look", {**broker, "ottla_hand_over_to": "redis"}, "ottla_hand_over_to must be"),
                 ("zookeeper", "main", {}, "missing required arguments: zookeeper_id"),
                 ("zookeeper", "restore", {"zookeeper_id": 1}, "missing required arguments: ottla_backup"),
                 ("zookeeper", "main", {"zookeeper_id": 1, "zookeeper_client_port": "x"}, "zookeeper_client_port"),
                 ("host", "main", {"host_disks": [{"scheduler": "none"}]}, "device"),
                 ("host", "main", {"host_transparent_hugepages": "often"}, "host_transparent_hugepages must be one of"),
                 ("topics", "main", {"ottla_topics": [{"partitions": 3}]}, "name"),
                 ("topics", "main", {"ottla_topics": [{"name": "t", "state": "gone"}]}, "state"),
                 ("cli", "main", {"cli_upgrade": "perhaps"}, "cli_upgrade"),
                 ("monitoring", "main", {"monitoring_stall_seconds": "long"}, "monitoring_stall_seconds")]
        for role, entry, variables, told in wrong:
            with self.subTest(role=role, entry=entry, variables=variables):
                arguments = {"argument_spec": specs_of(role)[entry]["options"], "provided_arguments": variables}
                outcome = subprocess.run(["ansible", "localhost", "--connection", "local", "--module-name",
                                          "ansible.builtin.validate_argument_spec", "--args", json.dumps(arguments)],
                                         cwd=ANSIBLE, capture_output=True, text=True, timeout=60)
                self.assertNotEqual(outcome.returncode, 0, outcome.stdout)
                self.assertIn(told, outcome.stdout)


def specs_of(role):
    return yaml.safe_load((ANSIBLE / "roles" / role / "meta" / "argument_specs.yml").read_text())["argument_specs"]


def partitions(*assignments):
    return {("orders", number): list(replicas) for number, replicas in enumerate(assignments)}


def load(moved, before):
    after = {**before, **moved}
    return {broker: sum(broker in replicas for replicas in after.values())
            for broker in {one for replicas in after.values() for one in replicas}}


class PlanTest(unittest.TestCase):
    def test_nothing_moves_where_all_is_even(self):
        before = partitions([1, 2], [2, 3], [3, 1])
        self.assertEqual(plan(before, {1: None, 2: None, 3: None}, spread=True), {})

    def test_a_new_broker_gets_its_share_by_the_fewest_moves(self):
        before = partitions(*[[1, 2, 3], [2, 3, 1], [3, 1, 2]] * 4)
        moved = plan(before, dict.fromkeys((1, 2, 3, 4)), spread=True)
        self.assertEqual(load(moved, before), {1: 9, 2: 9, 3: 9, 4: 9})
        self.assertEqual(len(moved), 9)
        leads = [replicas[0] for replicas in {**before, **moved}.values()]
        self.assertEqual([leads.count(broker) for broker in (1, 2, 3, 4)], [3, 3, 3, 3])

    def test_a_leaving_broker_keeps_nothing(self):
        before = partitions(*[[1, 2, 3], [2, 3, 4], [3, 4, 1], [4, 1, 2]] * 3)
        moved = plan(before, dict.fromkeys((1, 2, 3)), spread=False)
        self.assertEqual(load(moved, before), {1: 12, 2: 12, 3: 12})
        self.assertTrue(all(len(set(replicas)) == 3 for replicas in moved.values()))

    def test_racks_are_kept_apart(self):
        racks = {1: "a", 2: "b", 3: "a", 4: "b"}
        before = partitions(*[[1, 2], [2, 1]] * 4)
        moved = plan(before, racks, spread=True)
        self.assertEqual(load(moved, before), {1: 4, 2: 4, 3: 4, 4: 4})
        self.assertTrue(all(len({racks[one] for one in replicas}) == 2 for replicas in {**before, **moved}.values()))

    def test_too_few_brokers(self):
        with self.assertRaises(Impossible):
            plan(partitions([1, 2, 3]), dict.fromkeys((1, 2)), spread=False)


if __name__ == "__main__":
    unittest.main()
