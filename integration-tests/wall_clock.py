"""Wall clocks that jump, each for the processes of one host. A namespace has no wall clock of its own, so a library
(wall_clock/wall_clock.cc) stands between these processes and the kernel's."""

import mmap
import pathlib
import struct
import tempfile

from cluster import BUILD

LIBRARY = BUILD / "integration-tests" / "libottla-wall-clock.so"
UNAVAILABLE = None if LIBRARY.exists() else f"{LIBRARY} is not built"


class WallClock:
    def __init__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="ottla-clock.")
        self.file = pathlib.Path(self.directory.name) / "ahead"
        self.file.write_bytes(bytes(8))
        with open(self.file, "r+b") as file:
            self.page = mmap.mmap(file.fileno(), 8)
        self.ahead = 0

    @property
    def environment(self):
        """Of the processes that have this clock."""
        return {"LD_PRELOAD": str(LIBRARY), "OTTLA_WALL_CLOCK": str(self.file)}

    def set(self, seconds):
        """Jumps: from now on it is so far ahead of the true time, or behind it."""
        struct.pack_into("=q", self.page, 0, int(seconds * 1e9))
        self.ahead = seconds

    def close(self):
        self.page.close()
        self.directory.cleanup()
