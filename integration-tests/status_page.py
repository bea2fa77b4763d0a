"""The HTTP listeners of a cluster's brokers."""

import json
import re
import urllib.error
import urllib.request

from cluster import wait_until

LISTENER = {"ottla.http.listener": "127.0.0.1:0"}


def port_of(broker):
    """Of its last start."""
    ports = re.findall(r"\[http\] /metrics and the status page on port (\d+)", broker.log)
    return int(ports[-1])


def get(broker, path):
    """Status and text."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port_of(broker)}{path}", timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def get_json(broker, path):
    return json.loads(get(broker, path)[1])


SAMPLE = re.compile(r'^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"')


def samples(broker, query=""):
    """(name, labels as a frozenset of pairs) -> value. Fails on what is no sample, and on one that is there twice."""
    status, text = get(broker, "/metrics" + query)
    assert status == 200, status
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        match = SAMPLE.match(line)
        assert match, line
        key = (match[1], frozenset(LABEL.findall(match[2] or "")))
        assert key not in found, line
        found[key] = float(match[3])
    return found


def value(broker, name, query="", **labels):
    """The one sample with that name and these labels among others."""
    wanted = set(labels.items())
    matching = [value for (sample, pairs), value in samples(broker, query).items() if sample == name and wanted <= pairs]
    assert len(matching) == 1, f"{name} {labels}: {matching}"
    return matching[0]


def total(cluster, name, **labels):
    """Over all running brokers."""
    wanted = set(labels.items())
    return sum(value for broker in cluster.brokers.values() if broker.process.running()
               for (sample, pairs), value in samples(broker).items() if sample == name and wanted <= pairs)


def wait_until_ready(brokers, seconds=60):
    for broker in brokers:
        wait_until(lambda broker=broker: get(broker, "/health/ready")[0] == 200, f"broker {broker.id} to be ready", seconds)
