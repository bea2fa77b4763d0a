"""What a ZooKeeper server says: its mode, and znodes, without a client library. Only reads."""

import json
import socket
import struct

NO_NODE = -101


class Refused(OSError):
    """The server did not take the connection, or refused the question."""


def mode_of(host, port):
    """By the command `srvr`; None while it does not serve, or does not say."""
    try:
        with socket.create_connection((host, port), timeout=5) as connection:
            connection.sendall(b"srvr")
            answer = b"".join(iter(lambda: connection.recv(4096), b"")).decode()
    except OSError:
        return None
    return next((line.split()[1] for line in answer.splitlines() if line.startswith("Mode: ")), None)


def servers_of(connect):
    """([(host, port)], chroot) of Kafka's zookeeper.connect."""
    hosts, slash, chroot = connect.partition("/")
    servers = []
    for server in hosts.split(","):
        host, _, port = server.strip().rpartition(":")
        servers.append((host.strip("[]"), int(port)) if host and port.isdigit() else (server.strip().strip("[]"), 2181))
    return servers, (slash + chroot).rstrip("/")


class Reader:
    """A session with one server. Errors: OSError."""

    def __init__(self, host, port, timeout=3.0):
        self.number = 0
        self.socket = socket.create_connection((host, port), timeout=timeout)
        try:
            # Version, last zxid, session timeout, no session before and so no password of it, not read-only.
            self.send(struct.pack(">iqiqi16s?", 0, 0, 10000, 0, 16, b"", False))
            answer = self.receive()
            if len(answer) < 8 or struct.unpack(">i", answer[4:8])[0] <= 0:
                raise Refused("it gives no session")
        except BaseException:
            self.socket.close()
            raise

    def send(self, payload):
        self.socket.sendall(struct.pack(">i", len(payload)) + payload)

    def receive(self):
        size, = struct.unpack(">i", self.exactly(4))
        return self.exactly(size)

    def exactly(self, size):
        data = b""
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
            if not piece:
                raise Refused("it ended the connection: it has no quorum, or speaks TLS only")
            data += piece
        return data

    def ask(self, kind, path):
        """The answer's body; None when there is no such znode."""
        self.number += 1
        name = path.encode()
        self.send(struct.pack(">iii", self.number, kind, len(name)) + name + b"\0")
        answer = self.receive()
        code, = struct.unpack(">i", answer[12:16])
        if code not in (0, NO_NODE):
            raise Refused("%s: ZooKeeper's error %d" % (path, code))
        return None if code == NO_NODE else answer[16:]

    def data(self, path):
        body = self.ask(4, path)
        if body is None:
            return None
        size, = struct.unpack(">i", body[:4])
        return body[4:4 + max(size, 0)]

    def json(self, path):
        text = self.data(path)
        return None if text is None else json.loads(text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.send(struct.pack(">ii", 0, -11))  # the session ends now, not after its timeout
        except OSError:
            pass
        self.socket.close()
