#!/usr/bin/python
DOCUMENTATION = r"""
module: kafka_broker
short_description: Tells what a server.properties says, and what the broker has left in its log directories
description: [Reads Kafka's files and Ottla's, which are the same. Changes nothing. Settings that hold secrets are left out.]
author: The Ottla authors
options:
  properties: {description: The server.properties, type: path, required: true}
"""
EXAMPLES = r"""
- name: What does Kafka run with?
  ottla.cluster.kafka_broker:
    properties: /etc/kafka/server.properties
"""
RETURN = r"""
exists: {description: Whether there is such a file, type: bool, returned: always}
settings: {description: "What it says, without secrets", type: dict, returned: always}
broker_id: {description: "The broker's id, from the file or its log dirs; -1 if neither says", type: int, returned: always}
log_dirs: {description: Its log directories, type: list, returned: always}
dirs: {description: "For each of them: path, exists, clean (stopped cleanly), owner, group, moving (partitions on their
       way here from another one)", type: list, returned: always}
zookeeper_connect: {description: Servers and chroot, type: str, returned: always}
ends: {description: "Where each log ends, of log dirs that were left cleanly: TOPIC-PARTITION and offset", type: dict,
       returned: always}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ottla.cluster.plugins.module_utils.log_dirs import LogDir
from ansible_collections.ottla.cluster.plugins.module_utils.properties import parse

SECRETS = ("password", "secret", "sasl.jaas.config", "credentials", "ssl.keystore.key")


def is_secret(name):
    return any(word in name for word in SECRETS)


def read(path):
    try:
        with open(path, encoding="utf-8") as properties:
            return parse(properties.read())
    except FileNotFoundError:
        return None


def broker_id(settings, dirs):
    for name in ("broker.id", "node.id"):
        if int(settings.get(name, -1)) >= 0:
            return int(settings[name])
    return next((int(each.meta["broker.id"]) for each in dirs if "broker.id" in each.meta), -1)


def main():
    module = AnsibleModule(supports_check_mode=True, argument_spec=dict(properties=dict(type="path", required=True)))
    path = module.params["properties"]
    try:
        settings = read(path)
        exists, settings = settings is not None, settings or {}
        paths = settings.get("log.dirs") or settings.get("log.dir") or "/tmp/kafka-logs"
        dirs = [LogDir(one.strip(), parse) for one in paths.split(",")] if exists else []
        ends = {name: end for each in dirs for name, end in each.ends.items()}
        module.exit_json(
            changed=False, exists=exists, settings={name: value for name, value in settings.items() if not is_secret(name)},
            broker_id=broker_id(settings, dirs), log_dirs=[each.path for each in dirs], ends=ends,
            zookeeper_connect=settings.get("zookeeper.connect", ""),
            dirs=[dict(path=each.path, exists=each.exists, clean=each.clean, owner=each.owner, group=each.group,
                       moving=each.moving) for each in dirs])
    except (OSError, ValueError) as why:
        module.fail_json(msg="%s: %s" % (path, why))


if __name__ == "__main__":
    main()
