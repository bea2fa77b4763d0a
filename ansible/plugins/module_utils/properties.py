"""Java's .properties files, as brokers read them."""

ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
BLANKS = " \t\f"


def logical_lines(text):
    """Without comments and blank lines, continued lines joined."""
    line = ""
    for part in text.splitlines():
        part = part.lstrip(BLANKS)
        if not line and (not part or part[0] in "#!"):
            continue
        line += part
        if (len(line) - len(line.rstrip("\\"))) % 2:
            line = line[:-1]
            continue
        yield line
        line = ""
    if line:
        yield line


def split(line):
    """Name and value, still escaped."""
    at = 0
    while at < len(line) and line[at] not in "=:" + BLANKS:
        at += 2 if line[at] == "\\" else 1
    rest = line[at:].lstrip(BLANKS)
    if rest[:1] in ("=", ":"):
        rest = rest[1:].lstrip(BLANKS)
    return line[:at], rest


def unescaped(text):
    plain, at = "", 0
    while at < len(text):
        one = text[at]
        at += 1
        if one != "\\" or at == len(text):
            plain += one
            continue
        one = text[at]
        at += 1
        if one == "u":
            plain += chr(int(text[at:at + 4], 16))
            at += 4
        else:
            plain += ESCAPES.get(one, one)
    return plain


def parse(text):
    """{name: value}; a name that comes twice has its last value. Errors: ValueError for a \\u that is none."""
    return {unescaped(name): unescaped(value) for name, value in map(split, logical_lines(text))}
