"""Brokers and three ZooKeeper servers, each on a host of its own (netns.py)."""

import messages
from cluster import Cluster, ZooKeeper, wait_until
from faulty_disk import FaultyDisk
from netns import Network
from wall_clock import WallClock


class Server(ZooKeeper):
    """One of several: it serves when enough of them are there."""

    def start(self):
        self.launch()


class Ensemble:
    PEERS = "\n".join(("initLimit=10", "syncLimit=3", ""))

    def __init__(self, directory, tick_ms, hosts):
        peers = self.PEERS + "".join(f"server.{number}={host.address}:2888:3888\n"
                                     for number, host in enumerate(hosts, 1))
        self.servers = []
        try:
            for number, host in enumerate(hosts, 1):
                own = directory / f"zookeeper-{number}"
                (own / "data").mkdir(parents=True)
                (own / "data" / "myid").write_text(f"{number}\n")
                self.servers.append(Server(own, tick_ms, host, peers))
            self.wait_for_all()
        except BaseException:
            self.end()
            raise

    @property
    def connect(self):
        return ",".join(server.connect for server in self.servers)

    def wait_for_all(self):
        for server in self.servers:
            wait_until(server.mode, f"{server.host} to serve", 60)

    def leader(self):
        return next((server for server in self.servers if server.process.running() and server.mode() == "leader"), None)

    def heal(self):
        for server in self.servers:
            if not server.process.running():
                server.launch()
            server.process.resume()

    def end(self):
        for server in self.servers:
            server.process.end()


class NetworkedCluster(Cluster):
    """The test itself moves to the host `observer`, which no test cuts off; checking clients live on `clients`. With
    `wall_clocks` all hosts but the observer have one of their own, `clocks` by host; with `faulty_disks` those of brokers
    have a disk that can fail, `disks` by host."""

    def __init__(self, brokers=3, wall_clocks=False, faulty_disks=False, **settings):
        self.network = Network()
        self.clocks, self.disks = {}, {}
        try:
            self.clients = self.network.host("clients")
            self.broker_hosts = {number: self.network.host(f"broker-{number}") for number in range(1, brokers + 1)}
            self.zookeeper_hosts = [self.network.host(f"zookeeper-{number}") for number in (1, 2, 3)]
            if wall_clocks:
                self.clocks = {host: WallClock() for host in self.network.hosts.values()}
                for host, clock in self.clocks.items():
                    host.environment = clock.environment
            if faulty_disks:
                self.disks = {host: FaultyDisk() for host in self.broker_hosts.values()}
                for host, disk in self.disks.items():
                    host.environment = disk.environment
            self.network.enter(self.network.host("observer"))
        except BaseException:
            self.network.close()
            raise
        try:
            super().__init__(brokers, **{"tick_ms": 1000, **settings})
        except BaseException:
            self.network.close()
            raise

    def make_zookeeper(self, tick_ms):
        return Ensemble(self.directory, tick_ms, self.zookeeper_hosts)

    def host_of(self, broker_id):
        return self.broker_hosts[broker_id]

    def peers_of(self, broker):
        return [host for host in self.broker_hosts.values() if host is not broker.host]

    def heal(self):
        """Ends every fault, and waits until nothing is left of them."""
        for clock in self.clocks.values():
            clock.set(0)
        for disk in self.disks.values():
            disk.heal()
        self.network.heal()
        self.zookeeper.heal()
        self.zookeeper.wait_for_all()  # a broker's start does not wait for it for ever
        for broker in self.brokers.values():
            if not broker.process.running():
                broker.start()
            broker.process.resume()
        self.wait_for_brokers()

    def close(self):
        for disk in self.disks.values():
            disk.heal()
        super().close()
        self.network.close()
        for clock in self.clocks.values():
            clock.close()
        for disk in self.disks.values():
            disk.close()

    def view(self, broker, topic):
        """What that broker tells clients: {partition: (leader, leader epoch, sorted ISR)}."""
        answer = messages.ask(broker, "Metadata", 7, {"topics": [{"name": topic}], "allow_auto_topic_creation": False}, timeout=5)
        return {partition["partition_index"]: (partition["leader_id"], partition["leader_epoch"], sorted(partition["isr_nodes"]))
                for partition in answer["topics"][0]["partitions"]}

    def wait_for_same_views(self, topic, seconds=60):
        """Who was cut off tells clients what it knew, until it has heard what became of the cluster meanwhile."""
        views = {}

        def all_in_sync():
            views.update({broker.id: self.view(broker, topic) for broker in self.brokers.values()})
            first = next(iter(views.values()))
            return first and all(view == first for view in views.values()) and all(
                leader >= 0 and isr == sorted(self.brokers) for leader, _, isr in first.values())
        try:
            wait_until(all_in_sync, f"all brokers to be in sync with {topic}, in the eyes of each", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; {views}") from None
