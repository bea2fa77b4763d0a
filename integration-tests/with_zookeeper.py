"""Runs a command with a real ZooKeeper server beside it.

    with_zookeeper.py COMMAND [ARGUMENT ...]

The command finds in its environment
    OTTLA_TEST_ZOOKEEPER          host:port of the server
    OTTLA_TEST_ZOOKEEPER_PROXY    host:port of a proxy in front of it, whose connections can be broken
    OTTLA_TEST_ZOOKEEPER_CONTROL  port that takes a line and answers "ok": `cut` (no connection until
                                  `heal`), `heal`, `drop` (break those that are open)
Sessions may be as short as 200 ms. The exit status is the command's.
"""

import asyncio
import os
import pathlib
import subprocess
import sys
import tempfile
import threading

from cluster import ZooKeeper


class Proxy:
    """Passes bytes to the server, or does not."""

    def __init__(self, server_port):
        self.server_port = server_port
        self.is_cut = False
        self.writers = set()

    async def start(self):
        proxy = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        control = await asyncio.start_server(self.control, "127.0.0.1", 0)
        return (proxy.sockets[0].getsockname()[1], control.sockets[0].getsockname()[1])

    async def serve(self, reader, writer):
        if self.is_cut:
            writer.transport.abort()
            return
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self.server_port)
        self.writers |= {writer, server_writer}
        await asyncio.gather(self.copy(reader, server_writer), self.copy(server_reader, writer))
        self.writers -= {writer, server_writer}

    async def copy(self, reader, writer):
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        writer.transport.abort()

    async def control(self, reader, writer):
        while line := (await reader.readline()).decode().strip():
            self.is_cut = {"cut": True, "heal": False}.get(line, self.is_cut)
            if line in ("cut", "drop"):
                for open_writer in self.writers:
                    open_writer.transport.abort()
            writer.write(b"ok\n")
            await writer.drain()
        writer.close()


def start_proxy(server_port):
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return asyncio.run_coroutine_threadsafe(Proxy(server_port).start(), loop).result()


def main():
    with tempfile.TemporaryDirectory(prefix="ottla-zookeeper-") as directory:
        server = ZooKeeper(pathlib.Path(directory), tick_ms=100)
        try:
            proxy_port, control_port = start_proxy(server.port)
            environment = {
                **os.environ,
                "OTTLA_TEST_ZOOKEEPER": server.connect,
                "OTTLA_TEST_ZOOKEEPER_PROXY": f"127.0.0.1:{proxy_port}",
                "OTTLA_TEST_ZOOKEEPER_CONTROL": str(control_port),
            }
            return subprocess.call(sys.argv[1:], env=environment)
        finally:
            server.end()


if __name__ == "__main__":
    sys.exit(main())
