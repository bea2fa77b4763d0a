"""Transactions of 10 records in 3 partitions, one after the other, by the Java clients, with a read_committed consumer."""

import json
import subprocess

import interop_clients
from row import Metric, Row


def measure(System, size):
    found = {}
    with System(brokers=3, min__insync__replicas=2, offsets__topic__num__partitions=size.state_partitions,
                transaction__state__log__num__partitions=size.state_partitions) as system:
        for client in size.clients:
            topic = f"transactions-{client}"
            system.create_topic(topic, 3, 3)
            before = system.cpu_seconds()
            output = subprocess.run([*interop_clients.java_main(client, "TransactionRate"), system.bootstrap, topic, "3", "10",
                                     str(size.seconds)], capture_output=True, text=True, timeout=120 + 4 * size.seconds)
            if output.returncode != 0:
                raise RuntimeError(output.stderr)
            outcome = json.loads(output.stdout.splitlines()[-1])
            rate = outcome["transactions_per_second"]
            rows = {"transactions/s": rate, "CPU-ms/transaction": (system.cpu_seconds() - before) * 1000 / (2 * size.seconds * rate)}
            for name, label in (("commit_ms", "begin to committed"), ("end_to_end_ms", "send to receipt")):
                rows |= {f"{label} {percentile} (ms)": value for percentile, value in outcome[name].items()}
            found |= {f"{what}, client {client}": value for what, value in rows.items()}
    return found


ROWS = [
    Row("transactions", "of 10 records in 3 partitions, one after the other, by the Java clients", measure,
        full={"seconds": 10, "state_partitions": 50, "clients": ["3.9.1", "4.1.1"]}, quick={"seconds": 3, "state_partitions": 3, "clients": ["3.9.1"]},
        metrics=tuple(Metric(f"transactions/s, client {client}", higher=True) for client in ("3.9.1", "4.1.1"))),
]
