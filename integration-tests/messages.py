"""Requests and answers of every API in every version as dictionaries, by the schemas in proto/kafka: for tests that ask
many things. What a version does not have is left out; what a dictionary does not name has its default."""

import pathlib
import struct
import sys

import wire

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "proto" / "kafka"))
from generator import schema  # noqa: E402

FORMS = {"bool": "?", "int8": "b", "int16": "h", "int32": "i", "int64": "q", "uint16": "H", "uint32": "I",
         "float64": "d", "error": "h", "offset": "q", "leader_epoch": "i", "controller_epoch": "i",
         "partition_epoch": "i", "broker_epoch": "q", "broker_id": "i", "producer_id": "q", "producer_epoch": "h"}
APIS = {file.api.name: file.api for file in schema.load(ROOT / "proto" / "kafka") if file.api}
ZERO_ID = bytes(16)


def default_of(one):
    if one.default is not None:
        return {"[]": [], '""': "", "true": True, "false": False}.get(one.default, None) \
            if one.default in ("[]", '""', "true", "false") else int(one.default)
    if one.optional:
        return None
    if one.array:
        return []
    return {"string": "", "bytes": b"", "records": None, "uuid": ZERO_ID, "bool": False}.get(
        one.base, {} if one.struct else 0)


class Encoder:
    def __init__(self, version, flexible):
        self.version, self.flexible = version, flexible

    def struct(self, fields, values):
        unknown = values.keys() - {one.name for one in fields}
        assert not unknown, f"no such fields: {unknown}"
        out, tagged = b"", []
        for one in fields:
            if self.version not in one.versions:
                continue
            value = values.get(one.name, default_of(one))
            if one.tag is None:
                out += self.field(one, value)
            elif value != default_of(one):
                content = self.field(one, value)
                tagged.append(wire.unsigned(one.tag) + wire.unsigned(len(content)) + content)
        return out + (wire.unsigned(len(tagged)) + b"".join(tagged) if self.flexible else b"")

    def length(self, count, form="i"):
        """-1 is null."""
        return wire.unsigned(count + 1) if self.flexible else struct.pack(">" + form, count)

    def field(self, one, value):
        if one.array:
            if value is None:
                return self.length(-1)
            return self.length(len(value)) + b"".join(self.one(one, each) for each in value)
        if one.struct and one.optional:
            return b"\xff" if value is None else b"\1" + self.one(one, value)
        return self.one(one, value)

    def one(self, one, value):
        if one.struct:
            return self.struct(one.struct.fields, value)
        if one.base == "uuid":
            return value
        if one.base == "string":
            data = None if value is None else value if isinstance(value, bytes) else value.encode()
            return self.length(-1, "h") if data is None else self.length(len(data), "h") + data
        if one.base in ("bytes", "records"):
            return self.length(-1) if value is None else self.length(len(value)) + value
        return struct.pack(">" + FORMS[one.base], value)


class Decoder(wire.Reader):
    def __init__(self, data, version, flexible):
        super().__init__(data)
        self.version, self.flexible = version, flexible

    def struct(self, fields):
        mine = [one for one in fields if self.version in one.versions]
        values = {one.name: self.field(one) if one.tag is None else default_of(one) for one in mine}
        tagged = {one.tag: one for one in mine if one.tag is not None}
        for _ in range(self.unsigned() if self.flexible else 0):
            tag, size = self.unsigned(), self.unsigned()
            if tag in tagged:
                values[tagged[tag].name] = self.field(tagged[tag])
            else:
                self.take(size)
        return values

    def length(self, form="i"):
        return self.unsigned() - 1 if self.flexible else self.number(form)

    def field(self, one):
        if one.array:
            count = self.length()
            return None if count < 0 else [self.one(one) for _ in range(count)]
        if one.struct and one.optional and one.tag is None:
            return self.one(one) if self.i8() >= 0 else None
        return self.one(one)

    def one(self, one):
        if one.struct:
            return self.struct(one.struct.fields)
        if one.base == "uuid":
            return self.take(16)
        if one.base == "string":
            length = self.length("h")
            return None if length < 0 else self.take(length).decode()
        if one.base in ("bytes", "records"):
            length = self.length()
            return None if length < 0 else self.take(length)
        return self.number(FORMS[one.base])


def request(name, version, body, correlation=1):
    """The frame, without its size."""
    api = APIS[name]
    flexible = version >= api.flexible
    return wire.request(api.key, version, Encoder(version, flexible).struct(api.request.fields, body),
                        correlation=correlation, flexible=flexible)


def answer(name, version, frame):
    api = APIS[name]
    reader = Decoder(frame, version, version >= api.flexible)
    reader.i32()
    if reader.flexible and name != "ApiVersions":
        reader.tags()
    values = reader.struct(api.response.fields)
    assert reader.at == len(frame), f"{name} v{version}: {len(frame) - reader.at} bytes are left"
    return values


def ask(broker, name, version, body, timeout=10):
    """The answer, on a connection of its own; ConnectionResetError for a close instead."""
    with wire.Connection(broker, timeout) as connection:
        told = connection.ask(request(name, version, body))
    if told is None:
        raise ConnectionResetError(f"broker {broker.id} closed the connection instead of an answer to {name}")
    return answer(name, version, told)
