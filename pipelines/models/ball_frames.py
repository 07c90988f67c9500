#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Frames of a white ball over many backgrounds, with ground truth.

Two kinds of frames, all 160x120 RGB:

  drawn()     an anti-aliased disc of random size at a random place, over captured test patterns and over
              backgrounds drawn here (plain, gradients, noise, coloured shapes). Used for training.
  captured()  the ball of `videotestsrc pattern=ball` itself, taken from GStreamer at 320x240 and laid over test
              patterns taken the same way. Used for calibration and for measuring. The truth is the
              centroid and the area of the ball in a frame where nothing else is visible.

Truth is an array (N, 4): x, y, radius in pixels of the 160x120 frame, and presence (1 or 0). Everything
is derived from the seed and from GStreamer's patterns; nothing is downloaded.

Writing a set to files:  ball_frames.py --split test --count 48 --output test.npy --truth test.csv
"""

import argparse
import csv
import subprocess

import numpy as np

WIDTH, HEIGHT = 160, 120

# Patterns that no training frame shows: accuracy on them says what an unknown background does.
UNSEEN_PATTERNS = ("circular", "chroma-zone-plate", "smpte-rp-219")
# Neither list has `white`, where the ball cannot be seen, nor `spokes`, whose hub is a second white disc.
SEEN_PATTERNS = (
    "smpte", "snow", "black", "red", "green", "blue", "checkers-2", "checkers-4", "checkers-8",
    "blink", "smpte75", "zone-plate", "gamut", "solid-color", "smpte100", "bar", "pinwheel",
    "gradient", "colors")

# Seeds and, for the captured sets, which part of the ball's path is used: the sets share no frame.
SPLITS = {"calibration": (101, 0, 450), "validation": (202, 450, 900), "test": (303, 900, 1800)}

# A ball that nearly has the colour of its surroundings has no place to be found: such frames are drawn again.
MIN_CONTRAST = 40.0


def capture(properties, count, width=2 * WIDTH, height=2 * HEIGHT):
    """`count` RGB frames of videotestsrc with the given properties, (count, height, width, 3) uint8."""
    command = ["gst-launch-1.0", "-q", "videotestsrc", f"num-buffers={count}", *properties, "!",
               f"video/x-raw,format=RGB,width={width},height={height},framerate=30/1", "!",
               "fdsink", "fd=1"]
    raw = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    return np.frombuffer(raw, np.uint8).reshape(count, height, width, 3)


def halve(frames):
    """Half the size by averaging 2x2 pixels, float32."""
    f = frames.astype(np.float32)
    return (f[..., 0::2, 0::2, :] + f[..., 1::2, 0::2, :] +
            f[..., 0::2, 1::2, :] + f[..., 1::2, 1::2, :]) / 4


def capture_patterns(patterns, frames_each=4):
    """Backgrounds at 160x120, float32 0..255: every pattern, still and scrolling, a few frames each."""
    result = []
    for pattern in patterns:
        variants = [[f"pattern={pattern}"], [f"pattern={pattern}", "horizontal-speed=7"]]
        if pattern == "zone-plate":
            variants = [[f"pattern={pattern}", f"kx2={k}", f"ky2={k}", "kt=4"] for k in (5, 10, 20)]
        if pattern == "chroma-zone-plate":
            variants = [[f"pattern={pattern}", "kx2=20", "ky2=20", "kt=1"]]
        if pattern == "solid-color":
            variants = [[f"pattern={pattern}", f"foreground-color={c}"]
                        for c in (0xff203040, 0xff808080, 0xffb06020, 0xff2060b0)]
        for variant in variants:
            taken = capture(variant, 8 * frames_each)
            result.extend(halve(taken[::8]))
    return np.stack(result)


class Backgrounds:
    """Random backgrounds, (120, 160, 3) float32 0..255."""

    def __init__(self, rng, patterns):
        self.rng = rng
        self.patterns = capture_patterns(patterns)
        self.yy, self.xx = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)

    def pattern(self):
        rng = self.rng
        frame = self.patterns[rng.integers(len(self.patterns))]
        frame = np.roll(frame, (rng.integers(HEIGHT), rng.integers(WIDTH)), (0, 1))
        if rng.random() < 0.5:
            frame = frame[:, ::-1]
        if rng.random() < 0.3:
            frame = frame[::-1]
        if rng.random() < 0.3:
            frame = frame[..., rng.permutation(3)]
        return frame

    def exact_pattern(self):
        return self.patterns[self.rng.integers(len(self.patterns))]

    def plain(self):
        return np.broadcast_to(self.rng.uniform(0, 255, 3).astype(np.float32), (HEIGHT, WIDTH, 3))

    def gradient(self):
        rng = self.rng
        angle = rng.uniform(0, 2 * np.pi)
        t = np.cos(angle) * self.xx / WIDTH + np.sin(angle) * self.yy / HEIGHT
        if rng.random() < 0.3:
            t = np.hypot(self.xx / WIDTH - rng.random(), self.yy / HEIGHT - rng.random())
        t = ((t - t.min()) / np.ptp(t))[..., None].astype(np.float32)
        a, b = rng.uniform(0, 255, (2, 3)).astype(np.float32)
        return a * (1 - t) + b * t

    def noise(self):
        rng = self.rng
        step = int(rng.choice([1, 2, 4, 8, 20]))
        channels = int(rng.choice([1, 3]))
        small = rng.uniform(0, 255, (HEIGHT // step + 1, WIDTH // step + 1, channels))
        large = np.repeat(np.repeat(small, step, 0), step, 1)[:HEIGHT, :WIDTH]
        contrast = rng.uniform(0.2, 1)
        return np.broadcast_to(128 + (large - 128) * contrast, (HEIGHT, WIDTH, 3)).astype(np.float32)

    def shapes(self):
        rng = self.rng
        frame = np.array(self.gradient() if rng.random() < 0.5 else self.plain())
        for _ in range(rng.integers(2, 10)):
            cx, cy = rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT)
            a, b = rng.uniform(3, 40, 2)
            angle = rng.uniform(0, np.pi)
            u = (self.xx - cx) * np.cos(angle) + (self.yy - cy) * np.sin(angle)
            v = (self.yy - cy) * np.cos(angle) - (self.xx - cx) * np.sin(angle)
            kind = rng.integers(3)
            if kind == 0:
                mask = (abs(u) < a) & (abs(v) < b)
            elif kind == 1:
                mask = (u / a) ** 2 + (v / (a * rng.uniform(1.6, 3))) ** 2 < 1
            else:
                mask = (abs(v) < b / 4 + 1)
            colour = rng.uniform(0, 255, 3)
            # A round white shape would be a second ball: ellipses are never white, boxes may be.
            if kind == 1:
                colour[rng.integers(3)] *= 0.5
            frame[mask] = colour
        return frame

    def draw(self):
        kinds = (self.pattern, self.exact_pattern, self.plain, self.gradient, self.noise, self.shapes)
        return kinds[self.rng.choice(len(kinds), p=(0.25, 0.2, 0.08, 0.15, 0.12, 0.2))]()


def lay_over(background, alpha, colour):
    return background * (1 - alpha[..., None]) + np.asarray(colour, np.float32) * alpha[..., None]


def contrast(background, alpha, colour):
    """Mean distance in grey levels between the ball's colour and what it covers."""
    difference = np.abs(background - np.asarray(colour, np.float32)).mean(-1)
    return float((difference * alpha).sum() / alpha.sum())


