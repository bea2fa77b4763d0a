"""Reads proto/kafka/*.schema. The notation is described in docs/wire-protocol.md."""

import re
from dataclasses import dataclass, field
from pathlib import Path

LAST = 32767  # the end of "3+"

PRIMITIVES = {
    "bool", "int8", "int16", "int32", "int64", "uint16", "uint32", "float64",
    "string", "bytes", "records", "uuid",
    # Numbers with a meaning of their own; on the wire they are plain integers.
    "error", "offset", "leader_epoch", "controller_epoch", "partition_epoch", "broker_epoch",
    "broker_id", "producer_id", "producer_epoch",
}


class SchemaError(Exception):
    pass


@dataclass(frozen=True)
class Versions:
    first: int
    last: int

    def intersect(self, other):
        return Versions(max(self.first, other.first), min(self.last, other.last))

    def __contains__(self, version):
        return self.first <= version <= self.last

    def __iter__(self):
        return iter(range(self.first, self.last + 1))

    def __bool__(self):
        return self.first <= self.last


@dataclass
class Struct:
    """A message, or a structure inside one."""
    name: str
    versions: Versions
    fields: list = field(default_factory=list)
    shared: list = field(default_factory=list)  # "struct" blocks, messages only


@dataclass
class Field:
    name: str
    base: str                     # a primitive, or the name of a struct
    array: bool
    nullable: Versions | None     # where null is allowed
    versions: Versions
    tag: int | None = None
    default: str | None = None    # None: zero, empty, or null where the type allows it
    flags: frozenset = frozenset()
    struct: Struct | None = None  # for base = a struct
    inline: bool = False          # the struct is defined here, not shared

    @property
    def optional(self):
        return self.nullable is not None

    @property
    def ignorable(self):
        return "ignorable" in self.flags


@dataclass
class Message(Struct):
    flexible: int = LAST          # first flexible version
    api: "Api | None" = None
    kind: str = "message"         # request, response, message


@dataclass
class Api:
    name: str
    key: int
    versions: Versions
    served: Versions | None       # what Kafka 3.9 offers to clients; None: nothing with ZooKeeper
    flexible: int
    request: Message | None = None
    response: Message | None = None


@dataclass
class File:
    stem: str
    api: Api | None = None
    messages: list = field(default_factory=list)


def parse_versions(text):
    match = re.fullmatch(r"(\d+)(\+|-(\d+))?", text)
    if not match:
        raise SchemaError(f"'{text}' is no range of versions: write 3, 3-5 or 3+")
    first = int(match[1])
    if match[2] is None:
        return Versions(first, first)
    return Versions(first, LAST if match[2] == "+" else int(match[3]))


def is_versions(text):
    return re.fullmatch(r"\d+(\+|-\d+)?", text) is not None


def first_flexible(text):
    return LAST if text == "none" else parse_versions(text).first


@dataclass
class Line:
    number: int
    indent: int
    words: list


def read_lines(path):
    lines = []
    for number, raw in enumerate(path.read_text().splitlines(), 1):
        text = raw.split("#", 1)[0].rstrip()
        if text:
            lines.append(Line(number, len(text) - len(text.lstrip()), text.split()))
    return lines


