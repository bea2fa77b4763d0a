"""perf of the brokers while a load runs: where the CPU goes that a row has measured."""

import contextlib
import itertools
import pathlib
import signal
import subprocess

from systems import ottla

directory = None  # pathlib.Path; None: nobody wants it
numbers = itertools.count(1)


@contextlib.contextmanager
def profiled(system, what):
    """NN-system-what.data for perf (and flame graphs), .txt by symbol. It costs a few percent, in what is measured too."""
    if directory is None or not system.pids():
        yield
        return
    directory.mkdir(parents=True, exist_ok=True)
    name = directory / f"{next(numbers):02}-{system.name}-{what}"
    recording = subprocess.Popen(
        ["perf", "record", "-q", "-F", "499", "-g", "-o", f"{name}.data", "-p", ",".join(map(str, system.pids()))],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        ottla.wait_until(lambda: pathlib.Path(f"{name}.data").stat().st_size > 0, "perf to begin", 20)
        yield
    finally:
        recording.send_signal(signal.SIGINT)
        recording.wait(60)
        with open(f"{name}.txt", "w") as text:
            subprocess.run(["perf", "report", "-i", f"{name}.data", "--stdio", "--no-children", "-g", "none", "--percent-limit",
                            "0.3", "--sort", "dso,symbol"], stdout=text, stderr=subprocess.DEVNULL, timeout=300)
