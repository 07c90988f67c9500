#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""All benchmarks in one go: kernels, engine beside its peers, pipelines, memory (METHOD.md).

Prints every table; --json keeps the figures for plot.py, --history adds their ratios to a history (history.py).
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import history

SOURCE = pathlib.Path(__file__).resolve().parent.parent


def run_program(command, figures):
    """Runs a benchmark that prints its table; returns the JSON that it leaves in the file `figures`."""
    print("\n$ " + " ".join(str(word) for word in command), flush=True)
    done = subprocess.run([str(word) for word in command], check=False)
    if done.returncode != 0:
        print(f"run.py: {pathlib.Path(command[0]).name} failed; its figures may be incomplete", file=sys.stderr)
    try:
        return json.loads(figures.read_text())
    except (OSError, ValueError) as error:
        print(f"run.py: no figures: {error}", file=sys.stderr)
        return None


def kernel_figures(report):
    """What Google Benchmark wrote, without what is the same for all."""
    kernels = []
    for entry in report["benchmarks"]:
        kernel = {"name": entry["name"], "isa": entry.get("label", ""), "cpu_time_us": entry["cpu_time"]}
        if entry["time_unit"] == "ns":
            kernel["cpu_time_us"] /= 1000
        for field, key in (("gmac_per_s", "GMAC/s"), ("limit_gmac_per_s", "limit_GMAC/s"),
                           ("bytes_per_s", "bytes_per_second")):
            if key in entry:
                kernel[field] = entry[key]
        if "limit_gmac_per_s" in kernel:
            kernel["share_of_limit"] = kernel["gmac_per_s"] / kernel["limit_gmac_per_s"]
        kernels.append(kernel)
    return kernels


def print_roofline(kernels):
    print(f"\n{'kernel':<44} {'isa':<8} {'us':>10} {'GMAC/s':>8} {'limit':>8} {'share':>7} {'GB/s':>7}")
    for kernel in kernels:
        def cell(field, width, scale=1.0, unit="", kernel=kernel):
            return f"{f'{kernel[field] * scale:.1f}{unit}' if field in kernel else '-':>{width}}"
        print(f"{kernel['name']:<44} {kernel['isa']:<8} {kernel['cpu_time_us']:>10.1f} {cell('gmac_per_s', 8)} "
              f"{cell('limit_gmac_per_s', 8)} {cell('share_of_limit', 7, 100, '%')} {cell('bytes_per_s', 7, 1e-9)}")


def peak_kib(line, plugin_path):
    """Peak resident memory of gst-launch-1.0 with that pipeline, read while it plays a live source."""
    environment = dict(os.environ, GST_PLUGIN_PATH=str(plugin_path))
    process = subprocess.Popen(["gst-launch-1.0", "-q", *line.split()], env=environment)
    peak = 0
    while process.poll() is None:
        try:
            for row in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
                if row.startswith("VmHWM:"):
                    peak = max(peak, int(row.split()[1]))
        except (OSError, ValueError):
            pass  # it has just ended
        time.sleep(0.02)
    return peak if process.returncode == 0 else None


def memory_figures(build, folder, models):
    """Beside an empty pipeline: the plugin alone, and with a model. Without the float reference."""
    results = []
    print(f"\n{'memory':<18} {'empty':>10} {'pipeline':>10} {'above it':>10}")
    for name in models:
        inspected = subprocess.run([build / "tools/gst-quant", "inspect", folder / f"{name}.qar", "--json"],
                                   check=True, capture_output=True, text=True)
        spec = json.loads(inspected.stdout)["input"]
        video = {"rgb": "RGB", "bgr": "BGR", "gray": "GRAY8"}[spec["color"]]
        source = (f"videotestsrc is-live=true num-buffers=45 ! video/x-raw,format={video},width={spec['width']},"
                  f"height={spec['height']},framerate=30/1 ! ")
        elements = f"quantnormalize ! quantinfer model={folder / name}.qar ! quantdequantize ! "
        empty = peak_kib(source + "fakesink", build / "elements")
        full = peak_kib(source + elements + "fakesink", build / "elements")
        if not empty or not full:
            print(f"{name:<18} no figures: gst-launch-1.0 failed")
            continue
        results.append({"model": name, "empty_mib": empty / 1024, "pipeline_mib": full / 1024,
                        "above_empty_mib": (full - empty) / 1024})
        print(f"{name:<18} {empty / 1024:>6.1f} MiB {full / 1024:>6.1f} MiB {(full - empty) / 1024:>6.1f} MiB")
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=SOURCE / "build/release", help="build folder")
    parser.add_argument("--qar", type=pathlib.Path, required=True, help="folder with NAME.qar of 8-bit activations")
    parser.add_argument("--qar16", type=pathlib.Path, help="folder with NAME.qar of a16_w16")
    parser.add_argument("--rounds", type=int, default=20, help="rounds of every race (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="held against one thread (default: %(default)s)")
    parser.add_argument("--live-rounds", type=int, default=3,
                        help="turns with and without quanttee behind a live source (default: %(default)s)")
    parser.add_argument("--only", nargs="+", choices=["kernels", "peers", "pipelines", "memory"],
                        default=["kernels", "peers", "pipelines", "memory"], help="some of the tables")
    parser.add_argument("--models", nargs="+", help="some of the models (default: all in the folder)")
    parser.add_argument("--json", type=pathlib.Path, help="file for all figures")
    parser.add_argument("--history", type=pathlib.Path, help="file that the ratios are added to")
    options = parser.parse_args()
    bench = options.build / "bench"
    models = options.models or sorted(path.stem for path in options.qar.glob("*.qar"))

    figures = {"machine": history.machine(options.build / "tools/gst-quant", options.qar / f"{models[0]}.qar")}
    with tempfile.TemporaryDirectory() as folder:
        part = pathlib.Path(folder) / "part.json"
        if "kernels" in options.only:
            report = run_program([bench / "kernels/kernels_bench", f"--benchmark_out={part}"], part)
            if report:
                figures["kernels"] = kernel_figures(report)
                print_roofline(figures["kernels"])
        if "peers" in options.only:
            command = [bench / "peers/peers_bench", *models, "--qar", options.qar, "--rounds", options.rounds,
                       "--more-threads", options.threads, "--json", part]
            if options.qar16:
                command += ["--qar16", options.qar16]
            figures["peers"] = run_program(command, part)
        if "pipelines" in options.only:
            command = [bench / "pipelines/pipelines_bench", *models, "--qar", options.qar,
                       "--rounds", 5 * options.rounds, "--threads", options.threads,
                       "--live-rounds", options.live_rounds, "--json", part]
            figures["pipelines"] = run_program(command, part)
    if "memory" in options.only:
        figures["memory"] = memory_figures(options.build, options.qar, models)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    if options.history:
        history.append(options.history, figures)


if __name__ == "__main__":
    main()
