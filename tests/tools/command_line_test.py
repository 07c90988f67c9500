#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The command line as a user meets it: results, reports, exit codes, and what bad input does."""
import json
import math
import os
import pathlib
import subprocess
import tarfile
import tempfile
import unittest

import numpy

from command import DATA, HAS_DATA, MODELS, NO_DATA, gst_quant, gst_quant_json, optimize_ball, optimize_face

FAILED = 1
USAGE = 2


class WithFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def assert_fails(self, process, *words, code=FAILED):
        self.assertEqual(process.returncode, code, process.stderr)
        for word in words:
            self.assertIn(str(word), process.stderr)

    def ball(self):
        path = self.folder / "ball.qar"
        process = optimize_ball(path)
        self.assertEqual(process.returncode, 0, process.stderr)
        return path


class Optimize(WithFolder):
    def test_same_inputs_give_the_same_bytes_with_any_number_of_threads(self):
        contents = []
        for threads in (1, 2, 1):
            path = self.folder / "ball.qar"
            self.assertEqual(optimize_ball(path, "--threads", threads).returncode, 0)
            contents.append(path.read_bytes())
        self.assertEqual(contents[0], contents[1])
        self.assertEqual(contents[0], contents[2])

    def test_no_progress_bar_where_there_is_no_terminal(self):
        process = optimize_ball(self.folder / "ball.qar")
        self.assertEqual(process.stderr, "")

    def test_levels(self):
        noise = {}
        for level in (-100, 0, 1):
            path = self.folder / "ball.qar"
            process = optimize_ball(path, "--level", level)
            self.assertEqual(process.returncode, 0, process.stderr)
            self.assertIn("32 frames", process.stdout)
            report = gst_quant_json("inspect", path)
            self.assertEqual(report["options"]["level"], str(level))
            self.assertEqual(report["calibration"]["method"], "search" if level == 1 else "min-max")
            outputs = gst_quant_json("compare", path, "--data", MODELS / "ball_test.npy", "--contexts", "original,quantized")["outputs"]
            noise[level] = [output["rungs"][0]["snr_db"] for output in outputs]
        heatmap, position = 0, 1
        self.assertGreater(noise[0][heatmap], noise[-100][heatmap] + 5)
        self.assertGreater(noise[1][position], noise[0][position] + 1)
        self.assert_fails(optimize_ball(self.folder / "ball.qar", "--level", 5), "--level", code=USAGE)

    def test_a_level_with_too_few_images_is_an_error_with_the_numbers(self):
        path = self.folder / "few.qar"
        for level, wanted in ((3, 256), (4, 1024)):
            process = optimize_ball(path, "--level", level)
            if "cannot fine-tune" in process.stderr:
                self.skipTest("this build has no libtorch")
            self.assert_fails(process, f"at least {wanted} calibration frames and there are 32", "--accept-few-images")
            self.assertFalse(path.exists())

    def test_rounding_that_a_script_switches_off_and_on(self):
        nearest, rounded, script = (self.folder / name for name in ("nearest.qar", "rounded.qar", "round.alls"))
        # 80 % of the weights: with all of them in 4 bits one frame of 48 decides the pooled ratio.
        four_bits = ("--level", 1, "--compression-level", 4)
        script.write_text("post_quantization_optimization(adaround, policy=disabled)\n")
        process = optimize_ball(nearest, *four_bits, "--script", script)
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertNotIn("weights rounded", process.stdout)
        process = optimize_ball(rounded, *four_bits)
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertRegex(process.stdout, r"weights rounded by what they meet: kept in \d+ of \d+ layers")
        noise = [[output["rungs"][0]["snr_db"] for output in
                  gst_quant_json("compare", path, "--data", MODELS / "ball_test.npy", "--contexts", "original,quantized")["outputs"]]
                 for path in (nearest, rounded)]
        self.assertGreater(sum(noise[1]), sum(noise[0]) + 1)
        script.write_text("post_quantization_optimization(adaround, policy=enabled, mode=train_all)\n")
        process = optimize_ball(rounded, "--level", 0, "--script", script)
        self.assert_fails(process, "at least 256 calibration frames and there are 32", "--accept-few-images")
        process = optimize_ball(rounded, "--level", 0, "--script", script, "--accept-few-images")
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertIn("weights rounded by what they meet", process.stdout)
        self.assertIn("line 1: adaround rounds by the layers' inputs", process.stderr)

    def test_every_range_method(self):
        for method in ("min-max", "percentile", "mse"):
            path = self.folder / f"{method}.qar"
            process = optimize_ball(path, "--method", method)
            self.assertEqual(process.returncode, 0, process.stderr)
            self.assertEqual(gst_quant_json("inspect", path)["calibration"]["method"], method)

    def test_the_archive_is_a_tar_whose_parameters_numpy_reads(self):
        path = self.ball()
        listed = subprocess.run(["tar", "tf", path], capture_output=True, text=True, check=True).stdout.split()
        for member in ("manifest.json", "graph.json", "calibration.json", "original.onnx"):
            self.assertIn(member, listed)
        with tarfile.open(path) as archive:
            self.assertEqual(archive.extractfile("original.onnx").read(), (MODELS / "ball.onnx").read_bytes())
            json.load(archive.extractfile("graph.json"))
            arrays = [name for name in listed if name.endswith(".npy")]
            self.assertTrue(arrays)
            for name in arrays:
                copy = self.folder / "member.npy"
                copy.write_bytes(archive.extractfile(name).read())
                self.assertGreater(numpy.load(copy).size, 0)

    def test_unreadable_images_are_left_out_and_counted(self):
        images = self.folder / "images"
        images.mkdir()
        frame = numpy.load(MODELS / "ball_calibration.npy")[0]
        header = f"P6 {frame.shape[1]} {frame.shape[0]} 255\n".encode()
        for index in range(3):
            (images / f"{index}.ppm").write_bytes(header + numpy.roll(frame, index * 7, 1).tobytes())
        (images / "bad.jpg").write_bytes(b"no picture")
        report = gst_quant_json("optimize", MODELS / "ball.onnx", "--calib", images, "--mean", 127, "--std", 128,
                                "--output", self.folder / "ball.qar")
        self.assertEqual((report["frames"], report["skipped"]), (3, 1))
        self.assertIn("bad.jpg", report["warnings"][0])

    def test_one_image_repeated_and_black_images_are_warned_of(self):
        numpy.save(self.folder / "same.npy", numpy.repeat(numpy.load(MODELS / "ball_calibration.npy")[:1], 4, 0))
        process = gst_quant("optimize", MODELS / "ball.onnx", "--calib", self.folder / "same.npy", "--mean", 127, "--std", 128,
                            "--output", self.folder / "ball.qar")
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertIn("one image repeated", process.stderr)
        numpy.save(self.folder / "black.npy", numpy.zeros_like(numpy.load(MODELS / "ball_calibration.npy")[:4]))
        process = gst_quant("optimize", MODELS / "ball.onnx", "--calib", self.folder / "black.npy", "--mean", 127, "--std", 128,
                            "--output", self.folder / "ball.qar")
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertIn("single colour", process.stderr)

    def test_bad_input_names_the_file_and_leaves_nothing(self):
        output = self.folder / "out.qar"
        empty = self.folder / "empty"
        empty.mkdir()
        foreign = self.folder / "foreign.onnx"
        foreign.write_bytes(b"not a model at all")
        cases = [
            (("optimize", self.folder / "missing.onnx", "--calib", empty), "missing.onnx"),
            (("optimize", foreign, "--calib", empty), "foreign.onnx"),
            (("optimize", MODELS / "ball.onnx", "--calib", empty), "empty"),
            (("optimize", MODELS / "ball.onnx", "--calib", self.folder / "nowhere"), "nowhere"),
            (("optimize", MODELS / "ball.onnx", "--calib", MODELS / "ball_calibration.npy", "--std", 0), "std"),
            (("optimize", MODELS / "ball.onnx", "--calib", MODELS / "ball_calibration.npy", "--end-node", "nothing"), "nothing"),
        ]
        for arguments, word in cases:
            with self.subTest(word):
                self.assert_fails(gst_quant(*arguments, "--output", output), word)
                self.assertFalse(output.exists())
        self.assertEqual([path.name for path in self.folder.iterdir() if path.name.startswith("out")], [])

    def test_an_output_folder_that_does_not_exist(self):
        self.assert_fails(optimize_ball(self.folder / "no" / "ball.qar"), "ball.qar")


