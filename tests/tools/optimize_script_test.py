#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""gst-quant optimize --script: a model script is carried out, and says what it did not do."""
import io
import json
import pathlib
import tarfile
import tempfile
import unittest

import numpy

from command import MODELS, gst_quant, gst_quant_json

BALL = MODELS / "ball.onnx"
FRAMES = MODELS / "ball_calibration.npy"
FAILED = 1


class OptimizeScript(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.archive = self.folder / "ball.qar"

    def optimize(self, text, *arguments, code=0):
        script = self.folder / "ball.alls"
        script.write_text(text)
        process = gst_quant("optimize", BALL, "--calib", FRAMES, "--script", script,
                            "--output", self.archive, "--json", *arguments)
        self.assertEqual(process.returncode, code, process.stderr)
        return json.loads(process.stdout) if code == 0 else process.stderr

    def test_normalization_and_precision(self):
        report = self.optimize("normalization1 = normalization([0], [255])\n"
                               "quantization_param({conv*}, precision_mode=a8_w4)\n")
        self.assertEqual(report["notes"], [])
        inspected = gst_quant_json("inspect", self.archive)
        self.assertEqual(inspected["input"]["std"], [255, 255, 255])
        self.assertTrue(any("a8_w4" in line for line in report["precision"]), report)

    def test_groups_of_input_channels_have_steps_of_their_own(self):
        text = "quantization_param({conv*}, precision_mode=a8_w4, weight_group_size=4)\n"
        for level in "0", "1":
            report = self.optimize(text, "--std", "255", "--level", level)
            self.assertEqual(report["notes"], [])
            layers = gst_quant_json("inspect", self.archive)["layers"]
            grouped = {layer["name"] for layer in layers if layer.get("weight_group_size") == 4}
            with tarfile.open(self.archive) as archive:
                graph = json.load(archive.extractfile("graph.json"))["integer"]
                load = lambda member: numpy.load(io.BytesIO(archive.extractfile(member).read()))
                nodes = [node for node in graph["nodes"] if "weight_multiples" in node["attributes"]]
                self.assertEqual({node["name"] for node in nodes}, grouped)
                self.assertGreater(len(nodes), 2)
                for node in nodes:
                    weights = load(graph["values"][node["inputs"][1]]["constant"]).astype(int)
                    multiples = load(node["attributes"]["weight_multiples"]["tensor"]).astype(int)
                    self.assertGreater(len(set(multiples.flat)), 1)
                    steps = multiples.repeat(4, axis=1)[:, :weights.shape[1], None, None]
                    self.assertTrue((weights % steps == 0).all(), node["name"])
                    self.assertTrue((abs(weights) <= 7 * steps).all(), node["name"])
        self.assertIn("uint8 by int4/4", gst_quant("inspect", self.archive).stdout)

    def test_normalization_twice_is_refused(self):
        error = self.optimize("normalization1 = normalization([0], [255])\n", "--std", "255",
                              code=FAILED)
        self.assertIn("line 1 normalizes the input and so do --mean and --std", error)

    def test_a_layer_that_is_not_there(self):
        error = self.optimize("quantization_param(conv99, precision_mode=a8_w4)\n", code=FAILED)
        self.assertIn("ball.alls:1:20", error)
        self.assertFalse(self.archive.exists())

    def test_fewer_images_than_the_script_asks_for(self):
        text = "model_optimization_config(calibration, calibset_size=5000)\n"
        error = self.optimize(text, code=FAILED)
        self.assertIn("line 1 asks for 5000 images for calibration", error)
        self.assertIn("--accept-few-images", error)
        self.optimize(text, "--accept-few-images")

    def test_other_activation_behind_an_output(self):
        self.optimize("change_output_activation(output_layer2, sigmoid)\n", "--std", "255")
        position = gst_quant_json("compare", self.archive, "--data", FRAMES)["outputs"][1]
        self.assertTrue(all(0 < value < 1 for value in position["first_values"]["original"]))
        rungs = {(rung["from"], rung["to"]): rung["snr_db"] for rung in position["rungs"]}
        # Every context has it: otherwise they would have nothing in common.
        self.assertGreater(rungs["original", "native"], 90)
        self.assertGreater(rungs["original", "quantized"], 25)

    def test_outputs_with_a_scale_for_each_channel(self):
        text = "model_optimization_config(globals, output_encoding_vector=enabled)\n"
        # Level 1 chooses other ranges for either, inside the network too, and one frame that they cut decides.
        position = ["--std", "255", "--level", "0"]
        self.optimize("", *position)
        plain = gst_quant_json("compare", self.archive, "--data", MODELS / "ball_test.npy")["outputs"][1]
        report = self.optimize(text, *position)
        self.assertEqual(report["notes"], [])  # the heat map has one channel
        raw = {raw["name"]: raw for raw in gst_quant_json("inspect", self.archive)["raw_outputs"]}
        self.assertEqual(len(raw["heatmap"]["scale"]), 1)
        self.assertEqual(len(set(raw["position"]["scale"])), 4)
        self.assertEqual(len(raw["position"]["zero_point"]), 4)

        folder = self.folder / "run"
        gst_quant_json("run", self.archive, "--input", MODELS / "ball_test.npy", "--raw", "--output", folder)
        written = {raw["name"]: raw for raw in json.loads((folder / "raw.json").read_text())}["position"]
        self.assertEqual((written["axis"], written["scale"]), (1, raw["position"]["scale"]))
        integers = numpy.load(folder / written["file"])
        scale = numpy.array(written["scale"], numpy.float32)
        zero_point = numpy.array(written["zero_point"], numpy.float32)
        numpy.testing.assert_array_equal(numpy.load(folder / "position.npy"), (integers - zero_point) * scale)

        compared = gst_quant_json("compare", self.archive, "--data", MODELS / "ball_test.npy")["outputs"][1]
        def snr_db(output):
            return next(rung["snr_db"] for rung in output["rungs"] if (rung["from"], rung["to"]) == ("original", "quantized"))
        self.assertGreater(snr_db(compared), snr_db(plain))
        layers = gst_quant_json("analyze", self.archive, "--data", MODELS / "ball_test.npy", "--frames", "2")["layers"]
        self.assertEqual(next(layer for layer in layers if layer["value"] == "position")["scale"], raw["position"]["scale"])

        exported = self.folder / "ball_qdq.onnx"
        gst_quant_json("export", self.archive, "--format", "qdq", "--exact", "--output", exported)
        gst_quant_json("run", exported, "--context", "original", "--input", MODELS / "ball_test.npy", "--std", "255",
                       "--output", self.folder / "exported")
        numpy.testing.assert_array_equal(numpy.load(self.folder / "exported/position.npy"),
                                         numpy.load(folder / "position.npy"))

    def test_an_output_whose_range_the_script_gives_keeps_one_scale(self):
        for line in ("quantization_param(fc2, force_range_out=[-2, 2])\n",
                     "pre_quantization_optimization(activation_clipping, layers=fc2, mode=percentile, "
                     "clipping_values=[1, 99])\n"):
            report = self.optimize("model_optimization_config(globals, output_encoding_vector=enabled)\n" + line,
                                   "--std", "255")
            self.assertEqual(report["notes"], ["line 1: output position has one scale for all channels: "
                                               "the script gives its range"])
            raw = {raw["name"]: raw for raw in gst_quant_json("inspect", self.archive)["raw_outputs"]}
            self.assertEqual(len(raw["position"]["scale"]), 1)
            if "force" in line:  # behind equalization, too
                self.assertAlmostEqual(raw["position"]["scale"][0], 4 / 255, places=5)

    def test_target_lists_pairs_and_lines_that_mend(self):
        text = "quantization_param({conv1}, precision_mode=a16_w16)\n"
        error = self.optimize(text, "--std", "255", "--target", "hailo8", code=FAILED)
        self.assertIn("conv1 and ", error)
        fixes = error.split("(or --target generic):\n")[1]
        mended = text + "\n".join(line.strip() for line in fixes.splitlines())
        self.optimize(mended, "--std", "255", "--target", "hailo8")


if __name__ == "__main__":
    unittest.main()
