#!/usr/bin/python
DOCUMENTATION = r"""
module: mounted
short_description: A file system stands in fstab and is mounted with these options
description:
  - Makes no file system and mounts nothing over files. Options that are not in effect are brought into effect by a
    remount, while the file system is in use.
author: The Ottla authors
options:
  path: {description: Where it is mounted, type: path, required: true}
  source: {description: "The device, better by C(UUID=) or C(LABEL=)", type: str, required: true}
  fstype: {description: Its type, type: str, default: xfs}
  options: {description: Mount options, type: list, elements: str, default: [defaults, noatime]}
  fstab: {description: The table, type: path, default: /etc/fstab}
"""
EXAMPLES = r"""
- name: A disk for records
  ottla.cluster.mounted:
    path: /data/disk-1
    source: LABEL=records-1
"""
RETURN = r"""
done: {description: "What was done, in words", type: list, returned: always}
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ottla.cluster.plugins.module_utils.fstab import lacking, mount_at, with_entry


def text_of(path):
    try:
        with open(path) as file:
            return file.read()
    except FileNotFoundError:
        return ""


class Mounted:
    def __init__(self, module):
        self.module = module
        self.asked = module.params
        self.path = self.asked["path"].rstrip("/")
        self.done = []
        self.live = []  # [before, after], in words

    def run_command(self, *words):
        status, out, error = self.module.run_command(list(words))
        if status != 0:
            self.module.fail_json(msg="%s: %s" % (" ".join(words), (error or out).strip()), done=self.done)

    def listed(self):
        """(fstab before, after)."""
        before = text_of(self.asked["fstab"])
        after = with_entry(before, self.path, [self.asked["source"], self.path, self.asked["fstype"],
                                               ",".join(self.asked["options"])])
        if after != before:
            self.done.append("%s is in %s" % (self.path, self.asked["fstab"]))
            if not self.module.check_mode:
                with open(self.asked["fstab"] + ".new", "w") as fstab:
                    fstab.write(after)
                os.chmod(self.asked["fstab"] + ".new", 0o644)
                os.rename(self.asked["fstab"] + ".new", self.asked["fstab"])
        return before, after

    def mounted(self):
        live = mount_at(self.path, text_of("/proc/self/mountinfo"))
        if live is None:
            if os.path.isdir(self.path) and os.listdir(self.path):
                self.module.fail_json(msg="%s is not mounted and holds files, which the mount would hide: move them "
                                      "away first" % self.path, done=self.done)
            self.done.append("%s is mounted" % self.path)
            self.live = ["", "%s is mounted\n" % self.path]
            if not self.module.check_mode:
                os.makedirs(self.path, exist_ok=True)
                self.run_command("mount", "--types", self.asked["fstype"], "--options", ",".join(self.asked["options"]),
                                 self.asked["source"], self.path)
            return
        missing = lacking(self.asked["options"], live[3])
        if missing:
            self.done.append("%s is mounted with %s" % (self.path, ",".join(missing)))
            self.live = ["%s is mounted with %s\n" % (self.path, ",".join(options)) for options in (live[3], missing)]
            if not self.module.check_mode:
                self.run_command("mount", "--options", ",".join(["remount"] + self.asked["options"]), self.path)

    def run(self):
        if not self.path.startswith("/") or os.path.realpath(self.path) != self.path:
            self.module.fail_json(msg="%s: must be a directory's own path, from the root, through no link" % self.path)
        self.mounted()  # first: what cannot be mounted is not to stop the next start of the host
        before, after = self.listed()
        diff = [dict(before_header=self.asked["fstab"], after_header=self.asked["fstab"], before=before, after=after)]
        if self.live:
            diff.append(dict(before_header="mounts", after_header="mounts", before=self.live[0], after=self.live[1]))
        self.module.exit_json(changed=bool(self.done), done=self.done, diff=diff)


def main():
    Mounted(AnsibleModule(supports_check_mode=True, argument_spec=dict(
        path=dict(type="path", required=True), source=dict(type="str", required=True),
        fstype=dict(type="str", default="xfs"),
        options=dict(type="list", elements="str", default=["defaults", "noatime"]),
        fstab=dict(type="path", default="/etc/fstab")))).run()


if __name__ == "__main__":
    main()
