"""A network of namespaces for the tests: hosts that are connected by one router, and faults between them.

    with Network() as network:
        a, b = network.host("a"), network.host("b")
        subprocess.Popen([*a.prefix, "some-server"])       # runs at a.address
        network.block(a, b)                                 # packets vanish, both ways
        network.slow(b, delay_ms=50, jitter_ms=20, loss=0.02, reorder=0.1, duplicate=0.01)
        network.heal()

Every host is a namespace with one interface; its peer is in the router's namespace. A block is a routing rule there:
what it hits is dropped without a word, as by a cut cable. Delay, loss, reordering and duplication come from the kernel's
netem where it has it, else from a relay (this file as a program) that the packets to and from a host are led through.
Nothing outside the namespaces is touched: all names begin with `ottla-PID-`, and those of a PID that is gone are removed
by the next test.
"""

import argparse
import atexit
import collections
import contextlib
import ctypes
import fcntl
import heapq
import itertools
import os
import pathlib
import random
import select
import struct
import subprocess
import sys
import time

NAMESPACES = pathlib.Path("/run/netns")
PREFIX = "ottla-"
SUBNET = "10.231.0."
ROUTER = SUBNET + "254"
FIRST_BLOCK, FROM_RELAY, TO_RELAY = 100, 1000, 1001  # preferences of the router's rules
RELAY_TABLE = 7
CLONE_NEWNET = 0x40000000


class Unavailable(RuntimeError):
    """This machine does not let us make namespaces."""


def ip(*arguments, namespace=None, lines=None):
    """Runs `ip` in the namespace; `lines` are many commands at once."""
    command = ["ip", *(["-n", namespace] if namespace else []), *(["-batch", "-"] if lines else map(str, arguments))]
    try:
        outcome = subprocess.run(command, input="\n".join(lines or ()), capture_output=True, text=True, timeout=30)
    except OSError as error:
        raise Unavailable(f"ip: {error}") from error
    if outcome.returncode != 0:
        raise Unavailable(f"{' '.join(command)}: {outcome.stderr.strip()}")
    return outcome.stdout


def why_unavailable():
    """Why no network can be made here, or None."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    try:
        with Network() as network:
            a, b = network.host("a"), network.host("b")
            network.block(a, b)
    except (Unavailable, OSError, subprocess.SubprocessError) as error:
        return f"no network namespaces here: {error}"
    return None


def remove_leftovers():
    """Of tests that were killed. A live process' namespaces are left alone."""
    for path in NAMESPACES.glob(PREFIX + "*"):
        pid = path.name[len(PREFIX):].split("-", 1)[0]
        if pid.isdigit() and not pathlib.Path(f"/proc/{pid}").exists():
            with contextlib.suppress(Unavailable):
                ip("netns", "delete", path.name)


class Host:
    def __init__(self, network, name, number):
        self.network, self.name = network, name
        self.address = SUBNET + str(number)
        self.namespace = f"{network.name}-{name}"
        self.link = f"to-{name}"
        # nsenter becomes the command: its process id is the command's.
        self.prefix = ["nsenter", f"--net={NAMESPACES / self.namespace}"]
        self.environment = {}  # of its processes, in addition

    def __repr__(self):
        return self.name


