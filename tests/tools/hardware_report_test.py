#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The script for owners of a device, on the fake one: what it says of a device that agrees, that is noisy, that
changes its mind, and that is lost."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import command

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "tools/hardware-report.py"


class HardwareReport(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.model = pathlib.Path(cls.folder.name) / "ball.qar"
        process = command.optimize_ball(cls.model)
        assert process.returncode == 0, process.stderr

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def report(self, name, device, *more):
        output = pathlib.Path(self.folder.name) / name
        process = subprocess.run(
            [sys.executable, SCRIPT, self.model, device, "--backend", "fake", "--frames", "20", "--output", output,
             "--gst-quant", command.BINARY, *more], capture_output=True, text=True, timeout=600, check=False)
        return process, output

    def test_a_device_that_agrees_is_exact(self):
        process, output = self.report("exact", "layout=FCR,type=uint16")
        self.assertEqual(process.returncode, 0, process.stdout + process.stderr)
        text = (output / "report.txt").read_text(encoding="utf-8")
        self.assertIn(text, process.stdout)
        self.assertRegex(text, r"against the emulator exact \(0 of 20 frames differ")
        self.assertRegex(text, r"1 different answer in 20 runs of the same frame")
        self.assertRegex(text, r"\d+\.\d frames per second")
        self.assertIn("quantinfer: backend=fake", text)
        self.assertIn("Everything ran.", text)

    def test_noise_is_measured_and_answers_are_counted(self):
        process, output = self.report("noise", "noise=1,jitter=0.5")
        text = (output / "report.txt").read_text(encoding="utf-8")
        self.assertEqual(process.returncode, 0, text)
        self.assertRegex(text, r"against the emulator \d+\.\d\d dB \(20 of 20 frames differ")
        self.assertRegex(text, r"20 different answers in 20 runs of the same frame")

    def test_the_summary_is_that_of_the_records(self):
        _, output = self.report("sums", "noise=4")
        records = [json.loads(line) for line in (output / "compare.ndjson").read_text(encoding="utf-8").splitlines()]
        self.assertEqual(len(records), 40)
        text = (output / "report.txt").read_text(encoding="utf-8")
        first = [record["outputs"][0] for record in records if record["context"] == "quantized"]
        worst = max(figures["max_abs"] for figures in first)
        self.assertIn(f"by {worst:.4g} at most", text)

    @unittest.skipUnless(command.HAS_DATA, command.NO_DATA)
    def test_a_clip_gives_as_many_frames_as_were_asked_for(self):
        _, output = self.report("clip", "noise=1", "--video", command.DATA / "video/car-detection.mp4")
        text = (output / "report.txt").read_text(encoding="utf-8")
        self.assertRegex(text, r"Frames of the clip\n.*\(20 of 20 frames differ")

    def test_a_lost_device_is_reported(self):
        process, output = self.report("lost", "faults=5:status-36")
        text = (output / "report.txt").read_text(encoding="utf-8")
        self.assertEqual(process.returncode, 1)
        self.assertIn("Something failed", text)
        self.assertIn("disconnected", text.lower())

    def test_refuses_to_write_over_a_report(self):
        self.report("twice", "seed=1")
        process, _ = self.report("twice", "seed=1")
        self.assertEqual(process.returncode, 2)
        self.assertIn("exists", process.stderr)


if __name__ == "__main__":
    unittest.main()
