"""What is checked of a host before anything is touched: facts in, findings out. Nothing here asks anybody."""

SERIOUS, WARNING, NOTE = "serious", "warning", "note"

NETWORK_FILE_SYSTEMS = ("nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p", "ceph", "glusterfs")
MEMORY_FILE_SYSTEMS = ("tmpfs", "ramfs")


def finding(level, name, text):
    return {"level": level, "name": name, "text": text}


def readable(size):
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return "%.0f %s" % (size, unit)
        size /= 1024.0
    return "%.1f TiB" % size


def check_system(release, memory, wanted_memory):
    """`release`: /etc/os-release; memory in bytes."""
    if (release.get("ID"), release.get("VERSION_ID")) != ("debian", "12"):
        yield finding(WARNING, "OTHER_SYSTEM", "this is %s; the packages are made for Debian 12"
                      % release.get("PRETTY_NAME", "not known"))
    if memory < wanted_memory:
        yield finding(WARNING, "LITTLE_MEMORY", "%s of memory; %s are wanted, most of it for records that are read soon"
                      % (readable(memory), readable(wanted_memory)))


def check_limits(nr_open, wanted):
    if nr_open < wanted:
        yield finding(SERIOUS, "FEW_FILES", "the kernel allows %d open files (fs.nr_open), the unit asks for %d and would not "
                      "start" % (nr_open, wanted))


def check_log_dirs(dirs, user, wanted_free):
    """Of each: path, exists, mount (point, type, source, options), free and total in bytes, owners (user: how many of
    the directory and what lies in it)."""
    places = {}
    for one in dirs:
        path, (point, kind, source, options) = one["path"], one["mount"]
        if point in places:
            yield finding(WARNING, "SHARED_DISK", "%s and %s lie on one file system (%s): one disk's failure takes both"
                          % (places[point], path, point))
        places.setdefault(point, path)
        if "ro" in options:
            yield finding(SERIOUS, "READ_ONLY", "%s lies on %s, which is mounted read-only" % (path, point))
        if kind in NETWORK_FILE_SYSTEMS:
            yield finding(SERIOUS, "NETWORK_DISK", "%s lies on %s, a file system of the network (%s): records want a disk"
                          % (path, point, kind))
        if kind in MEMORY_FILE_SYSTEMS:
            yield finding(WARNING, "IN_MEMORY", "%s lies on %s, which is memory (%s)" % (path, point, kind))
        elif not {"noatime", "relatime"} & set(options):
            yield finding(NOTE, "ATIME", "%s lies on %s, where the time of each read is written: mount it with noatime"
                          % (path, point))
        if point == "/" and len(dirs) > 1:
            yield finding(WARNING, "NOT_MOUNTED", "%s lies on the root file system: is its disk mounted?" % path)
        if one["free"] < wanted_free:
            yield finding(SERIOUS, "DISK_FULL", "%s: %s of %s are free; %s are wanted"
                          % (path, readable(one["free"]), readable(one["total"]), readable(wanted_free)))
        elif one["free"] < one["total"] / 10:
            yield finding(WARNING, "DISK_FULL_SOON", "%s: %s of %s are free"
                          % (path, readable(one["free"]), readable(one["total"])))
        others = {owner: count for owner, count in one["owners"].items() if owner != user}
        if others and one["exists"] and one["used"]:
            yield finding(SERIOUS, "FOREIGN_FILES", "%s holds files of %s; the service runs as %s: chown -R %s:%s %s"
                          % (path, ", ".join(sorted(others)), user, user, user, path))


