#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What level 1 and 16 bits promise of real models (docs/levels.md), by the commands that a user types."""
import json
import os
import pathlib
import tempfile
import unittest

from command import DATA, HAS_DATA, NO_DATA, gst_quant, gst_quant_json, optimize_face

TEST = DATA / "images/wider/test"


@unittest.skipIf(os.environ.get("GST_QUANT_SANITIZE"), "sanitizers change no figure, and other tests run the same code on less")
@unittest.skipUnless(HAS_DATA, NO_DATA)
class Accuracy(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.archive = pathlib.Path(folder.name) / "model.qar"
        self.script = pathlib.Path(folder.name) / "model.alls"

    def snr_db(self, *arguments):
        """Of each output, the emulator against the original model on images that calibration did not see."""
        outputs = gst_quant_json("compare", self.archive, "--data", TEST, *arguments)["outputs"]
        return [next(rung["snr_db"] for rung in output["rungs"] if (rung["from"], rung["to"]) == ("original", "quantized"))
                for output in outputs]

    def test_level_1_is_better_than_static_quantization(self):
        process = optimize_face(self.archive, "--level", 1)
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertRegex(process.stdout, r"kept in \d+ of \d+ layers, \d+ of them fitted first")
        # The better of min-max and percentile in ONNX Runtime's quantizer, same images.
        for output, ours, theirs in zip(("scores", "boxes"), self.snr_db(), (42.8, 17.2)):
            self.assertGreater(ours, theirs + 1, output)

    def test_a_wanted_ratio_is_reached_on_images_that_nobody_saw(self):
        process = optimize_face(self.archive, "--level", 0, "--snr", 30, "--accept-findings")
        self.assertEqual(process.returncode, 0, process.stderr)
        # The images are of other events than those that judged.
        for output, ours in zip(("scores", "boxes"), self.snr_db()):
            self.assertGreater(ours, 29.5, output)

    def optimize_xfeat(self, *arguments):
        return gst_quant("optimize", DATA / "models/xfeat_480x640.onnx", "--calib", DATA / "images/wider/calib", "--color", "gray",
                         "--std", 255, "--output", self.archive, *arguments)

    def test_copies_of_the_normalization_gain_on_images_that_nobody_saw(self):
        ratios = []
        for percent in (0, 5):
            process = self.optimize_xfeat("--level", 0, "--frames", 16, "--copies", percent, "--json")
            self.assertEqual(process.returncode, 0, process.stderr)
            ratios.append(self.snr_db("--frames", 8))
        copied = json.loads(process.stdout)["copied"]
        self.assertEqual(copied["layers"], {"normalization2": 2})
        self.assertLess(copied["products_added"], 0.05)
        for output, whole, finer in zip(("feats", "keypoints", "heatmap"), *ratios):
            self.assertGreater(finer, whole + 0.4, output)
        # The float network gets the same copies to be held against.
        layers = gst_quant_json("analyze", self.archive, "--data", TEST, "--frames", 1)["layers"]
        by_layer = {layer["layer"]: layer["snr_db"] for layer in layers}
        self.assertGreater(by_layer["normalization2_copy2"], 35)

    def test_sixteen_bits_carry_features(self):
        self.script.write_text("quantization_param({*}, precision_mode=a16_w16)\n", encoding="utf-8")
        process = self.optimize_xfeat("--script", self.script)
        self.assertEqual(process.returncode, 0, process.stderr)
        for output, ours in zip(("feats", "keypoints", "heatmap"), self.snr_db("--frames", 8)):
            self.assertGreater(ours, 60, output)


if __name__ == "__main__":
    unittest.main()
