"""What `ottla-broker` and `ottla-cli` are on a machine: the packages, a stand-in for its service manager, and the broker
that the unit describes."""

import pathlib
import re
import shlex
import socket
import subprocess
import uuid

from cluster import BUILD, Process, free_port

UNIT = "usr/lib/systemd/system/ottla-broker.service"
LOG = "var/log/ottla/server.log"
PROPERTIES = "etc/ottla/server.properties"
DATA = "var/lib/ottla"

# Writes down what it is asked. It stops the broker whose process id is in /run/ottla-broker.pid, as systemd would.
SYSTEMCTL = """#!/bin/sh
echo "$*" >>/var/log/systemctl
pid=$(cat /run/ottla-broker.pid 2>/dev/null)
gone() { [ -z "$pid" ] || ! [ -e /proc/$pid/stat ] || grep -q ') Z ' /proc/$pid/stat; }
case $1 in
  is-active) ! gone ;;
  stop) gone || kill -TERM $pid; until gone; do sleep 0.05; done ;;
esac
"""


def build_packages(directory, version):
    """Both packages of the build, in the directory."""
    subprocess.run(["cpack", "--config", BUILD / "CPackConfig.cmake", "-B", directory,
                    "-D", f"CPACK_DEBIAN_PACKAGE_VERSION={version}"],
                   check=True, capture_output=True, text=True, timeout=900)
    return {name: directory / f"{name}_{version}_{architecture()}.deb" for name in ("ottla-broker", "ottla-cli")}


def architecture():
    return subprocess.run(["dpkg", "--print-architecture"], check=True, capture_output=True, text=True).stdout.strip()


def rebuild(package, version, change):
    """The package again as another version; `change` is called with the directory that it is made of."""
    directory = package.with_suffix(f".{version}")
    subprocess.run(["dpkg-deb", "--raw-extract", package, directory], check=True)
    control = directory / "DEBIAN/control"
    control.write_text(re.sub(r"(?m)^Version: .*$", f"Version: {version}", control.read_text()))
    change(directory)
    rebuilt = package.with_name(f"{package.name.split('_')[0]}_{version}_{architecture()}.deb")
    subprocess.run(["dpkg-deb", "-Zgzip", "-z1", "--root-owner-group", "--build", directory, rebuilt], check=True,
                   capture_output=True)
    return rebuilt


class ServiceManager:
    """As much of systemd as the packages and the unit need, on a ScratchRoot."""

    def __init__(self, machine):
        self.machine = machine
        self.broker = None
        (machine.root / "run/systemd/system").mkdir(parents=True, exist_ok=True)
        systemctl = machine.root / "usr/bin/systemctl"
        systemctl.unlink(missing_ok=True)
        systemctl.write_text(SYSTEMCTL)
        systemctl.chmod(0o755)

    def asked(self):
        """What was asked of it since the last time, without questions."""
        journal = self.machine.root / "var/log/systemctl"
        lines = journal.read_text().splitlines() if journal.exists() else []
        journal.write_text("")
        return [line for line in lines if not line.startswith("is-active")]

    def unit(self, key):
        values = re.findall(rf"(?m)^{key}=(.*)$", (self.machine.root / UNIT).read_text())
        return values[-1] if values else None

    def environment(self):
        """Of the unit's file, which the shell would read alike."""
        path = self.unit("EnvironmentFile").removeprefix("-/")
        words = shlex.split((self.machine.root / path).read_text(), comments=True)
        return dict(word.split("=", 1) for word in words)

    def start(self, seconds=60):
        """Starts the unit's command as its user, and waits until it says that it is ready."""
        environment = self.environment()
        command = self.unit("ExecStart").replace("$OTTLA_BROKER_OPTIONS", environment.get("OTTLA_BROKER_OPTIONS", ""))
        output = self.unit("StandardOutput").removeprefix("append:/")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
            name = f"ottla-{uuid.uuid4()}"
            notices.bind("\0" + name)
            notices.settimeout(seconds)
            self.broker = Process(
                "broker", ["setpriv", f"--reuid={self.unit('User')}", f"--regid={self.unit('Group')}", "--init-groups",
                           "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs", *shlex.split(command)],
                self.machine.root / output, {**environment, "NOTIFY_SOCKET": "@" + name}, host=self.machine)
            (self.machine.root / "run/ottla-broker.pid").write_text(str(self.broker.pid))
            try:
                while b"READY=1" not in notices.recv(4096):
                    pass
            except TimeoutError as error:
                raise AssertionError("the broker did not get ready:\n" + self.log()[-4000:]) from error

    def stop(self):
        """The exit status."""
        status = self.broker.terminate(60)
        self.broker = None
        return status

    def end(self):
        if self.broker is not None:
            self.broker.end()

    def log(self):
        return (self.machine.root / LOG).read_text(errors="replace")


def settings_for(default, zookeeper, log_dirs):
    """The properties as an operator would edit those of the package, with free ports. The text, and the broker's port."""
    port, text = free_port(), default
    for name, value in {"broker.id": 1, "listeners": f"PLAINTEXT://127.0.0.1:{port}",
                        "ottla.grpc.listener": "127.0.0.1:0", "ottla.http.listener": "127.0.0.1:0",
                        "log.dirs": ",".join(f"/{path}" for path in log_dirs), "zookeeper.connect": zookeeper}.items():
        text, found = re.subn(rf"(?m)^#?{re.escape(name)}=.*$", f"{name}={value}", text, count=1)
        assert found == 1, f"{name} is not in the package's server.properties"
    return text, port


def files_below(directory):
    """Each file's content, by its path."""
    directory = pathlib.Path(directory)
    return {str(path.relative_to(directory)): path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()}
