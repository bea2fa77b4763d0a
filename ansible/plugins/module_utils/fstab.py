"""The table of file systems, and what is mounted. Nothing here asks anybody."""

# What the kernel tells of a mount by the same name; others are the file system's own.
FLAGS = ("noatime", "relatime", "strictatime", "nodiratime", "lazytime", "nodev", "nosuid", "noexec", "ro", "rw")


def with_entry(text, path, fields):
    """fstab's text where the line for `path` says `fields` (source, path, type, options); all else as it was."""
    lines, done = [], False
    for line in text.splitlines():
        words = line.split("#", 1)[0].split()
        if len(words) < 4 or words[1].rstrip("/") != path.rstrip("/"):
            lines.append(line)
        elif not done:
            # The last two (dump, order of checks) stay as they are.
            lines.append(line if words[:4] == fields else "\t".join(fields + (words[4:6] + ["0", "0"])[:2]))
            done = True
    if not done:
        lines.append("\t".join(fields + ["0", "2" if fields[2] in ("ext4", "ext3", "ext2") else "0"]))
    return "".join(line + "\n" for line in lines)


def unescape(word):
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        word = word.replace(code, character)
    return word


def mounts(mountinfo):
    """Of /proc/self/mountinfo: [(mount point, type, source, options)], those mounted last behind those they hide."""
    found = []
    for line in mountinfo.splitlines():
        mine, _, others = line.partition(" - ")
        words, rest = mine.split(), others.split()
        if len(words) < 6 or len(rest) < 3:
            continue
        found.append((unescape(words[4]), rest[0], unescape(rest[1]), words[5].split(",") + rest[2].split(",")))
    return found


def mount_at(path, mountinfo):
    """The one with exactly this mount point, or None."""
    return next((one for one in reversed(mounts(mountinfo)) if one[0] == (path.rstrip("/") or "/")), None)


def mount_of(path, mountinfo):
    """The one that a file of this path lies on."""
    def holds(point):
        return path == point or path.startswith(point.rstrip("/") + "/")
    return max(reversed(mounts(mountinfo)), key=lambda one: len(one[0]) if holds(one[0]) else -1)


def lacking(options, live):
    """Those of the options that the kernel could show and does not."""
    return [option for option in options if option in FLAGS and option not in live]