def drawn(rng, backgrounds, count):
    """Training frames: (count, 120, 160, 3) uint8 and truth (count, 4)."""
    frames = np.empty((count, HEIGHT, WIDTH, 3), np.uint8)
    truth = np.zeros((count, 4), np.float32)
    for i in range(count):
        background = backgrounds.draw()
        present = rng.random() < 0.9
        if present:
            radius = np.exp(rng.uniform(np.log(4.5), np.log(20.5)))
            x = rng.uniform(0.6 * radius, WIDTH - 1 - 0.6 * radius)
            y = rng.uniform(0.6 * radius, HEIGHT - 1 - 0.6 * radius)
            alpha = np.clip(radius - np.hypot(backgrounds.xx - x, backgrounds.yy - y) + 0.5, 0, 1)
            colour = rng.uniform(225, 255) * np.ones(3)
            while contrast(background, alpha, colour) < MIN_CONTRAST:
                background = backgrounds.draw()
            truth[i] = x, y, radius, 1
        frame = np.array(background, np.float32)
        if rng.random() < 0.3:
            frame = 255 * (frame / 255) ** np.float32(rng.uniform(0.6, 1.6))
        if present:
            frame = lay_over(frame, alpha, colour)
        if rng.random() < 0.3:
            frame = frame + rng.normal(0, rng.uniform(1, 8), frame.shape)
        frames[i] = np.clip(np.rint(frame), 0, 255)
    return frames, truth


