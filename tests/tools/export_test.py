#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""gst-quant export: the file is an ONNX model of its own, and computes what the archive does."""
import json
import pathlib
import tempfile
import unittest

import numpy

from command import MODELS, gst_quant, gst_quant_json, optimize_ball

FAILED = 1
USAGE = 2
BALL_INPUT = ("--color", "rgb", "--mean", "127", "--std", "128")


class Export(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kept = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.kept.cleanup)
        cls.archive = pathlib.Path(cls.kept.name) / "ball.qar"
        process = optimize_ball(cls.archive, "--method", "mse")
        assert process.returncode == 0, process.stderr

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def outputs(self, model, context, *arguments):
        """Name of each output to all its frames, and the folder that they were written to."""
        folder = self.folder / f"{model.name}_{context}"
        gst_quant_json("run", model, "--context", context, "--input", MODELS / "ball_test.npy", "--output", folder, *arguments)
        return {path.stem: numpy.load(path) for path in folder.glob("*.npy") if ".raw" not in path.name}, folder

    def test_exact_form_is_the_archive_bit_for_bit(self):
        model = self.folder / "exact.onnx"
        gst_quant_json("export", self.archive, "--format", "qdq", "--exact", "--output", model)
        quantized, _ = self.outputs(self.archive, "quantized")
        self.assertEqual(set(quantized), {"heatmap", "position"})
        # "original" is an independent runtime where there is one, "native" our own reader.
        for context in ("original", "native"):
            exported, _ = self.outputs(model, context, *BALL_INPUT)
            for name, expected in quantized.items():
                numpy.testing.assert_array_equal(exported[name], expected, err_msg=f"{context} {name}")

    def test_four_bits_and_groups_of_them(self):
        for name, arguments in (("four", ""), ("groups", ", weight_group_size=4")):
            script = self.folder / f"{name}.alls"
            script.write_text(f"quantization_param({{*}}, precision_mode=a8_w4{arguments})\n")
            archive = self.folder / f"{name}.qar"
            process = optimize_ball(archive, "--script", script)
            self.assertEqual(process.returncode, 0, process.stderr)
            self.assertIn("int4/4" if arguments else "int4", gst_quant("inspect", archive).stdout)
            model = self.folder / f"{name}.onnx"
            # It has a type for 4 bits. Of weights in groups, those of depthwise layers have it, too.
            self.assertEqual(gst_quant_json("export", archive, "--exact", "--output", model)["opset"], 21)
            quantized, _ = self.outputs(archive, "quantized")
            # The independent runtime refuses attributes that ONNX does not have.
            for context in ("original", "native"):
                exported, _ = self.outputs(model, context, *BALL_INPUT)
                for output, expected in quantized.items():
                    numpy.testing.assert_array_equal(exported[output], expected, err_msg=f"{context} {name} {output}")

    def test_a_network_that_takes_features(self):
        inner = "/trunk/trunk.2/Add_output_0"
        for name in "calibration", "test":
            gst_quant_json("run", MODELS / "ball.onnx", "--context", "native", "--end-node", inner, "--input",
                           MODELS / f"ball_{name}.npy", "--mean", "127", "--std", "128", "--output", self.folder / name)
        script = self.folder / "wide.alls"
        script.write_text("quantization_param({*}, precision_mode=a16_w16)\n")
        def outputs(model, context, folder, *arguments):
            gst_quant_json("run", model, "--context", context, "--input", self.folder / "test", "--output", folder, *arguments)
            return {name: numpy.load(folder / f"{name}.npy").astype(float) for name in ("heatmap", "position")}
        real = outputs(MODELS / "ball.onnx", "native", self.folder / "real", "--start-node", inner)
        for bits, arguments in (8, []), (16, ["--script", script]):
            archive = self.folder / f"{bits}.qar"
            gst_quant_json("optimize", MODELS / "ball.onnx", "--start-node", inner, "--calib", self.folder / "calibration",
                           "--output", archive, *arguments)
            quantized = outputs(archive, "quantized", self.folder / f"{bits}_quantized")
            for exact in ([False, True] if bits == 8 else [False]):
                model = self.folder / f"{bits}_{exact}.onnx"
                gst_quant_json("export", archive, "--output", model, *(["--exact"] if exact else []))
                for context in ("original", "native"):
                    exported = outputs(model, context, self.folder / f"{model.name}_{context}")
                    for name, expected in quantized.items():
                        apart = numpy.square(exported[name] - expected).sum()
                        noise = numpy.square(expected - real[name]).sum()
                        # float32 has eight bits more than 16-bit integers: both roundings are of one size.
                        most = 0 if exact else noise / 4 if bits == 8 else noise
                        self.assertLessEqual(apart, most, f"{bits} {context} {name}")
        refused = gst_quant("export", self.folder / "16.qar", "--exact", "--output", self.folder / "refused.onnx")
        self.assertEqual(refused.returncode, FAILED)
        self.assertIn("has 16 bits", refused.stderr)

    def test_form_with_scales_stays_within_steps_of_the_archive(self):
        model = self.folder / "scales.onnx"
        gst_quant_json("export", self.archive, "--output", model)
        quantized, folder = self.outputs(self.archive, "quantized", "--raw")
        steps = {raw["name"]: raw["scale"][0] for raw in json.loads((folder / "raw.json").read_text())}
        real, _ = self.outputs(MODELS / "ball.onnx", "native", *BALL_INPUT)
        for context in ("original", "native"):
            exported, _ = self.outputs(model, context, *BALL_INPUT)
            for name, expected in quantized.items():
                off = numpy.abs(exported[name] - expected) / steps[name]
                # Sums in float fall to the other side of a border now and then, and what follows amplifies it.
                apart = numpy.square(exported[name] - expected).sum()
                noise = numpy.square(expected - real[name]).sum()
                self.assertLess(apart, noise / 4, f"{context} {name}")
                # 2 %, and two standard errors of counting them: position has 192 values.
                self.assertLess((off > 0.5).mean(), 0.02 + 2 * (0.02 / off.size) ** 0.5, f"{context} {name}")

    def test_compare_takes_it_as_a_plain_onnx_model(self):
        model = self.folder / "scales.onnx"
        gst_quant_json("export", self.archive, "--output", model)
        report = gst_quant_json("compare", model, "--data", MODELS / "ball_test.npy", "--frames", 4, *BALL_INPUT)
        self.assertEqual({output["name"] for output in report["outputs"]}, {"heatmap", "position"})

    def test_report_and_file(self):
        model = self.folder / "ball.onnx"
        report = gst_quant_json("export", self.archive, "--output", model)
        self.assertEqual((report["format"], report["exact"], report["opset"]), ("qdq", False, 13))
        self.assertEqual(report["bytes"], model.stat().st_size)
        self.assertGreater(report["nodes"], 20)
        content = model.read_bytes()
        for word in (b"gst-quant", b"calibration_method", b"mse", b"QuantizeLinear", b"DequantizeLinear"):
            self.assertIn(word, content)
        text = gst_quant("export", self.archive, "--output", model, "--opset", 21).stdout
        self.assertIn("opset 21", text)
        self.assertNotEqual(model.read_bytes(), content)

    def test_same_archive_gives_the_same_bytes(self):
        contents = []
        for name in ("a.onnx", "b.onnx"):
            gst_quant_json("export", self.archive, "--output", self.folder / name)
            contents.append((self.folder / name).read_bytes())
        self.assertEqual(*contents)

    def test_what_cannot_be_written_leaves_nothing(self):
        output = self.folder / "out.onnx"
        damaged = self.folder / "damaged.qar"
        damaged.write_bytes(self.archive.read_bytes()[:5000])
        cases = [
            ((self.archive, "--opset", 12), FAILED, ("opset 12", "13 to 21", "ball.qar")),
            ((self.archive, "--opset", 22), FAILED, ("opset 22",)),
            ((self.archive, "--format", "elsewhere"), USAGE, ("--format",)),
            ((MODELS / "ball.onnx",), FAILED, ("ball.onnx", "optimize")),
            ((self.folder / "missing.qar",), FAILED, ("missing.qar",)),
            ((damaged,), FAILED, ("damaged.qar",)),
        ]
        for arguments, code, words in cases:
            with self.subTest(words):
                process = gst_quant("export", *arguments, "--output", output)
                self.assertEqual(process.returncode, code, process.stderr)
                for word in words:
                    self.assertIn(word, process.stderr)
                self.assertFalse(output.exists())
        process = gst_quant("export", self.archive, "--output", self.folder / "nowhere" / "out.onnx")
        self.assertEqual(process.returncode, FAILED)
        self.assertIn("out.onnx", process.stderr)


if __name__ == "__main__":
    unittest.main()
