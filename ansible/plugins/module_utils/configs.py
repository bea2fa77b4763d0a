"""Settings that are kept in ZooKeeper, of brokers and topics."""

import os
import tempfile


def text_of(value):
    return str(value).lower() if isinstance(value, bool) else str(value)


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
