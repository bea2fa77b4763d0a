"""Ansible's playbooks for hosts as such: what their kernels, limits and disks are told. No broker runs here."""

import copy
import unittest

import deployed
import machines

UNAVAILABLE = deployed.why_unavailable()
VM = {"swappiness": 60, "dirty_background_ratio": 10, "dirty_ratio": 20}
# A package of that name with a unit that only sleeps, on a host that is no container.
CHRONY = """
mkdir -p /root/chrony/DEBIAN /root/chrony/lib/systemd/system /root/chrony/etc/chrony/conf.d &&
printf 'Package: chrony\\nVersion: 4.3\\nArchitecture: all\\nMaintainer: nobody <nobody@example.org>\\nDescription: none\\n' \
  > /root/chrony/DEBIAN/control &&
printf '[Service]\\nExecStart=/bin/sleep infinity\\n' > /root/chrony/lib/systemd/system/chrony.service &&
dpkg-deb --build /root/chrony /root/chrony.deb && dpkg --install /root/chrony.deb &&
rm -f /usr/bin/systemd-detect-virt && printf '#!/bin/sh\\necho none; exit 1\\n' > /usr/bin/systemd-detect-virt &&
chmod +x /usr/bin/systemd-detect-virt
"""


class Hosts(deployed.Plays):
    def __init__(self, *names):
        self.machines = machines.Machines(*names)
        self.directory = self.machines.directory
        self.inventory = {"all": {"vars": self.connection(self.machines)},
                          "brokers": {"hosts": {name: {"ansible_host": self.machines[name].address} for name in names},
                                      "vars": {}}}

    @property
    def settings(self):
        return self.inventory["brokers"]["vars"]

    def run(self, host, *words):
        return self.machines[host].run(*words).strip()

    def shield(self, host):
        """What is the whole machine's, and not the test host's own, can be read there only."""
        self.run(host, "mount --bind /proc/sys/vm /proc/sys/vm && mount -o remount,ro,bind /proc/sys/vm"
                       " && mount -o remount,ro,bind /sys")

    def imitate(self, host):
        """Files in place of the machine's own, which the host may write."""
        self.run(host, "mount -t tmpfs vm /proc/sys/vm && mount -t tmpfs disks /sys/block && mkdir -p /sys/block/disk0/queue"
                       " && echo 'mq-deadline [kyber] none' > /sys/block/disk0/queue/scheduler"
                       " && echo 128 > /sys/block/disk0/queue/read_ahead_kb && echo 'always [madvise] never' > /run/thp"
                       " && mount --bind /run/thp /sys/kernel/mm/transparent_hugepage/enabled")
        for name, value in VM.items():
            self.run(host, f"echo {value} > /proc/sys/vm/{name}")


