#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""gst-quant evaluate: accuracy of the contexts against ground truth, against an independent computation."""
import csv
import json
import pathlib
import sys
import tempfile
import unittest

import numpy

from average_precision_oracle import face_figures, jpeg_size, wider_truth
from command import DATA, HAS_DATA, MODELS, NO_DATA, gst_quant, gst_quant_json, optimize_ball

FAILED = 1
USAGE = 2
FRAMES = MODELS / "ball_test.npy"
COUNT = 48
IMAGENET = ["--input-shape", "input=1x3x224x224", "--mean", "123.675,116.28,103.53", "--std", "58.395,57.12,57.375"]
# Of VOC's twenty classes those that COCO calls otherwise have both names.
COCO_NAMES = ["person", "bicycle", "car", "motorcycle,motorbike", "airplane,aeroplane", "bus", "train", "", "boat", "", "", "", "",
              "", "bird", "cat", "dog", "horse", "sheep", "cow"] + 19 * [""] + ["bottle"] + 16 * [""] + [
                  "chair", "couch,sofa", "potted plant,pottedplant", "", "dining table,diningtable", "", "tv,tvmonitor"]


def figure(report, name, context):
    """One context's entry of a figure."""
    contexts = next(f for f in report["figures"] if f["name"] == name)["contexts"]
    return next(c for c in contexts if c["name"] == context)


