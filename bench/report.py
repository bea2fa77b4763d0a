"""From measurements to what is said of them: medians, spread, goals; JSON and a table."""

import os
import pathlib
import platform
import statistics
import subprocess

NAMES = ("kafka", "ottla")


def machine():
    model = next((line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), "")
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=pathlib.Path(__file__).parent,
                            capture_output=True, text=True).stdout.strip()
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(), "load": os.getloadavg()[0],
            "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1), "commit": commit}


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "rounds": values}


def summarize_metric(metric, rounds, limits):
    """`rounds` is {system: [number, ...]}."""
    told = {name: spread(values) for name, values in rounds.items()}
    medians = {name: told[name]["median"] if name in told else None for name in NAMES}
    ottla, kafka = medians["ottla"], medians["kafka"]
    found = {**told, "goal": metric.goal_text(), "higher_is_better": metric.higher}
    limit = metric.limit(limits) if metric.limit and limits else None
    if limit:
        found["limit"] = limit
        if ottla:
            found["times_limit"] = limit / ottla if metric.higher else ottla / limit
    if ottla and kafka and metric.is_ratio:
        found["factor"] = ottla / kafka if metric.higher else kafka / ottla
    if ottla is not None:
        found["met"] = metric.is_met(ottla, kafka, limit)
    if metric.times:
        found["goal_factor"] = metric.times
    return found


def summarize(row, rounds, limits):
    """`rounds` is {system: [{metric: number or {size: number}}, ...]}."""
    rounds = {system: results for system, results in rounds.items() if results}
    names = list(dict.fromkeys(name for results in rounds.values() for result in results for name in result))
    summary = {}
    for name in names:
        values = {system: [result[name] for result in results if name in result] for system, results in rounds.items()}
        values = {system: found for system, found in values.items() if found}
        if isinstance(next(iter(values.values()))[0], dict):
            summary[name] = {"series": {system: {size: spread([one[size] for one in found]) for size in found[0]}
                                        for system, found in values.items()}}
        else:
            summary[name] = summarize_metric(row.metric(name), values, limits)
    return {"what": row.what, "metrics": summary}


def misses_goal(summary):
    return any(found.get("met") is False for found in summary.get("metrics", {}).values())


def number(value):
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def with_spread(told):
    if told is None:
        return ""
    inside = f" ({number(told['min'])}..{number(told['max'])})" if len(told["rounds"]) > 1 else ""
    return number(told["median"]) + inside


def table(results):
    """A line for each metric: median and spread of both, by how much Ottla is ahead, what is wanted, and the machine's limit."""
    longest = max((len(metric) for row in results.values() for metric in row.get("metrics", {})), default=0)
    widths = (longest + 4, 24, 24, 8, 32, 5, 9)
    lines = ["".join(text.ljust(width) for text, width in zip(
        ("", "Kafka", "Ottla", "factor", "goal", "met", "x limit"), widths)).rstrip()]
    for name, row in results.items():
        lines += ["", f"{name}: {row['what']}"]
        if "skipped" in row:
            lines.append(f"  skipped: {row['skipped']}")
            continue
        lines += [f"  FAILED: {failure}" for failure in row.get("failures", [])]
        for metric, found in row["metrics"].items():
            if "series" in found:
                lines += [f"  {metric}, {system}: " + "  ".join(f"{size}: {with_spread(told)}" for size, told in sizes.items())
                          for system, sizes in found["series"].items()]
                continue
            met = {True: "yes", False: "NO", None: ""}[found.get("met")]
            cells = ("  " + metric, with_spread(found.get("kafka")), with_spread(found.get("ottla")),
                     number(found.get("factor")), found["goal"], met, number(found.get("times_limit")))
            lines.append("".join(f"{text} ".ljust(width) for text, width in zip(cells, widths)).rstrip())
    return "\n".join(lines)
