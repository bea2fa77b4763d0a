"""A disk that fails or hangs, of the processes of one host: a library (faulty_disk/faulty_disk.cc) stands between them and
their files, as many kernels have no device that fails at will."""

import mmap
import pathlib
import struct
import tempfile

from cluster import BUILD

LIBRARY = BUILD / "integration-tests" / "libottla-faulty-disk.so"
UNAVAILABLE = None if LIBRARY.exists() else f"{LIBRARY} is not built"
HANGS = -1
FORM = "=iii244s"


class FaultyDisk:
    def __init__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="ottla-disk.")
        self.file = pathlib.Path(self.directory.name) / "state"
        self.file.write_bytes(bytes(struct.calcsize(FORM)))
        with open(self.file, "r+b") as file:
            self.page = mmap.mmap(file.fileno(), struct.calcsize(FORM))

    @property
    def environment(self):
        """Of the processes that have this disk."""
        return {"LD_PRELOAD": str(LIBRARY), "OTTLA_FAULTY_DISK": str(self.file)}

    def set(self, where="/", read=0, write=0, sync=0):
        """From now on operations on files with `where` in their path end with these errnos, or hang (`HANGS`)."""
        struct.pack_into("=244s", self.page, 12, where.encode())
        struct.pack_into("=iii", self.page, 0, read, write, sync)

    def heal(self):
        self.page[:12] = bytes(12)

    def close(self):
        self.heal()  # who hangs on it may end
        self.page.close()
        self.directory.cleanup()
