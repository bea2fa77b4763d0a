"""A unit's process on this host: since when it runs, and what changed under it since."""

import os


class Unit:
    def __init__(self, module, name):
        self.module = module
        self.name = name
        status, out, error = module.run_command(
            ["systemctl", "show", name, "--property=ActiveState,MainPID,LoadState"])
        told = dict(line.split("=", 1) for line in out.splitlines() if "=" in line)
        self.state = told.get("ActiveState", "inactive")
        self.active = self.state in ("active", "activating", "reloading")
        self.loaded = told.get("LoadState") == "loaded"
        self.pid = int(told.get("MainPID") or 0)

    def started_at(self):
        """Seconds since the epoch; None when there is no process."""
        try:
            with open("/proc/%d/stat" % self.pid) as stat:
                ticks = int(stat.read().rsplit(")", 1)[1].split()[19])
            with open("/proc/stat") as stat:
                boot = next(int(line.split()[1]) for line in stat if line.startswith("btime "))
        except (OSError, StopIteration):
            return None
        return boot + ticks / os.sysconf("SC_CLK_TCK")

    def stale(self, files):
        """Those of the files that changed since the process started; its program, if that was replaced."""
        started = self.started_at() if self.pid else None
        if started is None:
            return []
        changed = []
        for path in files:
            try:
                # The boot time is known to the second only.
                if os.stat(path).st_mtime > started + 1:
                    changed.append(path)
            except OSError:
                pass
        try:
            program = os.readlink("/proc/%d/exe" % self.pid)
        except OSError:
            return changed
        if program.endswith(" (deleted)"):
            changed.append(program[:-len(" (deleted)")])
        return changed

    def last_words(self, log=None, lines=30):
        if log and os.path.exists(log):
            status, out, error = self.module.run_command(["tail", "-n", str(lines), log])
            return out.strip()
        status, out, error = self.module.run_command(
            ["journalctl", "--unit", self.name, "--lines", str(lines), "--no-pager", "--output", "cat"])
        return out.strip() if status == 0 else ""
