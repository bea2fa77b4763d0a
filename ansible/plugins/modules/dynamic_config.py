#!/usr/bin/python
DOCUMENTATION = r"""
module: dynamic_config
short_description: Sets dynamic settings of brokers or topics where they differ
author: The Ottla authors
options:
  tool: {description: The command line tool, type: path, default: /usr/bin/ottla}
  bootstrap_servers: {description: Brokers to ask first, type: str, required: true}
  command_config: {description: Client settings, type: path}
  entity_type: {description: What the settings belong to, type: str, choices: [brokers, topics], default: brokers}
  entity_name: {description: A broker's id or a topic; empty for the default of all brokers, type: str, default: ''}
  settings: {description: The wanted settings, type: dict, required: true}
  purge: {description: Whether settings of the entity that are not named are removed, type: bool, default: false}
  keep: {description: Settings that are not removed although they are not named, type: list, elements: str, default: []}
  memory:
    description: >-
      A file on the host with the names of what this module has set. What it names, and is wanted no more, is removed; what
      others have set is not touched.
    type: path
"""
EXAMPLES = r"""
- name: All brokers take bigger records
  ottla.cluster.dynamic_config:
    bootstrap_servers: broker-1:9092
    settings: {message.max.bytes: 2000000}
"""
RETURN = r"""
set: {description: What was set, type: dict, returned: always}
removed: {description: What was removed, type: list, returned: always}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ottla.cluster.plugins.module_utils.configs import Entity, Memory, changes, text_of
from ansible_collections.ottla.cluster.plugins.module_utils.tool import ARGUMENTS, Tool, ToolFailed


def main():
    module = AnsibleModule(supports_check_mode=True, argument_spec=dict(
        ARGUMENTS, entity_type=dict(type="str", choices=["brokers", "topics"], default="brokers"),
        entity_name=dict(type="str", default=""), settings=dict(type="dict", required=True),
        purge=dict(type="bool", default=False), keep=dict(type="list", elements="str", default=[]), memory=dict(type="path")))
    wanted = {name: text_of(value) for name, value in module.params["settings"].items()}
    entity = Entity(Tool(module), module.params["entity_type"], module.params["entity_name"])
    memory = Memory(module.params["memory"]) if module.params["memory"] else None
    own = memory.names() if memory else []
    if not wanted and not own and not module.params["purge"]:
        module.exit_json(changed=False, set={}, removed=[])
    try:
        now = entity.settings()
        added, removed, own = changes(now, wanted, module.params["keep"], own, module.params["purge"])
        if not module.check_mode:
            entity.alter(added, removed)
            if memory:
                memory.replace(own)
    except ToolFailed as why:
        module.fail_json(msg=str(why))
    after = {name: value for name, value in dict(now, **added).items() if name not in removed}
    module.exit_json(changed=bool(added or removed), set=added, removed=removed, diff=dict(
        before="".join("%s=%s\n" % one for one in sorted(now.items())),
        after="".join("%s=%s\n" % one for one in sorted(after.items()))))


if __name__ == "__main__":
    main()