class Network:
    made = 0

    def __init__(self):
        remove_leftovers()
        Network.made += 1
        self.name = f"{PREFIX}{os.getpid()}-{Network.made}"
        self.router = f"{self.name}-router"
        self.hosts = {}
        self.blocks = collections.Counter()
        self.relay = None
        self.netem = None  # not known yet
        self.slowed = []  # by netem
        self.home = None
        atexit.register(self.close)
        ip("netns", "add", self.router)
        try:
            ip("link", "set", "lo", "up", namespace=self.router)
            self.sysctl("net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0",
                        "net.ipv4.conf.all.send_redirects=0", "net.ipv4.conf.default.send_redirects=0")
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def sysctl(self, *settings):
        """Of the router."""
        for setting in settings:
            name, value = setting.split("=")
            subprocess.run(["nsenter", f"--net={NAMESPACES / self.router}", "sh", "-c",
                            f"echo {value} > /proc/sys/{name.replace('.', '/')}"], check=True, timeout=10)

    def host(self, name):
        host = Host(self, name, len(self.hosts) + 1)
        ip("netns", "add", host.namespace)
        self.hosts[name] = host
        ip("link", "add", "name", host.link, "type", "veth", "peer", "name", "eth0", "netns", host.namespace,
           namespace=self.router)
        ip(namespace=self.router, lines=[f"addr add {ROUTER}/32 dev {host.link}", f"link set {host.link} up",
                                         f"route add {host.address}/32 dev {host.link}"])
        ip(namespace=host.namespace, lines=["link set lo up", f"addr add {host.address}/32 dev eth0", "link set eth0 up",
                                            f"route add {ROUTER}/32 dev eth0 src {host.address}",
                                            f"route add default via {ROUTER} src {host.address}"])
        return host

    def enter(self, host):
        """This thread, and what it starts from now on, lives on the host. Until `close`."""
        if self.home is None:
            self.home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        with open(NAMESPACES / host.namespace, "rb") as namespace:
            self._set(namespace.fileno())

    @staticmethod
    def _set(descriptor):
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(descriptor, CLONE_NEWNET) != 0:
            raise Unavailable(f"setns: {os.strerror(ctypes.get_errno())}")

    # Faults.

    def block(self, a, b, one_way=False):
        """Packets from a to b vanish, and those from b to a unless `one_way`."""
        for source, target in [(a, b)] + ([] if one_way else [(b, a)]):
            self.blocks[source, target] += 1
            if self.blocks[source, target] == 1:
                ip("rule", "add", *self._rule(source, target), namespace=self.router)

    def unblock(self, a, b, one_way=False):
        for source, target in [(a, b)] + ([] if one_way else [(b, a)]):
            self.blocks[source, target] -= 1
            if self.blocks[source, target] == 0:
                del self.blocks[source, target]
                ip("rule", "delete", *self._rule(source, target), namespace=self.router)

    @staticmethod
    def _rule(source, target):
        return ["pref", FIRST_BLOCK, "iif", source.link, "to", target.address + "/32", "blackhole"]

    @contextlib.contextmanager
    def _blocked(self, pairs, one_way):
        for a, b in pairs:
            self.block(a, b, one_way)
        try:
            yield
        finally:
            for a, b in pairs:
                self.unblock(a, b, one_way)

    def isolated(self, host, others, one_way=False):
        """A context in which the host and the others do not reach each other; `one_way`: nobody hears the host."""
        return self._blocked([(host, other) for other in others if other is not host], one_way)

    def deaf(self, host, others):
        """A context in which the host hears nothing of the others, but they hear it."""
        return self._blocked([(other, host) for other in others if other is not host], True)

    def has_netem(self):
        """Whether the kernel has it; asked once."""
        if self.netem is None:
            command = ["qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"]
            self.netem = not self._tc(self.router, *command)
            if self.netem:
                self._tc(self.router, "qdisc", "delete", "dev", "lo", "root")
        return self.netem

    @staticmethod
    def _tc(namespace, *arguments):
        """What speaks against it, or an empty text."""
        try:
            outcome = subprocess.run(["tc", "-n", namespace, *arguments], capture_output=True, text=True, timeout=30)
        except OSError as error:
            return f"tc: {error}"
        return "" if outcome.returncode == 0 else outcome.stderr.strip() or "tc failed"

    def slow(self, host, delay_ms=0, jitter_ms=0, loss=0.0, reorder=0.0, duplicate=0.0):
        """What goes to the host and comes from it takes longer, gets lost, comes before what was sent earlier, or twice: of
        all packets these parts. One host at a time."""
        self.fast()
        if self.has_netem():
            # Without a jitter of its own netem reorders by sending at once what is not delayed.
            words = ["delay", f"{delay_ms or 1}ms", f"{jitter_ms}ms", "loss", f"{loss:.2%}", "reorder", f"{reorder:.2%}",
                     "duplicate", f"{duplicate:.2%}"]
            self.slowed = [(self.router, host.link), (host.namespace, "eth0")]
            for namespace, device in self.slowed:
                why_not = self._tc(namespace, "qdisc", "add", "dev", device, "root", "netem", *words)
                if why_not:
                    raise Unavailable(f"netem: {why_not}")
            return
        ip("tuntap", "add", "dev", "relay", "mode", "tun", namespace=self.router)
        ip(namespace=self.router, lines=[
            "link set relay up", f"route add default dev relay table {RELAY_TABLE}",
            f"rule add pref {FROM_RELAY} iif relay lookup main",
            f"rule add pref {TO_RELAY} iif {host.link} lookup {RELAY_TABLE}",
            f"rule add pref {TO_RELAY} to {host.address}/32 lookup {RELAY_TABLE}"])
        self.relay = subprocess.Popen(
            ["nsenter", f"--net={NAMESPACES / self.router}", sys.executable, "-B", __file__,
             "--delay-ms", str(delay_ms), "--jitter-ms", str(jitter_ms), "--loss", str(loss), "--reorder", str(reorder),
             "--duplicate", str(duplicate)])

    def fast(self):
        """Ends `slow`."""
        for namespace, device in self.slowed:
            self._tc(namespace, "qdisc", "delete", "dev", device, "root")
        self.slowed = []
        if self.relay is None:
            return
        self.relay.kill()
        self.relay.wait()
        self.relay = None
        ip(namespace=self.router, lines=[f"rule delete pref {preference}" for preference in
                                         (FROM_RELAY, TO_RELAY, TO_RELAY)]
           + [f"route flush table {RELAY_TABLE}", "link delete relay"])

    def heal(self):
        self.fast()
        for source, target in list(self.blocks):
            ip("rule", "delete", *self._rule(source, target), namespace=self.router)
        self.blocks.clear()

    def close(self):
        atexit.unregister(self.close)
        if self.home is not None:
            self._set(self.home)
            os.close(self.home)
            self.home = None
        if self.relay is not None:
            self.relay.kill()
            self.relay.wait()
            self.relay = None
        for namespace in [host.namespace for host in self.hosts.values()] + [self.router]:
            with contextlib.suppress(Unavailable):
                ip("netns", "delete", namespace)
        self.hosts.clear()


