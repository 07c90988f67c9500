#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Frames of one coloured shape over a drawn background, with ground truth. Only numpy is needed.

Frames are 64x64 RGB. Truth is an array (N, 4): class (index in CLASSES), x and y of the centre and the radius of the
shape in pixels. Everything follows from the seed.

Writing a set to files:  shape_frames.py --split test --count 64 --output test.npy --truth test.csv
"""

import argparse
import csv
import pathlib

import numpy as np

SIZE = 64
CLASSES = ("disc", "square", "triangle", "cross", "ring")
# The sets share no frame.
SEEDS = {"train": 1, "calibration": 2, "test": 3}
# Grey levels by which shape and background differ at least.
MIN_CONTRAST = 60.0

ROWS, COLUMNS = np.mgrid[:SIZE, :SIZE].astype(np.float32)


def backgrounds(rng, count):
    """A gradient, two rectangles and noise, (count, 64, 64, 3) float32."""
    corners = rng.uniform(0, 255, (3, count, 1, 1, 3)).astype(np.float32)
    u, v = COLUMNS[..., None] / SIZE, ROWS[..., None] / SIZE
    result = corners[0] + (corners[1] - corners[0]) * u + (corners[2] - corners[0]) * v
    for _ in range(2):
        left, top = rng.uniform(-10, SIZE, (2, count, 1, 1))
        width, height = rng.uniform(8, 30, (2, count, 1, 1))
        inside = (COLUMNS > left) & (COLUMNS < left + width) & (ROWS > top) & (ROWS < top + height)
        colour = rng.uniform(0, 255, (count, 1, 1, 3))
        result = np.where(inside[..., None], 0.5 * (result + colour), result)
    noise = rng.normal(size=result.shape) * rng.uniform(0, 12, (count, 1, 1, 1))
    return np.clip(result + noise, 0, 255).astype(np.float32)


def distance(kind, x, y):
    """Signed distance to the outline of a shape of radius 1, negative inside."""
    ax, ay = np.abs(x), np.abs(y)
    if kind == "disc":
        return np.hypot(x, y) - 1
    if kind == "square":
        return np.maximum(ax, ay) - 0.85
    if kind == "triangle":
        return np.maximum(0.866 * ax - 0.5 * y, y) - 0.5
    if kind == "cross":
        return np.minimum(np.maximum(ax - 0.3, ay - 1), np.maximum(ax - 1, ay - 0.3))
    if kind == "ring":
        return np.abs(np.hypot(x, y) - 0.8) - 0.2
    raise ValueError(kind)


def drawn(rng, count):
    """`count` frames uint8 (count, 64, 64, 3) and their truth (count, 4)."""
    frames = backgrounds(rng, count)
    kinds = rng.integers(0, len(CLASSES), count)
    radius = rng.uniform(7, 15, count)
    x, y = rng.uniform(radius, SIZE - radius, (2, count))
    angle = rng.uniform(-0.3, 0.3, count)
    for i in range(count):
        dx, dy = COLUMNS - x[i], ROWS - y[i]
        cosine, sine = np.cos(angle[i]), np.sin(angle[i])
        outline = distance(CLASSES[kinds[i]], (cosine * dx + sine * dy) / radius[i],
                           (cosine * dy - sine * dx) / radius[i])
        cover = np.clip(0.5 - outline * radius[i], 0, 1)[..., None]
        behind = frames[i][cover[..., 0] > 0.5].mean(0)
        colour = rng.uniform(0, 255, 3)
        while np.abs(colour - behind).max() < MIN_CONTRAST:
            colour = rng.uniform(0, 255, 3)
        frames[i] += cover * (colour - frames[i])
    truth = np.stack([kinds, x, y, radius], 1).astype(np.float32)
    return np.round(frames).astype(np.uint8), truth


def frame_set(split, count):
    return drawn(np.random.default_rng(SEEDS[split]), count)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--split", choices=SEEDS, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--truth", type=pathlib.Path)
    arguments = parser.parse_args()
    frames, truth = frame_set(arguments.split, arguments.count)
    np.save(arguments.output, frames)
    if arguments.truth:
        with open(arguments.truth, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["class", "x", "y", "radius"])
            writer.writerows([CLASSES[int(row[0])], *np.round(row[1:], 3)] for row in truth)


if __name__ == "__main__":
    main()
