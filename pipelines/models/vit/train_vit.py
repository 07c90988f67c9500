#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Trains a small vision transformer on drawn shapes and writes vit.onnx.

Needs python3-torch, python3-onnx and python3-numpy. Not part of set-up: the result is committed. Same seeds, same
versions: same network.

The network looks at one 64x64 RGB frame, normalized as (value - 127) / 128, and has two outputs:

  logits    (1,5)  one score for each of shape_frames.CLASSES
  position  (1,3)  x / 64, y / 64, radius / 16
"""

import argparse
import pathlib
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional

import shape_frames

FOLDER = pathlib.Path(__file__).resolve().parent
MEAN, STD = 127.0, 128.0
POSITION_UNITS = np.array([shape_frames.SIZE, shape_frames.SIZE, 16], np.float32)
PATCH, WIDTH, HEADS, BLOCKS, EXPANSION = 8, 48, 3, 3, 3


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.projection = nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        batch, tokens, _ = x.shape
        qkv = self.qkv(x).reshape(batch, tokens, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        weights = torch.softmax(q @ k.transpose(-2, -1) * (WIDTH // HEADS) ** -0.5, -1)
        return self.projection((weights @ v).transpose(1, 2).reshape(batch, tokens, WIDTH))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention_norm, self.attention = nn.LayerNorm(WIDTH), Attention()
        self.mlp_norm = nn.LayerNorm(WIDTH)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, EXPANSION * WIDTH), nn.GELU(),
                                 nn.Linear(EXPANSION * WIDTH, WIDTH))

    def forward(self, x):
        x = x + self.attention(self.attention_norm(x))
        return x + self.mlp(self.mlp_norm(x))


class VisionTransformer(nn.Module):
    def __init__(self):
        super().__init__()
        tokens = (shape_frames.SIZE // PATCH) ** 2
        self.patches = nn.Conv2d(3, WIDTH, PATCH, PATCH)
        self.neighbours = nn.Conv2d(WIDTH, WIDTH, 3, padding=1, groups=WIDTH)
        self.place = nn.Parameter(0.02 * torch.randn(1, tokens, WIDTH))
        self.blocks = nn.Sequential(*(Block() for _ in range(BLOCKS)))
        self.norm = nn.LayerNorm(WIDTH)
        self.classes = nn.Linear(WIDTH, len(shape_frames.CLASSES))
        self.position = nn.Linear(WIDTH, 3)

    def forward(self, image):
        x = self.patches(image)
        x = x + self.neighbours(x)
        x = self.blocks(x.flatten(2).transpose(1, 2) + self.place)
        x = self.norm(x).mean(1)
        return self.classes(x), self.position(x)


def to_input(frames):
    return (torch.from_numpy(frames).permute(0, 3, 1, 2).float() - MEAN) / STD


def loss_of(logits, position, truth):
    target = torch.from_numpy(truth[:, 1:] / POSITION_UNITS)
    return (functional.cross_entropy(logits, torch.from_numpy(truth[:, 0]).long()) +
            20 * functional.smooth_l1_loss(position, target, beta=0.05))


def report(net, frames, truth):
    net.eval()
    with torch.no_grad():
        logits, position = (output.numpy() for output in net(to_input(frames)))
    right = np.mean(logits.argmax(1) == truth[:, 0])
    error = np.linalg.norm((position * POSITION_UNITS - truth[:, 1:])[:, :2], axis=1)
    return f"class right {100 * right:.1f} %, mean error {error.mean():.2f} px, p95 {np.percentile(error, 95):.2f} px"


def train(steps, batch):
    torch.manual_seed(1)
    rng = np.random.default_rng(shape_frames.SEEDS["train"])
    net = VisionTransformer()
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps, pct_start=0.1)
    started = time.monotonic()
    for step in range(steps):
        net.train()
        frames, truth = shape_frames.drawn(rng, batch)
        loss = loss_of(*net(to_input(frames)), truth)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if (step + 1) % 200 == 0:
            print(f"step {step + 1} of {steps}, {time.monotonic() - started:.0f} s, loss {loss.item():.3f}, "
                  f"{report(net, frames, truth)}", flush=True)
    net.eval()
    return net


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--output", type=pathlib.Path, default=FOLDER / "vit.onnx")
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    net = train(arguments.steps, arguments.batch)
    torch.onnx.export(net, torch.zeros(1, 3, shape_frames.SIZE, shape_frames.SIZE), arguments.output, opset_version=17,
                      input_names=["image"], output_names=["logits", "position"], do_constant_folding=True)
    print(f"1000 test frames: {report(net, *shape_frames.frame_set('test', 1000))}")


if __name__ == "__main__":
    main()