class Reports(WithFolder):
    def test_inspect(self):
        report = gst_quant_json("inspect", self.ball())
        self.assertGreater(len(report["layers"]), 3)
        self.assertEqual({output["name"] for output in report["outputs"]}, {"heatmap", "position"})
        # Layers that run by themselves say how many activations are in use then, the whole how many at most.
        live = [layer["live_bytes"] for layer in report["layers"] if "live_bytes" in layer]
        self.assertGreaterEqual(len(live), sum(layer["op"] == "Conv" for layer in report["layers"]))
        self.assertTrue(0 < max(live) <= report["memory"]["arena_bytes"])
        self.assertIn("KiB live", gst_quant("inspect", self.folder / "ball.qar").stdout)
        self.assertIn("conv1", gst_quant("inspect", self.folder / "ball.qar").stdout)
        self.assertIn("Conv", gst_quant("inspect", MODELS / "ball.onnx").stdout)

    def test_compare_reports_every_output_and_rung(self):
        path = self.ball()
        report = gst_quant_json("compare", path, "--data", MODELS / "ball_test.npy", "--frames", 4)
        self.assertEqual(report["contexts"], ["original", "native", "fp-optimized", "quantized"])
        self.assertEqual(report["frames"], 4)
        for output in report["outputs"]:
            steps = [(rung["from"], rung["to"]) for rung in output["rungs"]]
            self.assertIn(("original", "native"), steps)
            self.assertIn(("original", "quantized"), steps)
            for rung in output["rungs"]:
                self.assertTrue(rung["state"] == "exact" or rung["snr_db"] > 15, rung)

    def test_records_add_up_to_the_pooled_figure(self):
        path = self.ball()
        records = self.folder / "records.ndjson"
        report = gst_quant_json("compare", path, "--data", MODELS / "ball_test.npy", "--frames", 5, "--records", records)
        lines = [json.loads(line) for line in records.read_text().splitlines()]
        self.assertEqual(len(lines), 5)
        for index, output in enumerate(report["outputs"]):
            rung = next(r for r in output["rungs"] if (r["from"], r["to"]) == ("original", "quantized"))
            self.assertAlmostEqual(sum(line["outputs"][index]["noise"] for line in lines) / rung["noise"], 1, 9)
            self.assertAlmostEqual(sum(line["outputs"][index]["signal"] for line in lines) / rung["signal"], 1, 9)

    def test_bench(self):
        report = gst_quant_json("bench", self.ball(), "--context", "quantized", "--frames", 5, "--threads", 2)
        self.assertGreater(report["median_ms"], 0)
        self.assertGreaterEqual(report["p95_ms"], report["median_ms"])
        self.assertAlmostEqual(report["fps"] * report["median_ms"], 1000, 3)
        self.assertGreater(report["memory_bytes"], 0)
        self.assertNotIn("layers", report)

    def test_bench_layers(self):
        path = self.ball()
        report = gst_quant_json("bench", path, "--frames", 5, "--layers")
        names = {layer["name"] for layer in report["layers"]}
        # What another layer reads in passing (a look-up, a slice) has no step of its own.
        for layer in gst_quant_json("inspect", path)["layers"]:
            if layer["op"] == "Conv":
                self.assertIn(layer["name"], names)
        self.assertTrue(all(layer["median_us"] >= 0 for layer in report["layers"]))
        table = gst_quant("bench", path, "--frames", 5, "--layers").stdout.splitlines()[2:-1]
        self.assertEqual(len(table), len(report["layers"]))
        times = [float(line.split()[0]) for line in table]
        self.assertEqual(times, sorted(times, reverse=True))
        self.assert_fails(gst_quant("bench", MODELS / "ball.onnx", "--context", "native", "--layers"), "--layers")

    def test_forced_kernels_run_and_are_reported(self):
        path = self.ball()
        process = gst_quant("inspect", path, "--json", environment={"GST_QUANT_ISA": "ref"})
        self.assertEqual(json.loads(process.stdout)["isa"], "ref")
        self.assert_fails(gst_quant("inspect", path, environment={"GST_QUANT_ISA": "mmx"}), "mmx")

    def test_usage(self):
        self.assert_fails(gst_quant(), code=USAGE)
        self.assert_fails(gst_quant("optimize"), code=USAGE)
        self.assert_fails(gst_quant("run", "x", "--context", "device", "--input", "y", "--output", "z"), "--context", code=USAGE)
        self.assert_fails(gst_quant("bench", MODELS / "ball.onnx", "--threads", 1000000), "--threads", code=USAGE)
        for shape in ("3x3", "image=", "image=1x", "image=1x0", "image=1,3"):
            self.assert_fails(gst_quant("bench", MODELS / "ball.onnx", "--input-shape", shape), "--input-shape", code=USAGE)
        for command in ("optimize", "inspect", "run", "compare", "bench"):
            process = gst_quant(command, "--help")
            self.assertEqual(process.returncode, 0)
            self.assertIn("Example", process.stdout)


