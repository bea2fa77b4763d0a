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

# What is mounted is in a namespace of its own, which is known to be private before.
MAKE_ROOT = """
home=$1 shared=$2
mount -t tmpfs -o size=2g,mode=0755 ottla-root "$home"
mkdir "$home/upper" "$home/overlay" "$home/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$home/upper,workdir=$home/overlay" "$home/root"
mount --bind "$shared" "$home/root/mnt"
"""
KEEP = """
mount --rbind /proc "$home/root/proc"
mount --rbind /dev "$home/root/dev"
exec chroot "$home/root" sh -c 'echo ready $$; exec cat'
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
    environment = {}  # of its processes, in addition

    keep = KEEP  # goes on from MAKE_ROOT; says from inside that it is ready, and its process id

    def __init__(self, shared):
        self.home = tempfile.mkdtemp(prefix="ottla-root.")
        self.descriptors = []
        self.keeper = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-euc", MAKE_ROOT + self.keep, "keeper", self.home,
             str(shared)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        words = self.keeper.stdout.readline().split()
        if words[:1] != ["ready"]:
            self.keeper.stdin.close()
            why = self.keeper.stderr.read().strip()
            self.close()
            raise Unavailable(why)
        # Held open and looked at once, so that no command can ever reach this machine's own root instead.
        for held in ("root", "ns/mnt", "ns/pid"):
            self.descriptors.append(os.open(f"/proc/{words[1]}/{held}", os.O_RDONLY | os.O_CLOEXEC))
        if os.path.samestat(os.fstat(self.descriptors[0]), os.stat("/")):
            self.close()
            raise RuntimeError("the scratch root is this machine's own")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        with contextlib.suppress(OSError):
            self.keeper.stdin.close()
        for descriptor in self.descriptors:
            os.close(descriptor)
        self.descriptors = []
        self.keeper.wait(30)
        self.keeper.stdout.close()
        self.keeper.stderr.close()
        shutil.rmtree(self.home, ignore_errors=True)

    @property
    def root(self):
        """Its files, as this process reaches them."""
        return pathlib.Path(self.held(0))

    @property
    def prefix(self):
        # nsenter becomes the command: its process id is the command's.
        return ("nsenter", f"--mount={self.held(1)}", f"--root={self.held(0)}", f"--wd={self.held(0)}")

    def held(self, number):
        """A path that stays what it was when the root was made: of its files, its mounts, its processes."""
        return f"/proc/{os.getpid()}/fd/{self.descriptors[number]}"

    def run(self, *command, stdin=None, check=True, seconds=120):
        """Runs a command in it, as root; standard output and standard error, together."""
        outcome = subprocess.run(
            [*self.prefix, *map(str, command)], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=seconds, env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root",
                                  "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"})
        if check and outcome.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, command))}: exit {outcome.returncode}\n{outcome.stdout}")
        return outcome.stdout
