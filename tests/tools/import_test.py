#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""gst-quant optimize with a model that is quantized already: its parameters are kept."""
import pathlib
import tempfile
import unittest

import numpy

from command import DATA, HAS_DATA, MODELS, NO_DATA, gst_quant, gst_quant_json, optimize_ball

FAILED = 1
BALL_INPUT = ("--color", "rgb", "--mean", "127", "--std", "128")
TEST = MODELS / "ball_test.npy"


class Import(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kept = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.kept.cleanup)
        folder = pathlib.Path(cls.kept.name)
        cls.own = folder / "own.qar"
        process = optimize_ball(cls.own)
        assert process.returncode == 0, process.stderr
        cls.quantized = folder / "quantized.onnx"
        gst_quant_json("export", cls.own, "--output", cls.quantized)
        cls.imported = folder / "imported.qar"
        cls.report = gst_quant_json("optimize", cls.quantized, *BALL_INPUT, "--output", cls.imported)

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def outputs(self, model):
        folder = self.folder / model.stem
        gst_quant_json("run", model, "--input", TEST, "--output", folder)
        return {path.name: numpy.load(path) for path in folder.glob("*.npy")}

    def test_own_export_comes_back_bit_for_bit_without_a_frame(self):
        self.assertEqual(self.report["imported"], {"calibrated": []})
        self.assertEqual(self.report["frames"], 0)
        expected = self.outputs(self.own)
        actual = self.outputs(self.imported)
        self.assertEqual(set(actual), set(expected))
        for name, values in expected.items():
            numpy.testing.assert_array_equal(actual[name], values, err_msg=name)

    def test_inspect_says_where_the_parameters_come_from(self):
        self.assertIn("quantization imported from the model\n", gst_quant("inspect", self.imported).stdout)
        self.assertEqual(gst_quant_json("inspect", self.imported)["calibration"]["method"], "imported")

    def test_original_is_the_quantized_file(self):
        report = gst_quant_json("compare", self.imported, "--data", TEST, "--frames", 8, "--contexts",
                                "original,native,quantized")
        for output in report["outputs"]:
            for rung in output["rungs"]:
                self.assertGreater(rung["snr_db"] or 1000, 30, f"{output['name']} {rung}")

    def test_a_level_that_is_asked_for_is_an_error(self):
        for level in ("0", "1"):
            process = gst_quant("optimize", self.quantized, *BALL_INPUT, "--level", level, "--output", self.folder / "x.qar")
            self.assertEqual(process.returncode, FAILED)
            self.assertIn(f"its parameters are kept, so level {level} cannot be carried out", process.stderr)
            self.assertFalse((self.folder / "x.qar").exists())
        process = gst_quant("optimize", self.quantized, *BALL_INPUT, "--level", "-100", "--output", self.folder / "x.qar")
        self.assertEqual(process.returncode, 0, process.stderr)

    def test_a_script_may_describe_the_input_but_no_quantization(self):
        script = self.folder / "model.alls"
        script.write_text("n = normalization([127, 127, 127], [128, 128, 128])\n")
        process = gst_quant("optimize", self.quantized, "--script", script, "--output", self.folder / "x.qar")
        self.assertEqual(process.returncode, 0, process.stderr)
        script.write_text("quantization_param(conv1, precision_mode=a16_w16)\n")
        process = gst_quant("optimize", self.quantized, *BALL_INPUT, "--script", script, "--output", self.folder / "x.qar")
        self.assertEqual(process.returncode, FAILED)
        self.assertIn("conv1", process.stderr)

    def test_a_float_model_still_needs_frames(self):
        process = gst_quant("optimize", MODELS / "ball.onnx", *BALL_INPUT, "--output", self.folder / "x.qar")
        self.assertEqual(process.returncode, FAILED)
        self.assertIn("name them with --calib", process.stderr)

    def test_calibration_frames_may_be_a_folder_of_arrays(self):
        frames = numpy.load(MODELS / "ball_calibration.npy")
        arrays = self.folder / "arrays"
        arrays.mkdir()
        for index in range(4):
            numpy.save(arrays / f"{index}.npy", frames[index])
        numpy.save(arrays / "rest.npy", frames[4:8])
        first = self.folder / "first.npy"
        numpy.save(first, frames[:8])
        archives = []
        for calibration in (arrays, first):
            archive = self.folder / f"{calibration.stem}.qar"
            report = gst_quant_json("optimize", MODELS / "ball.onnx", "--calib", calibration, *BALL_INPUT, "--output", archive)
            self.assertEqual((report["frames"], report["skipped"]), (8, 0))
            archives.append(archive.read_bytes())
        self.assertEqual(archives[0], archives[1])

    @unittest.skipUnless(HAS_DATA, NO_DATA)
    def test_models_of_other_toolchains(self):
        imagenet = ("--mean", "123.675,116.28,103.53", "--std", "58.395,57.12,57.375")
        for file, options in (("peers/face_rfb320_qdq.onnx", ("--mean", "127", "--std", "128")),
                              ("models/mobilenetv2_qlinear.onnx", imagenet)):
            archive = self.folder / "peer.qar"
            report = gst_quant_json("optimize", DATA / file, *options, "--output", archive)
            self.assertEqual((report["imported"], report["host_layers"]), ({"calibrated": []}, 0), file)
            report = gst_quant_json("compare", archive, "--data", DATA / "images/voc", "--frames", 2)
            self.assertEqual(report["frames"], 2)


if __name__ == "__main__":
    unittest.main()
