# SPDX-License-Identifier: MIT
"""COCO's average precision, decoding and all, in plain numpy: what gst-quant evaluate is held against. Shares nothing with
it but the outputs that `gst-quant run` writes."""
import csv
import struct

import numpy

MOST_DETECTIONS = 100
THRESHOLDS = [k / 100 for k in range(50, 100, 5)]


def jpeg_size(path):
    """(width, height) from the start-of-frame segment."""
    data = path.read_bytes()
    i = 2
    while True:
        while data[i] == 0xFF:
            i += 1
        marker = data[i]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[i + 4:i + 8])
            return width, height
        i += 1 + struct.unpack(">H", data[i + 1:i + 3])[0]


def overlap(a, b):
    """Intersection over union of every box of a with every one of b; boxes are left, top, right, bottom."""
    low = numpy.maximum(a[:, None, :2], b[None, :, :2])
    high = numpy.minimum(a[:, None, 2:], b[None, :, 2:])
    common = numpy.prod(numpy.clip(high - low, 0, None), axis=2)
    area_a, area_b = (numpy.prod(x[:, 2:] - x[:, :2], axis=1) for x in (a, b))
    return common / numpy.maximum(area_a[:, None] + area_b[None] - common, 1e-30)


def suppress(boxes, scores, limit):
    """The boxes that stay, best first, at most MOST_DETECTIONS."""
    rest = numpy.argsort(-scores, kind="stable")
    kept = []
    while len(rest) and len(kept) < MOST_DETECTIONS:
        kept.append(rest[0])
        rest = rest[1:][overlap(boxes[rest[:1]], boxes[rest[1:]])[0] <= limit]
    return boxes[kept], scores[kept]


def wider_truth(path):
    """Boxes by file; those without an area are left out."""
    truth = {}
    for row in csv.DictReader(path.read_text().splitlines()):
        x, y, w, h = (float(row[k]) for k in "xywh")
        if w > 0 and h > 0:
            truth.setdefault(row["file"], []).append([x, y, x + w, y + h])
    return {name: numpy.array(boxes) for name, boxes in truth.items()}


def average_precision(images, threshold):
    """images: (boxes, scores, truth) each, one class."""
    marks = []
    total = 0
    for boxes, scores, truth in images:
        total += len(truth)
        table = overlap(boxes, truth)
        free = numpy.ones(len(truth), bool)
        for i in numpy.argsort(-scores, kind="stable"):
            candidates = numpy.where(free & (table[i] >= threshold), table[i], -1)
            best = int(numpy.argmax(candidates)) if len(candidates) else -1
            hit = best >= 0 and candidates[best] >= 0
            if hit:
                free[best] = False
            marks.append((-scores[i], hit))
    hits = numpy.array([hit for _, hit in sorted(marks, key=lambda mark: mark[0])])
    found = numpy.cumsum(hits)
    precision = found / numpy.arange(1, len(hits) + 1)
    reached = [precision[found * 100 >= k * total] for k in range(101)]
    return float(numpy.mean([max(part) if len(part) else 0 for part in reached]))


def face_figures(scores, boxes, sizes, truths, score_threshold, nms_iou):
    """AP50 and AP50-95 in percent, of face_rfb320_decoded: scores (N, priors, 2), boxes (N, priors, 4) as corners 0…1."""
    images = []
    for image_scores, image_boxes, (width, height), truth in zip(scores, boxes, sizes, truths):
        face = image_scores[:, 1]
        # Suppression looks at the boxes of the frame, which has another shape than the image.
        frame = numpy.array([320, 240, 320, 240], float)
        kept = face >= score_threshold
        found, found_scores = suppress(image_boxes[kept] * frame, face[kept], nms_iou)
        limits = numpy.array([width, height, width, height], float)
        images.append((numpy.clip(found / frame * limits, 0, limits), found_scores, truth))
    figures = [average_precision(images, threshold) for threshold in THRESHOLDS]
    return 100 * figures[0], 100 * float(numpy.mean(figures))
