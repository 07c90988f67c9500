#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draws what run.py measured: kernels, engine beside its peers, pipelines, and the history of ratios.

Needs Debian's python3-matplotlib.
"""
import argparse
import json
import pathlib
import sys

import history

PAIRS = ("emulator / ort-int8", "emulator / ort-float", "emulator / native", "emulator-16 / ort-16",
         "native / ort-float")


def grouped_bars(axes, groups, series, value):
    """Bars of `series` side by side at each of `groups`; value(group, name) may be None."""
    height = 0.8 / len(series)
    for index, name in enumerate(series):
        at = [position + index * height - 0.4 + height / 2 for position in range(len(groups))]
        axes.barh(at, [value(group, name) or 0 for group in groups], height=height * 0.9, label=name)
    axes.set_yticks(range(len(groups)), groups)
    axes.invert_yaxis()
    axes.legend(fontsize="small")


def draw_kernels(axes, kernels):
    known = [kernel for kernel in kernels if "share_of_limit" in kernel]
    axes.barh([kernel["name"] for kernel in known], [100 * kernel["share_of_limit"] for kernel in known])
    axes.axvline(100, color="gray", linewidth=1)
    axes.invert_yaxis()
    axes.tick_params(axis="y", labelsize="small")
    axes.set_title("Kernels: share of the exact multiply-add limit, measured beside them")
    axes.set_xlabel("%")


def draw_peers(axes, peers):
    values = {}
    for race in peers["results"]:
        values.setdefault(race["model"], {}).update(race["ratios"] or {})
    values["geometric mean"] = {pair: mean["geometric_mean"] for pair, mean in (peers["means"] or {}).items()}
    grouped_bars(axes, list(values), [pair for pair in PAIRS if any(pair in ratios for ratios in values.values())],
                 lambda model, pair: values[model].get(pair))
    axes.axvline(1, color="gray", linewidth=1)
    axes.set_title("Engine: ratio of medians, below 1 is faster")


def draw_growth(axes, pipelines):
    values = {result["model"]: {entry["name"]: entry["per_engine"] for entry in result["race"]
                                if entry.get("per_engine") and entry["name"] not in ("engine", "snr", "histogram")}
              for result in pipelines["results"]}
    names = list(dict.fromkeys(name for ratios in values.values() for name in ratios))
    grouped_bars(axes, list(values), names, lambda model, name: values[model].get(name))
    axes.axvline(1, color="gray", linewidth=1)
    axes.set_title("Pipelines: time of a frame in times of the engine")


def draw_streams(axes, pipelines):
    for result in pipelines["results"]:
        axes.plot([entry["streams"] for entry in result["streams"]], [entry["of_one"] for entry in result["streams"]],
                  marker="o", label=result["model"])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("streams")
    axes.set_ylabel("throughput of one stream")
    axes.set_title(f"Streams on {pipelines['cores']} cores")
    axes.legend(fontsize="small")


def draw_history(axes, entries):
    last, _ = history.comparable(entries)
    same = [entry for entry in entries if (entry["processor"], entry["isa"]) == (last["processor"], last["isa"])]
    names = [name for name in last["ratios"] if name.startswith("mean: ")] or list(last["ratios"])[:8]
    for name in names:
        axes.plot(range(len(same)), [entry["ratios"].get(name, float("nan")) for entry in same], marker="o", label=name)
    axes.set_xticks(range(len(same)), [entry["commit"] for entry in same], rotation=30, ha="right", fontsize="small")
    axes.set_ylim(bottom=0)
    axes.set_title(f"History on {last['processor']}, {last['isa']}")
    axes.legend(fontsize="small")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figures", type=pathlib.Path, help="what run.py --json wrote")
    parser.add_argument("--history", type=pathlib.Path, help="what run.py --history wrote")
    parser.add_argument("-o", "--output", type=pathlib.Path, required=True, help="PNG, SVG or PDF")
    options = parser.parse_args()
    try:
        import matplotlib
        matplotlib.use("Agg")
        from matplotlib import pyplot
    except ImportError:
        sys.exit("plot.py: no matplotlib: install python3-matplotlib (packages.txt, section plot)")

    figures = json.loads(options.figures.read_text())
    panels = []
    if figures.get("kernels"):
        panels.append((draw_kernels, figures["kernels"]))
    if figures.get("peers"):
        panels.append((draw_peers, figures["peers"]))
    if figures.get("pipelines"):
        panels += [(draw_growth, figures["pipelines"]), (draw_streams, figures["pipelines"])]
    if options.history:
        panels.append((draw_history, history.read(options.history)))
    if not panels:
        sys.exit(f"plot.py: {options.figures}: nothing to draw")
    rows = (len(panels) + 1) // 2
    figure, axes = pyplot.subplots(rows, min(2, len(panels)), figsize=(16, 6.5 * rows), squeeze=False,
                                   layout="constrained")
    for cell in axes.flat[len(panels):]:
        cell.axis("off")
    for cell, (draw, data) in zip(axes.flat, panels):
        draw(cell, data)
    machine = figures["machine"]
    figure.suptitle(f"{machine['processor']}, {machine['isa']}, commit {machine['commit']}")
    figure.savefig(options.output, dpi=90)


if __name__ == "__main__":
    main()
