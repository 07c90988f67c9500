# SPDX-License-Identifier: MIT
"""How well the outputs of the demo network agree with ground truth, in pixels of the 160x120 frame."""

import numpy as np

# What one unit of each value of `position` means: x, y, radius in pixels, presence.
POSITION_UNITS = np.array([160.0, 120.0, 40.0, 1.0])
CELL = 8
HIT_PIXELS = 3.0


def accuracy(heatmap, position, truth):
    """heatmap (N,1,15,20), position (N,4) and truth (N,4) as in ball_frames.py; a dictionary of figures."""
    count = len(truth)
    heatmap = np.asarray(heatmap).reshape(count, 15, 20)
    position = np.asarray(position).reshape(count, 4) * POSITION_UNITS
    there = truth[:, 3] > 0.5

    distance = np.hypot(position[:, 0] - truth[:, 0], position[:, 1] - truth[:, 1])[there]
    peak = heatmap.reshape(count, -1).argmax(1)
    peak_y, peak_x = np.divmod(peak, heatmap.shape[2])
    # The peak is right when it is the cell of the true centre or one of the eight around it.
    true_x, true_y = np.rint((truth[:, 0] - 3.5) / CELL), np.rint((truth[:, 1] - 3.5) / CELL)
    near = (abs(peak_x - true_x) <= 1) & (abs(peak_y - true_y) <= 1)
    return {
        "frames": count,
        "mean_error_px": float(distance.mean()),
        "p95_error_px": float(np.percentile(distance, 95)),
        "hit_rate": float((distance <= HIT_PIXELS).mean()),
        "radius_error_px": float(abs(position[:, 2] - truth[:, 2])[there].mean()),
        "presence_rate": float(((position[:, 3] > 0.5) == there).mean()),
        "heatmap_peak_rate": float(near[there].mean()),
    }


def report(figures):
    return (f"position error {figures['mean_error_px']:.2f} px mean, {figures['p95_error_px']:.2f} px p95, "
            f"{100 * figures['hit_rate']:.1f} % within {HIT_PIXELS:.0f} px, "
            f"radius error {figures['radius_error_px']:.2f} px, "
            f"presence {100 * figures['presence_rate']:.1f} %, "
            f"heat-map peak {100 * figures['heatmap_peak_rate']:.1f} %")
