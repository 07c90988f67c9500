#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The attention of a feature matcher quantizes: real descriptors of real pictures, from one network into the other, as
docs/features.md has it."""
import pathlib
import subprocess
import tempfile
import unittest

import numpy

from command import DATA, HAS_DATA, NO_DATA, gst_quant, gst_quant_json
from match_features import features

FAILED = 1
KEYPOINTS = 64
CALIBRATION_PICTURES = 32
XFEAT = DATA / "models/xfeat_480x640.onnx"
MATCHER = DATA / "models/lighterglue_L3.onnx"
SHAPES = ["--input-shape", f"kpts0=1x{KEYPOINTS}x2", f"kpts1=1x{KEYPOINTS}x2"]
# Where the positions of keypoints are encoded: float, on the host.
ENCODINGS = ["/net/posenc/Reshape_output_0", "/net/posenc_1/Reshape_output_0"]
# Behind the self-attention and the cross-attention of each of the three layers, for both pictures.
BLOCKS = [f"/net/transformers.{layer}/{block}" for layer in range(3) for block in (
    "self_attn/Add_2_output_0", "self_attn_1/Add_2_output_0", "cross_attn/Add_output_0", "cross_attn/Add_1_output_0")]


def picture_features(pictures, output, resize):
    process = gst_quant("run", XFEAT, "--context", "original", "--color", "gray", "--std", "255", "--input", pictures,
                        "--resize", resize, "--output", output)
    if process.returncode != 0:
        raise AssertionError(process.stderr)
    maps = [numpy.load(output / f"{name}.npy") for name in ("feats", "keypoints", "heatmap")]
    return [features(*frame, KEYPOINTS) for frame in zip(*maps)]


def save_pairs(folder, pairs):
    folder.mkdir()
    for side in (0, 1):
        numpy.save(folder / f"kpts{side}.npy", numpy.stack([pair[side][0] for pair in pairs]))
        numpy.save(folder / f"desc{side}.npy", numpy.stack([pair[side][1] for pair in pairs]))


@unittest.skipUnless(HAS_DATA, NO_DATA)
class Matcher(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.directory.cleanup)
        cls.folder = pathlib.Path(cls.directory.name)
        photos = cls.folder / "photos"
        photos.mkdir()
        for photo in sorted((DATA / "images/wider/calib").glob("*.jpg"))[:CALIBRATION_PICTURES]:
            (photos / photo.name).symlink_to(photo.resolve())
        # Two views of each picture: filling the frame, and in its proportions.
        views = [picture_features(photos, cls.folder / resize, resize) for resize in ("stretch", "letterbox")]
        save_pairs(cls.folder / "calib", list(zip(*views)))
        # Real pairs, which calibration does not see, in both orders.
        a, b, c, d = picture_features(DATA / "images/pairs", cls.folder / "pairs", "stretch")
        save_pairs(cls.folder / "test", [(a, b), (b, a), (c, d), (d, c)])
        for split in ("calib", "test"):
            process = gst_quant("run", MATCHER, "--context", "native", "--input", cls.folder / split, "--output",
                                cls.folder / split, *SHAPES, "--end-node", *ENCODINGS, *BLOCKS)
            if process.returncode != 0:
                raise AssertionError(process.stderr)

    def optimize(self, starts, ends, *arguments):
        return gst_quant("optimize", MATCHER, "--calib", self.folder / "calib", "--output", self.folder / "m.qar", *SHAPES,
                         "--start-node", *starts, "--end-node", *ends, *arguments)

    def ratios(self, starts, ends, *arguments):
        """The SNR of every output against the original model, dB."""
        process = self.optimize(starts, ends, *arguments)
        self.assertEqual(process.returncode, 0, process.stderr)
        report = gst_quant_json("compare", self.folder / "m.qar", "--data", self.folder / "test")
        self.assertEqual(report["frames"], 4)
        ratios = {}
        for output in report["outputs"]:
            rungs = {(rung["from"], rung["to"]): rung["snr_db"] for rung in output["rungs"]}
            self.assertGreater(rungs["original", "native"], 90)
            ratios[output["name"]] = rungs["original", "quantized"]
        return ratios

    def test_all_attention_in_sixteen_bits(self):
        script = self.folder / "wide.alls"
        script.write_text("quantization_param({*}, precision_mode=a16_w16)\n")
        ratios = self.ratios(ENCODINGS, BLOCKS, "--script", script)
        self.assertEqual(list(ratios), BLOCKS)
        for name, ratio in ratios.items():
            self.assertGreater(ratio, 40, name)

    def test_all_attention_in_eight_bits(self):
        # Noise adds up through twelve blocks; these are its first half.
        for name, ratio in self.ratios(ENCODINGS, BLOCKS[:6], "--level", "0").items():
            self.assertGreater(ratio, 20, name)

    def test_fine_tuned_self_attention_in_eight_bits(self):
        for name, ratio in self.ratios([BLOCKS[2], ENCODINGS[0]], [BLOCKS[4]], "--level", "2", "--epochs", "2").items():
            self.assertGreater(ratio, 20, name)

    def test_fine_tuned_cross_attention_in_eight_bits(self):
        for name, ratio in self.ratios(BLOCKS[4:6], BLOCKS[6:8], "--level", "2", "--epochs", "2").items():
            self.assertGreater(ratio, 20, name)

    def test_frames_that_do_not_fit_are_named(self):
        process = self.optimize(ENCODINGS, BLOCKS[:1], "--mean", "127")
        self.assertEqual(process.returncode, FAILED)
        self.assertIn("no image: mean and std do not apply", process.stderr)
        process = gst_quant("optimize", MATCHER, "--calib", DATA / "images/pairs", "--output", self.folder / "m.qar", *SHAPES,
                            "--end-node", BLOCKS[0])
        self.assertEqual(process.returncode, FAILED)
        self.assertIn("kpts0.npy", process.stderr)

    def test_no_element_feeds_features(self):
        process = self.optimize(ENCODINGS, BLOCKS[:1], "--level", "-100")
        self.assertEqual(process.returncode, 0, process.stderr)
        process = subprocess.run(["gst-launch-1.0", "-q", "videotestsrc", "num-buffers=1", "!", "quantnormalize", "!", "quantinfer",
                                  f"model={self.folder / 'm.qar'}", "!", "fakesink"], capture_output=True, text=True,
                                 timeout=600, check=False)
        self.assertNotEqual(process.returncode, 0)
        self.assertIn("the model takes feature tensors, not frames", process.stderr + process.stdout)


if __name__ == "__main__":
    unittest.main()
