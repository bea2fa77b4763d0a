"""Kafka's protocol by hand, as much as the tests need: frames of any content, and what comes back."""

import contextlib
import gzip
import socket
import struct

PRODUCE, FETCH, LIST_OFFSETS, METADATA, API_VERSIONS, CREATE_TOPICS, DELETE_TOPICS = 0, 1, 2, 3, 18, 19, 20
INIT_PRODUCER_ID, OFFSET_FOR_LEADER_EPOCH, DESCRIBE_CONFIGS, CREATE_PARTITIONS = 22, 23, 32, 37
CLIENT = b"wire"


def i8(value):
    return struct.pack(">b", value)


def i16(value):
    return struct.pack(">h", value)


def i32(value):
    return struct.pack(">i", value)


def i64(value):
    return struct.pack(">q", value)


def text(value):
    value = value if isinstance(value, bytes) else value.encode()
    return i16(len(value)) + value


def array(items):
    return i32(len(items)) + b"".join(items)


def blob(value):
    return i32(len(value)) + value


def unsigned(value):
    """An unsigned varint."""
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def varint(value):
    """A zigzag one."""
    return unsigned((value << 1) ^ (value >> 63) if value < 0 else value << 1)


def compact_text(value):
    return unsigned(len(value) + 1) + value.encode()


def compact_array(items):
    return unsigned(len(items) + 1) + b"".join(items)


def crc32c(data):
    table = crc32c.table
    crc = 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _crc32c_table():
    table = []
    for number in range(256):
        for _ in range(8):
            number = (number >> 1) ^ 0x82F63B78 if number & 1 else number >> 1
        table.append(number)
    return table


crc32c.table = _crc32c_table()


def record(value, key=None, offset_delta=0, timestamp_delta=0):
    key_bytes = varint(-1) if key is None else varint(len(key)) + key
    body = i8(0) + varint(timestamp_delta) + varint(offset_delta) + key_bytes + varint(len(value)) + value + varint(0)
    return varint(len(body)) + body


def batch(records, count=None, attributes=0, timestamp=1_700_000_000_000, max_timestamp=None, producer_id=-1,
          producer_epoch=-1, sequence=-1, magic=2, crc=None, length=None, last_offset_delta=None, base_offset=0):
    """A batch of format 2; `records` is a list, or the bytes after the header with `count`."""
    count = len(records) if count is None else count
    payload = records if isinstance(records, bytes) else b"".join(records)
    last = count - 1 if last_offset_delta is None else last_offset_delta
    checked = (i16(attributes) + i32(last) + i64(timestamp) + i64(timestamp if max_timestamp is None else max_timestamp)
               + i64(producer_id) + i16(producer_epoch) + i32(sequence) + i32(count) + payload)
    crc = crc32c(checked) if crc is None else crc
    body = i32(0) + i8(magic) + struct.pack(">I", crc & 0xFFFFFFFF) + checked
    return i64(base_offset) + i32(len(body) if length is None else length) + body


def gzip_batch(values, **options):
    plain = b"".join(record(value, offset_delta=i) for i, value in enumerate(values))
    return batch(gzip.compress(plain), len(values), attributes=1, **options)


def produce_body(topic, records, acks=-1, timeout_ms=5000, partition=0, version=3):
    transactional = i16(-1) if version >= 3 else b""
    return transactional + i16(acks) + i32(timeout_ms) + array(
        [text(topic) + array([i32(partition) + blob(records)])])


def fetch_body(topic, offset, partition=0, max_wait_ms=500, min_bytes=1, max_bytes=1 << 20, version=4,
               partition_max_bytes=1 << 20, rack=""):
    body = i32(-1) + i32(max_wait_ms) + i32(min_bytes)
    body += i32(max_bytes) if version >= 3 else b""
    body += i8(0) if version >= 4 else b""
    body += i32(0) + i32(-1) if version >= 7 else b""
    one = i32(partition) + (i32(-1) if version >= 9 else b"") + i64(offset)
    one += i64(-1) if version >= 5 else b""
    one += i32(partition_max_bytes)
    body += array([text(topic) + array([one])])
    body += array([]) if version >= 7 else b""
    body += text(rack) if version >= 11 else b""
    return body


def list_offsets_body(topic, timestamp, partition=0, version=1):
    """Flexible from version 6 on."""
    body = i32(-1) + (i8(0) if version >= 2 else b"")
    one = i32(partition) + (i32(-1) if version >= 4 else b"") + i64(timestamp) + (i32(1) if version == 0 else b"")
    if version >= 6:
        return body + compact_array([compact_text(topic) + compact_array([one + b"\0"]) + b"\0"]) + b"\0"
    return body + array([text(topic) + array([one])])


def metadata_body(topics, version=4, auto_create=False):
    body = i32(-1) if topics is None else array([text(topic) for topic in topics])
    return body + (i8(int(auto_create)) if version >= 4 else b"")


def request(api, version, body=b"", correlation=1, client=CLIENT, flexible=False):
    """A request without its frame."""
    header = i16(api) + i16(version) + i32(correlation) + (i16(-1) if client is None else text(client))
    return header + (b"\0" if flexible else b"") + body