class Ball:
    """The ball of videotestsrc: its mask at 160x120 and its truth, frame by frame along its path."""

    def __init__(self, first, last):
        # The ball alone, white on black, so that its brightness is its coverage. Two sizes of video
        # give two sizes of ball in the 160x120 frame, for the ball has 20 pixels in each.
        large = capture(["pattern=ball"], last, WIDTH, HEIGHT)[first:, ..., 0]
        self.alphas = [halve(capture(["pattern=ball"], last)[first:])[..., 0] / 255,
                       large.astype(np.float32) / 255]

    def at(self, size, index):
        alpha = self.alphas[size][index]
        yy, xx = np.mgrid[:HEIGHT, :WIDTH]
        mass = alpha.sum()
        x, y = (alpha * xx).sum() / mass, (alpha * yy).sum() / mass
        return alpha, (x, y, np.sqrt(mass / np.pi), 1.0)


def captured(split, count, patterns):
    """Frames with videotestsrc's own ball: (count, 120, 160, 3) uint8 and truth (count, 4)."""
    seed, first, last = SPLITS[split]
    rng = np.random.default_rng(seed)
    ball = Ball(first, last)
    backgrounds = capture_patterns(patterns)
    frames = np.empty((count, HEIGHT, WIDTH, 3), np.uint8)
    truth = np.zeros((count, 4), np.float32)
    seen = set()
    i = 0
    while i < count:
        background = backgrounds[rng.integers(len(backgrounds))]
        truth[i] = 0
        if rng.random() < 0.9:
            # Mostly the ball of a 320x240 picture, the size that demo.sh shows.
            alpha, truth[i] = ball.at(int(rng.random() < 0.25), rng.integers(last - first))
            if contrast(background, alpha, (255, 255, 255)) < MIN_CONTRAST:
                continue
            background = lay_over(background, alpha, (255, 255, 255))
        frames[i] = np.clip(np.rint(background), 0, 255)
        # No frame twice, and none of one colour: neither says anything new.
        if frames[i].tobytes() in seen or np.ptp(frames[i], (0, 1)).max() == 0:
            continue
        seen.add(frames[i].tobytes())
        i += 1
    return frames, truth


def write_truth(path, truth):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["frame", "x", "y", "radius", "presence"])
        for i, (x, y, radius, presence) in enumerate(truth):
            writer.writerow([i, f"{x:.3f}", f"{y:.3f}", f"{radius:.3f}", int(presence)])


def read_truth(path):
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    return np.array([[float(r[k]) for k in ("x", "y", "radius", "presence")] for r in rows])


def main():
    parser = argparse.ArgumentParser(description="Write a set of ball frames and its ground truth.")
    parser.add_argument("--split", choices=sorted(SPLITS), required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--patterns", choices=("all", "seen", "unseen"), default="all")
    parser.add_argument("--output", required=True, help="frames, .npy (N,120,160,3) uint8")
    parser.add_argument("--truth", help="ground truth, .csv")
    arguments = parser.parse_args()
    patterns = {"all": SEEN_PATTERNS + UNSEEN_PATTERNS, "seen": SEEN_PATTERNS,
                "unseen": UNSEEN_PATTERNS}[arguments.patterns]
    frames, truth = captured(arguments.split, arguments.count, patterns)
    np.save(arguments.output, frames)
    if arguments.truth:
        write_truth(arguments.truth, truth)


if __name__ == "__main__":
    main()
