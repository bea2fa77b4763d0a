"""A Debian to install things on, made in no time and without network: this machine's root, copy on write.

    with ScratchRoot(shared=directory) as machine:
        machine.run("dpkg", "--install", "/mnt/some.deb")       # `shared` is its /mnt
        (machine.root / "etc/hostname").read_text()
        Process("server", ["some-server"], output, host=machine)

It is an overlay in a mount namespace that one process holds, and goes with it: nothing of it is seen outside, and what
it writes is in memory. It shares network, processes and kernel with this machine. No service manager runs in it.
"""

import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile

# Two steps, so that nothing is mounted before the namespace is known to be private.
KEEPER = """
home=$1 shared=$2
mount -t tmpfs -o size=2g,mode=0755 ottla-root "$home"
mkdir "$home/upper" "$home/work" "$home/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$home/upper,workdir=$home/work" "$home/root"
mount --rbind /proc "$home/root/proc"
mount --rbind /dev "$home/root/dev"
mount --bind "$shared" "$home/root/mnt"
echo ready
exec chroot "$home/root" cat
"""


class Unavailable(RuntimeError):
    """This machine does not let us make one."""


def why_unavailable():
    """Why no machine can be made here, or None."""
    if os.geteuid() != 0:
        return "a file system root of its own needs root"
    if shutil.which("dpkg") is None:
        return "this is no Debian: there is no dpkg"
    try:
        with ScratchRoot(shared="/mnt") as machine:
            machine.run("dpkg", "--version")
    except (Unavailable, OSError, subprocess.SubprocessError) as error:
        return f"no file system root of its own can be made here: {error}"
    return None


class ScratchRoot:
    address = "127.0.0.1"

    def __init__(self, shared):
        self.home = tempfile.mkdtemp(prefix="ottla-root.")
        self.keeper = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-euc", KEEPER, "keeper", self.home, str(shared)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if self.keeper.stdout.readline() != "ready\n":
            why = self.keeper.stderr.read().strip()
            self.close()
            raise Unavailable(why)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        with contextlib.suppress(OSError):
            self.keeper.stdin.close()
        self.keeper.wait(30)
        self.keeper.stdout.close()
        self.keeper.stderr.close()
        shutil.rmtree(self.home, ignore_errors=True)

    @property
    def root(self):
        """Its files, as this process reaches them."""
        return pathlib.Path(f"/proc/{self.keeper.pid}/root")

    @property
    def prefix(self):
        # nsenter becomes the command: its process id is the command's.
        return ("nsenter", f"--target={self.keeper.pid}", "--mount", "--root", f"--wd=/proc/{self.keeper.pid}/cwd")

    def run(self, *command, stdin=None, check=True, seconds=120):
        """Runs a command in it, as root; standard output and standard error, together."""
        outcome = subprocess.run(
            [*self.prefix, *map(str, command)], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=seconds, env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root",
                                  "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"})
        if check and outcome.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, command))}: exit {outcome.returncode}\n{outcome.stdout}")
        return outcome.stdout