class Reader:
    """Cuts values off an answer."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, count):
        piece = self.data[self.at:self.at + count]
        assert len(piece) == count, "the answer is too short"
        self.at += count
        return piece

    def number(self, form):
        return struct.unpack(">" + form, self.take(struct.calcsize(">" + form)))[0]

    def i8(self):
        return self.number("b")

    def i16(self):
        return self.number("h")

    def i32(self):
        return self.number("i")

    def i64(self):
        return self.number("q")

    def text(self):
        length = self.i16()
        return None if length < 0 else self.take(length).decode()

    def blob(self):
        length = self.i32()
        return b"" if length < 0 else self.take(length)

    def unsigned(self):
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def compact_text(self):
        return self.take(self.unsigned() - 1).decode()

    def compact_array(self, read):
        return [read() for _ in range(self.unsigned() - 1)]

    def tags(self):
        for _ in range(self.unsigned()):
            self.unsigned()
            self.take(self.unsigned())

    def array(self, read):
        return [read() for _ in range(max(self.i32(), 0))]


class Connection:
    """One connection to a broker."""

    def __init__(self, broker, timeout=10):
        host = getattr(broker, "host", None)
        self.socket = socket.create_connection((host.address if host else "127.0.0.1", broker.port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send_raw(self, data):
        self.socket.sendall(data)

    def send(self, frame):
        self.send_raw(i32(len(frame)) + frame)

    def receive(self):
        """The next frame; None when the broker closed the connection. TimeoutError when nothing comes."""
        def exactly(count):
            data = b""
            while len(data) < count:
                try:
                    piece = self.socket.recv(count - len(data))
                except (ConnectionResetError, BrokenPipeError):
                    return None
                if not piece:
                    return None
                data += piece
            return data
        size = exactly(4)
        return None if size is None else exactly(struct.unpack(">i", size)[0])

    def ask(self, frame):
        """The answer to a request; None for a close."""
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            self.send(frame)
        return self.receive()

    def call(self, api, version, body=b"", **options):
        """The answer's body of a version whose header has the correlation id only."""
        answer = self.ask(request(api, version, body, **options))
        assert answer is not None, f"api {api} v{version}: the broker closed the connection"
        reader = Reader(answer)
        reader.i32()
        return reader

    # What the answers say.

    def produce(self, topic, records, version=3, **options):
        """(error, base offset, log append time) of the one partition."""
        answer = self.call(PRODUCE, version, produce_body(topic, records, version=version, **options))

        def partition():
            answer.i32()
            row = answer.i16(), answer.i64(), (answer.i64() if version >= 2 else -1)
            if version >= 5:
                answer.i64()
            if version >= 8:
                answer.array(lambda: (answer.i32(), answer.text()))
                answer.text()
            return row
        return answer.array(lambda: (answer.text(), answer.array(partition)))[0][1][0]

    def fetch(self, topic, offset, version=4, **options):
        """{"error", "high_watermark", "preferred", "records"} of the one partition."""
        answer = self.call(FETCH, version, fetch_body(topic, offset, version=version, **options))
        if version >= 1:
            answer.i32()
        if version >= 7:
            answer.i16()
            answer.i32()

        def partition():
            row = {"partition": answer.i32(), "error": answer.i16(), "high_watermark": answer.i64()}
            if version >= 4:
                answer.i64()
            if version >= 5:
                answer.i64()
            if version >= 4:
                answer.array(lambda: (answer.i64(), answer.i64()))
            row["preferred"] = answer.i32() if version >= 11 else -1
            row["records"] = answer.blob()
            return row
        return answer.array(lambda: (answer.text(), answer.array(partition)))[0][1][0]

    def list_offset(self, topic, timestamp, version=1, **options):
        """(error, timestamp, offset) of the one partition."""
        flexible = version >= 6
        answer = self.call(LIST_OFFSETS, version, list_offsets_body(topic, timestamp, version=version, **options),
                           flexible=flexible)
        if flexible:
            answer.tags()
        if version >= 2:
            answer.i32()

        def partition():
            answer.i32()
            error = answer.i16()
            if version == 0:
                return error, -1, answer.array(answer.i64)
            found = error, answer.i64(), answer.i64()
            if version >= 4:
                answer.i32()
            if flexible:
                answer.tags()
            return found
        if flexible:
            return answer.compact_array(lambda: (answer.compact_text(), answer.compact_array(partition)))[0][1][0]
        return answer.array(lambda: (answer.text(), answer.array(partition)))[0][1][0]

    def topic_errors(self, topics, auto_create=False):
        """{topic: error} of Metadata v4."""
        answer = self.call(METADATA, 4, metadata_body(topics, 4, auto_create))
        answer.i32()
        answer.array(lambda: (answer.i32(), answer.text(), answer.i32(), answer.text()))
        answer.text()
        answer.i32()

        def topic():
            error, name = answer.i16(), answer.text()
            answer.i8()
            answer.array(lambda: (answer.i16(), answer.i32(), answer.i32(), answer.array(answer.i32),
                                  answer.array(answer.i32)))
            return name, error
        return dict(answer.array(topic))
