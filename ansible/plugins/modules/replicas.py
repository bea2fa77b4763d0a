#!/usr/bin/python
DOCUMENTATION = r"""
module: replicas
short_description: Moves replicas so that brokers share them evenly, or so that some hold none
description:
  - Plans the fewest moves that do it, keeping replicas of a partition in different racks, starts them, and waits
    for as long as they make progress.
  - The plan lies in I(state_file) until it is done, so that a run that was stopped is taken up by the next.
author: The Ottla authors
options:
  tool: {description: The command line tool, type: path, default: /usr/bin/ottla}
  bootstrap_servers: {description: Brokers to ask first, type: str, required: true}
  command_config: {description: Client settings, type: path}
  evacuate: {description: Brokers that are to hold nothing, type: list, elements: int, default: []}
  spread: {description: Whether the others are to hold the same number of replicas, type: bool, default: false}
  factors: {description: "How many replicas the partitions of a topic are to have, {topic: count}; nothing else moves then",
            type: dict}
  lead_evenly: {description: "Whether the same number of partitions have each broker as the preferred leader", type: bool,
                default: false}
  throttle: {description: Bytes per second that each broker moves at most; 0 is no limit, type: int, default: 0}
  state_file: {description: Where the plan lies while it is carried out, type: path, required: true}
  stall_seconds: {description: How long nothing may move on, type: int, default: 300}
"""
EXAMPLES = r"""
- name: The new brokers get their share
  ottla.cluster.replicas:
    bootstrap_servers: broker-1:9092
    spread: true
    state_file: /var/lib/ottla/reassignment.json
"""
RETURN = r"""
moved: {description: How many partitions changed brokers, type: int, returned: always}
"""

import json
import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ottla.cluster.plugins.module_utils.plan import Impossible, plan
from ansible_collections.ottla.cluster.plugins.module_utils.tool import ARGUMENTS, Progress, Tool, ToolFailed


def rows(partitions):
    return "".join("%s-%d %s\n" % (name + (",".join(map(str, replicas)),)) for name, replicas in sorted(partitions.items()))


class Replicas:
    def __init__(self, module):
        self.module = module
        self.asked = module.params
        self.tool = Tool(module)
        self.file = self.asked["state_file"]

    def assignment(self):
        return {(topic["topic"], one["partition"]): one["replicas"]
                for topic in self.tool.json("topics", "--describe") for one in topic["partitions"]}

    def racks(self):
        return {broker["id"]: broker["rack"] for broker in self.tool.cluster()["brokers"]
                if broker["registered"] and broker["id"] not in self.asked["evacuate"]}

    def start(self, moves):
        document = {"version": 1, "partitions": [
            {"topic": topic, "partition": partition, "replicas": replicas}
            for (topic, partition), replicas in sorted(moves.items())]}
        with open(self.file + ".new", "w") as plan_file:
            json.dump(document, plan_file)
        os.rename(self.file + ".new", self.file)
        self.execute()

    def execute(self):
        limit = ["--throttle", str(self.asked["throttle"])] if self.asked["throttle"] else []
        self.tool.run("reassign-partitions", "--execute", "--reassignment-json-file", self.file, *limit)

    def wait(self):
        """Until what the file says is done; that also takes the limits away."""
        progress = Progress(self.asked["stall_seconds"])
        is_started_again = False
        while True:
            told = self.tool.json("reassign-partitions", "--verify", "--reassignment-json-file", self.file)
            left = [one for one in told if one["state"] != "completed"]
            if not left:
                os.unlink(self.file)
                return
            if all(one["state"] != "inProgress" for one in left) and not is_started_again:
                self.execute()  # stopped between the plan and its start
                is_started_again = True
            lag, held = 0, 0
            for broker in self.tool.cluster()["brokers"]:
                if broker["registered"]:
                    one = self.tool.lag(broker["id"])
                    lag, held = lag + one[0], held + one[1]
            if not progress.seen(len(left), lag, -held):
                self.module.fail_json(msg="%d partitions are still to be moved, and nothing has moved on for %d s. What "
                                      "was planned lies in %s; run the playbook again to go on, or give up with `ottla "
                                      "reassign-partitions --cancel`." % (len(left), self.asked["stall_seconds"], self.file))
            progress.pause()

    def run(self):
        resumed = os.path.exists(self.file)
        if resumed and not self.module.check_mode:
            self.wait()
        before = self.assignment()
        moves = plan(before, self.racks(), self.asked["spread"], self.asked["factors"], self.asked["lead_evenly"])
        if moves and not self.module.check_mode:
            self.start(moves)
            self.wait()
        self.module.exit_json(changed=bool(moves) or resumed, moved=len(moves), diff=dict(
            before=rows({name: before[name] for name in moves}), after=rows(moves)))


def main():
    module = AnsibleModule(supports_check_mode=True, argument_spec=dict(
        ARGUMENTS, evacuate=dict(type="list", elements="int", default=[]), spread=dict(type="bool", default=False),
        factors=dict(type="dict"),
        lead_evenly=dict(type="bool", default=False),
        throttle=dict(type="int", default=0), state_file=dict(type="path", required=True),
        stall_seconds=dict(type="int", default=300)))
    try:
        Replicas(module).run()
    except (ToolFailed, Impossible) as why:
        module.fail_json(msg=str(why))


if __name__ == "__main__":
    main()
