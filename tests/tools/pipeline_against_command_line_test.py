#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The pipeline's records against gst-quant compare on the very frames that the pipeline saw."""
import json
import pathlib
import subprocess
import tempfile
import unittest

import numpy

from command import DATA, HAS_DATA, MODELS, NO_DATA, gst_quant, optimize_ball, optimize_face

TOLERANCE_DB = 0.01


def launch(*arguments):
    return subprocess.run(["gst-launch-1.0", "-q", *map(str, arguments)], capture_output=True, text=True, timeout=3600, check=False)


class PipelineAgainstCommandLine(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def check(self, model, source, width, height, scaling=None):
        """Runs the pipeline, keeps its frames, compares them; gives back how many there were. Frames of another
        size than the network's are brought to it by `scaling`, in the pipeline and on the command line."""
        pixels = self.folder / "frames.rgb"
        records = self.folder / "snr.ndjson"
        process = launch(*source, "!", "videoconvert", "!", "videoscale", "!", f"video/x-raw,format=RGB,width={width},height={height}",
                         "!", "tee", "name=frames", "frames.", "!", "queue", "!", "filesink", f"location={pixels}",
                         "frames.", "!", "queue", "!", "quantnormalize", f"scaling={scaling or 'stretch'}", "!", "quantinfer", f"model={model}", "!", "quantdequantize",
                         "!", "quanttee", "name=t", "!", "fakesink", "t.snr_0", "!", "filesink", f"location={records}")
        self.assertEqual(process.returncode, 0, process.stderr)
        frames = numpy.fromfile(pixels, numpy.uint8).reshape(-1, height, width, 3)
        data = self.folder / "frames.npy"
        if scaling is None:
            numpy.save(data, frames)
        else:
            data = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
            for index, frame in enumerate(frames):
                (data / f"{index:04}.ppm").write_bytes(b"P6 %d %d 255\n" % (width, height) + frame.tobytes())
        expected_file = self.folder / "expected.ndjson"
        compared = gst_quant("compare", model, "--data", data, "--contexts", "original,quantized",
                             "--records", expected_file, "--resize", scaling or "stretch")
        self.assertEqual(compared.returncode, 0, compared.stderr)
        found = [json.loads(line) for line in records.read_text().splitlines()]
        expected = [json.loads(line) for line in expected_file.read_text().splitlines()]
        self.assertEqual(len(found), len(frames))
        self.assertEqual([record["frame"] for record in found], list(range(len(frames))))
        for record, wanted in zip(found, expected):
            self.assertEqual(len(record["outputs"]), len(wanted["outputs"]))
            for output, figures in zip(record["outputs"], wanted["outputs"]):
                self.assertEqual(output["name"], figures["name"])
                self.assertEqual(output["state"], figures["state"])
                if figures["state"] == "ok":
                    self.assertLess(abs(output["snr_db"] - figures["snr_db"]), TOLERANCE_DB, record["frame"])
        return len(frames)

    def test_the_embedded_model_on_the_test_source(self):
        model = self.folder / "ball.qar"
        self.assertEqual(optimize_ball(model).returncode, 0)
        frame = numpy.load(MODELS / "ball_test.npy")[0]
        count = self.check(model, ["videotestsrc", "pattern=ball", "num-buffers=30"], frame.shape[1], frame.shape[0])
        self.assertEqual(count, 30)

    def test_frames_of_another_shape_in_every_way(self):
        model = self.folder / "ball.qar"
        self.assertEqual(optimize_ball(model).returncode, 0)
        for scaling in "stretch", "letterbox", "crop":
            with self.subTest(scaling):
                self.assertEqual(self.check(model, ["videotestsrc", "pattern=ball", "num-buffers=8"], 212, 90, scaling), 8)

    @unittest.skipUnless(HAS_DATA, NO_DATA)
    def test_every_frame_of_the_real_clip(self):
        model = self.folder / "face.qar"
        self.assertEqual(optimize_face(model).returncode, 0)
        clip = DATA / "video/one-by-one-person-detection.mp4"
        count = self.check(model, ["filesrc", f"location={clip}", "!", "decodebin"], 320, 240)
        self.assertGreater(count, 1380)
        print(f"{count} frames, one record each, all within {TOLERANCE_DB} dB of the command line")


if __name__ == "__main__":
    unittest.main()
