#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Trains the demo network and writes ball.onnx, the calibration frames and the test frames.

Needs python3-torch, python3-onnx, python3-numpy and gstreamer1.0-plugins-base. About 35 minutes on one core.
Not part of set-up: the results are committed. Same seeds, same versions: same network.

The network looks at one 160x120 RGB frame, normalized as (value - 127) / 128, and has two outputs:

  heatmap   (1,1,15,20)  probability that the ball's centre lies in each cell of 8x8 pixels
  position  (1,4)        x / 160, y / 120, radius / 40, presence: a plain regression, all near 0..1
"""

import argparse
import pathlib
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional

import ball_frames
from ball_accuracy import POSITION_UNITS, accuracy, report

FOLDER = pathlib.Path(__file__).resolve().parent
MEAN, STD = 127.0, 128.0
CELL = 8


def conv(inputs, outputs, kernel, stride=1, groups=1, relu=True):
    layers = [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
              nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, *([nn.ReLU()] if relu else []))


def separable(inputs, outputs, stride=1, relu=True):
    return nn.Sequential(conv(inputs, inputs, 3, stride, groups=inputs),
                         conv(inputs, outputs, 1, relu=relu))


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.body = separable(channels, channels, relu=False)

    def forward(self, x):
        return functional.relu(x + self.body(x))


class BallNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(conv(3, 16, 3, 2), separable(16, 32, 2), Residual(32),
                                   separable(32, 48, 2), Residual(48), Residual(48))
        self.neck = conv(48, 16, 3)
        self.heat = nn.Conv2d(16, 1, 1)
        self.reduce = conv(64, 8, 3, 2)
        self.hidden = nn.Linear(8 * 8 * 10, 48)
        self.regress = nn.Linear(48, 4)

    def forward(self, image):
        features = self.trunk(image)
        neck = self.neck(features)
        heatmap = torch.sigmoid(self.heat(neck))
        x = self.reduce(torch.cat([features, neck], 1))
        x = functional.relu(self.hidden(torch.flatten(x, 1)))
        return heatmap, self.regress(x)


def to_input(frames):
    return (torch.from_numpy(frames).permute(0, 3, 1, 2).float() - MEAN) / STD


def heat_target(truth):
    """A bell of one cell around the ball's centre, (N,1,15,20)."""
    cells_y, cells_x = ball_frames.HEIGHT // CELL, ball_frames.WIDTH // CELL
    yy, xx = np.mgrid[:cells_y, :cells_x].astype(np.float32) * CELL + (CELL - 1) / 2
    x, y, presence = (truth[:, i, None, None] for i in (0, 1, 3))
    bell = np.exp(-((xx - x) ** 2 + (yy - y) ** 2) / (2 * CELL ** 2)) * presence
    return torch.from_numpy(bell[:, None].astype(np.float32))


def loss_of(heatmap, position, truth):
    target = torch.from_numpy((truth / POSITION_UNITS).astype(np.float32))
    presence = target[:, 3:]
    place = functional.smooth_l1_loss(position[:, :3], target[:, :3], beta=0.02, reduction="none")
    heat = heat_target(truth)
    heat_loss = functional.binary_cross_entropy(heatmap, heat, weight=1 + 20 * heat)
    return (10 * (place * presence).mean() + functional.mse_loss(position[:, 3:], presence) +
            3 * heat_loss)


def run(net, frames, batch=32):
    net.eval()
    with torch.no_grad():
        parts = [net(to_input(frames[i:i + batch])) for i in range(0, len(frames), batch)]
    return [torch.cat(p).numpy() for p in zip(*parts)]


def train(steps, batch):
    rng = np.random.default_rng(1)
    torch.manual_seed(1)
    backgrounds = ball_frames.Backgrounds(rng, ball_frames.SEEN_PATTERNS)
    net = BallNet()
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps, pct_start=0.1)
    check, check_truth = ball_frames.captured("validation", 256, ball_frames.SEEN_PATTERNS)
    started = time.monotonic()
    for step in range(steps):
        net.train()
        frames, truth = ball_frames.drawn(rng, backgrounds, batch)
        loss = loss_of(*net(to_input(frames)), truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if (step + 1) % 500 == 0:
            print(f"step {step + 1} of {steps}, {time.monotonic() - started:.0f} s, "
                  f"loss {loss.item():.4f}, {report(accuracy(*run(net, check), check_truth))}",
                  flush=True)
    net.eval()
    return net


def export(net, path):
    frame = torch.zeros(1, 3, ball_frames.HEIGHT, ball_frames.WIDTH)
    torch.onnx.export(net, frame, path, opset_version=13, input_names=["image"],
                      output_names=["heatmap", "position"], do_constant_folding=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=8000)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--output", type=pathlib.Path, default=FOLDER)
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    net = train(arguments.steps, arguments.batch)
    export(net, arguments.output / "ball.onnx")

    every = ball_frames.SEEN_PATTERNS + ball_frames.UNSEEN_PATTERNS
    calibration, _ = ball_frames.captured("calibration", 32, ball_frames.SEEN_PATTERNS)
    np.save(arguments.output / "ball_calibration.npy", calibration)
    test, truth = ball_frames.captured("test", 48, every)
    np.save(arguments.output / "ball_test.npy", test)
    ball_frames.write_truth(arguments.output / "ball_test_truth.csv", truth)

    print(f"48 committed test frames: {report(accuracy(*run(net, test), truth))}")
    for name, patterns in (("seen", ball_frames.SEEN_PATTERNS),
                           ("unseen", ball_frames.UNSEEN_PATTERNS)):
        frames, truth = ball_frames.captured("test", 1000, patterns)
        print(f"1000 held-out frames, {name} backgrounds: "
              f"{report(accuracy(*run(net, frames), truth))}")


if __name__ == "__main__":
    main()
