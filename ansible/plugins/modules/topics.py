#!/usr/bin/python
DOCUMENTATION = r"""
module: topics
short_description: Topics are as they are declared
description:
  - Creates topics, gives them more partitions, sets and removes their settings. Deletes only what is declared C(absent).
    A topic that is not declared is left alone.
  - Partitions cannot become fewer; if that is asked of any topic, nothing is changed. The number of replicas of a topic
    that is there is the business of M(ottla.cluster.replicas).
author: The Ottla authors
options:
  tool: {description: The command line tool, type: path, default: /usr/bin/ottla}
  bootstrap_servers: {description: Brokers to ask first, type: str, required: true}
  command_config: {description: Client settings, type: path}
  topics:
    description: The topics
    type: list
    elements: dict
    required: true
    suboptions:
      name: {description: Its name, type: str, required: true}
      state: {description: Whether it is to be there, type: str, choices: [present, absent], default: present}
      partitions: {description: "How many; else what it has, or the brokers' num.partitions", type: int}
      replication_factor: {description: "Replicas of a new topic; else the brokers' default.replication.factor", type: int}
      config: {description: Its settings; what is not named is at its default, type: dict}
  purge:
    description: Whether settings that a topic's C(config) does not name are removed. Those of throttles never are.
    type: bool
    default: true
  stall_seconds: {description: How long to wait for brokers to know of a change, type: int, default: 60}
"""
EXAMPLES = r"""
- name: The shop has its topics
  ottla.cluster.topics:
    bootstrap_servers: broker-1:9092
    topics:
      - {name: orders, partitions: 12, replication_factor: 3, config: {retention.ms: 604800000}}
      - {name: trials, state: absent}
"""
RETURN = r"""
created: {description: Topics, type: list, returned: always}
grown: {description: Topics that got more partitions, type: list, returned: always}
altered: {description: Topics whose settings changed, type: list, returned: always}
deleted: {description: Topics, type: list, returned: always}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ottla.cluster.plugins.module_utils.configs import Entity, text_of
from ansible_collections.ottla.cluster.plugins.module_utils.tool import ARGUMENTS, Progress, Tool, ToolFailed

# Set by a reassignment, for as long as it lasts.
THROTTLES = ("leader.replication.throttled.replicas", "follower.replication.throttled.replicas")


class Topic:
    def __init__(self, declared, told, purge):
        self.name = declared["name"]
        self.is_wanted = declared["state"] == "present"
        self.is_there = told is not None
        self.partitions, self.factor = declared["partitions"], declared["replication_factor"]
        self.before = told["partitionCount"] if told else 0
        self.factor_before = told["replicationFactor"] if told else None
        self.settings = told["configs"] if told else {}
        self.config = {name: text_of(value) for name, value in (declared["config"] or {}).items()}
        self.added = {name: value for name, value in self.config.items() if self.settings.get(name) != value}
        self.removed = sorted(set(self.settings) - set(self.config) - set(THROTTLES)) \
            if purge and declared["config"] is not None else []

    @property
    def is_created(self):
        return self.is_wanted and not self.is_there

    @property
    def is_deleted(self):
        return self.is_there and not self.is_wanted

    @property
    def is_grown(self):
        return self.is_wanted and self.is_there and (self.partitions or 0) > self.before

    @property
    def is_altered(self):
        return self.is_wanted and self.is_there and bool(self.added or self.removed)

    def refusal(self):
        if self.is_wanted and self.is_there and self.partitions and self.partitions < self.before:
            return "%s has %d partitions, which cannot become %d" % (self.name, self.before, self.partitions)
        return None

    @staticmethod
    def text(name, partitions, factor, settings):
        return "%s\n  partitions: %s\n  replication_factor: %s\n%s" % (
            name, partitions or "default", factor or "default",
            "".join("  %s: %s\n" % setting for setting in sorted(settings.items())))

    def text_before(self):
        return self.text(self.name, self.before, self.factor_before, self.settings) if self.is_there else ""

    def text_after(self):
        if not self.is_wanted:
            return ""
        kept = {name: value for name, value in self.settings.items() if name not in self.removed}
        return self.text(self.name, max(self.partitions or 0, self.before),
                         self.factor_before if self.is_there else self.factor, dict(kept, **self.added))

    def pattern(self):
        """For the tool, to which topics are regular expressions."""
        return self.name.replace(".", "[.]")


class Topics:
    def __init__(self, module):
        self.module = module
        self.tool = Tool(module)
        told = self.told()
        self.topics = [Topic(declared, told.get(declared["name"]), module.params["purge"])
                       for declared in module.params["topics"]]

    def told(self):
        return {topic["topic"]: topic for topic in self.tool.json("topics", "--describe")}

    def refuse(self):
        names = [topic.name for topic in self.topics]
        refusals = ["%s is declared twice" % name for name in sorted(set(names)) if names.count(name) > 1]
        refusals += [topic.refusal() for topic in self.topics if topic.refusal()]
        if refusals:
            self.module.fail_json(msg="nothing was changed: " + "; ".join(refusals))

    def carry_out(self, topic):
        if topic.is_created:
            words = ["--create", "--topic", topic.name]
            words += ["--partitions", str(topic.partitions)] if topic.partitions else []
            words += ["--replication-factor", str(topic.factor)] if topic.factor else []
            for setting in sorted(topic.config.items()):
                words += ["--config", "%s=%s" % setting]
            self.tool.run("topics", *words)
        if topic.is_grown:
            self.tool.run("topics", "--alter", "--topic", topic.pattern(), "--partitions", str(topic.partitions))
        if topic.is_altered:
            Entity(self.tool, "topics", topic.name).alter(topic.added, topic.removed)
        if topic.is_deleted:
            self.tool.run("topics", "--delete", "--topic", topic.pattern())

    def wait(self):
        """Until brokers tell what was asked for: what follows, and a second run, are to find it."""
        progress = Progress(self.module.params["stall_seconds"])
        while True:
            told = self.told()
            left = [topic.name for topic in self.topics
                    if topic.is_wanted != (topic.name in told)
                    or topic.is_wanted and told[topic.name]["partitionCount"] < (topic.partitions or 1)]
            if not left:
                return
            if not progress.seen(len(left)):
                self.module.fail_json(msg="brokers do not know of what was changed: %s" % ", ".join(left))
            progress.pause()

    def run(self):
        self.refuse()
        changed = [topic for topic in self.topics
                   if topic.is_created or topic.is_grown or topic.is_altered or topic.is_deleted]
        if changed and not self.module.check_mode:
            for topic in changed:
                self.carry_out(topic)
            self.wait()
        self.module.exit_json(
            changed=bool(changed), created=[topic.name for topic in changed if topic.is_created],
            grown=[topic.name for topic in changed if topic.is_grown],
            altered=[topic.name for topic in changed if topic.is_altered],
            deleted=[topic.name for topic in changed if topic.is_deleted],
            diff=dict(before="".join(topic.text_before() for topic in changed),
                      after="".join(topic.text_after() for topic in changed)))


def main():
    module = AnsibleModule(supports_check_mode=True, argument_spec=dict(
        ARGUMENTS, topics=dict(type="list", elements="dict", required=True, options=dict(
            name=dict(type="str", required=True), state=dict(type="str", choices=["present", "absent"], default="present"),
            partitions=dict(type="int"), replication_factor=dict(type="int"), config=dict(type="dict"))),
        purge=dict(type="bool", default=True), stall_seconds=dict(type="int", default=60)))
    try:
        Topics(module).run()
    except ToolFailed as why:
        module.fail_json(msg=str(why))


if __name__ == "__main__":
    main()
