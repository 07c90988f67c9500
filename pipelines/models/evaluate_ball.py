#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Accuracy of the demo network against ground truth, float and quantized, as gst-quant runs it.

usage: evaluate_ball.py --model ball.qar [--gst-quant PATH] [--frames N.npy --truth N.csv]

Runs `gst-quant run` in each context on the held-out frames and compares what it writes with the truth. With
--max-error-px it fails where the mean position error is larger than that in any context.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

from ball_accuracy import accuracy, report
from ball_frames import read_truth

FOLDER = pathlib.Path(__file__).resolve().parent


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="ball.qar")
    parser.add_argument("--gst-quant", default="gst-quant", help="the command, default: from PATH")
    parser.add_argument("--frames", default=FOLDER / "ball_test.npy")
    parser.add_argument("--truth", default=FOLDER / "ball_test_truth.csv")
    parser.add_argument("--contexts", nargs="+", default=["original", "quantized"])
    parser.add_argument("--max-error-px", type=float)
    arguments = parser.parse_args()

    truth = read_truth(arguments.truth)
    good = True
    for context in arguments.contexts:
        with tempfile.TemporaryDirectory() as output:
            subprocess.run([arguments.gst_quant, "run", arguments.model, "--context", context,
                            "--input", arguments.frames, "--output", output],
                           check=True, stdout=subprocess.DEVNULL)
            figures = accuracy(np.load(f"{output}/heatmap.npy"), np.load(f"{output}/position.npy"),
                               truth)
        print(f"{context:>12}, {len(truth)} frames: {report(figures)}")
        if arguments.max_error_px and not figures["mean_error_px"] <= arguments.max_error_px:
            print(f"{context}: the mean position error is above {arguments.max_error_px} px")
            good = False
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
