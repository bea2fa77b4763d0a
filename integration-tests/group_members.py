"""Processes that are members of consumer groups."""

import os
import subprocess
import threading


class Member:
    """A consumer process whose lines are gathered as they come. `log`: a file for what it says of itself."""

    def __init__(self, command, log=os.devnull, environment=None):
        self.lines = []
        with open(log, "wb") as errors:
            self.child = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE,
                                          stdout=subprocess.PIPE, stderr=errors, text=True,
                                          env={**os.environ, **(environment or {})})
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.child.stdout:
            self.lines.append(line.rstrip("\n"))

    def records(self):
        """[(partition, offset, value)]"""
        return [(int(words[1]), int(words[2]), words[3])
                for words in (line.split() for line in list(self.lines)) if words[:1] == ["record"]]

    def count(self, what):
        return sum(line.split()[:1] == [what] for line in list(self.lines))

    def leave(self):
        if self.child.poll() is None:
            self.child.stdin.close()  # its sign to leave
            try:
                self.child.wait(20)
            except subprocess.TimeoutExpired:
                self.child.kill()
        self.close()

    def stop(self):
        """Leaves on SIGTERM."""
        if self.child.poll() is None:
            self.child.terminate()
            self.child.wait(20)
        self.close()

    def kill(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait(10)
        self.close()

    def close(self):
        self.reader.join(10)
        self.child.stdin.close()
        self.child.stdout.close()