class Run(WithFolder):
    def test_outputs_have_onnx_names_and_shapes(self):
        path = self.ball()
        frame = self.folder / "frame.npy"
        numpy.save(frame, numpy.load(MODELS / "ball_test.npy")[0])
        for context in ("original", "native", "fp-optimized", "quantized"):
            out = self.folder / context
            gst_quant_json("run", path, "--context", context, "--input", frame, "--output", out)
            heatmap = numpy.load(out / "heatmap.npy")
            self.assertEqual(heatmap.dtype, numpy.float32)
            self.assertEqual(heatmap.shape[:2], (1, 1))
            self.assertEqual(numpy.load(out / "position.npy").shape[0], 1)

    def test_taps_are_the_tensors_of_the_chosen_layers(self):
        path = self.ball()
        frames = MODELS / "ball_test.npy"
        layers = [layer["name"] for layer in gst_quant_json("inspect", path)["layers"] if layer["name"].startswith("conv")]
        out = {}
        reports = {}
        for context in ("native", "fp-optimized", "quantized"):
            out[context] = self.folder / context
            raw = ["--raw"] if context == "quantized" else []
            reports[context] = gst_quant_json("run", path, "--context", context, "--input", frames, "--output", out[context],
                                              "--taps", "{conv*}", *raw)
        self.assertEqual([tap["layer"] for tap in reports["quantized"]["taps"]], layers)
        compared = 0
        for tap in reports["quantized"]["taps"]:
            real = numpy.load(tap["file"])
            self.assertEqual(list(real.shape), tap["shape"])
            self.assertEqual(real.dtype, numpy.float32)
            raw = tap["raw"]
            integers = numpy.load(out["quantized"] / raw["file"])
            self.assertEqual(str(integers.dtype), raw["type"])
            expected = (integers.astype(numpy.float32) - numpy.float32(raw["zero_point"][0])) * numpy.float32(raw["scale"][0])
            numpy.testing.assert_array_equal(real, expected)
            reference = out["fp-optimized"] / pathlib.Path(tap["file"]).name
            if reference.exists():  # equalization scales channels: alike but for a gain of each
                compared += 1
                test = numpy.moveaxis(real.reshape(real.shape[:2] + (-1,)), 1, 0).reshape(real.shape[1], -1)
                wanted = numpy.load(reference)
                wanted = numpy.moveaxis(wanted.reshape(test.shape[0:0] + real.shape[:2] + (-1,)), 1, 0).reshape(test.shape)
                for a, b in zip(test.astype(numpy.float64), wanted.astype(numpy.float64)):
                    if a.any() and b.any():
                        self.assertGreater(a @ b / numpy.sqrt((a @ a) * (b @ b)), 0.98, tap["layer"])
        self.assertGreater(compared, 3)
        # The outputs beside the taps are the same as without.
        plain = gst_quant_json("run", path, "--input", frames, "--output", self.folder / "plain")
        for output in plain["outputs"]:
            numpy.testing.assert_array_equal(numpy.load(output["file"]),
                                             numpy.load(out["quantized"] / pathlib.Path(output["file"]).name))

    def test_taps_that_are_not_there(self):
        path = self.ball()
        frames = MODELS / "ball_test.npy"
        out = self.folder / "out"
        self.assert_fails(gst_quant("run", path, "--input", frames, "--output", out, "--taps", "{cnov*}"),
                          "--taps:1:1: no layer matches '{cnov*}'", "did you mean 'conv'", "types of layers here")
        self.assertFalse(out.exists())
        self.assert_fails(gst_quant("run", path, "--context", "original", "--input", frames, "--output", out, "--taps", "conv1"),
                          "does not show its inner tensors", "native")

    def test_raw_integers_dequantize_to_the_outputs(self):
        path = self.ball()
        out = self.folder / "out"
        report = gst_quant_json("run", path, "--input", MODELS / "ball_test.npy", "--output", out, "--raw")
        self.assertGreater(len(report["frames"]), 1)
        for raw in json.loads((out / "raw.json").read_text()):
            integers = numpy.load(out / raw["file"])
            self.assertEqual(integers.dtype, numpy.uint8)
            real = (integers.astype(numpy.float32) - numpy.float32(raw["zero_point"][0])) * numpy.float32(raw["scale"][0])
            numpy.testing.assert_array_equal(real, numpy.load(out / f"{raw['name']}.npy"))

    def test_pixels_and_the_normalized_input_agree(self):
        path = self.ball()
        pixels = numpy.load(MODELS / "ball_test.npy")[0]
        numpy.save(self.folder / "pixels.npy", pixels)
        normalized = ((pixels.astype(numpy.float32) - 127) / 128).transpose(2, 0, 1)[None]
        numpy.save(self.folder / "input.npy", numpy.ascontiguousarray(normalized))
        for context in ("original", "quantized"):
            for name in ("pixels", "input"):
                gst_quant_json("run", path, "--context", context, "--input", self.folder / f"{name}.npy",
                               "--output", self.folder / name)
            numpy.testing.assert_array_equal(numpy.load(self.folder / "pixels/heatmap.npy"),
                                             numpy.load(self.folder / "input/heatmap.npy"))

    def test_a_plain_onnx_file_has_no_quantized_context(self):
        self.assert_fails(gst_quant("run", MODELS / "ball.onnx", "--context", "quantized", "--input", MODELS / "ball_test.npy",
                                    "--output", self.folder / "out"), "optimize")
        self.assertFalse((self.folder / "out").exists())

    def test_frames_of_another_size(self):
        numpy.save(self.folder / "small.npy", numpy.zeros((7, 5, 3), numpy.uint8))
        self.assert_fails(gst_quant("run", self.ball(), "--input", self.folder / "small.npy", "--output", self.folder / "out"),
                          "small.npy")


