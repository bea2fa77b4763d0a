"""Secrets in what is collected for others to read: where they stand, and what they are. Nothing here asks anybody."""

import re

HIDDEN = "[hidden]"
NAME = r"(?:password|passwd|passphrase|secret|jaas|credential|keystore\.key|master\.key|(?<![\w])token(?![\w]))"
# About passwords, and no secrets.
HARMLESS = re.compile(r"(?i)password\.encoder\.(?!(old\.)?secret)|ssl\.secure\.random")
SECRET_NAME = re.compile(r"(?i)" + NAME)
# name=value in any text: command lines, environments, JSON, JAAS. `user_NAME` is how JAAS lists a server's users.
PAIR = re.compile(r"""(?ix)
    (?P<name> [\w.\-]* """ + NAME + r""" [\w.\-]* | \b user_[\w.\-]+ ) (?P<middle> ["']? \s* [=:] \s* )
    (?P<value> "(?:[^"\\]|\\.)*" | '[^']*' | [^\s"',;&]+ )""")
LOGIN = re.compile(r"(?P<before>\w://[^\s/:@]+:)(?P<value>[^\s/@]+)(?P<after>@)")
PROPERTY = re.compile(r"^(?P<name>\s*[^\s=:#!][^\s=:]*)(?P<middle>\s*[=:]\s*|\s+)(?P<value>.*)$")


def is_secret(name):
    return bool(SECRET_NAME.search(name)) and not HARMLESS.search(name)


class Mask:
    """Learns secrets from settings, and hides them wherever they stand."""

    def __init__(self):
        self.secrets = set()

    def learn(self, value):
        value = value.strip().strip("\"'")
        if value and value != HIDDEN and value.lower() not in ("true", "false", "null", "none"):
            self.secrets.add(value)

    def properties(self, text):
        """Settings, a name and a value a line, with secret values hidden; and learned."""
        lines, secret = [], None
        for line in text.splitlines() + [""]:
            if secret is not None:
                if secret.endswith("\\"):  # the line before goes on here
                    secret = secret[:-1] + line
                    continue
                self.learn_all(secret)
                secret = None
            found = PROPERTY.match(line)
            if found and is_secret(found["name"]):
                secret = found["value"]
                line = found["name"] + found["middle"] + HIDDEN
            lines.append(line)
        if secret is not None:
            self.learn_all(secret)
        return self.text("".join(line + "\n" for line in lines[:-1]))

    def learn_all(self, value):
        parts = [found["value"] for found in PAIR.finditer(value)]
        for part in parts or [value]:
            self.learn(part)

    def text(self, text):
        """Any text: what looks like a secret is hidden, and what is known to be one."""
        def hide_pair(found):
            if HARMLESS.search(found["name"]):
                return found[0]
            quote = found["value"][0] if found["value"][0] in "\"'" else ""
            return found["name"] + found["middle"] + quote + HIDDEN + quote
        text = PAIR.sub(hide_pair, text)
        text = LOGIN.sub(r"\g<before>%s\g<after>" % HIDDEN, text)
        for secret in sorted(self.secrets, key=len, reverse=True):
            # A short one may be part of anything: only as a word.
            pattern = re.escape(secret) if len(secret) >= 4 else r"(?<!\w)%s(?!\w)" % re.escape(secret)
            text = re.sub(pattern, HIDDEN, text)
        return text
