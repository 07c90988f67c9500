#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A vision transformer quantizes: attention, layer normalization and Erf-GELU, in 8 and 16 bits, and by a script that the
smaller target cannot carry out."""
import importlib.util
import pathlib
import re
import tempfile
import unittest

import numpy

from command import MODELS, gst_quant, gst_quant_json

FAILED = 1
MODEL = MODELS / "vit/vit.onnx"
NORMALIZATION = "normalization_rule1 = normalization([127.0, 127.0, 127.0], [128.0, 128.0, 128.0])\n"
CONVOLUTIONS_AND_DENSE_IN_16_BITS = (
    NORMALIZATION + "model_optimization_config(calibration, batch_size=1, calibset_size=128)\n"
    "quantization_param({*conv*}, precision_mode=a16_w16)\n"
    "quantization_param({*dw*}, precision_mode=a16_w16)\n"
    "quantization_param({*fc*}, precision_mode=a16_w16)\n")


def load_frames():
    spec = importlib.util.spec_from_file_location("shape_frames", MODELS / "vit/shape_frames.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Transformer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.directory.cleanup)
        cls.folder = pathlib.Path(cls.directory.name)
        frames = load_frames()
        for split, count in (("calibration", 128), ("test", 64)):
            numpy.save(cls.folder / f"{split}.npy", frames.frame_set(split, count)[0])

    def optimize(self, script, *arguments, code=0):
        path = self.folder / "vit.alls"
        path.write_text(script)
        process = gst_quant("optimize", MODEL, "--calib", self.folder / "calibration.npy", "--script", path,
                            "--output", self.folder / "vit.qar", *arguments)
        self.assertEqual(process.returncode, code, process.stderr)
        return process.stderr

    def ratios(self):
        """The SNR of each output against the original model, dB, on frames that calibration did not see."""
        report = gst_quant_json("compare", self.folder / "vit.qar", "--data", self.folder / "test.npy")
        ratios = {}
        for output in report["outputs"]:
            rungs = {(rung["from"], rung["to"]): rung["snr_db"] for rung in output["rungs"]}
            self.assertGreater(rungs["original", "native"], 90)
            ratios[output["name"]] = rungs["original", "quantized"]
        self.assertEqual(set(ratios), {"logits", "position"})
        return ratios

    def test_eight_bits(self):
        self.optimize(NORMALIZATION, "--level", "1")
        for name, ratio in self.ratios().items():
            self.assertGreater(ratio, 20, name)

    def test_fine_tuned_eight_bits(self):
        self.optimize(NORMALIZATION, "--level", "2", "--frames", "64", "--epochs", "2")
        for name, ratio in self.ratios().items():
            self.assertGreater(ratio, 20, name)

    def test_sixteen_bits(self):
        self.optimize(NORMALIZATION + "quantization_param({*}, precision_mode=a16_w16)\n")
        for name, ratio in self.ratios().items():
            self.assertGreater(ratio, 40, name)

    def test_generic_target_mixes_precisions(self):
        self.optimize(CONVOLUTIONS_AND_DENSE_IN_16_BITS, "--target", "generic")
        for name, ratio in self.ratios().items():
            self.assertGreater(ratio, 20, name)

    def test_equalized_products(self):
        self.optimize(NORMALIZATION)
        before = (self.folder / "vit.qar").read_bytes()
        line = "pre_quantization_optimization(matmul_equalization, layers={matmul*})\n"
        notes = self.optimize(NORMALIZATION + line)
        # The other three multiply what no layer with weights makes: probabilities.
        self.assertIn("line 2: matmul_equalization has no effect on matmul2, matmul4, matmul6: ", notes)
        self.assertNotEqual(before, (self.folder / "vit.qar").read_bytes())
        for name, ratio in self.ratios().items():
            self.assertGreater(ratio, 20, name)

    def test_smaller_target_names_every_pair_and_the_lines_that_mend_it(self):
        error = self.optimize(CONVOLUTIONS_AND_DENSE_IN_16_BITS, "--target", "hailo8", code=FAILED)
        before, fixes = error.split("These lines at the end of the script mend it (or --target generic):\n")
        pairs = re.findall(r"^  (\w+) and (\w+): \1 puts out 16 bits and \2 reads 8; a precision_change from 16 to 8 bits is "
                           r"not supported$", before, re.MULTILINE)
        announced = int(re.search(r"(\d+) layers or pairs of layers ask for what hailo8 cannot do", before).group(1))
        self.assertEqual(len(pairs), announced)
        # Every attention's products read 8 bits, whatever feeds them.
        self.assertTrue({"matmul1", "matmul3", "matmul5"} <= {reader for _, reader in pairs}, pairs)
        mended = CONVOLUTIONS_AND_DENSE_IN_16_BITS + "\n".join(line.strip() for line in fixes.splitlines()) + "\n"
        self.optimize(mended, "--target", "hailo8")
        for name, ratio in self.ratios().items():
            self.assertGreater(ratio, 20, name)


if __name__ == "__main__":
    unittest.main()
