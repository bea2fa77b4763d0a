#!/usr/bin/python
DOCUMENTATION = r"""
module: preflight
short_description: Tells what on this host would be in the way of a broker or a ZooKeeper server
description: [Changes nothing. What is found is told in words; the module itself fails only if it cannot look.]
author: The Ottla authors
options:
  unit: {description: The systemd unit that it is about, type: str, required: true}
  user: {description: The user that it runs as, type: str, required: true}
  log_dirs: {description: Where its data lies, type: list, elements: path, required: true}
  ports: {description: "The ports that it listens on, by what they are for", type: dict, required: true}
  peers: {description: Names or addresses under which other hosts are reached, type: list, elements: str, default: []}
  nofile: {description: How many open files its unit asks for, type: int, default: 0}
  memory_mb: {description: How much memory is wanted, type: int, default: 0}
  free_mb: {description: How much space is wanted in each of I(log_dirs), type: int, default: 0}
  broker_id: {description: The broker's id; none of a ZooKeeper server, type: int}
  other_brokers: {description: "Ids of the other brokers, by host", type: dict, default: {}}
  host: {description: Where the broker is reached, type: str}
  zookeeper_connect: {description: ZooKeeper servers to ask; empty for none, type: str, default: ''}
  zookeeper_is_ours: {description: Whether the inventory has them, type: bool, default: false}
  packages: {description: Packages that are wanted, type: list, elements: str, default: []}
  package_files: {description: Files of packages that are given, type: list, elements: str, default: []}
  absent_files: {description: Files of packages that are named and not there, type: list, elements: str, default: []}
  clocks: {description: "Seconds that hosts' clocks are ahead, and how wrong that may be, by host", type: dict,
           default: {}}
  clock_seconds: {description: How far clocks may be apart, type: float, default: 1}
  this_clock: {description: This host among I(clocks), type: str, default: ''}
"""
EXAMPLES = r"""
- name: What is in the way?
  ottla.cluster.preflight:
    unit: ottla-broker
    user: ottla
    log_dirs: [/var/lib/ottla/data]
    ports: {clients: 9092}
    broker_id: 1
"""
RETURN = r"""
findings:
  description: What was found, each with I(level) (serious, warning, note), I(name) and I(text)
  type: list
  returned: always
cluster_ids: {description: The clusters that the log dirs are of, type: list, returned: always}
"""

import os
import pwd
import shlex
import socket

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ottla.cluster.plugins.module_utils import checks
from ansible_collections.ottla.cluster.plugins.module_utils.fstab import mount_of
from ansible_collections.ottla.cluster.plugins.module_utils.process import Unit
from ansible_collections.ottla.cluster.plugins.module_utils.zookeeper import Reader, servers_of

MEBI = 1 << 20


def text_of(path, otherwise=""):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return otherwise


def number_in(path, otherwise):
    text = text_of(path).strip()
    return int(text) if text.isdigit() else otherwise


def pairs_of(text):
    pairs = [line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#")]
    return {name.strip(): value.strip() for name, value in pairs}


def release():
    return {name: "".join(shlex.split(value)) if "'" in value or '"' in value else value
            for name, value in pairs_of(text_of("/etc/os-release")).items()}


def memory():
    """What there is, or what a container may use."""
    total = int(next((line.split()[1] for line in text_of("/proc/meminfo").splitlines() if line.startswith("MemTotal:")), 0))
    return min(total * 1024, number_in("/sys/fs/cgroup/memory.max", 1 << 62))


def name_of(uid):
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return "the user %d" % uid


# What services do not write: of a disk's file system, and of ZooKeeper's installation.
NOT_WRITTEN = {"lost+found", "myid"}


def owners_of(path):
    """{user: how many}, of the directory and of what lies in it directly."""
    owners = {}
    try:
        for one in [path] + [os.path.join(path, name) for name in os.listdir(path) if name not in NOT_WRITTEN]:
            owner = name_of(os.lstat(one).st_uid)
            owners[owner] = owners.get(owner, 0) + 1
    except OSError:
        pass
    return owners


def log_dir(path, mountinfo):
    existing = os.path.realpath(path)
    while not os.path.isdir(existing):
        existing = os.path.dirname(existing)
    space = os.statvfs(existing)
    exists = os.path.isdir(path)
    return {"path": path, "exists": exists, "mount": mount_of(existing, mountinfo),
            "free": space.f_bavail * space.f_frsize, "total": space.f_blocks * space.f_frsize,
            "used": exists and bool(set(os.listdir(path)) - NOT_WRITTEN), "owners": owners_of(path) if exists else {}}


def listeners():
    """{port: inodes of the sockets that listen there}"""
    found = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in text_of(table).splitlines()[1:]:
            words = line.split()
            if words[3] == "0A":  # LISTEN
                found.setdefault(int(words[1].rsplit(":", 1)[1], 16), set()).add(words[9])
    return found


def holder_of(inodes):
    """(process id, name) of who has one of these sockets; (None, why not known)."""
    links = {"socket:[%s]" % inode for inode in inodes}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            for descriptor in os.listdir("/proc/%s/fd" % pid):
                if os.readlink("/proc/%s/fd/%s" % (pid, descriptor)) in links:
                    return int(pid), text_of("/proc/%s/comm" % pid).strip()
        except OSError:
            continue
    return None, "a process that is not seen from here"


def addresses_of(name):
    try:
        return sorted({answer[4][0] for answer in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)})
    except (OSError, UnicodeError) as error:
        return "its name has no address (%s)" % (getattr(error, "strerror", None) or error)


