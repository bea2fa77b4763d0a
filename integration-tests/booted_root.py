"""A ScratchRoot that systemd has booted: with processes, cgroups and a host name of its own, the network of this machine,
and nothing started but what is asked for."""

import os

import scratch_root
from cluster import wait_until
from scratch_root import ScratchRoot, Unavailable

SYSTEMD = "/usr/lib/systemd/systemd"

# Ends with its standard input, and all processes of the root with it.
KEEP = """
mkdir "$home/cgroup"
mount -t cgroup2 none "$home/cgroup"
cgroup=$home/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)/ottla-root-$$
mkdir "$cgroup"
( sh -euc 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"' sh "$cgroup" \\
    unshare --mount --propagation private --pid --uts --ipc --cgroup --fork --kill-child \\
      sh -euc "$BOOT" boot "$home/root" || echo failed ) </dev/null &
cat
for procs in $(find "$cgroup" -name cgroup.procs); do
  while read -r pid; do kill -KILL "$pid" || true; done <"$procs"
done
wait
for attempt in $(seq 200); do  # what was killed takes a moment to be gone
  find "$cgroup" -depth -type d -exec rmdir {} \\; || true
  [ -d "$cgroup" ] || break
  sleep 0.05
done 2>/dev/null
"""

# The first process of the new root. A service pulls in what boots a whole machine, and that may set up the kernel: of all
# that there is nothing here, and the kernel's settings are read-only.
BOOT = f"""
root=$1
read -r pid rest </proc/self/stat  # /proc is still the one outside
mount -t proc proc "$root/proc"
mount --bind -o ro "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount --rbind /dev "$root/dev"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 none "$root/sys/fs/cgroup"
mount -t tmpfs none "$root/run"
mount -t tmpfs none "$root/tmp"
rm -rf "$root"/usr/lib/systemd/system/*.wants "$root"/etc/systemd/system/*.wants "$root"/usr/lib/systemd/system-generators
printf '%s\\n' '[Unit]' 'Description=Nothing' 'DefaultDependencies=no' >"$root/etc/systemd/system/nothing.target"
cd "$root"
mkdir -p outside
mount --make-private .
pivot_root . outside
umount -l outside
echo "ready $pid"
exec env -i container=ottla-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
  {SYSTEMD} --system --unit=nothing.target --log-target=console >/console.log 2>&1
"""


def why_unavailable():
    """Why systemd cannot be booted here, or None."""
    if (why := scratch_root.why_unavailable()) is not None:
        return why
    if not os.path.exists(SYSTEMD):
        return "systemd is not installed (deploy/install-packages --test brings it)"
    try:
        with BootedRoot(shared="/mnt"):
            return None
    except (Unavailable, AssertionError) as error:
        return f"systemd cannot be booted here: {error}"


class BootedRoot(ScratchRoot):
    keep = f"BOOT=$(cat <<'END'\n{BOOT}\nEND\n)\n{KEEP}"

    def __init__(self, shared):
        super().__init__(shared)
        try:
            wait_until(lambda: self.run("systemctl", "show", "--property=Version", check=False).startswith("Version="),
                       "systemd to answer", 30)
        except AssertionError as error:
            console = (self.root / "console.log").read_text(errors="replace")
            self.close()
            raise AssertionError(f"{error}\n{console[-2000:]}") from error

    @property
    def prefix(self):
        return (*super().prefix, f"--pid={self.held(2)}")

    def show(self, unit, name):
        """A property of a unit."""
        return self.run("systemctl", "show", "--value", f"--property={name}", unit).strip()
