"""Hosts for tests of what is deployed: each is a network namespace (netns.py) with files, processes and a name of its own,
and sshd. Its files are a scratch layer over the running system's; nothing that a host does is left when it ends."""

import os
import pathlib
import shutil
import subprocess
import tempfile

from cluster import Process, accepts, wait_until
from netns import Network

HERE = pathlib.Path(__file__).resolve().parent


def why_unavailable():
    """Why no such hosts can be made here, or None."""
    if os.geteuid() != 0:
        return "hosts of their own need root"
    for program in ("/usr/sbin/sshd", "/usr/bin/ssh-keygen", "/usr/bin/nsenter", "/usr/bin/unshare"):
        if not os.path.exists(program):
            return f"{program} is not installed (deploy/install-packages --test)"
    try:
        with Machines("probe"):
            return None
    except Exception as error:  # whatever a kernel or container forbids
        return f"no hosts of their own here: {error}"


class Machine:
    def __init__(self, machines, name):
        self.machines = machines
        self.name = name
        self.host = machines.network.host(name)
        self.address = self.host.address
        self.directory = machines.directory / name
        self.directory.mkdir()
        self.process = None

    def boot(self):
        self.process = Process(
            self.name,
            # A test that is killed takes its hosts with it.
            ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--uts", "--ipc",
             HERE / "hosts" / "init", self.directory, self.name],
            self.machines.directory / f"{self.name}.out", host=self.host)

    def wait_until_up(self):
        wait_until(lambda: accepts(22, self.address) or not self.process.running(), f"sshd of {self.name}", 60)
        if not self.process.running():
            raise RuntimeError(self.process.output.read_text()[-2000:])

    def run(self, *words, check=True, seconds=120):
        """A command on the host, by ssh; its standard output."""
        outcome = subprocess.run(["ssh", *self.machines.ssh_options, f"root@{self.address}", *map(str, words)],
                                 capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL)
        if check and outcome.returncode != 0:
            raise RuntimeError(f"{self.name}: {' '.join(map(str, words))}: exit {outcome.returncode}\n"
                               f"{outcome.stdout}{outcome.stderr}")
        return outcome.stdout

    def replace(self):
        """Off at once, with all that runs there; a new one comes up, whose files are those of a host that was never used."""
        self.process.kill()
        wait_until(lambda: not accepts(22, self.address), f"{self.name} to be off")
        self.boot()
        self.wait_until_up()


class Machines:
    """A context manager. The test itself, and what it starts, lives on a host `control` of the same network."""

    def __init__(self, *names):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="ottla-machines."))
        self.network = Network()
        self.machines = {}
        try:
            control = self.network.host("control")
            for key in ("key", "host_key"):
                subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.directory / key], check=True,
                               capture_output=True, timeout=30)
            for name in names:
                self.machines[name] = Machine(self, name)
            (self.directory / "hosts").write_text("127.0.0.1 localhost\n" + "".join(
                f"{machine.address} {machine.name}\n" for machine in self.machines.values()))
            self.network.enter(control)
            for machine in self.machines.values():
                machine.boot()
            for machine in self.machines.values():
                machine.wait_until_up()
        except BaseException:
            self.close()
            raise

    def __getitem__(self, name):
        return self.machines[name]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def ssh_options(self):
        return ["-i", str(self.directory / "key"), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                "-o", "LogLevel=ERROR", "-o", "BatchMode=yes", "-F", "none"]

    def close(self):
        for machine in self.machines.values():
            if machine.process is not None:
                machine.process.kill()  # unshare takes the host's first process with it, and so all others
        self.network.close()
        shutil.rmtree(self.directory, ignore_errors=True)