class Preflight:
    def __init__(self, module):
        self.module = module
        self.asked = module.params
        self.unit = Unit(module, self.asked["unit"])

    def ports(self):
        taken = listeners()
        for purpose, number in sorted(self.asked["ports"].items()):
            number = int(number)
            pid, name = holder_of(taken[number]) if number in taken else (None, None)
            ours = pid is not None and pid == self.unit.pid
            yield purpose, number, True if ours else name and ("%s (process %d)" % (name, pid) if pid else name)

    def ask_zookeeper(self):
        """({server: True or why not}, the cluster's id, listeners of the broker of our id). None: there is none; False:
        nobody could be asked."""
        servers, chroot = servers_of(self.asked["zookeeper_connect"])
        told, cluster_id, registered = {}, False, False
        for host, port in servers:
            name = "%s:%d" % (host, port)
            try:
                with Reader(host, port) as reader:
                    told[name] = True
                    if cluster_id is False:
                        cluster_id = (reader.json(chroot + "/cluster/id") or {}).get("id")
                        broker = reader.json("%s/brokers/ids/%d" % (chroot, self.asked["broker_id"]))
                        registered = [one.split("://", 1)[1] for one in broker.get("endpoints", [])] if broker else None
            except (OSError, ValueError) as error:
                told[name] = told.get(name) is True or getattr(error, "strerror", None) or str(error)
        return told, cluster_id, registered

    def packages(self):
        names = {os.path.basename(path).split("_")[0] for path in self.asked["package_files"]}
        wanted = [name.split("=")[0] for name in self.asked["packages"]]
        candidates, installed = {}, set()
        for name in wanted:
            status, out, error = self.module.run_command(["dpkg-query", "--showformat=${db:Status-Status}", "--show", name])
            if status == 0 and out.strip() == "installed":
                installed.add(name)
            elif not names:
                status, out, error = self.module.run_command(["apt-cache", "policy", name])
                candidates[name] = next((line.split()[1] for line in out.splitlines() if "Candidate:" in line), "(none)")
                if candidates[name] == "(none)":
                    del candidates[name]
        return checks.check_packages(self.asked["absent_files"], names, wanted, candidates, installed)

    def broker(self, properties):
        cluster_id, registered = False, False
        if self.asked["zookeeper_connect"]:
            servers, cluster_id, registered = self.ask_zookeeper()
            yield from checks.check_zookeeper(servers, self.asked["zookeeper_is_ours"])
        yield from checks.check_identity(self.asked["broker_id"], properties, self.asked["other_brokers"], cluster_id)
        if registered and self.asked["host"]:
            yield from checks.check_registration(self.asked["broker_id"], registered, self.asked["host"],
                                                 int(self.asked["ports"]["clients"]), self.unit.active)

    def findings(self, properties):
        mountinfo = text_of("/proc/self/mountinfo")
        yield from checks.check_system(release(), memory(), self.asked["memory_mb"] * MEBI)
        yield from checks.check_limits(number_in("/proc/sys/fs/nr_open", 1 << 62), self.asked["nofile"])
        yield from self.packages()
        yield from checks.check_log_dirs([log_dir(path, mountinfo) for path in self.asked["log_dirs"]], self.asked["user"],
                                         self.asked["free_mb"] * MEBI)
        yield from checks.check_ports(list(self.ports()), [int(word) for word in text_of(
            "/proc/sys/net/ipv4/ip_local_port_range", "0 0").split()])
        yield from checks.check_names({name: addresses_of(name) for name in self.asked["peers"]})
        yield from checks.check_clock(self.asked["this_clock"], self.asked["clocks"], self.asked["clock_seconds"])
        if self.asked["broker_id"] is not None:
            yield from self.broker(properties)

    def run(self):
        files = {path: os.path.join(path, "meta.properties") for path in self.asked["log_dirs"]}
        properties = {path: pairs_of(text_of(file)) for path, file in files.items() if os.path.exists(file)}
        self.module.exit_json(
            changed=False, findings=list(self.findings(properties)),
            cluster_ids=sorted({its["cluster.id"] for its in properties.values() if its.get("cluster.id")}))


def main():
    Preflight(AnsibleModule(supports_check_mode=True, argument_spec=dict(
        unit=dict(type="str", required=True), user=dict(type="str", required=True),
        log_dirs=dict(type="list", elements="path", required=True), ports=dict(type="dict", required=True),
        peers=dict(type="list", elements="str", default=[]), nofile=dict(type="int", default=0),
        memory_mb=dict(type="int", default=0), free_mb=dict(type="int", default=0), broker_id=dict(type="int"),
        other_brokers=dict(type="dict", default={}), host=dict(type="str"),
        zookeeper_connect=dict(type="str", default=""), zookeeper_is_ours=dict(type="bool", default=False),
        packages=dict(type="list", elements="str", default=[]), package_files=dict(type="list", elements="str", default=[]),
        absent_files=dict(type="list", elements="str", default=[]), clocks=dict(type="dict", default={}),
        clock_seconds=dict(type="float", default=1), this_clock=dict(type="str", default="")))).run()


if __name__ == "__main__":
    main()
