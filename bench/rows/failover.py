"""How long partitions are without a writable leader when a broker dies, the controller dies, or a broker is shut down.

Three brokers, three replicas, min.insync.replicas=2; each broker leads `partitions`. `broker` and `controller` are kill -9:
the time from the signal until each partition that the victim led has taken a record with acks=all from its new leader.
`shutdown` is SIGTERM of a broker: the longest time between two acknowledgements of a partition that it led (of six
between the first and the last), each of which is offered a record 10 ms after the last was acknowledged.
Records are offered to the brokers themselves; shown are the median and the longest over the partitions.
"""

import statistics

from measure import ottla
from offers import longest_gaps, until_taken
from row import Metric, Row

TOPIC = "offered"


def led_by(system, broker_id):
    return [row["partition"] for row in system.partitions(TOPIC) if row["leader"] == broker_id]


def spread(items, count):
    return items[::max(1, len(items) // count)]


def heal(system, broker_id, partitions):
    """All leaders where they were."""
    system.start(broker_id)
    system.wait_for_brokers()
    system.wait_for_isr(TOPIC, partitions, 3)
    system.tool("leader-election", "--election-type", "preferred", "--all-topic-partitions")
    ottla.wait_until(lambda: all(row["leader"] == row["replicas"][0] for row in system.partitions(TOPIC)),
                     "the preferred leaders", 120)


def kill(system, victim):
    others = [broker_id for broker_id in system.ids if broker_id != victim]
    return until_taken(system, TOPIC, led_by(system, victim), others, lambda: system.kill(victim))


def shut_down(system, victim):
    return longest_gaps(system, TOPIC, spread(led_by(system, victim), 6), lambda: system.terminate(victim))


def measure(System, size):
    found = {}
    with System(brokers=3, min__insync__replicas=2, auto__leader__rebalance__enable="false",
                zookeeper__session__timeout__ms=size.session_timeout_ms) as system:
        system.create_topic(TOPIC, 3 * size.partitions, 3)
        for what, happens in (("broker", kill), ("controller", kill), ("shutdown", shut_down)):
            controller = ottla.wait_until(system.controller, "a controller")
            victim = controller if what == "controller" else next(i for i in system.ids if i != controller)
            times = happens(system, victim)
            found |= {f"{what}, longest (s)": max(times) / 1000, f"{what}, median (s)": statistics.median(times) / 1000}
            if what != "shutdown":
                heal(system, victim, 3 * size.partitions)
    return found


def row(name, leads, partitions, goal):
    return Row(name, f"kill -9 of a broker that leads {leads} partitions; of the controller; SIGTERM of a broker", measure,
               full={"partitions": partitions, "session_timeout_ms": 18000}, quick={"partitions": 10, "session_timeout_ms": 4000},
               metrics=(Metric("broker, longest (s)", at_most=goal), Metric("controller, longest (s)", at_most=goal),
                        Metric("shutdown, longest (s)", at_most=0.05)))


ROWS = [row("failover", "1,000 of 3,000", 1000, 0.2), row("failover-100", "34 of 102", 34, 0.2),
        row("failover-5000", "1,667 of 5,001", 1667, 1.0)]
