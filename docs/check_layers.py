#!/usr/bin/env python3
"""Compares the #include lines and the use of the outside world in the tree with layers.txt.

  check_layers.py [ROOT]     prints what breaks a rule, and exits with 1 if anything does
"""
import os
import re
import sys

SOURCE = (".h", ".cc", ".inc")
WORLD_FREE = {"common/env", "cli", "bench", "integration-tests"}
TEST = re.compile(r"_(test|fuzz)\.cc$|_for_tests\.h$|/testing/[^/]*$")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
# Comments and string literals are no code; newlines stay, so that line numbers do.
NO_CODE = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'', re.S)


class Rules:
    def __init__(self, path):
        self.layer, self.allowed, self.refused, self.exceptions = {}, {}, [], set()
        self.errors = []
        with open(path, encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                words = line.split()
                if not words or words[0].startswith("#"):
                    continue
                if words[0] == "refuse":
                    self.refused += words[1:]
                elif words[0] == "except":
                    self.exceptions.add((words[1], words[2].rstrip(":")))
                else:
                    self.layer[words[1]] = words[0]
                    self.allowed[words[1]] = words[2:]
                    self.check_line(number, words)

    def check_line(self, number, words):
        layer, folder, allowed = words[0], words[1], words[2:]
        for name in allowed:
            if name == "*":
                continue
            below = self.layer.get(name if name in self.layer else os.path.dirname(name))
            if below is None:
                self.errors.append(f"layers.txt:{number}: {name} is not a folder above this line")
            elif layer != "top" and (below == "top" or int(below) >= int(layer)):
                self.errors.append(f"layers.txt:{number}: {folder} (layer {layer}) may not include {name} (layer {below})")

    def folder_of(self, path):
        """The library a file belongs to. A folder with libraries below it (broker) has only files of its own."""
        folder = os.path.dirname(path)
        if folder in self.layer:
            return folder
        while folder:
            folder = os.path.dirname(folder)
            if folder in self.layer:
                return None if any(f.startswith(folder + "/") for f in self.layer) else folder
        return None

    def may_include(self, folder, target, header, is_test):
        if target == folder or (is_test and target == "common/testing"):
            return True
        allowed = self.allowed[folder]
        if target in allowed or header in allowed:
            return True
        return "*" in allowed and self.layer[target] != "top"


def pattern_of(name):
    # `::open` is the system's, not `Log::open`; `std::thread::id` starts no thread.
    tail = r"\b(?!\s*::)" if name.startswith("std::") else r"\b"
    return re.compile(r"(?<![\w>])" + re.escape(name) + tail)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def blank(match):
    return re.sub(r"[^\n]", " ", match.group(0))


def check_includes(rules, path, text, roots, errors):
    folder, is_test = rules.folder_of(path), bool(TEST.search(path))
    for match in INCLUDE.finditer(text):
        quote, header = match.groups()
        where = f"{path}:{line_of(text, match.start(1))}"
        if header.split("/")[0] not in roots:
            if quote == '"':
                errors.append(f'{where}: "{header}": the project\'s headers are included by their path from the root')
            continue
        target = rules.folder_of(header)
        if target is None:
            errors.append(f"{where}: {header}: no folder of layers.txt holds it")
        elif not rules.may_include(folder, target, header, is_test):
            errors.append(f"{where}: {folder} may not include {header} (docs/layers.txt)")


def check_world(rules, path, text, patterns, errors):
    folder = rules.folder_of(path)
    if folder in WORLD_FREE or TEST.search(path) or os.path.basename(path) == "main.cc":
        return
    code = NO_CODE.sub(blank, text)
    for name, pattern in patterns:
        if (path, name) in rules.exceptions:
            continue
        for match in pattern.finditer(code):
            errors.append(f"{path}:{line_of(code, match.start())}: {name} outside of common/env")


def sources(root):
    for directory, folders, files in os.walk(root):
        folders[:] = sorted(f for f in folders if f != "build" and not f.startswith("."))
        for name in sorted(files):
            if name.endswith(SOURCE):
                yield os.path.relpath(os.path.join(directory, name), root)


def check(root):
    rules = Rules(os.path.join(root, "docs", "layers.txt"))
    errors = list(rules.errors)
    roots = {folder.split("/")[0] for folder in rules.layer}
    patterns = [(name, pattern_of(name)) for name in rules.refused]
    count = 0
    for path in sources(root):
        count += 1
        if rules.folder_of(path) is None:
            errors.append(f"{path}: its folder is not in docs/layers.txt")
            continue
        with open(os.path.join(root, path), encoding="utf-8") as file:
            text = file.read()
        check_includes(rules, path, text, roots, errors)
        check_world(rules, path, text, patterns, errors)
    if count == 0:
        errors.append(f"{root}: no source files")
    return count, errors


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
    count, errors = check(os.path.normpath(root))
    for error in errors:
        print(error)
    print(f"{count} files, {len(errors)} violations")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
