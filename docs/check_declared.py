#!/usr/bin/env python3
"""A configuration key that no code reads, and a metric that no code moves, is a promise that is not kept.

usage: check_declared.py ROOT

Looks for each constant of common/config/*_keys.h and common/metrics/*_metrics.h in the code that is no test. A broker
key counts as read when a topic key takes its default from it; one whose doc says that it has no effect need not be.
"""
import pathlib
import re
import sys

CODE = ("broker", "controller", "common")
KEY = re.compile(r"constexpr ConfigKey<.*?>\s+(k\w+)\{\s*\.name = \"([^\"]+)\"(.*?)\};", re.S)
METRIC = re.compile(r"constexpr Metric (k\w+)\{")


def declared(root):
    """Constant -> (file, name of the key or None)."""
    rows = {}
    for path in sorted((root / "common/config").glob("*_keys.h")):
        for constant, name, rest in KEY.findall(path.read_text()):
            if "Accepted, without effect: " not in rest:
                rows[constant] = (path, name)
    for path in sorted((root / "common/metrics").glob("*_metrics.h")):
        for constant in METRIC.findall(path.read_text()):
            rows[constant] = (path, None)
    return rows


def words_of_code(root):
    words = set()
    for folder in CODE:
        for path in (root / folder).rglob("*"):
            table = path.parent.name in ("config", "metrics") and path.name.endswith(("_keys.h", "_metrics.h"))
            if path.suffix not in (".cc", ".h") or path.stem.endswith("_test") or table:
                continue
            words.update(re.findall(r"\bk[A-Z]\w+", path.read_text()))
    return words


def topic_defaults(root):
    text = (root / "common/config/topic_keys.h").read_text()
    return set(re.findall(r"\{\"([a-z.]+)\"[,}]", text))


def faults(root):
    rows = declared(root)
    used, defaults = words_of_code(root), topic_defaults(root)
    for constant, (path, name) in rows.items():
        if constant not in used and name not in defaults:
            yield f"{path.relative_to(root)}: {constant} is used by no code"


def main():
    found = list(faults(pathlib.Path(sys.argv[1])))
    for fault in found:
        print(fault)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