class Delays:
    """Packets that wait for their moment; apart from those that are reordered, each in its turn."""

    def __init__(self, options, choose):
        self.options, self.choose = options, choose
        self.waiting = []  # a heap of (due, number, packet)
        self.last_due, self.numbers = 0.0, itertools.count()

    def take(self, packet, now):
        if self.choose.random() < self.options.loss:
            return
        delay = (self.options.delay_ms + self.choose.uniform(0, self.options.jitter_ms)) / 1000
        if self.choose.random() < self.options.reorder:
            due = now + delay * self.choose.random()  # overtakes
        else:
            due = self.last_due = max(self.last_due, now + delay)
        for _ in range(2 if self.choose.random() < self.options.duplicate else 1):
            heapq.heappush(self.waiting, (due, next(self.numbers), packet))

    def wait(self, now):
        """Until the next one is due, in seconds; None: there is none."""
        return max(0.0, self.waiting[0][0] - now) if self.waiting else None

    def due(self, now):
        while self.waiting and self.waiting[0][0] <= now:
            yield heapq.heappop(self.waiting)[2]


def relay(options):
    """Packets out of the interface `relay` go back into it later, once, twice or never."""
    tunnel = os.open("/dev/net/tun", os.O_RDWR)
    set_interface, tun, no_information = 0x400454CA, 1, 0x1000
    fcntl.ioctl(tunnel, set_interface, struct.pack("16sH", b"relay", tun | no_information))
    delays = Delays(options, random)
    while True:
        if select.select([tunnel], [], [], delays.wait(time.monotonic()))[0]:
            delays.take(os.read(tunnel, 65536), time.monotonic())
        for packet in delays.due(time.monotonic()):
            with contextlib.suppress(OSError):
                os.write(tunnel, packet)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--delay-ms", type=float, default=0)
    parser.add_argument("--jitter-ms", type=float, default=0)
    for part in ("--loss", "--reorder", "--duplicate"):
        parser.add_argument(part, type=float, default=0)
    with contextlib.suppress(KeyboardInterrupt):
        relay(parser.parse_args())
