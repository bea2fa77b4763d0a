"""Settings that are kept in ZooKeeper, of brokers and topics."""

import json
import os
import tempfile


def text_of(value):
    return str(value).lower() if isinstance(value, bool) else str(value)


def same(one, other):
    """The broker may write a list or a number its own way."""
    def plain(text):
        return ",".join(part.strip() for part in str(text).split(","))
    if plain(one) == plain(other):
        return True
    try:
        return float(one) == float(other)
    except ValueError:
        return str(one).lower() == str(other).lower() and str(one).lower() in ("true", "false")


# They could change while the broker runs, but what ZooKeeper says of them would outlive the next change of the file: a
# broker that is to start elsewhere could not bind its old address.
ADDRESSES = ("listeners", "advertised.listeners", "listener.security.protocol.map")


def compare(wanted, told):
    """(settings that need a restart, settings that are dynamic), of those that differ."""
    static, dynamic = {}, {}
    for entry in told:
        name = entry["name"]
        if name not in wanted or entry["value"] is None or same(wanted[name], entry["value"]):
            continue
        if name in ADDRESSES and is_dynamic(entry):
            continue  # set by hand: a restart would not change it
        (static if entry["readOnly"] or name in ADDRESSES else dynamic)[name] = wanted[name]
    return static, dynamic


def is_dynamic(entry):
    return bool(entry["synonyms"]) and entry["synonyms"][0]["source"].startswith("DYNAMIC_")


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
