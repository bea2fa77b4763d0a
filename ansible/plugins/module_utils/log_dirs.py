"""What a broker that does not run has left in its log directories."""

import grp
import os
import pwd

CLEAN_MARKER = ".kafka_cleanshutdown"
RECOVERY_POINTS = "recovery-point-offset-checkpoint"


def checkpoint(path):
    """{"topic-partition": offset} of one of the checkpoint files; {} if there is none. Errors: ValueError."""
    try:
        with open(path) as lines:
            lines = lines.read().splitlines()
    except OSError:
        return {}
    if len(lines) < 2 or lines[0].strip() != "0" or int(lines[1]) != len(lines) - 2:
        raise ValueError("%s is damaged" % path)
    rows = (line.rsplit(" ", 2) for line in lines[2:])
    return {"%s-%s" % (topic, partition): int(offset) for topic, partition, offset in rows}


def name_of(number, table):
    try:
        return table(number)[0]
    except KeyError:
        return str(number)


class LogDir:
    def __init__(self, path, parse):
        self.path = path
        self.exists = os.path.isdir(path)
        self.clean = os.path.exists(os.path.join(path, CLEAN_MARKER))
        self.meta, self.ends, self.moving = {}, {}, []
        self.owner = self.group = None
        if not self.exists:
            return
        status = os.stat(path)
        self.owner, self.group = name_of(status.st_uid, pwd.getpwuid), name_of(status.st_gid, grp.getgrgid)
        meta = os.path.join(path, "meta.properties")
        if os.path.exists(meta):
            with open(meta) as properties:
                self.meta = parse(properties.read())
        # A clean stop flushes every log: up to where it is flushed is then up to where it goes.
        if self.clean:
            self.ends = checkpoint(os.path.join(path, RECOVERY_POINTS))
        self.moving = sorted(name for name in os.listdir(path) if name.endswith("-future"))


def committed(ends, state):
    """{"topic-partition": offset} up to which every replica of the ISR has the log. `ends`: the same for each broker's id;
    `state`: what `ottla cluster --zookeeper --json` says."""
    isrs = {"%s-%d" % (one["topic"], one["partition"]): one["isr"]
            for one in state["offlinePartitions"] + state["underReplicatedPartitions"]}
    found = {}
    for broker, its in ends.items():
        for name, end in its.items():
            if name not in isrs or int(broker) in isrs[name]:
                found.setdefault(name, []).append(end)
    return {name: min(several) for name, several in found.items()}