class DamagedArchives(WithFolder):
    def test_each_is_refused_by_name(self):
        good = self.ball().read_bytes()
        bad = self.folder / "bad.qar"
        flipped = bytearray(good)
        flipped[len(good) // 2] ^= 0x40
        cases = {"truncated": good[: len(good) // 3], "foreign": b"GIF89a" + good[6:], "empty": b"", "flipped": bytes(flipped)}
        for name, content in cases.items():
            with self.subTest(name):
                bad.write_bytes(content)
                self.assert_fails(gst_quant("inspect", bad), "bad.qar")
        self.assert_fails(gst_quant("inspect", self.folder / "missing.qar"), "missing.qar")


@unittest.skipUnless(HAS_DATA, NO_DATA)
class RealCase(WithFolder):
    def test_the_face_detector(self):
        path = self.folder / "face.qar"
        process = optimize_face(path)
        self.assertEqual(process.returncode, 0, process.stderr)
        report = gst_quant_json("compare", path, "--data", DATA / "images/wider/test")
        quantized = {output["name"]: next(r for r in output["rungs"] if (r["from"], r["to"]) == ("original", "quantized"))["snr_db"]
                     for output in report["outputs"]}
        # The peer's exact figures on the same frames are 42.8 and 16.5.
        self.assertGreater(quantized["scores"], 42.3)
        self.assertGreater(quantized["boxes"], 16.0)

    @unittest.skipIf(os.environ.get("GST_QUANT_SANITIZE"), "sanitizers keep memory of their own")
    def test_memory_stays_within_three_times_activations_and_weights(self):
        path = self.folder / "face.qar"
        self.assertEqual(optimize_face(path, "--frames", 4).returncode, 0)
        model = gst_quant_json("inspect", path)
        activations = sum(math.prod(layer["shape"]) for layer in model["layers"])
        measured = gst_quant_json("bench", path, "--context", "quantized", "--threads", 1)["memory_bytes"]
        print(f"{measured / 1024:.0f} KiB; activations {activations / 1024:.0f} KiB ({model['memory']['arena_bytes'] / 1024:.0f} KiB "
              f"at a time), weights {model['memory']['weights_bytes'] / 1024:.0f} KiB")
        self.assertGreater(measured, model["memory"]["arena_bytes"])
        self.assertLess(measured, 3 * (activations + model["memory"]["weights_bytes"]))

    def test_box_decoding_stays_on_the_host(self):
        path = self.folder / "decoded.qar"
        gst_quant_json("optimize", DATA / "models/face_rfb320_decoded.onnx", "--calib", DATA / "images/wider/calib", "--frames", 4,
                       "--mean", 127, "--std", 128, "--output", path)
        report = gst_quant_json("inspect", path)
        self.assertIn("Exp", [layer["op"] for layer in report["host_layers"]])
        self.assertEqual([output["name"] for output in report["outputs"]], ["scores", "boxes"])


if __name__ == "__main__":
    unittest.main()
