# SPDX-License-Identifier: MIT
"""Runs gst-quant for the tests, and says where the real data is."""
import json
import os
import pathlib
import subprocess

BINARY = os.environ["GST_QUANT_BIN"]
DATA = pathlib.Path(os.environ["GST_QUANT_DATA"])
MODELS = pathlib.Path(os.environ["GST_QUANT_MODELS"])
HAS_DATA = (DATA / "models").is_dir()
NO_DATA = f"no real models and images in {DATA}"


def gst_quant(*arguments, environment=None):
    """The finished process; its output as text."""
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=3600,
                          env={**os.environ, **(environment or {})}, check=False)


def gst_quant_json(*arguments):
    """What a command that must succeed reports with --json."""
    process = gst_quant(*arguments, "--json")
    if process.returncode != 0:
        raise AssertionError(process.stderr)
    return json.loads(process.stdout)


def optimize_ball(output, *arguments):
    """The embedded model, quantized."""
    return gst_quant("optimize", MODELS / "ball.onnx", "--calib", MODELS / "ball_calibration.npy", "--color", "rgb",
                     "--mean", "127", "--std", "128", "--output", output, *arguments)


def optimize_face(output, *arguments):
    """The face detector of the real data, quantized."""
    return gst_quant("optimize", DATA / "models/face_rfb320.onnx", "--calib", DATA / "images/wider/calib", "--color", "rgb",
                     "--mean", "127", "--std", "128", "--output", output, *arguments)