def check_identity(broker_id, properties, others, cluster_id):
    """`properties`: {log dir: its meta.properties}; `others`: {host: broker id}; `cluster_id`: ZooKeeper's, None when
    it knows no cluster, False when nobody could ask."""
    same = sorted(host for host, other in others.items() if other == broker_id)
    if same:
        yield finding(SERIOUS, "SAME_ID", "broker id %s is also that of %s" % (broker_id, ", ".join(same)))
    for path, its in sorted(properties.items()):
        if its.get("broker.id") not in (None, str(broker_id)):
            yield finding(SERIOUS, "OTHER_ID", "%s is broker %s's (meta.properties), this is broker %s"
                          % (path, its["broker.id"], broker_id))
    clusters = {its["cluster.id"]: path for path, its in sorted(properties.items()) if its.get("cluster.id")}
    if len(clusters) > 1:
        yield finding(SERIOUS, "SEVERAL_CLUSTERS", "log dirs of several clusters: " + ", ".join(
            "%s of %s" % (path, name) for name, path in sorted(clusters.items())))
    for name, path in sorted(clusters.items()):
        if cluster_id is None:
            yield finding(SERIOUS, "NO_CLUSTER", "%s is of cluster %s, and ZooKeeper knows no cluster: is zookeeper.connect, "
                          "with its chroot, right?" % (path, name))
        elif cluster_id and name != cluster_id:
            yield finding(SERIOUS, "OTHER_CLUSTER", "%s is of cluster %s, and ZooKeeper has cluster %s"
                          % (path, name, cluster_id))


def check_registration(broker_id, registered, host, port, runs):
    """`registered`: host:port of each listener of the broker with this id in ZooKeeper."""
    if registered and not runs and "%s:%d" % (host, port) not in registered:
        yield finding(SERIOUS, "ID_IN_USE", "broker %s is in the cluster, from %s" % (broker_id, ", ".join(registered)))


def check_ports(ports, ephemeral):
    """`ports`: [(purpose, number, holder)]; the holder is None, True for ours, or a name. `ephemeral`: first and last of
    those that outgoing connections take."""
    for purpose, number, holder in ports:
        if holder not in (None, True):
            yield finding(SERIOUS, "PORT_TAKEN", "port %d (%s) is taken by %s" % (number, purpose, holder))
        if ephemeral[0] <= number <= ephemeral[1]:
            yield finding(WARNING, "PORT_MAY_BE_TAKEN", "port %d (%s) is one that outgoing connections take "
                          "(net.ipv4.ip_local_port_range)" % (number, purpose))


def check_names(names):
    """{name: its addresses, or why it has none}, of other hosts."""
    for name, addresses in sorted(names.items()):
        if isinstance(addresses, str):
            yield finding(SERIOUS, "UNKNOWN_NAME", "%s: %s" % (name, addresses))
        elif any(address.startswith("127.") or address == "::1" for address in addresses):
            yield finding(SERIOUS, "LOOPBACK_NAME", "%s is another host, and %s here: see /etc/hosts"
                          % (name, ", ".join(sorted(addresses))))


def check_zookeeper(servers, is_ours):
    """{host:port: True, or why it does not serve}; `is_ours`: `deploy` starts those that do not run."""
    away = {server: why for server, why in sorted(servers.items()) if why is not True}
    for server, why in away.items():
        many = len(away) * 2 >= len(servers)
        level = WARNING if is_ours or not many else SERIOUS
        yield finding(level, "ZOOKEEPER_AWAY", "the ZooKeeper server %s does not serve this host: %s%s"
                      % (server, why, " (deploy starts those of the inventory)" if is_ours else ""))


def check_clock(host, clocks, allowed):
    """`clocks`: {host: (seconds ahead of some one clock, how wrong that may be)}; measured against the middle one."""
    if host not in clocks or len(clocks) < 2:
        return
    middle = sorted(clocks, key=lambda one: clocks[one][0])[(len(clocks) - 1) // 2]
    apart = clocks[host][0] - clocks[middle][0]
    if abs(apart) - clocks[host][1] - clocks[middle][1] > allowed:
        yield finding(SERIOUS, "CLOCK", "its clock is %.1f s %s that of %s" % (
            abs(apart), "ahead of" if apart > 0 else "behind", middle))


def check_packages(absent_files, given, wanted, candidates, installed):
    """`absent_files`: those of the inventory that are not there; `given`: names of packages among the files that are."""
    for path in absent_files:
        yield finding(SERIOUS, "NO_PACKAGE", "%s is not there" % path)
    for name in wanted:
        if name in given or name in installed:
            continue
        if given or absent_files:
            yield finding(SERIOUS, "NO_PACKAGE", "ottla_deb_files has no %s" % name)
        elif not candidates.get(name):
            yield finding(SERIOUS, "NO_PACKAGE", "%s: no file is named in ottla_deb_files, and no apt source of the host has "
                          "it" % name)
