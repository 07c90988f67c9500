#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The errors that people know from other toolchains (docs/faq.md), each provoked and found before the work begins."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import numpy

from command import BINARY, DATA, HAS_DATA, MODELS, NO_DATA, gst_quant, optimize_ball

FAILED = 1
BALL = MODELS / "ball.onnx"
CALIBRATION = MODELS / "ball_calibration.npy"
NORMALIZATION = ("--mean", 127, "--std", 128)


class FaqErrors(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def findings(self, *arguments):
        """By id; `check` may succeed or find errors."""
        process = gst_quant("check", *arguments, "--json")
        self.assertNotIn("the check itself failed", process.stderr)
        return {finding["id"]: finding for finding in json.loads(process.stdout)["findings"]}

    def test_unsupported_required_slope_random_calibration_set(self):
        shape = numpy.load(CALIBRATION).shape
        noise = self.folder / "noise.npy"
        numpy.save(noise, numpy.random.default_rng(1).integers(0, 256, (32,) + shape[1:], numpy.uint8))
        found = self.findings(BALL, "--calib", noise, *NORMALIZATION)
        self.assertEqual(found["calibration-noise"]["evidence"]["noise"], 32)
        self.assertEqual(found["calibration-noise"]["severity"], "error")
        self.assertIn("real scene", found["calibration-noise"]["remedy"])
        process = gst_quant("check", BALL, "--calib", noise, *NORMALIZATION)
        self.assertEqual(process.returncode, FAILED)

    @unittest.skipUnless(HAS_DATA, NO_DATA)
    def test_unsupported_required_slope_unbalanced_weights(self):
        found = self.findings(DATA / "models/mobilenetv2.onnx")
        self.assertIn("unsupported required slope", found["weights-unbalanced"]["consequence"])
        self.assertIn("qualize", found["weights-unbalanced"]["remedy"])

    def test_out_of_range_more_images_asked_for_than_there_are(self):
        script = self.folder / "many.alls"
        script.write_text("model_optimization_config(calibration, batch_size=8, calibset_size=64)\n")
        output = self.folder / "ball.qar"
        process = optimize_ball(output, "--script", script)
        self.assertEqual(process.returncode, FAILED, process.stderr)
        for words in ("many.alls", "line 1 asks for 64 images for calibration", "has 32", "--accept-few-images"):
            self.assertIn(words, process.stderr)
        self.assertFalse(output.exists())
        process = optimize_ball(output, "--script", script, "--accept-few-images")
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertTrue(output.exists())

    def test_limvals_out_small_range_an_output_that_never_activates(self):
        # One gray level everywhere: the detector has nothing to find.
        shape = numpy.load(CALIBRATION).shape
        noise = numpy.random.default_rng(2).integers(0, 3, (32,) + shape[1:])
        numpy.save(self.folder / "empty.npy", (120 + noise).astype(numpy.uint8))
        found = self.findings(BALL, "--calib", self.folder / "empty.npy", *NORMALIZATION)
        self.assertIn("output-never-activates", found)
        self.assertIn("heatmap", found["output-never-activates"]["found"])
        self.assertIn("Add frames", found["output-never-activates"]["remedy"])
        self.assertNotIn("output-never-activates", self.findings(BALL, "--calib", CALIBRATION, *NORMALIZATION))

    def test_ft_out_of_data_too_few_images_for_fine_tuning(self):
        output = self.folder / "ball.qar"
        process = optimize_ball(output, "--level", 2, "--frames", 16)
        if "cannot fine-tune" in process.stderr:
            self.skipTest("this build has no libtorch")
        self.assertEqual(process.returncode, FAILED, process.stderr)
        self.assertIn("fine-tuning wants at least 32 calibration frames and there are 16", process.stderr)
        self.assertIn("--accept-few-images", process.stderr)
        self.assertFalse(output.exists())

    @unittest.skipIf(os.environ.get("GST_QUANT_SANITIZE"), "sanitizers reserve more addresses than the test leaves")
    def test_out_of_memory_crash(self):
        # As many frames as one file has links: 20000 of 57600 bytes each, held by fine-tuning at once.
        frame = numpy.load(CALIBRATION)[0]
        picture = self.folder / "frame.ppm"
        picture.write_bytes(f"P6 {frame.shape[1]} {frame.shape[0]} 255\n".encode() + frame.tobytes())
        frames = self.folder / "frames"
        frames.mkdir()
        for index in range(20000):
            (frames / f"{index:05}.ppm").symlink_to(picture)
        output = self.folder / "ball.qar"
        arguments = [BINARY, "optimize", BALL, "--calib", frames, "--mean", "127", "--std", "128", "--level", "2", "--output", output]
        process = subprocess.run(["bash", "-c", 'ulimit -v 1500000; exec "$@"', "bash", *map(str, arguments)], capture_output=True,
                                 text=True, timeout=600, check=False)
        if "cannot fine-tune" in process.stderr:
            self.skipTest("this build has no libtorch")
        self.assertEqual(process.returncode, FAILED, process.stderr)
        for words in ("ball.onnx: fine-tuning needs about 1.2 GB of memory, 1.2 GB of it for the 20000 frames",
                      "are available (the limit of the process (ulimit -v))", "--frames ", "--accept-memory"):
            self.assertIn(words, process.stderr)
        self.assertFalse(output.exists())

    def test_the_balls_own_frames_are_no_noise(self):
        # Two of them have the ball in front of snow.
        self.assertNotIn("calibration-noise", self.findings(BALL, "--calib", CALIBRATION, *NORMALIZATION))


if __name__ == "__main__":
    unittest.main()