class Evaluate(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        kept = tempfile.TemporaryDirectory()
        cls.addClassCleanup(kept.cleanup)
        cls.folder = pathlib.Path(kept.name)
        cls.archive = cls.folder / "ball.qar"
        process = optimize_ball(cls.archive, "--level", "-100")
        assert process.returncode == 0, process.stderr
        # The output `position` has four numbers: a classifier as good as any.
        cls.classifier = cls.folder / "classifier.qar"
        process = optimize_ball(cls.classifier, "--level", "-100", "--end-node", "position")
        assert process.returncode == 0, process.stderr

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def script(self, name, text):
        """A metric command that runs this Python text on the folder `folder`, with its index `index`."""
        head = ("import json, pathlib, sys, numpy\nfolder = pathlib.Path(sys.argv[1])\n"
                "index = json.loads((folder / 'index.json').read_text())\n")
        return f"{sys.executable} '{self.write(name, head + text)}'"

    def ranks(self, context):
        """Where class 3 stands among the four, by image."""
        output = self.folder / f"ranks-{context}"
        process = gst_quant("run", self.classifier, "--context", context, "--input", FRAMES, "--output", output)
        self.assertEqual(process.returncode, 0, process.stderr)
        scores = numpy.load(output / "position.npy")
        return numpy.array([numpy.argsort(-row, kind="stable").tolist().index(3) for row in scores])

    def test_classification_counts_right_answers(self):
        truth = self.write("labels.csv", "file,label\n" + "".join(f"ball_test.npy[{i}],3\n" for i in range(COUNT)))
        report = gst_quant_json("evaluate", self.classifier, "--data", FRAMES, "--truth", truth)
        self.assertEqual((report["task"], report["images"], report["left_out"]), ("classification", COUNT, []))
        self.assertEqual(report["contexts"], ["original", "quantized"])
        original, quantized = self.ranks("original") == 0, self.ranks("quantized") == 0
        self.assertTrue(0 < original.sum() < COUNT)
        first, second = (figure(report, "top-1", name) for name in report["contexts"])
        self.assertAlmostEqual(first["value"], 100 * original.mean(), places=9)
        self.assertAlmostEqual(second["value"], 100 * quantized.mean(), places=9)
        self.assertAlmostEqual(second["difference"], second["value"] - first["value"], places=9)
        self.assertLessEqual(second["low"], second["difference"])
        self.assertGreaterEqual(second["high"], second["difference"])

    def test_names_range_and_text(self):
        classes = self.write("classes.txt", "x\ny\nradius\npresence,ball\n")
        truth = self.write("names.csv", "file,label\n" + "".join(f"ball_test.npy[{i}],ball\n" for i in range(COUNT)))
        options = ["--data", FRAMES, "--truth", truth, "--classes", classes, "--skip", 10, "--frames", 20,
                   "--contexts", "native,original,fp-optimized,quantized"]
        report = gst_quant_json("evaluate", self.classifier, *options)
        self.assertEqual((report["images"], report["truth_unused"]), (20, COUNT - 20))
        right = 100 * (self.ranks("original") == 0)[10:30].mean()
        self.assertAlmostEqual(figure(report, "top-1", "original")["value"], right, places=9)
        self.assertEqual(figure(report, "top-1", "original")["difference"], 0)
        process = gst_quant("evaluate", self.classifier, *options)
        self.assertEqual((process.returncode, process.stderr), (0, ""))
        self.assertIn(f"top-1  native        {right:>10.2f}\n       original      {right:>10.2f}       +0.00  +0.00 .. +0.00",
                      process.stdout)
        self.assertIn("95 % interval", process.stdout)

    def test_missing_and_wrong_truth_is_named(self):
        rows = "".join(f"ball_test.npy[{i}],{i % 4}\n" for i in range(30))
        truth = self.write("part.csv", "file,label\n" + rows + "ball_test.npy[3],1\nball_test.npy[30],9\nother.png,1\n")
        process = gst_quant("evaluate", self.classifier, "--data", FRAMES, "--truth", truth, "--json")
        self.assertEqual(process.returncode, 0, process.stderr)
        report = json.loads(process.stdout)
        self.assertEqual((report["images"], report["truth_unused"]), (29, 1))
        reasons = {entry["image"]: entry["reason"] for entry in report["left_out"]}
        self.assertEqual(len(reasons), COUNT - 29)
        self.assertEqual(reasons["ball_test.npy[3]"], "has two labels, 3 and 1")
        self.assertEqual(reasons["ball_test.npy[30]"], "its class 9 is none of the model's 4")
        self.assertEqual(reasons["ball_test.npy[47]"], "the ground truth does not have it")
        self.assertIn("warning: ball_test.npy[3] was left out: has two labels, 3 and 1", process.stderr)
        self.assertIn("and 9 more", process.stderr)

    def test_metric_command(self):
        each = self.script("each.py", "for image in index['images']:\n"
                           "    print(float(numpy.load(folder / image['outputs'][1]['file'])[0, 0]))\n")
        kept = self.folder / "outputs"
        report = gst_quant_json("evaluate", self.archive, "--data", FRAMES, "--frames", 8, "--metric-command", each,
                                "--outputs", kept)
        self.assertEqual((report["task"], report["images"]), ("", 8))
        for context in report["contexts"]:
            process = gst_quant("run", self.archive, "--context", context, "--input", FRAMES, "--output", self.folder / context)
            self.assertEqual(process.returncode, 0, process.stderr)
            outputs = numpy.load(self.folder / context / "position.npy")[:8]
            self.assertAlmostEqual(figure(report, "metric", context)["value"], outputs[:, 0].astype(float).mean(), places=6)
            index = json.loads((kept / context / "index.json").read_text())
            self.assertEqual((index["context"], index["frame"]), (context, {"width": 160, "height": 120, "resize": "stretch"}))
            last = index["images"][7]
            self.assertEqual((last["name"], last["width"], last["height"]), ("ball_test.npy[7]", 160, 120))
            self.assertEqual([o["name"] for o in last["outputs"]], ["heatmap", "position"])
            numpy.testing.assert_array_equal(numpy.load(kept / context / last["outputs"][1]["file"])[0], outputs[7])
        quantized = figure(report, "metric", "quantized")
        self.assertTrue(quantized["low"] <= quantized["difference"] <= quantized["high"])

        named = self.script("named.py", "print(json.dumps({'images': len(index['images']), 'context': len(index['context'])}))\n")
        report = gst_quant_json("evaluate", self.archive, "--data", FRAMES, "--frames", 3, "--metric-command", named)
        self.assertEqual(figure(report, "images", "quantized")["value"], 3)
        self.assertEqual(figure(report, "context", "quantized")["difference"], 1)
        self.assertIsNone(figure(report, "context", "quantized")["low"])

    def test_metric_command_that_fails_is_said(self):
        for command, message in (("false", "false: ended with status 1"), ("/nowhere/metric", "ended with status 127"),
                                 ("echo high #", "line 1 is no finite number: 'high'"), ("true", "printed no number"),
                                 ("printf '1\\n2\\n' #", "one for each of the 3 images"), ("kill -9 $$ #", "ended by signal 9")):
            process = gst_quant("evaluate", self.archive, "--data", FRAMES, "--frames", 3, "--metric-command", command)
            self.assertEqual(process.returncode, FAILED, command)
            self.assertIn(message, process.stderr)
            self.assertEqual(process.stdout, "")

    def test_what_cannot_be_evaluated_is_said(self):
        labels = self.write("one.csv", "file,label\nball_test.npy[0],1\n")
        boxes = self.write("boxes.csv", "file,x,y,w,h\nball_test.npy[0],1,1,5,5\n")
        names = self.write("name.csv", "file,label\nball_test.npy[0],ball\n")
        elsewhere = self.write("elsewhere.csv", "file,label\nother.png,1\n")
        for archive, options, message in (
                (self.archive, [], "give --truth, --metric-command or both"),
                (self.archive, ["--truth", labels], "ball.qar: the ground truth has labels"),
                (self.archive, ["--truth", boxes], "ball.qar: no decoder fits this model (outputs 1x1x15x20, 1x4"),
                (self.archive, ["--truth", boxes, "--decoder", "yolov8"], "the decoder yolov8 does not fit"),
                (self.archive, ["--truth", self.folder / "no.csv"], "no.csv: no such file or folder"),
                (self.classifier, ["--truth", names], "name.csv: the class 'ball' is a name: a list of class names is needed (--classes)"),
                (self.classifier, ["--truth", elsewhere], "no image has ground truth to compare with; ball_test.npy[0]: the ground")):
            process = gst_quant("evaluate", archive, "--data", FRAMES, *options)
            self.assertEqual(process.returncode, FAILED, options)
            self.assertIn(message, process.stderr)
        self.assertEqual(gst_quant("evaluate", self.archive, "--data", FRAMES, "--decoder", "magic").returncode, USAGE)
        self.assertEqual(gst_quant("evaluate", self.archive).returncode, USAGE)

    @unittest.skipUnless(HAS_DATA, NO_DATA)
    def test_faces_agree_with_plain_numpy(self):
        images = DATA / "images/wider/test"
        archive = self.folder / "face.qar"
        normalization = ["--mean", "127", "--std", "128"]
        process = gst_quant("optimize", DATA / "models/face_rfb320_decoded.onnx", "--calib", DATA / "images/wider/calib",
                            "--level", "-100", *normalization, "--output", archive)
        self.assertEqual(process.returncode, 0, process.stderr)
        threshold = 0.1
        report = gst_quant_json("evaluate", archive, "--data", images, "--truth", images.with_suffix(".csv"), "--decoder",
                                "rfb-decoded", "--score-threshold", threshold)
        self.assertEqual((report["images"], report["boxes"]), (64, 487))
        self.assertEqual([r["remark"] for r in report["remarks"]], ["a box of 0 x 1 pixels was left out"])
        names = sorted(path.name for path in images.iterdir())
        sizes = [jpeg_size(images / name) for name in names]
        truth = wider_truth(images.with_suffix(".csv"))
        for context in ("original", "quantized"):
            output = self.folder / f"face-{context}"
            process = gst_quant("run", archive, "--context", context, "--input", images, "--output", output)
            self.assertEqual(process.returncode, 0, process.stderr)
            ap50, ap50_95 = face_figures(numpy.load(output / "scores.npy").astype(float), numpy.load(output / "boxes.npy").astype(float),
                                         sizes, [truth[name] for name in names], threshold, 0.3)
            self.assertGreater(ap50, 35)
            self.assertAlmostEqual(figure(report, "AP50", context)["value"], ap50, places=6)
            self.assertAlmostEqual(figure(report, "AP50-95", context)["value"], ap50_95, places=6)
        # Decoding in the graph and here is the same thing.
        raw = gst_quant_json("evaluate", DATA / "models/face_rfb320.onnx", "--data", images, "--truth", images.with_suffix(".csv"),
                             "--decoder", "rfb", "--score-threshold", threshold, "--contexts", "original", *normalization)
        for name in ("AP50", "AP50-95"):
            self.assertAlmostEqual(figure(raw, name, "original")["value"], figure(report, name, "original")["value"], delta=0.05)

    @unittest.skipUnless(HAS_DATA, NO_DATA)
    def test_imagenet_agrees_with_plain_numpy(self):
        images = DATA / "images/imagenet"
        model = DATA / "models/mobilenetv2.onnx"
        report = gst_quant_json("evaluate", model, *IMAGENET, "--data", images, "--truth", images / "labels.csv", "--skip", 50,
                                "--contexts", "original")
        output = self.folder / "imagenet"
        process = gst_quant("run", model, *IMAGENET, "--context", "original", "--input", images, "--output", output)
        self.assertEqual(process.returncode, 0, process.stderr)
        order = numpy.argsort(-numpy.load(output / "output.npy"), axis=1, kind="stable")[50:]
        rows = csv.DictReader((images / "labels.csv").read_text().splitlines())
        labels = [int(row["class_index"]) for row in rows][50:]
        for count in (1, 5):
            right = 100 * numpy.mean([label in row[:count] for row, label in zip(order, labels)])
            self.assertGreater(right, 60)
            self.assertAlmostEqual(figure(report, f"top-{count}", "original")["value"], right, places=9)

    @unittest.skipUnless(HAS_DATA, NO_DATA)
    def test_detectors_find_what_voc_says(self):
        classes = self.write("coco.txt", "".join(name + "\n" for name in COCO_NAMES))
        options = ["--data", DATA / "images/voc", "--truth", DATA / "images/voc", "--classes", classes, "--contexts", "original"]
        # A wrong decoder, colour order, frame or class list leaves next to nothing of these.
        for model, least, extra in (
                ("yolov8n_320", 75, ["--std", "255", "--resize", "letterbox"]),
                ("nanodet_m", 73, ["--mean", "103.53,116.28,123.675", "--std", "57.375,57.12,58.395", "--color", "bgr"]),
                ("yolo_fastestv2", 60, ["--std", "255", "--color", "bgr"])):
            report = gst_quant_json("evaluate", DATA / "models" / f"{model}.onnx", *options, *extra)
            self.assertEqual((report["images"], report["boxes"], report["unknown_boxes"]), (50, 110, {}), model)
            self.assertGreater(figure(report, "AP50", "original")["value"], least, model)
        images = DATA / "images/wider/test"
        report = gst_quant_json("evaluate", DATA / "models/face_scrfd_2.5g.onnx", "--data", images, "--truth",
                                images.with_suffix(".csv"), "--mean", "127.5", "--std", "128", "--contexts", "original",
                                "--score-threshold", "0.02")
        self.assertGreater(figure(report, "AP50", "original")["value"], 60)


if __name__ == "__main__":
    unittest.main()
