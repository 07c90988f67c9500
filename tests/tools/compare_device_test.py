#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""gst-quant compare with the rung "device": on the fake device, and from files that were recorded elsewhere."""
import json
import math
import pathlib
import shutil
import tempfile
import unittest

import numpy

from command import MODELS, gst_quant, gst_quant_json, optimize_ball

FRAMES = 4


class CompareDevice(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.scratch.name)
        cls.model = cls.folder / "ball.qar"
        assert optimize_ball(cls.model).returncode == 0
        cls.frames = cls.folder / "frames.npy"
        numpy.save(cls.frames, numpy.load(MODELS / "ball_test.npy")[:FRAMES])
        cls.recorded = cls.folder / "recorded"
        process = gst_quant("run", cls.model, "--input", cls.frames, "--output", cls.recorded, "--raw")
        assert process.returncode == 0, process.stderr

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def compare(self, *arguments):
        return gst_quant_json("compare", self.model, "--data", self.frames, "--contexts", "original,quantized", *arguments)

    def rung(self, report, output=0):
        rungs = {(rung["from"], rung["to"]): rung for rung in report["outputs"][output]["rungs"]}
        self.assertIn(("original", "device"), rungs)
        return rungs["quantized", "device"]

    def test_a_device_that_agrees_is_exact(self):
        report = self.compare("--backend", "fake", "--device-model", "layout=F8CR,type=uint16")
        self.assertEqual(report["contexts"], ["original", "quantized", "device"])
        for output in range(len(report["outputs"])):
            self.assertEqual(self.rung(report, output)["state"], "exact")
            self.assertIn("quantization", report["outputs"][output]["loss"])

    def test_noise_has_an_address_and_jitter_is_no_noise(self):
        report = self.compare("--backend", "fake", "--device-model", "noise=900", "--repeat", "3")
        self.assertEqual(self.rung(report)["state"], "ok")
        self.assertIn("the device, or how its answer was read", report["outputs"][0]["loss"])
        report = self.compare("--backend", "fake", "--device-model", "jitter=1", "--repeat", "3")
        for repeated in report["repeated"]["quantized"]:
            self.assertEqual((repeated["runs"], repeated["differing_runs"]), (2 * FRAMES, 0))
        jittery = report["repeated"]["device"][0]
        self.assertEqual(jittery["differing_runs"], 2 * FRAMES)
        self.assertGreater(jittery["max_abs"], 0)

    def test_real_values_recorded_elsewhere(self):
        dump = self.folder / "values"
        dump.mkdir()
        noisy = {}
        for path in self.recorded.glob("*.npy"):
            if ".raw." in path.name:
                continue
            values = numpy.load(path)
            noisy[path.stem] = (values, values + numpy.float32(0.01) * numpy.sign(values))
            numpy.save(dump / path.name, noisy[path.stem][1])
        report = self.compare("--dump", dump)
        for output in range(len(report["outputs"])):
            name = report["outputs"][output]["name"]
            good, bad = (side.astype(numpy.float64) for side in noisy[name])
            expected = 10 * math.log10((good ** 2).sum() / ((good - bad) ** 2).sum())
            self.assertAlmostEqual(self.rung(report, output)["snr_db"], expected, places=6)

    def test_integers_with_their_parameters_or_the_archives(self):
        dump = self.folder / "integers"
        dump.mkdir()
        for path in self.recorded.glob("*.raw.npy"):
            shutil.copy(path, dump)
        self.assertEqual(self.rung(self.compare("--dump", dump))["state"], "exact")
        params = json.loads((self.recorded / "raw.json").read_text())
        for entry in params:
            entry["scale"] = [2 * scale for scale in entry["scale"]]
        (dump / "raw.json").write_text(json.dumps(params))
        # Twice the value is as much noise as signal. The second output is computed behind them.
        self.assertNotEqual(self.rung(self.compare("--dump", dump))["state"], "exact")

    def test_what_cannot_be_compared_is_named(self):
        empty = self.folder / "other"
        empty.mkdir()
        numpy.save(empty / "x.npy", numpy.zeros(3, numpy.float32))
        short = self.folder / "short"
        short.mkdir()
        for path in self.recorded.glob("*.npy"):
            if ".raw." not in path.name:
                numpy.save(short / path.name, numpy.load(path)[:FRAMES - 1])
        for arguments, word in ((("--dump", empty), "called after an output"),
                                (("--dump", short), "no frame 3"),
                                (("--dump", self.folder / "nowhere"), "nowhere"),
                                (("--device-model", "a.hef"), "hailort"),
                                (("--backend", "fake", "--device-model", "layout=XYZ"), "XYZ")):
            with self.subTest(word):
                process = gst_quant("compare", self.model, "--data", self.frames, *arguments)
                self.assertEqual(process.returncode, 1, process.stdout)
                self.assertIn(word, process.stderr)
        process = gst_quant("compare", MODELS / "ball.onnx", "--data", self.frames, "--dump", self.recorded)
        self.assertIn("quantize the model first", process.stderr)


if __name__ == "__main__":
    unittest.main()
