#!/usr/bin/python
DOCUMENTATION = r"""
module: support_files
short_description: Packs what somebody needs who helps from afar, without secrets
description:
  - Files, ends of logs, answers of commands and URLs, as texts in one archive. What cannot be had stands there as its
    reason. Secrets that stand in I(properties) are hidden wherever they are, and what looks like one too.
author: The Ottla authors
options:
  dest: {description: "The archive, of type tar.gz", type: path, required: true}
  name: {description: The directory in the archive, type: str, required: true}
  properties: {description: "Files of settings, whose secrets are hidden; those that are not there are left out", type: list,
               elements: path, default: []}
  files: {description: "Other files, or patterns of their names", type: list, elements: str, default: []}
  logs: {description: "Files of which the end is taken, or patterns", type: list, elements: str, default: []}
  log_bytes: {description: How much of a log is taken, type: int, default: 20000000}
  commands: {description: "Commands as lists of words, by the name of the file for the answer", type: dict, default: {}}
  urls: {description: URLs by the name of the file for the answer, type: dict, default: {}}
  seconds: {description: How long to wait for a command or a URL, type: int, default: 30}
"""
EXAMPLES = r"""
- name: What somebody needs
  ottla.cluster.support_files:
    dest: /root/support.tar.gz
    name: broker-1
    properties: [/etc/ottla/server.properties]
    commands: {disks.txt: [df, -hT]}
"""
RETURN = r"""
collected: {description: The names in the archive, type: list, returned: always}
"""

import glob
import io
import os
import subprocess
import tarfile
import time
import urllib.error
import urllib.request

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ottla.cluster.plugins.module_utils.masking import Mask


def end_of(path, size):
    with open(path, "rb") as file:
        file.seek(max(0, os.path.getsize(path) - size))
        return file.read().decode(errors="replace")


class Collection:
    def __init__(self, module):
        self.asked = module.params
        self.mask = Mask()
        self.texts = {}

    def answer(self, words):
        try:
            outcome = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT, timeout=self.asked["seconds"],
                                     env=dict(os.environ, LC_ALL="C.UTF-8"))
        except subprocess.TimeoutExpired as late:
            return "%s\nno end after %d s\n" % ((late.output or b"").decode(errors="replace"), self.asked["seconds"])
        except OSError as error:
            return "%s: %s\n" % (words[0], error.strerror)
        end = "" if outcome.returncode == 0 else "exit code %d\n" % outcome.returncode
        return outcome.stdout.decode(errors="replace") + end

    def page(self, url):
        try:
            with urllib.request.urlopen(url, timeout=self.asked["seconds"]) as page:
                return page.read().decode(errors="replace")
        except urllib.error.HTTPError as error:
            return "HTTP %d\n%s" % (error.code, error.read().decode(errors="replace"))
        except (OSError, ValueError) as error:
            return "%s: %s\n" % (url, error)

    def take(self):
        """Settings first: their secrets are hidden in all that comes behind."""
        for path in self.asked["properties"]:
            if os.path.exists(path):
                self.texts["files" + path] = self.mask.properties(end_of(path, self.asked["log_bytes"]))
        others = {}
        for pattern in self.asked["files"] + self.asked["logs"]:
            for path in sorted(glob.glob(pattern)):
                if os.path.isfile(path) and not path.endswith(".gz"):
                    others["files" + path] = end_of(path, self.asked["log_bytes"])
        for name, words in self.asked["commands"].items():
            others[name] = "$ %s\n%s" % (" ".join(map(str, words)), self.answer(words))
        for name, url in self.asked["urls"].items():
            others[name] = self.page(url)
        self.texts.update((name, self.mask.text(text)) for name, text in others.items())

    def pack(self):
        with open(os.open(self.asked["dest"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            with tarfile.open(fileobj=file, mode="w:gz", compresslevel=6) as archive:
                for name, text in sorted(self.texts.items()):
                    data = text.encode()
                    entry = tarfile.TarInfo("%s/%s" % (self.asked["name"], name))
                    entry.size, entry.mtime, entry.mode = len(data), int(time.time()), 0o600
                    archive.addfile(entry, io.BytesIO(data))


def main():
    module = AnsibleModule(supports_check_mode=True, argument_spec=dict(
        dest=dict(type="path", required=True), name=dict(type="str", required=True),
        properties=dict(type="list", elements="path", default=[]), files=dict(type="list", elements="str", default=[]),
        logs=dict(type="list", elements="str", default=[]), log_bytes=dict(type="int", default=20000000),
        commands=dict(type="dict", default={}), urls=dict(type="dict", default={}), seconds=dict(type="int", default=30)))
    collection = Collection(module)
    collection.take()
    if not module.check_mode:
        collection.pack()
    module.exit_json(changed=not module.check_mode, collected=sorted(collection.texts))


if __name__ == "__main__":
    main()
