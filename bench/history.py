#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The history of ratios: one JSON object a line, with processor, instruction set and commit beside them.

usage: bench/history.py FILE      compares the last entry with the one before of the same processor and instruction set
"""
import argparse
import datetime
import json
import math
import pathlib
import platform
import subprocess

SOURCE = pathlib.Path(__file__).resolve().parent.parent
# Of these, more is better.
GROWING = ("share of limit", "streams")


def machine(program, archive):
    """Processor, instruction set of the kernels and commit: what ratios depend on."""
    processor = platform.processor() or platform.machine()
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith(("model name", "Model")):
                processor = line.split(":", 1)[1].strip()
                break
    except OSError:
        pass
    inspected = subprocess.run([str(program), "inspect", str(archive), "--json"], check=True, capture_output=True,
                               text=True)
    commit = subprocess.run(["git", "-C", str(SOURCE), "describe", "--always", "--dirty", "--abbrev=12"], check=False,
                            capture_output=True, text=True)
    return {"processor": processor, "isa": json.loads(inspected.stdout)["isa"],
            "commit": commit.stdout.strip() or "unknown"}


def ratios(figures):
    """Every ratio of a run under a name of its own; no time, which tells nothing about another run."""
    found = {}
    for kernel in figures.get("kernels") or []:
        if "share_of_limit" in kernel:
            found[f"{kernel['name']}: share of limit"] = kernel["share_of_limit"]
    for race in (figures.get("peers") or {}).get("results", []):
        for pair, value in (race["ratios"] or {}).items():
            found[f"{race['model']}: {pair}"] = value
    for pair, mean in ((figures.get("peers") or {}).get("means") or {}).items():
        found[f"mean: {pair}"] = mean["geometric_mean"]
    for result in (figures.get("pipelines") or {}).get("results", []):
        for entry in result["race"]:
            if "per_engine" in entry and entry["name"] != "engine":
                found[f"{result['model']}: {entry['name']} / engine"] = entry["per_engine"]
        for entry in result["streams"]:
            if entry["streams"] > 1:
                found[f"{result['model']}: {entry['streams']} streams / one"] = entry["of_one"]
        for where, live in result.get("live", {}).items():
            found[f"{result['model']}: time with quanttee, {where}"] = 1 / (1 - live["throughput_loss"])
    for entry in figures.get("memory") or []:
        found[f"{entry['model']}: memory / empty pipeline"] = entry["pipeline_mib"] / entry["empty_mib"]
    return {name: round(value, 4) for name, value in found.items() if value > 0 and math.isfinite(value)}


def append(path, figures):
    entry = {"date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"), **figures["machine"],
             "ratios": ratios(figures)}
    with path.open("a") as file:
        file.write(json.dumps(entry) + "\n")


def read(path):
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def comparable(entries):
    """The last entry and the one before it of the same machine; None where there is none."""
    last = entries[-1]
    same = [entry for entry in entries[:-1]
            if (entry["processor"], entry["isa"]) == (last["processor"], last["isa"])]
    return last, same[-1] if same else None


def changes(before, after):
    """(name, before, after, how many times worse), worst first; only what both have."""
    found = []
    for name, value in after["ratios"].items():
        if name not in before["ratios"]:
            continue
        worse = value / before["ratios"][name]
        if any(word in name for word in GROWING):
            worse = 1 / worse
        found.append((name, before["ratios"][name], value, worse))
    return sorted(found, key=lambda change: -change[3])


def main():
    parser = argparse.ArgumentParser(description="Compares the last entry of a history with the one before.")
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--threshold", type=float, default=5, metavar="PERCENT",
                        help="changes that are shown (default: %(default)s)")
    options = parser.parse_args()
    entries = read(options.file)
    if not entries:
        parser.error(f"{options.file}: has no entry")
    last, before = comparable(entries)
    print(f"{last['commit']} of {last['date']}: {last['processor']}, {last['isa']}")
    if before is None:
        print("no earlier entry of this processor and instruction set")
        return
    print(f"against {before['commit']} of {before['date']}")
    limit = 1 + options.threshold / 100
    shown = [change for change in changes(before, last) if not 1 / limit < change[3] < limit]
    for name, old, new, worse in shown:
        print(f"  {'worse ' if worse > 1 else 'better'} {name:<60} {old:>8.3f} -> {new:>8.3f}")
    print(f"{len(shown)} of {len(changes(before, last))} ratios moved by {options.threshold:g} % or more")


if __name__ == "__main__":
    main()
