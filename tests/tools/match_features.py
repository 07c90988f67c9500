# SPDX-License-Identifier: MIT
"""From the outputs of XFeat to what its matcher takes: keypoints and their descriptors."""
import numpy

HEIGHT, WIDTH = 480, 640


def corner_scores(logits, reliability):
    """Scores of every pixel (480, 640) from 64 cells and a bin for none (65, 60, 80), and reliability (1, 60, 80)."""
    cells = numpy.exp(logits - logits.max(axis=0))
    cells = (cells / cells.sum(axis=0))[:64].reshape(8, 8, *logits.shape[1:])
    scores = cells.transpose(2, 0, 3, 1).reshape(HEIGHT, WIDTH)
    return scores * numpy.kron(reliability[0], numpy.ones((8, 8)))


def local_maxima(scores):
    """Scores, 0 where another one within two pixels is greater."""
    padded = numpy.pad(scores, 2)
    windows = numpy.lib.stride_tricks.sliding_window_view(padded, (5, 5))
    return numpy.where(scores >= windows.max(axis=(2, 3)), scores, 0)


def features(feats, logits, reliability, count):
    """The `count` best keypoints of one picture as (count, 2), about -1 to 1, and their descriptors (count, 64), of length 1."""
    scores = local_maxima(corner_scores(logits, reliability))
    best = numpy.argsort(-scores, axis=None, kind="stable")[:count]
    y, x = numpy.unravel_index(best, scores.shape)
    descriptors = feats[:, y // 8, x // 8].T
    descriptors = descriptors / numpy.linalg.norm(descriptors, axis=1, keepdims=True)
    points = (numpy.stack([x, y], axis=1) - [WIDTH / 2, HEIGHT / 2]) / (max(WIDTH, HEIGHT) / 2)
    return points.astype(numpy.float32), descriptors.astype(numpy.float32)
