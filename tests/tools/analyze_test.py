#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""gst-quant analyze: the figures as text and JSON agree with each other and with compare."""
import json
import pathlib
import re
import tempfile
import unittest

import numpy

from command import DATA, HAS_DATA, MODELS, NO_DATA, gst_quant, gst_quant_json, optimize_ball, optimize_face

FAILED = 1
USAGE = 2
FRAMES = MODELS / "ball_test.npy"


def step_of(report, name):
    """fp-optimized → quantized of one output, as compare has it."""
    output = next(o for o in report["outputs"] if o["name"] == name)
    return next(r for r in output["rungs"] if (r["from"], r["to"]) == ("fp-optimized", "quantized"))


class Analyze(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kept = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.kept.cleanup)
        cls.archive = pathlib.Path(cls.kept.name) / "ball.qar"
        process = optimize_ball(cls.archive, "--level", "-100")
        assert process.returncode == 0, process.stderr

    def check_against_compare(self, archive, data, *options):
        report = gst_quant_json("analyze", archive, "--data", data, *options)
        ladder = gst_quant_json("compare", archive, "--data", data, "--contexts", "fp-optimized,quantized", *options)
        self.assertEqual(report["frames"], ladder["frames"])
        for output in report["outputs"]:
            self.assertAlmostEqual(output["snr_db"], step_of(ladder, output["name"])["snr_db"], delta=0.01)
        return report

    def test_outputs_are_what_compare_prints(self):
        report = self.check_against_compare(self.archive, FRAMES, "--frames", 8)
        inspection = gst_quant_json("inspect", self.archive)
        self.assertEqual([layer["layer"] for layer in report["layers"]] + report["unmatched"],
                         [layer["name"] for layer in inspection["layers"]])
        for layer in report["layers"]:
            self.assertFalse(layer["channel_scaled"], layer["layer"])
            self.assertGreater(layer["snr_db"], 5, layer["layer"])
            self.assertLessEqual(layer["dead_channels"], layer["channels"])
            self.assertLessEqual(layer["lost_channels"], layer["dead_channels"])
            self.assertTrue(0 <= layer["saturation"] <= 1 and 0 <= layer["empty_range"] <= 1)
        self.assertLessEqual(len(report["worst"]), 5)
        added = {layer["layer"]: layer["added_noise"] for layer in report["layers"]}
        worst = [added[advice["layer"]] for advice in report["worst"]]
        self.assertEqual(worst, sorted(worst, reverse=True))
        self.assertEqual(worst[0], max(added.values()))

    def test_pictures_are_of_what_run_saves(self):
        """Histogram and pairs against the tensors of both contexts."""
        report = gst_quant_json("analyze", self.archive, "--data", FRAMES, "--frames", 1)
        frame = pathlib.Path(self.kept.name) / "frame.npy"
        numpy.save(frame, numpy.load(FRAMES)[:1])
        folders = {}
        for context in ("fp-optimized", "quantized"):
            folders[context] = pathlib.Path(self.kept.name) / context
            process = gst_quant("run", self.archive, "--context", context, "--input", frame, "--output", folders[context],
                                "--taps", "{*}", *(["--raw"] if context == "quantized" else []))
            self.assertEqual(process.returncode, 0, process.stderr)
        compared = 0
        for layer in report["layers"]:
            with self.subTest(layer=layer["layer"]):
                if layer["op"] in ("Flatten", "Reshape", "Transpose"):
                    self.assertNotIn("histogram", layer)
                    self.assertNotIn("pairs", layer)
                    continue
                name = re.sub("[/:]", "_", layer["value"])
                native = numpy.load(folders["fp-optimized"] / f"{name}.npy").astype(float)
                integers = numpy.load(folders["quantized"] / f"{name}.raw.npy").reshape(native.shape)
                real = (integers.astype(float) - layer["zero_point"]) * layer["scale"]
                histogram = layer["histogram"]
                edges = histogram["from"] + histogram["width"] * numpy.arange(len(histogram["float"]) + 1)
                self.assertEqual(numpy.histogram(real, edges)[0].tolist(), histogram["quantized"])
                # A float value on an edge may fall to either side of it.
                difference = numpy.histogram(native, edges)[0] - histogram["float"]
                self.assertEqual(sum(histogram["float"]), native.size)
                self.assertLessEqual(numpy.abs(difference).sum(), 2e-3 * native.size)
                pairs = layer["pairs"]
                self.assertEqual(len({len(pairs[name]) for name in ("channel", "quantized", "float")}), 1)
                self.assertTrue(0 < len(pairs["float"]) <= 640)
                self.assertAlmostEqual(max(pairs["float"]), native.max(), delta=1e-4 * abs(native.max()))
                axis = 1 if native.ndim == 4 else native.ndim - 1
                channels = numpy.moveaxis(native, axis, 0).reshape(native.shape[axis], -1)
                made = numpy.moveaxis(integers, axis, 0).reshape(native.shape[axis], -1)
                for channel, integer, value in zip(pairs["channel"], pairs["quantized"], pairs["float"]):
                    here = numpy.abs(channels[channel] - value) <= 1e-4 * abs(value) + 1e-7
                    self.assertIn(integer, made[channel][here])
                compared += 1
        self.assertGreater(compared, 5)

    def test_text_has_every_layer_and_the_advice(self):
        report = gst_quant_json("analyze", self.archive, "--data", FRAMES, "--frames", 4)
        process = gst_quant("analyze", self.archive, "--data", FRAMES, "--frames", 4)
        self.assertEqual((process.returncode, process.stderr), (0, ""))
        lines = process.stdout.splitlines()
        for layer in report["layers"]:
            row = next(line for line in lines if line.startswith(layer["layer"] + " "))
            self.assertIn(f"{layer['snr_db']:.2f}", row)
        for advice in report["worst"]:
            self.assertIn(f"  {advice['layer']}: {advice['advice']}", lines)
            self.assertIn(f"      {advice['script']}", lines)

    def test_advice_is_a_model_script(self):
        report = gst_quant_json("analyze", self.archive, "--data", FRAMES, "--frames", 4)
        script = pathlib.Path(self.kept.name) / "advice.alls"
        script.write_text("".join(advice["script"] + "\n" for advice in report["worst"]))
        process = gst_quant("script", "check", script, MODELS / "ball.onnx")
        self.assertEqual(process.returncode, 0, process.stdout + process.stderr)

    def test_equalized_channels_are_found(self):
        archive = pathlib.Path(self.kept.name) / "equalized.qar"
        process = optimize_ball(archive, "--level", "0")
        self.assertEqual(process.returncode, 0, process.stderr)
        report = self.check_against_compare(archive, FRAMES, "--frames", 8)
        self.assertTrue(any(layer["channel_scaled"] for layer in report["layers"]))
        for layer in report["layers"]:
            self.assertGreater(layer["snr_db"], 10, layer["layer"])

    def test_each_layer_alone(self):
        report = gst_quant_json("analyze", self.archive, "--data", FRAMES, "--frames", 4, "--full")
        self.assertEqual(report["full_frames"], 4)
        outputs = {output["name"]: output["snr_db"] for output in report["outputs"]}
        for layer in report["layers"]:
            self.assertEqual(set(layer["at_outputs"]), set(outputs))
            for name, alone in layer["at_outputs"].items():
                # One layer alone is not much worse than all of them together.
                if alone["state"] == "ok":
                    self.assertGreater(alone["snr_db"], outputs[name] - 3, f"{layer['layer']} at {name}")
                else:
                    self.assertEqual(alone["state"], "exact")

    def test_page_needs_nothing_else(self):
        page = pathlib.Path(self.kept.name) / "ball.html"
        process = gst_quant("analyze", self.archive, "--data", FRAMES, "--frames", 2, "--full", "--html", page)
        self.assertEqual((process.returncode, process.stderr), (0, ""))
        text = page.read_text(encoding="utf-8")
        for foreign in ("http:", "https:", "src=", "<link", "@import", "url(", "@REPORT@", "@CHART_LIBRARY@"):
            self.assertNotIn(foreign, text)
        self.assertIn("Chart.js", text)
        report = gst_quant_json("analyze", self.archive, "--data", FRAMES, "--frames", 2, "--full")
        start = text.index('id="report">') + len('id="report">')
        self.assertEqual(json.loads(text[start:text.index("</script>", start)]), report)

    def test_what_cannot_be_analyzed_is_said(self):
        process = gst_quant("analyze", MODELS / "ball.onnx", "--data", FRAMES)
        self.assertEqual(process.returncode, FAILED)
        self.assertIn("ball.onnx", process.stderr)
        self.assertEqual(gst_quant("analyze", self.archive).returncode, USAGE)

    def rung(self, report, output, first, second):
        return next(r for r in report["outputs"][output]["rungs"] if (r["from"], r["to"]) == (first, second))

    def test_hybrid_of_all_and_of_no_layers(self):
        for level in (-100, 0, 1):
            archive = pathlib.Path(self.kept.name) / "hybrid.qar"
            self.assertEqual(optimize_ball(archive, "--level", level).returncode, 0)
            nothing = gst_quant_json("compare", archive, "--data", FRAMES, "--contexts", "fp-optimized,quantized",
                                     "--float-layers", "{*}")
            everything = gst_quant_json("compare", archive, "--data", FRAMES, "--contexts", "quantized", "--quantized-layers", "{*}")
            for output in range(2):
                same = self.rung(nothing, output, "fp-optimized", "hybrid")
                if level < 0 or same["state"] != "ok":  # else the channels' scales are rounded to float32
                    self.assertEqual(same["state"], "exact")
                else:
                    self.assertGreater(same["snr_db"], 110)
                lost = self.rung(nothing, output, "fp-optimized", "quantized")["snr_db"]
                simulated = self.rung(everything, output, "quantized", "hybrid")
                if simulated["state"] != "exact":
                    self.assertGreater(simulated["snr_db"], lost + 15, f"level {level}, output {output}")

    def test_hybrid_stands_beside_the_ladder(self):
        report = gst_quant_json("compare", self.archive, "--data", FRAMES, "--float-layers", "{conv[12]}, dw1", "--frames", 8)
        self.assertEqual(report["contexts"], ["original", "native", "fp-optimized", "hybrid", "quantized"])
        steps = [(rung["from"], rung["to"]) for rung in report["outputs"][0]["rungs"]]
        self.assertEqual(steps, [("original", "native"), ("native", "fp-optimized"), ("fp-optimized", "quantized"),
                                 ("original", "quantized"), ("original", "hybrid")])
        reverse = gst_quant_json("compare", self.archive, "--data", FRAMES, "--quantized-layers", "{conv[12]}, dw1", "--frames", 8)
        for one in (report, reverse):  # a part brings less than the whole
            self.assertGreater(self.rung(one, 0, "original", "hybrid")["snr_db"], self.rung(one, 0, "original", "quantized")["snr_db"])

    def test_hybrid_that_cannot_be(self):
        process = gst_quant("compare", self.archive, "--data", FRAMES, "--float-layers", "{cnov*}")
        self.assertEqual(process.returncode, FAILED)
        self.assertIn("--float-layers:1:1: no layer matches '{cnov*}'; did you mean 'conv'", process.stderr)
        process = gst_quant("compare", MODELS / "ball.onnx", "--data", FRAMES, "--float-layers", "conv1")
        self.assertEqual(process.returncode, FAILED)
        self.assertIn("needs an archive", process.stderr)
        process = gst_quant("compare", self.archive, "--data", FRAMES, "--float-layers", "conv1", "--quantized-layers", "conv1")
        self.assertEqual(process.returncode, USAGE)

    @unittest.skipUnless(HAS_DATA, NO_DATA)
    def test_real_network(self):
        archive = pathlib.Path(self.kept.name) / "face.qar"
        process = optimize_face(archive, "--level", "-100")
        self.assertEqual(process.returncode, 0, process.stderr)
        report = self.check_against_compare(archive, DATA / "images/wider/test", "--frames", 16)
        figures = [layer["snr_db"] for layer in report["layers"] if layer["op"] == "Conv"]
        # Noise gathers along the network.
        self.assertGreater(sum(figures[:5]) / 5, sum(figures[-15:]) / 15 + 3)


if __name__ == "__main__":
    unittest.main()
