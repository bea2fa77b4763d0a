"""What Ansible's modules are made of, without hosts: plans."""

import pathlib
import sys
import unittest

ANSIBLE = pathlib.Path(__file__).resolve().parent.parent / "ansible"
sys.path.insert(0, str(ANSIBLE / "plugins" / "module_utils"))

from plan import Impossible, plan  # noqa: E402


class ResizeTest(unittest.TestCase):
    RACKS = {1: "a", 2: "a", 3: "b", 4: "c"}

    def moved(self, before, factor):
        before = {("orders", number): replicas for number, replicas in enumerate(before)}
        before["others", 0] = [9, 1]  # a broker that is away keeps what it has
        moved = plan(before, self.RACKS, spread=False, factors={"orders": factor})
        return [moved.get(name, replicas) for name, replicas in before.items() if name[0] == "orders"], moved

    def test_more_replicas_are_spread_over_racks_and_brokers(self):
        after, moved = self.moved([[1], [3], [4]], 3)
        self.assertTrue(all(len({self.RACKS[one] for one in replicas}) == 3 for replicas in after), after)
        self.assertEqual([replicas[0] for replicas in after], [1, 3, 4])
        self.assertNotIn(("others", 0), moved)

    def test_fewer_replicas_leave_the_preferred_leader_and_racks(self):
        after, _ = self.moved([[1, 2, 3], [4, 3, 1]], 2)
        self.assertEqual(after[0], [1, 3])
        self.assertEqual((after[1][0], len(after[1])), (4, 2))

    def test_nothing_to_do(self):
        self.assertEqual(self.moved([[1, 3], [3, 4]], 2)[1], {})

    def test_more_replicas_than_brokers(self):
        with self.assertRaises(Impossible):
            self.moved([[1, 2]], 5)


if __name__ == "__main__":
    unittest.main()
