#!/usr/bin/python
DOCUMENTATION = r"""
module: broker_wait
short_description: Waits until a broker may restart, or is back, for as long as there is progress
description:
  - Gives up when the broker's process ended, or when nothing has moved on for I(stall_seconds); a catch-up that
    goes on takes as long as it takes.
author: The Ottla authors
options:
  tool: {description: The command line tool, type: path, default: /usr/bin/ottla}
  bootstrap_servers: {description: Brokers to ask first, type: str, required: true}
  command_config: {description: Client settings, type: path}
  broker_id: {description: The broker, type: int, required: true}
  unit: {description: Its systemd unit on this host, type: str, default: ottla-broker}
  log: {description: The broker's log file on this host, type: path, default: /var/log/ottla/server.log}
  health_url: {description: Its /health/ready if it has an HTTP listener, type: str}
  until:
    description:
      - C(may_restart) - nothing speaks against taking it down, but what I(accept) names
      - C(caught_up) - it is in the cluster, ready, and in sync with all its partitions
      - C(leads) - it leads the partitions of which it is the preferred leader
    type: str
    choices: [may_restart, caught_up, leads]
    required: true
  together_with: {description: "Brokers that are to go down at the same time, for C(may_restart)", type: list, elements: int,
                  default: []}
  accept: {description: Objections of C(ottla cluster may-restart) that do not count, type: list, elements: str,
           default: []}
  stall_seconds: {description: How long nothing may move on, type: int, default: 300}
"""
EXAMPLES = r"""
- name: The broker has caught up
  ottla.cluster.broker_wait:
    bootstrap_servers: broker-1:9092
    broker_id: 1
    until: caught_up
"""
RETURN = r"""
told: {description: What was told last, type: str, returned: always}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ottla.cluster.plugins.module_utils.process import Unit
from ansible_collections.ottla.cluster.plugins.module_utils.tool import ARGUMENTS, Progress, Tool, ToolFailed, health


class Wait:
    def __init__(self, module):
        self.module = module
        self.asked = module.params
        self.tool = Tool(module)
        self.broker_id = self.asked["broker_id"]

    def may_restart(self):
        """(done, what is left to do, in words)."""
        brokers = sorted({self.broker_id, *self.asked["together_with"]})
        answer = self.tool.json("cluster", "may-restart", "--broker", ",".join(map(str, brokers)), may_fail=True)
        against = [one for one in answer["objections"] if one["objection"] not in self.asked["accept"]]
        if not against:
            return True, (), "it may be restarted"
        partitions = sum(len(one["partitions"]) or 1 for one in against)
        return False, (partitions,) + self.behind(), "; ".join(self.words(one) for one in against)

    @staticmethod
    def words(objection):
        names = ["%s-%d" % (one["topic"], one["partition"]) for one in objection["partitions"]]
        names += ["broker %d" % broker for broker in objection.get("brokers", [])]  # an older tool has none
        more = " and %d more" % (len(names) - 5) if len(names) > 5 else ""
        return "%s: %s%s %s" % (objection["objection"], ", ".join(names[:5]), more, objection["text"])

    def behind(self):
        """What replicas lack anywhere; and what is there, as a number that falls when it grows."""
        lag, held = 0, 0
        for broker in self.tool.cluster()["brokers"]:
            if broker["registered"]:
                one = self.tool.lag(broker["id"])
                lag, held = lag + one[0], held + one[1]
        return (lag, -held)

    def caught_up(self):
        unit = Unit(self.module, self.asked["unit"])
        if unit.loaded and not unit.active:
            self.module.fail_json(msg="broker %d does not run (%s). Its last words:\n%s"
                                      % (self.broker_id, unit.state, unit.last_words(self.asked["log"])))
        ready, why = health(self.asked["health_url"]) if self.asked["health_url"] else (True, "")
        state = self.tool.cluster()
        mine = next((one for one in state["brokers"] if one["id"] == self.broker_id), None)
        if mine is None or not mine["registered"]:
            # Logs are loaded before: what the status tells of it changes as it goes on.
            return False, (2, len(why)), "it is not in the cluster yet; %s" % why
        missing = mine["replicas"] - mine["inSync"]
        if missing == 0 and ready:
            return True, (), "it is in sync with all of its %d partitions" % mine["replicas"]
        lag, held = self.tool.lag(self.broker_id)
        return False, (1, missing, lag, -held), "%d of %d partitions are not in sync, %d records behind; %s" % (
            missing, mine["replicas"], lag, why)

    def leads(self):
        away = [(topic["topic"], one["partition"]) for topic in self.tool.json("topics", "--describe")
                for one in topic["partitions"]
                if one["replicas"][0] == self.broker_id and one["leader"] != self.broker_id]
        if not away:
            return True, (), "it leads what it is to lead"
        if not self.module.check_mode:
            self.tool.run("leader-election", "--election-type", "preferred", "--all-topic-partitions")
        return False, (len(away),), "%d partitions are not led by their preferred leader" % len(away)

    def run(self):
        question = getattr(self, self.asked["until"])
        progress = Progress(self.asked["stall_seconds"])
        while True:
            try:
                done, left, told = question()
            except ToolFailed as why:
                done, left, told = False, (3,), str(why)
            if done or self.module.check_mode:
                self.module.exit_json(changed=False, done=done, told=told)
            if not progress.seen(*left):
                self.module.fail_json(msg="broker %d, %s: nothing has moved on for %d s: %s" % (
                    self.broker_id, self.asked["until"].replace("_", " "), self.asked["stall_seconds"], told))
            progress.pause()


def main():
    module = AnsibleModule(supports_check_mode=True, argument_spec=dict(
        ARGUMENTS, broker_id=dict(type="int", required=True), unit=dict(type="str", default="ottla-broker"),
        log=dict(type="path", default="/var/log/ottla/server.log"), health_url=dict(type="str"), accept=dict(type="list", elements="str", default=[]),
        together_with=dict(type="list", elements="int", default=[]),
        until=dict(type="str", choices=["may_restart", "caught_up", "leads"], required=True),
        stall_seconds=dict(type="int", default=300)))
    Wait(module).run()


if __name__ == "__main__":
    main()
