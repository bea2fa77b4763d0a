"""Settings that are kept in ZooKeeper, of brokers and topics."""

import json
import os
import tempfile


def text_of(value):
    return str(value).lower() if isinstance(value, bool) else str(value)


def changes(now, wanted, keep=(), own=(), purge=False):
    """(what is to be set, what is to be removed, the names of what is then set by us). `keep`: names that stay as they are;
    `own`: names that we have set before; with `purge` everything counts as that."""
    added = {name: value for name, value in wanted.items() if now.get(name) != value}
    removed = (set(now) if purge else set(now) & set(own)) - set(wanted) - set(keep)
    return added, sorted(removed), sorted((set(now) & set(own) | set(wanted)) - removed)


class Memory:
    """The names of settings that we have set, in a file."""

    def __init__(self, path):
        self.path = path

    def names(self):
        try:
            with open(self.path) as stored:
                return json.load(stored)
        except (OSError, ValueError):
            return []

    def replace(self, names):
        if names == self.names():
            return
        with tempfile.NamedTemporaryFile("w", dir=os.path.dirname(self.path), delete=False) as stored:
            json.dump(names, stored)
        os.rename(stored.name, self.path)


class Entity:
    """`kind`: brokers or topics; `name`: a broker's id or a topic, empty for the default of all brokers."""

    def __init__(self, tool, kind, name):
        self.tool = tool
        self.words = ["--entity-type", kind] + (["--entity-name", name] if name else ["--entity-default"])

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
