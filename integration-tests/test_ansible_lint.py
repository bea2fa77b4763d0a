"""Ansible's collection without hosts: lint, syntax, and where replicas are to be."""

import pathlib
import shutil
import subprocess
import sys
import unittest

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
