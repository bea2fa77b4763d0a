#!/usr/bin/python
DOCUMENTATION = r"""
module: log_ends
short_description: Notes where the logs of a stopped cluster end, and compares when it runs again
description:
  - C(noted) takes what every broker's log dirs say after a clean stop and which replicas ZooKeeper has in the ISR, and
    writes down where each partition ends. What was noted before for I(purpose) stays.
  - C(compared) asks the brokers, and fails if a partition is gone or ends before what was noted. It may end behind it
    when clients have come back.
author: The Ottla authors
options:
  tool: {description: The command line tool, type: path, default: /usr/bin/ottla}
  bootstrap_servers: {description: Brokers to ask first, type: str, required: true}
  command_config: {description: Client settings, type: path}
  state: {description: What to do, type: str, choices: [noted, compared], required: true}
  file: {description: Where it is noted, type: path, required: true}
  purpose: {description: What it is noted for, type: str, required: true}
  zookeeper_connect: {description: Servers and chroot; for C(noted), type: str}
  ends: {description: "For C(noted): to each broker's id what M(ottla.cluster.kafka_broker) says of its ends", type: dict,
         default: {}}
"""
EXAMPLES = r"""
- name: No record is missing
  ottla.cluster.log_ends:
    bootstrap_servers: broker-1:9092
    state: compared
    file: /var/lib/ottla/log-ends.json
    purpose: ottla
"""
RETURN = r"""
partitions: {description: How many partitions were noted or compared, type: int, returned: always}
grown: {description: "Those that end behind what was noted, and by how much", type: dict, returned: when compared}
"""

import json
import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ottla.cluster.plugins.module_utils.log_dirs import committed
from ansible_collections.ottla.cluster.plugins.module_utils.tool import ARGUMENTS, Tool, ToolFailed


def noted(path, purpose):
    try:
        with open(path) as notes:
            notes = json.load(notes)
    except OSError:
        return None
    return notes["ends"] if notes["purpose"] == purpose else None


def note(module, tool):
    path, purpose = module.params["file"], module.params["purpose"]
    before = noted(path, purpose)
    if before is not None:
        module.exit_json(changed=False, partitions=len(before))
    # No broker runs: only ZooKeeper is asked.
    status, out, error = module.run_command([tool.path, "cluster", "--zookeeper", module.params["zookeeper_connect"], "--json"])
    if status != 0:
        raise ToolFailed((error or out).strip())
    ends = committed(module.params["ends"], json.loads(out))
    if not module.check_mode:
        with open(path + ".new", "w") as notes:
            json.dump(dict(purpose=purpose, ends=ends), notes)
        os.rename(path + ".new", path)
    module.exit_json(changed=True, partitions=len(ends))


def compare(module, tool):
    before = noted(module.params["file"], module.params["purpose"])
    if before is None:
        module.fail_json(msg="%s does not say where the logs ended" % module.params["file"])
    now = {"%s-%d" % (one["topic"], one["partition"]): one["offset"] for one in tool.json("get-offsets")}
    short = ["%s ends at %s, not at %d" % (name, now.get(name, "no offset: it is gone"), end)
             for name, end in sorted(before.items()) if now.get(name, -1) < end]
    if short:
        more = " and %d more" % (len(short) - 10) if len(short) > 10 else ""
        module.fail_json(msg="records are missing: %s%s" % ("; ".join(short[:10]), more))
    module.exit_json(changed=False, partitions=len(before),
                     grown={name: now[name] - end for name, end in sorted(before.items()) if now[name] > end})


def main():
    module = AnsibleModule(supports_check_mode=True, argument_spec=dict(
        ARGUMENTS, state=dict(type="str", choices=["noted", "compared"], required=True), file=dict(type="path", required=True),
        purpose=dict(type="str", required=True), zookeeper_connect=dict(type="str"), ends=dict(type="dict", default={})))
    try:
        (note if module.params["state"] == "noted" else compare)(module, Tool(module))
    except ToolFailed as why:
        module.fail_json(msg=str(why))


if __name__ == "__main__":
    main()
