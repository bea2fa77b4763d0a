"""A gate between a broker and ZooKeeper that counts what the broker writes, and stops at one of its writes."""

import contextlib
import socket
import struct
import threading

CREATE, DELETE, SET_DATA, MULTI, CREATE2 = 1, 2, 5, 14, 15
WRITES = {CREATE, DELETE, SET_DATA, MULTI, CREATE2}
BEFORE, AFTER = "before", "after"


class Gate:
    """Passes bytes between a broker and ZooKeeper's port on loopback. Once it is armed, the `number`th write from then on
    is not passed on (`BEFORE`), or its answer is not (`AFTER`: it is written, and nobody knows); the connection ends after
    `stop` was called."""

    def __init__(self, server_port):
        self.server_port = server_port
        self.lock = threading.Lock()
        self.fired = threading.Event()
        self.disarm()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def arm(self, number, when, stop):
        with self.lock:
            self.fired.clear()
            self.left, self.when, self.stop, self.awaited = number, when, stop, None

    def disarm(self):
        """Whether it had fired."""
        with self.lock:
            self.left, self.when, self.stop, self.awaited = 0, None, None, None
            return self.fired.is_set()

    def close(self):
        self.listener.close()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                broker = self.listener.accept()[0]
                try:
                    server = socket.create_connection(("127.0.0.1", self.server_port))
                except OSError:
                    broker.close()
                    continue
                for pair in ((broker, server, self._may_ask), (server, broker, self._may_answer)):
                    pair[0].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    threading.Thread(target=self._copy, args=pair, daemon=True).start()

    def _copy(self, source, target, may_pass):
        with contextlib.suppress(OSError), source.makefile("rb") as frames:
            is_first = True  # the session's begin has no header
            while len(length := frames.read(4)) == 4:
                frame = frames.read(size := struct.unpack(">i", length)[0])
                if len(frame) < size or not (is_first or may_pass(frame)):
                    break
                is_first = False
                target.sendall(length + frame)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        source.close()  # the other direction closes its own

    def _may_ask(self, frame):
        request, kind = struct.unpack_from(">ii", frame)
        with self.lock:
            if self.left == 0 or request <= 0 or kind not in WRITES:
                return True
            self.left -= 1
            if self.left > 0:
                return True
            if self.when == AFTER:
                self.awaited = request
                return True
        return self._fire()

    def _may_answer(self, frame):
        request = struct.unpack_from(">i", frame)[0]
        with self.lock:
            if self.awaited is None or request != self.awaited:
                return True
            self.awaited = None
        return self._fire()

    def _fire(self):
        self.stop()
        self.fired.set()
        return False
