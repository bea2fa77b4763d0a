#!/usr/bin/python
DOCUMENTATION = r"""
module: zookeeper_state
short_description: Tells whether a ZooKeeper server serves, as what, and what changed under it
description: [Asks with the command C(srvr). Changes nothing.]
author: The Ottla authors
options:
  host: {description: The server, type: str, required: true}
  port: {description: Its client port, type: int, default: 2181}
  unit: {description: Its systemd unit if it is on this host, type: str}
  files: {description: Files that its start reads, type: list, elements: path, default: []}
  wait: {description: Whether to wait until it serves, type: bool, default: false}
  stall_seconds: {description: How long to wait at most, type: int, default: 120}
"""
EXAMPLES = r"""
- name: The server serves
  ottla.cluster.zookeeper_state:
    host: zookeeper-1
    wait: true
"""
RETURN = r"""
serving: {description: Whether it serves, type: bool, returned: always}
mode: {description: "standalone, leader or follower", type: str, returned: when it serves}
stale: {description: What changed since it started, type: list, returned: always}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ottla.cluster.plugins.module_utils.process import Unit
from ansible_collections.ottla.cluster.plugins.module_utils.tool import Progress
from ansible_collections.ottla.cluster.plugins.module_utils.zookeeper import mode_of


def main():
    module = AnsibleModule(supports_check_mode=True, argument_spec=dict(
        host=dict(type="str", required=True), port=dict(type="int", default=2181), unit=dict(type="str"),
        files=dict(type="list", elements="path", default=[]), wait=dict(type="bool", default=False),
        stall_seconds=dict(type="int", default=120)))
    asked = module.params
    progress = Progress(asked["stall_seconds"])
    mode = mode_of(asked["host"], asked["port"])
    while asked["wait"] and mode is None:
        unit = Unit(module, asked["unit"]) if asked["unit"] else None
        if unit and unit.loaded and not unit.active:
            module.fail_json(msg="ZooKeeper does not run (%s). Its last words:\n%s" % (unit.state, unit.last_words()))
        if not progress.seen():
            module.fail_json(msg="the ZooKeeper server %s:%d has not served for %d s" % (
                asked["host"], asked["port"], asked["stall_seconds"]))
        progress.pause()
        mode = mode_of(asked["host"], asked["port"])
    stale = Unit(module, asked["unit"]).stale(asked["files"]) if asked["unit"] else []
    module.exit_json(changed=False, serving=mode is not None, mode=mode, stale=stale)


if __name__ == "__main__":
    main()
