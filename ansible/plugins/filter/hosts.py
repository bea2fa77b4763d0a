"""What playbooks say of several hosts together."""

DOCUMENTATION = r"""
name: hosts
short_description: Filters over variables of hosts
description: [C(address), C(batches), C(batch_sizes), C(clock_of) and C(verdict).]
"""

ORDER = ["serious", "accepted", "warning", "note"]


def address(host, variable):
    """Where a host is reached: its `variable`, else ansible_host, else its name."""
    return next(host[name] for name in (variable, "ansible_host", "inventory_hostname") if name in host)


def batches(hosts, restart_by, controller):
    """[[names of hosts that restart together]], in order, the controller's last: racks with `restart_by` "rack", else each
    broker alone."""
    together = {}
    for host in hosts:
        alone = ("", host["inventory_hostname"])
        rack = host.get("ottla_rack") if restart_by == "rack" else None
        together.setdefault(("rack", rack) if rack else alone, []).append(host)

    def has_controller(batch):
        return any(int(host.get("ottla_broker_id", -1)) == int(controller) for host in batch)
    return [[host["inventory_hostname"] for host in batch] for batch in sorted(together.values(), key=has_controller)]


def batch_sizes(hostvars):
    """For `serial`, of any host's ottla_batches."""
    known = next((hostvars[host]["ottla_batches"] for host in hostvars if "ottla_batches" in hostvars[host]), [])
    return [len(batch) for batch in known] or [1]


def clock_of(told):
    """What checks.check_clock wants to know of the module clock's answer."""
    return [told["ahead"], told["error"]]


def verdict(hosts, accepted=()):
    """{lines: [every finding in words, the worst first], serious: [those that speak against going on]} of hosts'
    `ottla_findings`; names in `accepted` do not count."""
    found, clusters = [], {}
    for host in hosts:
        for one in host.get("ottla_findings") or []:
            level = "accepted" if one["level"] == "serious" and one["name"] in accepted else one["level"]
            found.append((ORDER.index(level), host["inventory_hostname"], one["name"], one["text"]))
        for cluster in host.get("ottla_cluster_ids") or []:
            clusters.setdefault(cluster, []).append(host["inventory_hostname"])
    if len(clusters) > 1:
        level = "accepted" if "SEVERAL_CLUSTERS" in accepted else "serious"
        text = "log dirs are of several clusters: " + "; ".join(
            "%s on %s" % (cluster, ", ".join(names)) for cluster, names in sorted(clusters.items()))
        found.append((ORDER.index(level), "all", "SEVERAL_CLUSTERS", text))
    found.sort()
    lines = ["%s: %s: %s: %s" % ((ORDER[one[0]],) + one[1:]) for one in found]
    return {"lines": lines, "serious": [line for one, line in zip(found, lines) if one[0] == 0]}


class FilterModule:
    def filters(self):
        return {"address": address, "batch_sizes": batch_sizes, "batches": batches, "clock_of": clock_of, "verdict": verdict}