class Parser:
    def __init__(self, path):
        self.path = path
        self.lines = read_lines(path)
        self.at = 0

    def error(self, line, text):
        return SchemaError(f"{self.path}:{line.number}: {text}")

    def peek(self):
        return self.lines[self.at] if self.at < len(self.lines) else None

    def parse(self):
        file = File(self.path.stem)
        while line := self.peek():
            self.at += 1
            word = line.words[0]
            try:
                if line.indent:
                    raise SchemaError("unexpected indentation")
                if word == "api":
                    file.api = self.parse_api(line)
                elif word in ("request", "response") and file.api:
                    file.messages.append(self.parse_part(file.api, word))
                elif word == "message":
                    file.messages.append(self.parse_message(line))
                else:
                    raise SchemaError(f"'{word}': expected api, request, response or message")
            except SchemaError as e:
                raise e if str(e).startswith(str(self.path)) else self.error(line, e)
        return file

    @staticmethod
    def options(words):
        return dict(zip(words[0::2], words[1::2]))

    def parse_api(self, line):
        options = self.options(line.words[3:])
        versions = parse_versions(options["versions"])
        served = options.get("served")
        return Api(line.words[1], int(line.words[2]), versions,
                   None if served == "none" else parse_versions(served) if served else versions,
                   first_flexible(options["flexible"]))

    def parse_part(self, api, kind):
        message = Message(api.name + kind.capitalize(), api.versions,
                          flexible=api.flexible, api=api, kind=kind)
        self.parse_body(message)
        setattr(api, kind, message)
        return message

    def parse_message(self, line):
        options = self.options(line.words[2:])
        message = Message(line.words[1], parse_versions(options["versions"]),
                          flexible=first_flexible(options["flexible"]))
        self.parse_body(message)
        return message

    def parse_body(self, message):
        shared = {}
        while (line := self.peek()) and line.indent and line.words[0] == "struct":
            self.at += 1
            struct = Struct(line.words[1], message.versions)
            struct.fields = self.parse_fields(line.indent, message.versions, [])
            shared[struct.name] = struct
            message.shared.append(struct)
        message.fields = self.parse_fields(0, message.versions, [message.name])
        self.resolve(message, shared)

    def resolve(self, struct, shared):
        for one in struct.fields + [f for s in shared.values() for f in s.fields]:
            if one.base in PRIMITIVES:
                continue
            if not one.inline:
                if one.base not in shared:
                    raise SchemaError(f"{self.path}: {one.name}: {one.base} has no fields")
                one.struct = shared[one.base]
            else:
                self.resolve_inline(one.struct, shared)
        # A shared struct may use another one, which C++ wants to see first.
        order = []

        def visit(s):
            for f in s.fields:
                if f.struct and not f.inline:
                    visit(f.struct)
            if s not in order:
                order.append(s)
        for s in struct.shared:
            visit(s)
        struct.shared = order

    def resolve_inline(self, struct, shared):
        for one in struct.fields:
            if one.base in PRIMITIVES:
                continue
            if one.inline:
                self.resolve_inline(one.struct, shared)
            elif one.base in shared:
                one.struct = shared[one.base]
            else:
                raise SchemaError(f"{self.path}: {one.name}: {one.base} has no fields")

    def parse_fields(self, parent_indent, parent_versions, outer):
        fields = []
        indent = None
        while (line := self.peek()) and line.indent > parent_indent:
            if line.words[0] == "struct":
                raise self.error(line, "structs stand before the fields")
            indent = indent or line.indent
            if line.indent != indent:
                raise self.error(line, "uneven indentation")
            self.at += 1
            try:
                one = self.parse_field(line, parent_versions)
            except SchemaError as e:
                raise self.error(line, e)
            if one.base not in PRIMITIVES:
                struct = Struct(one.base, one.versions)
                struct.fields = self.parse_fields(indent, one.versions, outer + [one.base])
                if struct.fields:
                    if one.base in outer:
                        raise self.error(line, f"{one.base} inside a {one.base}")
                    one.struct, one.inline = struct, True
            fields.append(one)
        return fields

    def parse_field(self, line, parent_versions):
        words = list(line.words)
        match = re.fullmatch(r"(\[\])?(\w+)(\?(.*))?", words[1]) if len(words) > 1 else None
        if not match:
            raise SchemaError("expected: name type")
        array, base = match[1] is not None, match[2]
        if base not in PRIMITIVES and not base[0].isupper():
            raise SchemaError(f"unknown type '{base}'")
        one = Field(words[0], base, array, None, parent_versions)
        rest = words[2:]
        if rest and is_versions(rest[0]):
            one.versions = parse_versions(rest.pop(0)).intersect(parent_versions)
        if not one.versions:
            raise SchemaError(f"{one.name} exists in no version")
        if match[3]:
            one.nullable = parse_versions(match[4]) if match[4] else one.versions
            if base == "records":
                raise SchemaError("records are always nullable")
        flags = set()
        while rest:
            word = rest.pop(0)
            if word == "tag":
                one.tag = int(rest.pop(0))
            elif word in ("key", "ignorable", "classic", "secret"):
                flags.add(word)
            elif word == "=":
                one.default = rest.pop(0)
            else:
                raise SchemaError(f"unknown word '{word}'")
        one.flags = frozenset(flags)
        if one.tag is not None and one.optional and base not in ("string", "bytes") and not array:
            raise SchemaError("a tagged struct cannot be null")
        return one


def check(files):
    keys = {}
    for file in files:
        for message in file.messages:
            walk_check(file, message, message)
        if file.api:
            if not (file.api.request and file.api.response):
                raise SchemaError(f"{file.stem}: needs a request and a response")
            if file.api.key in keys:
                raise SchemaError(f"{file.stem}: key {file.api.key} is {keys[file.api.key]}'s")
            keys[file.api.key] = file.stem


def walk_check(file, message, struct):
    names = set()
    tags = set()
    for one in struct.fields:
        where = f"{file.stem}: {message.name}: {one.name}"
        if one.name in names:
            raise SchemaError(f"{where}: there are two")
        names.add(one.name)
        if one.tag is not None:
            if one.versions.first < message.flexible:
                raise SchemaError(f"{where}: tagged in a version that is not flexible")
            if one.tag in tags:
                raise SchemaError(f"{where}: tag {one.tag} is taken")
            tags.add(one.tag)
        if one.inline:
            walk_check(file, message, one.struct)
    if tags and tags != set(range(len(tags))):
        raise SchemaError(f"{file.stem}: {message.name}.{struct.name}: tags leave a gap")


def load(folder):
    """All schemas of a folder, by key; those without a key last."""
    files = [Parser(path).parse() for path in sorted(Path(folder).glob("*.schema"))]
    check(files)
    return sorted(files, key=lambda f: (f.api is None, f.api.key if f.api else 0, f.stem))
