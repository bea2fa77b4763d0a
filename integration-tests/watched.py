"""All checking clients at once, for tests of faults: an idempotent producer, a plain one, a consumer group, and a probe of
who is writable. One line of figures for each test."""

import collections
import datetime
import json
import re
import time

import netns
from checked import TopicOfItsOwnCase
from cluster import BUILD, Checker, wait_until
from group_members import Member
from networked import NetworkedCluster
from writable import WritableProbe

UNAVAILABLE = netns.why_unavailable()
MEMBER_SESSION = 6.0
# So long that nothing that is judged can have waited for its end. (ZooKeeper here grants 20 s at most.)
ZOOKEEPER_SESSION = 18.0
SUSPICION = 1.5
# For so long a controller that took the office over is not deposed for silence.
QUIET = 10.0
# On top of what is promised, because this machine may be busy.
BUSY = 3.5

GROUP_MEMBER = BUILD / "integration-tests" / "ottla-group-member"
# A client that its broker does not answer any more must not wait for a minute.
PATIENCE = {"socket.timeout.ms": 3000, "socket.connection.setup.timeout.ms": 2000}
# A client that stands still is to be explained: each keeps a log.
TALKATIVE = {"log_level": 7}
PARTITIONS = 3


class Watched:
    """The clients at work on topics named after `topic`, each partition led by another broker at first."""

    def __init__(self, cluster, topic, group_session=MEMBER_SESSION, **rates):
        self.cluster, self.topic, self.group_session = cluster, topic, group_session
        self.plain_topic, self.probe_topic = f"{topic}-plain", f"{topic}-probe"
        ids = list(cluster.brokers)[:PARTITIONS]
        assignment = ",".join(":".join(map(str, ids[i:] + ids[:i])) for i in range(len(ids)))
        for name in (self.topic, self.plain_topic, self.probe_topic):
            cluster.ottla("topics", "--create", "--topic", name, "--replica-assignment", assignment)
        for name in (self.topic, self.plain_topic, self.probe_topic):
            cluster.wait_for_isr(name)
        self.idempotent = self._producer(self.topic, True, rates.get("idempotent", 400))
        self.plain = self._producer(self.plain_topic, False, rates.get("plain", 200))
        self.members = [self._member(number) for number in range(2)]
        self.probe = WritableProbe(cluster, self.probe_topic, PARTITIONS)
        self.wait_for_progress()

    def _producer(self, topic, idempotent, rate):
        settings = {**PATIENCE, **TALKATIVE, "debug": "eos,topic,metadata"}
        return Checker(self.cluster, topic, PARTITIONS, rate, idempotent,
                       log=self.cluster.directory / f"producer-of-{topic}.log",
                       producer_property=[f"{name}={value}" for name, value in settings.items()])

    def _member(self, number):
        command = [*self.cluster.clients.prefix, GROUP_MEMBER, self.cluster.bootstrap, self.topic,
                   f"group-of-{self.topic}", f"session.timeout.ms={int(self.group_session * 1000)}", "auto.commit.interval.ms=500",
                   "debug=cgrp,topic,metadata", *(f"{name}={value}" for name, value in {**PATIENCE, **TALKATIVE}.items())]
        return Member(command, self.cluster.directory / f"member-{number}-of-{self.topic}.log",
                      self.cluster.clients.environment)

    def wait_for_progress(self, records=200, seconds=90):
        """Of both producers, and every partition is writable."""
        start = time.monotonic()
        try:
            self.idempotent.wait_for_progress(records, seconds)
            self.plain.wait_for_progress(records // 2, seconds)
            self.wait_for_leaders(start, seconds)
        except AssertionError:
            self.cluster.keep = True
            raise

    def wait_for_leaders(self, since=None, seconds=60):
        """Every partition takes a record that is offered from now on."""
        since = time.monotonic() if since is None else since
        wait_until(lambda: self.probe.has_leaders(since), "all partitions to be writable", seconds)

    def kill(self):
        self.probe.stop()
        for client in (self.idempotent, self.plain, *self.members):
            client.kill()

    def finish(self):
        """The figures, when all faults are over."""
        self.probe.stop()
        for name in (self.topic, self.plain_topic, self.probe_topic):
            self.cluster.wait_for_same_views(name)
        counts = {}
        for kind, checker in (("idempotent", self.idempotent), ("plain", self.plain)):
            checker.child.stdin.close()
            checker.child.stdin = None
        for kind, checker in (("idempotent", self.idempotent), ("plain", self.plain)):
            found = checker.finish()
            counts[kind] = {what: found[what] for what in ("acknowledged", "lost", "duplicated", "reordered",
                                                           "repeated_in_a_new_epoch")}
            counts[kind]["longest_gap_seconds"] = found["longest_gap_seconds"]
        wanted = {tuple(map(int, line.split()[:2])) for line in self.idempotent.acks.read_text().splitlines()}

        def missing():
            return wanted - {(partition, int(value)) for member in self.members
                             for partition, _, value in member.records()}
        try:
            wait_until(lambda: not missing(), "the group to read everything", 60)
        except AssertionError:
            read = [collections.Counter(partition for partition, _, _ in member.records()) for member in self.members]
            print(f"{self.topic}: the group lacks {collections.Counter(partition for partition, _ in missing())}, "
                  f"its members have read {read}", flush=True)
        read = [record for member in self.members for record in member.records()]
        counts["group"] = {"acknowledged": len(wanted), "lost": len(missing()), "duplicated": len(read) - len(set(read)),
                           "reordered": reordered(read)}
        gaps = self.probe.longest_gaps()
        counts["probe"] = {"acknowledged": len(self.probe.acks), "violations": self.probe.violations()[:5]}
        counts["longest_without_writable_leader_seconds"] = [round(gap.seconds, 3) for gap in gaps]
        self.longest_gap = max(gaps)
        for member in self.members:
            member.kill()
        return counts


def reordered(read):
    """How many of the records [(partition, offset, value)] come, for the first time, behind one with a larger value."""
    count, highest, seen = 0, {}, set()
    for partition, _, value in sorted(set(read), key=lambda record: record[:2]):
        if (partition, value) not in seen:
            count += int(value) < highest.get(partition, -1)
            highest[partition] = max(int(value), highest.get(partition, -1))
            seen.add((partition, value))
    return count


def wrong_in(counts):
    """What should not be. A group reads records again after a rebalance, from what was committed. Without idempotence a
    client that is cut off from a leader repeats records, and sends later ones meanwhile: of a plain producer only losses
    count. So does an idempotent one in a new epoch."""
    duplicated = counts["idempotent"]["duplicated"] - counts["idempotent"]["repeated_in_a_new_epoch"]
    return ([f"idempotent: {duplicated} duplicated"] if duplicated else []) + [
        f"{kind}: {counts[kind][what]} {what}" for kind, what in
        (("idempotent", "lost"), ("idempotent", "reordered"), ("plain", "lost"), ("group", "lost"), ("group", "reordered"))
        if counts[kind][what]] + counts["probe"]["violations"]


class WatchedCase(TopicOfItsOwnCase):
    """For a TestCase whose tests share a NetworkedCluster, `self.cluster`."""

    SETTINGS = {}  # in addition
    GROUP_SESSION = MEMBER_SESSION

    @classmethod
    def setUpClass(cls):
        cls.cluster = NetworkedCluster(**{
            "min__insync__replicas": 2, "zookeeper__session__timeout__ms": int(ZOOKEEPER_SESSION * 1000),
            "offsets__topic__num__partitions": 3, "group__initial__rebalance__delay__ms": 0, **cls.SETTINGS})
        cls.addClassCleanup(cls.cluster.close)
        cls.network = cls.cluster.network

    def setUp(self):
        super().setUp()
        self.watched = Watched(self.cluster, self.topic, self.GROUP_SESSION)
        self.addCleanup(self.watched.kill)

    def heal(self):
        self.cluster.heal()

    # Whom it hits.

    def controller(self):
        return wait_until(self.cluster.controller, "a controller")

    def settled_controller(self):
        """One that has been in office for long enough to be deposed for silence."""
        def settled():
            controller = self.cluster.controller()
            elected = re.findall(r"^I(\d{8} \S+) .*is controller, controller epoch", controller.log, re.M)
            since = datetime.datetime.strptime(elected[-1], "%Y%m%d %H:%M:%S.%f")
            return (datetime.datetime.now() - since).total_seconds() > QUIET and controller
        return wait_until(settled, "a controller that is long in office")

    def common_broker(self):
        """One that is not the controller; like each, it leads a partition."""
        controller = self.controller()
        return next(broker for broker in self.cluster.brokers.values() if broker is not controller)

    def everybody(self):
        """But the test."""
        return [*self.cluster.broker_hosts.values(), *self.cluster.zookeeper_hosts, self.cluster.clients]

    # What is waited for.

    @staticmethod
    def hold(seconds):
        """How long a fault lasts is part of the fault: nothing is waited for."""
        time.sleep(seconds)

    def expect_others_to_lead(self, victim):
        """Within the suspicion timeout, and then the victim acknowledges nothing, though it may believe to lead."""
        self.watched.wait_for_leaders()
        since = time.monotonic()
        self.watched.wait_for_progress()
        self.assertEqual(self.watched.probe.acknowledged_by(victim, since), [])

    def wait_for_end_of_session(self, victim):
        """As the others see it: the victim knows what it knew."""
        def ended():
            brokers = json.loads(self.cluster.ottla("cluster", "--json", without=victim))["brokers"]
            return not any(broker["id"] == victim.id and broker["registered"] for broker in brokers)
        wait_until(ended, "its session to end", 60)

    def verdict(self, outage):
        """Nothing lost, twice or out of order; no partition without a writable leader for longer than `outage`."""
        self.cluster.heal()
        self.watched.wait_for_progress()
        try:
            counts = self.watched.finish()
        except BaseException:
            self.cluster.keep = True
            self.cluster.print_logs()
            raise
        print(self.topic, json.dumps(counts), flush=True)
        wrong = wrong_in(counts)
        gap = self.watched.longest_gap
        if gap.seconds > outage:
            ago = time.time() - time.monotonic()
            start, end = (datetime.datetime.fromtimestamp(at + ago).strftime("%H:%M:%S.%f") for at in (gap.start, gap.end))
            wrong.append(f"{gap.seconds:.3f} s without a writable leader of partition {gap.partition}, {start} to {end}; "
                         f"at most {outage} s were expected")
            of_others = re.compile(rf"\] \[(?!{self.watched.probe_topic}-)").search
            self.cluster.print_logs(100, lambda line: line[10:25] <= end and not of_others(line))
        elif wrong:
            self.cluster.print_logs(100)
        if wrong:
            self.cluster.keep = True
        self.assertEqual(wrong, [])
        return counts
