"""What Ansible's modules and filters decide, without hosts: what of fstab changes."""

import pathlib
import sys
import unittest

ANSIBLE = pathlib.Path(__file__).resolve().parent.parent / "ansible"
sys.path[:0] = [str(ANSIBLE / "plugins" / "module_utils"), str(ANSIBLE / "plugins" / "filter")]

import fstab  # noqa: E402


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


if __name__ == "__main__":
    unittest.main()
