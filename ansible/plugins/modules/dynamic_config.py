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

import os
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ottla.cluster.plugins.module_utils.tool import ARGUMENTS, Tool, ToolFailed


def text_of(value):
    return str(value).lower() if isinstance(value, bool) else str(value)


class Entity:
    def __init__(self, module):
        self.tool = Tool(module)
        self.words = ["--entity-type", module.params["entity_type"]] + (
            ["--entity-name", module.params["entity_name"]] if module.params["entity_name"] else ["--entity-default"])

    def settings(self):
        """Those that were set for it."""
        told = self.tool.json("configs", "--describe", *self.words)
        return {entry["name"]: entry["value"] for entry in told[0]["configs"]}

    def alter(self, added, removed):
        if added:
            with tempfile.NamedTemporaryFile("w", suffix=".properties", delete=False) as properties:
                properties.writelines("%s=%s\n" % setting for setting in sorted(added.items()))
            try:
                self.tool.run("configs", "--alter", "--add-config-file", properties.name, *self.words)
            finally:
                os.unlink(properties.name)
        if removed:
            self.tool.run("configs", "--alter", "--delete-config", ",".join(removed), *self.words)


def main():
    module = AnsibleModule(supports_check_mode=True, argument_spec=dict(
        ARGUMENTS, entity_type=dict(type="str", choices=["brokers", "topics"], default="brokers"),
        entity_name=dict(type="str", default=""), settings=dict(type="dict", required=True),
        purge=dict(type="bool", default=False)))
    wanted = {name: text_of(value) for name, value in module.params["settings"].items()}
    entity = Entity(module)
    try:
        now = entity.settings()
        added = {name: value for name, value in wanted.items() if now.get(name) != value}
        removed = sorted(set(now) - set(wanted)) if module.params["purge"] else []
        if not module.check_mode:
            entity.alter(added, removed)
    except ToolFailed as why:
        module.fail_json(msg=str(why))
    after = {name: value for name, value in dict(now, **added).items() if name not in removed}
    module.exit_json(changed=bool(added or removed), set=added, removed=removed, diff=dict(
        before="".join("%s=%s\n" % one for one in sorted(now.items())),
        after="".join("%s=%s\n" % one for one in sorted(after.items()))))


if __name__ == "__main__":
    main()
