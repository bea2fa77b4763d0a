#!/usr/bin/python
DOCUMENTATION = r"""
module: broker_state
short_description: Tells what the broker of this host runs with, and what speaks for a restart
description:
  - Compares the running process with what is on disk (program, unit, environment file), and each setting of
    C(server.properties) with what the running broker says it uses. Changes nothing.
author: The Ottla authors
options:
  tool: {description: The command line tool, type: path, default: /usr/bin/ottla}
  bootstrap_servers: {description: Brokers to ask first, type: str, required: true}
  command_config: {description: Client settings, type: path}
  broker_id: {description: The broker, type: int, required: true}
  unit: {description: Its systemd unit, type: str, default: ottla-broker}
  properties: {description: Its server.properties, type: path, required: true}
  content: {description: "What I(properties) will hold, for a check; else it is read", type: str}
  files: {description: More files that a start reads, type: list, elements: path, default: []}
  markers: {description: Files whose content is a reason for a restart as long as they are there, type: list,
            elements: path, default: []}
  packages: {description: Packages as files; others than those installed are a reason, type: list, elements: path,
             default: []}
"""
EXAMPLES = r"""
- name: Which brokers run with old settings?
  ottla.cluster.broker_state:
    bootstrap_servers: broker-1:9092
    broker_id: 1
    properties: /etc/ottla/server.properties
"""
RETURN = r"""
active: {description: Whether the unit runs, type: bool, returned: always}
reasons: {description: Why a restart is due, in words, type: list, returned: always}
dynamic: {description: "Settings that differ and need no restart, with their new values", type: dict, returned: always}
named: {description: The names of all settings of the file, type: list, returned: always}
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ottla.cluster.plugins.module_utils.configs import compare
from ansible_collections.ottla.cluster.plugins.module_utils.process import Unit
from ansible_collections.ottla.cluster.plugins.module_utils.properties import parse
from ansible_collections.ottla.cluster.plugins.module_utils.tool import ARGUMENTS, Tool, ToolFailed


def read_properties(path, content):
    try:
        if content is None:
            with open(path) as properties:
                content = properties.read()
    except OSError:
        return {}
    return parse(content)


def of_the_file(entry):
    """Whether it stood in the file when the broker started, under this very name."""
    return any(each["source"] == "STATIC_BROKER_CONFIG" and each["name"] == entry["name"] for each in entry["synonyms"])


def describe(tool, broker_id):
    told = tool.json("configs", "--describe", "--all", "--entity-type", "brokers", "--entity-name", str(broker_id))
    return told[0]["configs"]


def package_reasons(module, files):
    reasons = []
    for path in files:
        if module.check_mode and not os.path.exists(path):
            reasons.append("%s is new" % os.path.basename(path))
            continue
        status, out, error = module.run_command(["dpkg-deb", "--showformat=${Package} ${Version}", "--show", path])
        if status != 0:
            module.fail_json(msg="%s is no package: %s" % (path, error.strip()))
        name, version = out.split()
        status, out, error = module.run_command(["dpkg-query", "--showformat=${Version}", "--show", name])
        installed = out.strip() if status == 0 else ""
        if installed != version:
            reasons.append("%s %s -> %s" % (name, installed or "(not installed)", version))
    return reasons


def main():
    module = AnsibleModule(supports_check_mode=True, argument_spec=dict(
        ARGUMENTS, broker_id=dict(type="int", required=True), unit=dict(type="str", default="ottla-broker"),
        properties=dict(type="path", required=True), content=dict(type="str"), files=dict(type="list", elements="path", default=[]),
        markers=dict(type="list", elements="path", default=[]),
        packages=dict(type="list", elements="path", default=[])))
    asked = module.params
    unit = Unit(module, asked["unit"])
    wanted = read_properties(asked["properties"], asked["content"])
    reasons, dynamic, static = [], {}, {}
    for path in asked["markers"]:
        if os.path.exists(path):
            with open(path) as marker:
                reasons.append(marker.read().strip())
    reasons += package_reasons(module, asked["packages"])
    if not unit.active:
        reasons.append("it does not run")
    else:
        reasons += ["%s changed since it started" % path for path in unit.stale(asked["files"])]
        try:
            told = describe(Tool(module), asked["broker_id"])
        except ToolFailed as why:
            told = []
            reasons.append("it does not tell its settings: %s" % why)
        static, dynamic = compare(wanted, told)
        # What is no more in the file goes back to the default.
        for entry in told:
            if of_the_file(entry) and entry["name"] not in wanted:
                static[entry["name"]] = "(default)"
        reasons += ["%s=%s needs a restart" % setting for setting in sorted(static.items())]
    module.exit_json(changed=False, active=unit.active, pid=unit.pid, reasons=reasons, dynamic=dynamic, static=static,
                     named=sorted(wanted))


if __name__ == "__main__":
    main()
