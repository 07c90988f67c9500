#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""gst-quant check as a user meets it: findings, report, exit codes."""
import json
import pathlib
import tempfile
import unittest

import numpy

from command import DATA, HAS_DATA, MODELS, NO_DATA, gst_quant, gst_quant_json, optimize_ball

FAILED = 1
USAGE = 2
BALL = MODELS / "ball.onnx"
CALIBRATION = MODELS / "ball_calibration.npy"
NORMALIZATION = ("--mean", 127, "--std", 128)


def ids(report):
    return [finding["id"] for finding in report["findings"]]


class Check(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def images(self, frames):
        folder = self.folder / "images"
        folder.mkdir()
        for index, frame in enumerate(frames):
            header = f"P6 {frame.shape[1]} {frame.shape[0]} 255\n".encode()
            (folder / f"{index:03}.ppm").write_bytes(header + frame.tobytes())
        return folder

    def test_forgotten_normalization_is_found(self):
        report = gst_quant_json("check", BALL, "--calib", CALIBRATION)
        self.assertIn("normalization-missing", ids(report))
        for finding in report["findings"]:
            self.assertTrue(finding["found"] and finding["consequence"] and finding["remedy"])
            self.assertTrue(finding["evidence"])
        self.assertIn("normalization", report["checked"])
        self.assertIn("domain", [skipped["check"] for skipped in report["skipped"]])

    def test_right_normalization_has_no_such_finding_and_no_error(self):
        report = gst_quant_json("check", BALL, "--calib", CALIBRATION, "--data", MODELS / "ball_test.npy", *NORMALIZATION)
        self.assertEqual(report["errors"], 0)
        self.assertEqual([name for name in ids(report) if name.startswith("normalization")], [])
        self.assertIn("domain", report["checked"])

    def test_one_image_repeated_is_an_error(self):
        folder = self.images([numpy.load(CALIBRATION)[0]] * 20)
        process = gst_quant("check", BALL, "--calib", folder, *NORMALIZATION)
        self.assertEqual(process.returncode, FAILED, process.stderr)
        self.assertIn("error: calibration-repeated\n", process.stdout)
        self.assertIn("all 20 frames are one image repeated, e.g. 001.ppm is 000.ppm", process.stdout)
        self.assertTrue(process.stderr.endswith("the check found 1 error\n"), process.stderr)

    def test_errors_leave_the_json_whole(self):
        folder = self.images(numpy.load(CALIBRATION)[:4])
        (folder / "bad.png").write_bytes(b"no picture")
        process = gst_quant("check", BALL, "--calib", folder, *NORMALIZATION, "--json")
        self.assertEqual(process.returncode, FAILED)
        report = json.loads(process.stdout)
        self.assertEqual(report["errors"], 1)
        self.assertIn("calibration-too-few", ids(report))
        self.assertIn("calibration-unreadable", ids(report))

    def test_floats_that_nobody_normalized(self):
        frames = numpy.load(CALIBRATION).astype(numpy.float32)
        numpy.save(self.folder / "floats.npy", frames)
        process = gst_quant("check", BALL, "--calib", self.folder / "floats.npy", *NORMALIZATION, "--json")
        self.assertEqual(process.returncode, FAILED)
        self.assertIn("normalization-mismatch", ids(json.loads(process.stdout)))

    def test_frames_that_are_not_finite(self):
        frames = numpy.zeros((1,) + numpy.load(CALIBRATION).shape[1:], numpy.float32)
        frames[0, 0, 0, 0] = numpy.nan
        numpy.save(self.folder / "nan.npy", frames)
        process = gst_quant("check", BALL, "--calib", self.folder / "nan.npy", *NORMALIZATION)
        self.assertEqual(process.returncode, FAILED)
        self.assertIn("the check itself failed: ", process.stderr)

    def test_an_archive_knows_its_normalization_and_its_set(self):
        archive = self.folder / "ball.qar"
        self.assertEqual(optimize_ball(archive).returncode, 0)
        report = gst_quant_json("check", archive)
        self.assertEqual(report["checked"], ["calibration", "weights"])
        self.assertIn("calibration-too-few", ids(report))
        report = gst_quant_json("check", archive, "--calib", CALIBRATION)
        self.assertEqual(report["errors"], 0)
        self.assertNotIn("normalization-missing", ids(report))

    def test_without_frames_the_rest_is_skipped_with_a_reason(self):
        process = gst_quant("check", BALL)
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertIn("not checked: activations: needs frames: --calib or --data\n", process.stdout)

    def test_what_cannot_be_read_is_a_failed_check(self):
        empty = self.folder / "empty"
        empty.mkdir()
        for arguments, word in (((self.folder / "missing.onnx",), "missing.onnx"),
                                ((BALL, "--calib", empty), "empty"),
                                ((BALL, "--calib", CALIBRATION, "--data", self.folder / "nowhere"), "nowhere"),
                                ((CALIBRATION,), "ball_calibration.npy")):
            with self.subTest(word):
                process = gst_quant("check", *arguments)
                self.assertEqual(process.returncode, FAILED)
                self.assertIn("the check itself failed: ", process.stderr)
                self.assertIn(word, process.stderr)
                self.assertEqual(process.stdout, "")

    def test_wrong_usage(self):
        for arguments in ((), (BALL, "--nonsense"), (BALL, "--frames", -1)):
            self.assertEqual(gst_quant("check", *arguments).returncode, USAGE)

    @unittest.skipUnless(HAS_DATA, NO_DATA)
    def test_a_real_detector_with_merged_boxes_and_scores(self):
        report = gst_quant_json("check", DATA / "models/yolov8n_320.onnx", "--calib", DATA / "images/wider/calib",
                                "--std", 255, "--resize", "letterbox", "--frames", 4)
        self.assertEqual(report["errors"], 0)
        merged = [finding for finding in report["findings"] if finding["id"] == "output-merged"]
        self.assertEqual(len(merged), 1)
        names = merged[0]["evidence"]["end_nodes"]
        self.assertEqual(names, ["/model.22/Mul_2_output_0", "/model.22/Sigmoid_output_0"])
        # The names are those that --end-node takes, and they are the cure.
        ends = [argument for name in names for argument in ("--end-node", name)]
        report = gst_quant_json("check", DATA / "models/yolov8n_320.onnx", "--calib", DATA / "images/wider/calib",
                                "--std", 255, "--resize", "letterbox", "--frames", 4, *ends)
        self.assertNotIn("output-merged", ids(report))

    @unittest.skipUnless(HAS_DATA, NO_DATA)
    def test_a_real_detector_described_rightly_has_no_error(self):
        report = gst_quant_json("check", DATA / "models/face_rfb320.onnx", "--calib", DATA / "images/wider/calib",
                                "--data", DATA / "images/wider/test", *NORMALIZATION, "--frames", 8)
        self.assertEqual(report["errors"], 0)
        for name in ids(report):
            self.assertFalse(name.startswith(("normalization", "calibration", "original", "output")), name)


if __name__ == "__main__":
    unittest.main()
