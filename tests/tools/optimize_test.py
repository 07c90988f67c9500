#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""gst-quant optimize while it works: how far it is, and Ctrl-C at any time."""
import os
import pathlib
import pty
import signal
import subprocess
import tempfile
import time
import unittest

import numpy

from command import BINARY, MODELS, gst_quant, gst_quant_json

FAILED = 1
BALL = ("optimize", MODELS / "ball.onnx", "--calib", MODELS / "ball_calibration.npy", "--mean", "127", "--std", "128")


def catches_interrupt(pid):
    """Whether the process is so far that it has a handler of SIGINT."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("SigCgt:"):
            return bool(int(line.split()[1], 16) >> (signal.SIGINT - 1) & 1)
    return False


def unseen(report):
    """What `compare` found between the original and the quantized network, by output."""
    return [output["rungs"][-1] for output in report["outputs"]]


class Optimize(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def start(self, *arguments, stderr=subprocess.PIPE):
        command = [BINARY, *map(str, BALL), "--output", str(self.folder / "ball.qar"), *map(str, arguments)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True)

    def interrupt(self, process, seconds):
        """Ctrl-C so long after the work began; what was said."""
        while process.poll() is None and not catches_interrupt(process.pid):
            time.sleep(0.002)
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=600)
        return said

    def test_ctrl_c_at_any_time_leaves_nothing_and_says_so_in_one_line(self):
        work = ("--level", 1, "--snr", 45)
        begun = time.monotonic()
        process = self.start(*work)
        said = process.communicate()[1]
        self.assertEqual(process.returncode, 0, said)
        whole = time.monotonic() - begun
        (self.folder / "ball.qar").unlink()
        stopped = 0
        for part in range(5):
            process = self.start(*work)
            said = self.interrupt(process, whole * part / 5)
            if process.returncode == 0:  # done before, on a machine with other work
                (self.folder / "ball.qar").unlink()
                continue
            stopped += 1
            self.assertEqual(process.returncode, FAILED, said)
            # The look at the suspects may have warned by then.
            lines = [line for line in said.splitlines() if not line.startswith("warning: ")]
            self.assertEqual(len(lines), 1, said)
            self.assertIn("stopped by Ctrl-C, no archive was written", said)
            self.assertEqual(list(self.folder.iterdir()), [])
        self.assertGreaterEqual(stopped, 2)

    def test_ctrl_c_of_fine_tuning_names_the_file_that_goes_on(self):
        state = self.folder / "tuning.state"
        process = self.start("--level", 2, "--epochs", 2000, "--resume", state)
        while process.poll() is None and not state.exists():
            time.sleep(0.01)
        if process.poll() is not None:
            said = process.communicate()[1]
            self.assertIn("cannot fine-tune", said)
            self.skipTest("this build has no libtorch")
        said = self.interrupt(process, 0.1)
        self.assertEqual(process.returncode, FAILED, said)
        self.assertIn("stopped by Ctrl-C, no archive was written", said)
        self.assertIn(f"--resume {state} goes on", said)
        self.assertEqual(list(self.folder.iterdir()), [state])

    # On eight frames that judge; what one frame in thirty does is in no bound of theirs, so that
    # others are only held to gain by it. test_a_wanted_ratio_is_reached_on_images_that_nobody_saw
    # (accuracy_test.py) has enough frames.
    def test_a_wanted_ratio_is_reached_on_frames_that_were_held_back(self):
        archive = self.folder / "ball.qar"
        gst_quant_json(*BALL, "--output", archive, "--level", 0)
        plain = gst_quant_json("compare", archive, "--data", MODELS / "ball_test.npy")
        least = min(figures["snr_db"] for figures in unseen(plain))
        wanted = least + 6
        report = gst_quant_json(*BALL, "--output", archive, "--level", 0, "--snr", f"{wanted:.2f}")
        search = report["precision_search"]
        self.assertEqual((search["frames"], search["held_back"]), (8, True))
        self.assertGreaterEqual(min(search["reached"]["least_db"]), wanted - 0.005)
        self.assertLess(search["reached"]["bit_operations"], 0.9 * search["curve"][-1]["bit_operations"])
        for figures in unseen(gst_quant_json("compare", archive, "--data", MODELS / "ball_test.npy")):
            self.assertGreater(figures["snr_db"], least + 3)

    def test_few_frames_judge_and_set_the_ranges_too(self):
        archive = self.folder / "ball.qar"
        search = gst_quant_json(*BALL, "--output", archive, "--level", 0, "--snr", 30, "--frames", 16)["precision_search"]
        self.assertEqual((search["frames"], search["held_back"]), (16, False))

    def test_suspects_stop_what_takes_long(self):
        noise = self.folder / "noise.npy"
        frames = numpy.load(MODELS / "ball_calibration.npy")
        numpy.save(noise, numpy.random.default_rng(1).integers(0, 256, frames.shape, numpy.uint8))
        archive = self.folder / "ball.qar"
        work = ("optimize", MODELS / "ball.onnx", "--calib", noise, "--mean", "127", "--std", "128", "--snr", 10, "--output", archive)
        process = gst_quant(*work)
        self.assertEqual(process.returncode, FAILED, process.stderr)
        for words in ("calibration-noise: 32 of 32 frames look like random pixels", "real scene", "--accept-findings"):
            self.assertIn(words, process.stderr)
        self.assertFalse(archive.exists())
        process = gst_quant(*work, "--accept-findings")
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertIn("warning: calibration-noise: 32 of 32 frames", process.stderr)
        self.assertTrue(archive.exists())
        # What is quick asks nothing.
        self.assertEqual(gst_quant(*work[:-4], "--output", archive).returncode, 0)

    def test_warnings_of_the_suspects_are_printed_and_in_the_report(self):
        archive = self.folder / "ball.qar"
        report = gst_quant_json(*BALL, "--output", archive, "--level", 0, "--snr", 30)
        self.assertIn("calibration-too-few: the calibration set has 32 frames; fewer than 64 are few", report["warnings"])

    def test_the_bar_says_what_time_is_left(self):
        master, slave = pty.openpty()
        process = self.start("--level", 1, stderr=slave)
        os.close(slave)
        drawn = b""
        try:
            while part := os.read(master, 4096):
                drawn += part
        except OSError:  # the other end is closed
            pass
        os.close(master)
        self.assertEqual(process.wait(), 0)
        process.stdout.close()
        for step in ("calibrating", "searching ranges", "correcting biases"):
            self.assertRegex(drawn.decode(), step + r" \[#*\.*\] \d+/\d+  \d+ (s|min) left")


if __name__ == "__main__":
    unittest.main()