@unittest.skipIf(UNAVAILABLE, UNAVAILABLE)
class AnsibleHostTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hosts = Hosts("free", "confined")
        cls.addClassCleanup(cls.hosts.machines.close)
        for host in ("free", "confined"):
            cls.hosts.shield(host)
        cls.hosts.imitate("free")
        cls.hosts.run("free", CHRONY)

    def kernel(self, host, path):
        return self.hosts.run(host, "cat", path)

    def test_kernel_limits_and_disks(self):
        before = copy.deepcopy(self.hosts.inventory)
        self.addCleanup(lambda: setattr(self.hosts, "inventory", before))
        self.hosts.settings["host_transparent_hugepages"] = "never"
        self.hosts.settings["host_sysctl_more"] = {"net.core.somaxconn": 2000, "vm.dirty_ratio": 50}
        self.hosts.inventory["brokers"]["hosts"]["free"]["host_disks"] = [
            {"device": "disk0", "scheduler": "none", "read_ahead_kb": 64}]
        self.hosts.inventory["brokers"]["hosts"]["free"]["host_mounts"] = [
            {"path": "/data/disk-1", "source": "records", "fstype": "tmpfs", "options": ["size=1m", "noatime", "nodev"]}]

        planned = self.hosts.play("prepare_hosts", "--check", "--diff")
        self.assertIn("+vm.swappiness = 1", planned.output)
        self.assertIn("/data/disk-1 is mounted", planned.output)
        self.assertEqual(self.kernel("free", "/proc/sys/vm/swappiness"), "60")
        self.assertEqual(self.hosts.run("free", "ls /etc/sysctl.d/60-ottla.conf /data 2>/dev/null || true"), "")

        done = self.hosts.play("prepare_hosts")
        self.assertEqual(done.changed, planned.changed)
        for path, value in {"/proc/sys/vm/swappiness": "1", "/proc/sys/vm/dirty_ratio": "50", "/run/thp": "never",
                            "/proc/sys/net/core/somaxconn": "2000", "/sys/block/disk0/queue/scheduler": "none",
                            "/sys/block/disk0/queue/read_ahead_kb": "64"}.items():
            self.assertEqual(self.kernel("free", path).splitlines()[0], value, path)
        self.assertIn("vm.dirty_ratio = 50", self.kernel("free", "/etc/sysctl.d/60-ottla.conf"))
        self.assertIn("ottla - nofile 1000000", self.kernel("free", "/etc/security/limits.d/60-ottla.conf"))
        self.assertIn('KERNEL=="disk0", ATTR{queue/scheduler}="none"', self.kernel("free", "/etc/udev/rules.d/99-ottla.rules"))
        mounted = next(line.split() for line in self.kernel("free", "/proc/self/mounts").splitlines() if " /data/disk-1 " in line)
        self.assertTrue({"noatime", "nodev", "size=1024k"} <= set(mounted[3].split(",")), mounted)
        self.assertIn("records\t/data/disk-1\ttmpfs\tsize=1m,noatime,nodev\t0\t0", self.kernel("free", "/etc/fstab"))

        # The other one's kernel refuses: told in words, and the rest is done.
        self.assertIn("vm.swappiness stays as it is: Read-only file system", done.output)
        self.assertEqual(self.kernel("confined", "/proc/sys/net/core/somaxconn"), "2000")
        self.assertIn("vm.swappiness = 1", self.kernel("confined", "/etc/sysctl.d/60-ottla.conf"))

        self.assertEqual(self.hosts.play("prepare_hosts").changed, {})
        strict = self.hosts.play("prepare_hosts", check=False, host_strict=True)
        self.assertEqual([strict.recap[host]["failed"] for host in ("free", "confined")], [0, 1])

    def test_options_of_a_mounted_disk_change(self):
        disk = {"path": "/data/disk-2", "source": "records", "fstype": "tmpfs", "options": ["relatime"]}
        self.hosts.play("prepare_hosts", "--limit", "confined", host_mounts=[disk])
        self.hosts.run("confined", "touch /data/disk-2/record")
        disk["options"] = ["noatime"]
        changed = self.hosts.play("prepare_hosts", "--limit", "confined", host_mounts=[disk])
        self.assertEqual(changed.changed, {"confined": 1})
        mounted = next(line for line in self.kernel("confined", "/proc/self/mounts").splitlines() if " /data/disk-2 " in line)
        self.assertIn("noatime", mounted)
        self.assertEqual(self.hosts.run("confined", "ls /data/disk-2"), "record")
        self.assertEqual(self.kernel("confined", "/etc/fstab").count("/data/disk-2"), 1)

    def test_what_would_do_harm_is_refused(self):
        self.hosts.run("confined", "mkdir -p /data/full && touch /data/full/record")
        refused = self.hosts.play("prepare_hosts", "--limit", "confined", check=False, host_mounts=[
            {"path": "/data/full", "source": "records", "fstype": "tmpfs", "options": ["noatime"]}])
        self.assertIn("/data/full is not mounted and holds files", refused.output)
        self.assertNotIn("/data/full", self.hosts.run("confined", "cat /etc/fstab /proc/self/mounts"))
        refused = self.hosts.play("prepare_hosts", "--limit", "confined", check=False, host_disks=[{"device": "nvme7"}])
        self.assertIn("host_disks: nvme7 is no disk of this host", refused.output)

    def test_the_clock(self):
        self.hosts.run("confined", "rm -f /usr/bin/systemd-detect-virt; printf '#!/bin/sh\\necho lxc\\n' > /usr/bin/systemd-detect-virt;"
                                   " chmod +x /usr/bin/systemd-detect-virt")
        wanted = dict(host_sysctl_enabled=False, host_limits_enabled=False, host_transparent_hugepages="",
                      host_chrony=True, host_chrony_servers=["time-1.example.org"])
        played = self.hosts.play("prepare_hosts", **wanted)
        self.assertIn("chrony is left out: this is a container (lxc)", played.output)
        self.assertEqual(list(played.changed), ["free"])
        self.assertEqual(self.hosts.run("free", "cat /etc/chrony/conf.d/ottla.conf | tail -n 1"), "server time-1.example.org iburst")
        self.assertEqual(self.hosts.run("free", "systemctl is-active chrony; systemctl is-enabled chrony").split(), ["active", "enabled"])
        self.assertEqual(self.hosts.play("prepare_hosts", **wanted).changed, {})


if __name__ == "__main__":
    unittest.main()
