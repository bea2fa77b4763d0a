"""The command line tool `ottla`, and waiting on progress, for the modules of this collection."""

import json
import time
import urllib.error
import urllib.request


class ToolFailed(Exception):
    """The tool ended with an error; what it said."""


ARGUMENTS = dict(
    tool=dict(type="path", default="/usr/bin/ottla"),
    bootstrap_servers=dict(type="str", required=True),
    command_config=dict(type="path"),
)


class Tool:
    def __init__(self, module):
        self.module = module
        self.path = module.params["tool"]
        self.options = ["--bootstrap-server", module.params["bootstrap_servers"]]
        if module.params.get("command_config"):
            self.options += ["--command-config", module.params["command_config"]]

    def run(self, *words, may_fail=False):
        """Standard output. With `may_fail` also of a tool that ended with an error, if it said anything there."""
        status, out, error = self.module.run_command([self.path, words[0]] + self.positional(words) + self.options
                                                     + self.flags(words))
        if status != 0 and not (may_fail and out.strip()):
            raise ToolFailed((error or out).strip())
        return out

    @staticmethod
    def positional(words):
        return [word for word in words[1:2] if not word.startswith("--")]

    @staticmethod
    def flags(words):
        return list(words[1:] if words[1:2] and words[1].startswith("--") else words[2:])

    def json(self, *words, **options):
        return json.loads(self.run(*(words + ("--json",)), **options))

    def cluster(self):
        return self.json("cluster")

    def lag(self, broker_id):
        """(what the broker's followers lack, how many bytes it holds), over all its partitions."""
        told = self.json("log-dirs", "--describe", "--broker-list", str(broker_id))
        partitions = [partition for broker in told["brokers"] for directory in broker["logDirs"]
                      for partition in directory["partitions"]]
        return sum(max(0, one["offsetLag"]) for one in partitions), sum(one["size"] for one in partitions)


def health(url):
    """(whether ready, what /health/ready says); (None, why) when it cannot be asked."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return True, answer.read().decode()
    except urllib.error.HTTPError as error:
        return False, error.read().decode()
    except (OSError, ValueError) as error:
        return None, str(error)


class Progress:
    """Waits for as long as something moves on, however long that takes; and no longer than `stall_seconds` when
    nothing does."""

    def __init__(self, stall_seconds):
        self.stall_seconds = stall_seconds
        self.best = None
        self.since = time.monotonic()

    def seen(self, *marks):
        """`marks`: what is left to do, from coarse to fine, each smaller when better. True while worth waiting."""
        if self.best is None or marks < self.best:
            self.best = marks
            self.since = time.monotonic()
        return time.monotonic() - self.since < self.stall_seconds

    def pause(self):
        time.sleep(0.5)
