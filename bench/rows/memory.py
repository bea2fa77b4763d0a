"""Memory of one broker: proportional set size, so that pages of mapped index files count."""

import wire
from measure import settled_pss_mib
from row import Metric, Row


def idle_and_with_partitions(System, size):
    with System(brokers=1) as system:
        idle = settled_pss_mib(system.pid(1), size.settle_seconds)
        system.create_topic("many", size.partitions, 1)
        return idle, settled_pss_mib(system.pid(1), size.settle_seconds)


def with_connections(System, size):
    """Each has asked for the versions, as every client does."""
    with System(brokers=1) as system:
        connections = []
        try:
            for _ in range(size.connections):
                connection = system.connect()
                connections.append(connection)
                connection.call(wire.API_VERSIONS, 0)
            return settled_pss_mib(system.pid(1), size.settle_seconds)
        finally:
            for connection in connections:
                connection.close()


def measure(System, size):
    idle, partitions = idle_and_with_partitions(System, size)
    connections = with_connections(System, size)
    return {"idle (MiB)": idle, "with partitions (MiB)": partitions, "with connections (MiB)": connections,
            "KiB/partition": (partitions - idle) * 1024 / size.partitions,
            "KiB/connection": (connections - idle) * 1024 / size.connections}


ROWS = [
    Row("memory", "PSS of a broker: idle; with 5,000 partitions; with 5,000 connections", measure,
        full={"partitions": 5000, "connections": 5000, "settle_seconds": 2}, quick={"partitions": 30, "connections": 200, "settle_seconds": 0.3},
        metrics=tuple(Metric(f"{what} (MiB)", times=10) for what in ("idle", "with partitions", "with connections"))),
]
