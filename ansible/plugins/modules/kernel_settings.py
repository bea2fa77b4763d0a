#!/usr/bin/python
DOCUMENTATION = r"""
module: kernel_settings
short_description: Sets what the running kernel is told through files below /proc/sys and /sys, where it lets us
description:
  - Writes only what differs, and reads it back. What the kernel refuses (a container, a namespace, an older kernel) is
    told in I(refused) and is no error.
  - It is gone with the next start of the host; what lasts is written elsewhere.
author: The Ottla authors
options:
  settings:
    description: The wanted values. A name is one of sysctl's (C(vm.swappiness)), or the path of a file. In a file of
      alternatives (C(always [madvise] never)) the value is the one in brackets.
    type: dict
    required: true
"""
EXAMPLES = r"""
- name: Little is swapped
  ottla.cluster.kernel_settings:
    settings:
      vm.swappiness: 1
      /sys/kernel/mm/transparent_hugepage/enabled: madvise
"""
RETURN = r"""
set: {description: "What was set, with its value", type: dict, returned: always}
refused: {description: "What was not set, with the reason in words", type: dict, returned: always}
"""

import re

from ansible.module_utils.basic import AnsibleModule


def path_of(name):
    return name if name.startswith("/") else "/proc/sys/" + name.replace(".", "/")


def current(path):
    with open(path) as setting:
        text = setting.read()
    chosen = re.search(r"\[([^\]]*)\]", text)
    return " ".join((chosen.group(1) if chosen else text).split())


def attempt(path, value, is_check):
    """Errors: OSError. A check only opens the file: the kernel refuses there already, but for values that it does not
    take."""
    with open(path, "r+" if is_check else "w") as setting:
        if not is_check:
            setting.write(value + "\n")


def main():
    module = AnsibleModule(supports_check_mode=True, argument_spec=dict(settings=dict(type="dict", required=True)))
    before, done, refused = {}, {}, {}
    for name, value in sorted(module.params["settings"].items()):
        path, wanted = path_of(name), " ".join(str(value).split())
        try:
            was = current(path)
            if was == wanted:
                continue
            attempt(path, wanted, module.check_mode)
            now = wanted if module.check_mode else current(path)
        except OSError as error:
            refused[name] = "is not known to this kernel" if isinstance(error, FileNotFoundError) else (
                "stays as it is: %s" % error.strerror)
            continue
        if now != wanted:
            refused[name] = "is %s: the kernel did not take %s" % (now, wanted)
        if now != was:
            before[name], done[name] = was, now
    module.exit_json(changed=bool(done), set=done, refused=refused, diff=dict(
        before="".join("%s = %s\n" % one for one in sorted(before.items())),
        after="".join("%s = %s\n" % one for one in sorted(done.items()))))


if __name__ == "__main__":
    main()
