#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs a model on an accelerator and writes down how far it lies from the emulator, for the people who own a
device: docs/hardware.md. Leaves a folder to send; report.txt in it is the summary.

usage: hardware-report.py MODEL.qar MODEL.hef [--video CLIP] [--frames 300] [--output FOLDER]
"""

import argparse
import hashlib
import json
import math
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import time

COLOR_CODES = re.compile(r"\x1b\[[0-9;]*m")
WAIT_S = 600


def run(arguments, log, environment=None):
    """The finished process with its output as text, which goes to `log` too."""
    with open(log, "w", encoding="utf-8", errors="replace") as file:
        file.write("$ " + " ".join(arguments) + "\n")
        file.flush()
        try:
            process = subprocess.run(arguments, stdout=file, stderr=subprocess.STDOUT, timeout=WAIT_S, check=False,
                                     env={**os.environ, **(environment or {})})
            return process.returncode
        except (OSError, subprocess.TimeoutExpired) as error:
            file.write(f"{error}\n")
            return -1


def first_line(path):
    try:
        return pathlib.Path(path).read_text(encoding="utf-8", errors="replace").splitlines()[0]
    except (OSError, IndexError):
        return None


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def surroundings(options):
    """What the figures are figures of."""
    facts = {"machine": platform.platform(), "processor": platform.machine(),
             "page size": os.sysconf("SC_PAGE_SIZE"),
             "board": first_line("/proc/device-tree/model"),
             "gst-quant": subprocess.run([options.gst_quant, "--version"], capture_output=True, text=True,
                                         check=False).stdout.strip(),
             "model": sha256(options.model)}
    for module in ("hailo_pci", "hailo1x_pci"):
        facts[f"driver {module}"] = first_line(f"/sys/module/{module}/version")
    if pathlib.Path(options.device_model).is_file():
        facts["device model"] = sha256(options.device_model)
    if shutil.which("hailortcli"):
        run(["hailortcli", "fw-control", "identify"], options.output / "identify.log")
        run(["hailortcli", "measure-power"], options.output / "power.log")
    return {name: value for name, value in facts.items() if value is not None}


def pipeline(options, name, source, tee):
    """Runs one; its log goes to NAME.log. Returns whether it came to its end, and its seconds."""
    line = (f"{source} ! quantnormalize ! quantinfer name=infer model={options.model} backend={options.backend} "
            f"device-model={options.device_model} ! quantdequantize ! {tee}")
    begin = time.monotonic()
    # The element's own log says which device it opened and, at the end, what it counted there.
    code = run([options.gst_launch, *line.split()], options.output / f"{name}.log",
               {"GST_DEBUG": "quantinfer:4", "GST_DEBUG_NO_COLOR": "1"})
    return code == 0, time.monotonic() - begin


def measured(options, name, source):
    """Records of a pipeline that compares every frame with the emulator and the original."""
    records = options.output / f"{name}.ndjson"
    done, _ = pipeline(options, name, source,
                       f"quanttee name=t references=emulator,original ! fakesink t.snr_0 ! filesink location={records}")
    if not records.is_file():
        return done, []
    # Two for each frame. A decoder that is told to end still gives the frames that it holds.
    lines = records.read_text(encoding="utf-8").splitlines()[:2 * options.frames]
    return done, [json.loads(line) for line in lines]


def ratio_db(records, context, output):
    """The pooled ratio as text, and how many frames differ at all."""
    signal = noise = 0.0
    frames = differing = 0
    worst = 0.0
    for record in records:
        if record["context"] != context:
            continue
        figures = record["outputs"][output]
        frames += 1
        differing += figures["noise"] > 0
        signal += figures["signal"]
        noise += figures["noise"]
        worst = max(worst, figures["max_abs"])
    if frames == 0:
        return "no frames", 0, 0, 0.0
    if noise == 0:
        return "exact", frames, differing, worst
    return f"{10 * math.log10(signal / noise):.2f} dB" if signal > 0 else "undefined", frames, differing, worst


def compare_lines(records):
    if not records:
        return ["  no frame was compared"]
    lines = []
    for index, output in enumerate(records[0]["outputs"]):
        emulator, frames, differing, worst = ratio_db(records, "quantized", index)
        original = ratio_db(records, "original", index)[0]
        lines.append(f"  {output['name']}: against the emulator {emulator} ({differing} of {frames} frames differ, by "
                     f"{worst:.4g} at most), against the original {original}")
    return lines


def repeat_lines(records):
    """The same picture over and over: whether the answer changes."""
    lines = []
    emulator = [record for record in records if record["context"] == "quantized"]
    for index, output in enumerate(emulator[0]["outputs"] if emulator else []):
        answers = {(record["outputs"][index]["noise"], record["outputs"][index]["bias"]) for record in emulator}
        lines.append(f"  {output['name']}: {len(answers)} different answer{'s' if len(answers) != 1 else ''} in "
                     f"{len(emulator)} runs of the same frame")
    return lines or ["  no frame was compared"]


def log_lines(options, name):
    """What the element and the pipeline said, without the rest of the log."""
    text = COLOR_CODES.sub("", (options.output / f"{name}.log").read_text(encoding="utf-8", errors="replace"))
    wanted = re.compile(r"^(ERROR|WARNING).*|Additional debug.*|x-quantinfer-stats.*")
    found = [match.group() for line in text.splitlines() if (match := wanted.search(line))]
    # Types and quoting are of no use to people.
    plain = [re.sub(r"\(\w+\)|\\", "", line) for line in found]
    return ["  " + line.replace("x-quantinfer-stats, ", "quantinfer: ").strip()[:800] for line in plain]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=pathlib.Path, help="the quantized model (.qar)")
    parser.add_argument("device_model", help="the same model as compiled for the device (.hef)")
    parser.add_argument("--video", type=pathlib.Path, help="a clip of what the model is for; without it a test picture")
    parser.add_argument("--frames", type=int, default=300, help="frames to compare")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("hardware-report"), help="the folder")
    parser.add_argument("--backend", default="hailort", help="quantinfer's backend")
    parser.add_argument("--gst-quant", default="gst-quant", help="the command")
    parser.add_argument("--gst-launch", default="gst-launch-1.0", help="GStreamer's launcher")
    options = parser.parse_args()
    if not options.model.is_file():
        parser.error(f"{options.model}: no such file")
    if options.video and not options.video.is_file():
        parser.error(f"{options.video}: no such file")
    if options.output.exists():
        parser.error(f"{options.output} exists: name another folder with --output")
    return options


def main():
    options = parse_arguments()
    options.output.mkdir(parents=True)
    test_picture = f"videotestsrc pattern=smpte100 num-buffers={options.frames} ! video/x-raw,width=640,height=480"
    clip = (f"filesrc location={options.video} ! decodebin ! videoconvert ! identity eos-after={options.frames}"
            if options.video else test_picture.replace("smpte100", "ball"))
    lines = [f"{name}: {value}" for name, value in surroundings(options).items()]
    if pathlib.Path(options.device_model).is_file():
        run([options.gst_quant, "inspect", options.device_model], options.output / "inspect.log")

    good = True
    done, records = measured(options, "compare", clip)
    good &= done
    lines += ["", "Frames of the clip" if options.video else "Frames of a test picture that moves",
              *compare_lines(records), *log_lines(options, "compare")]
    done, records = measured(options, "repeat", test_picture)
    good &= done
    lines += ["", "The same frame, over and over", *repeat_lines(records), *log_lines(options, "repeat")]
    done, seconds = pipeline(options, "speed", test_picture, "fakesink")
    good &= done
    lines += ["", "Speed, without comparison",
              f"  {options.frames / seconds:.1f} frames per second over {seconds:.1f} s, opening included"
              if done else "  the pipeline failed", *log_lines(options, "speed")]

    lines.append("")
    lines.append("Everything ran." if good else "Something failed: the logs beside this file say what.")
    (options.output / "report.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))
    print(f"\nPlease send the folder {options.output}.")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
