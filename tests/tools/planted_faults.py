# SPDX-License-Identifier: MIT
"""Tensors made wrongly on purpose, for diagnose: what a device has in its memory and what a wrong reader makes of it.

Written with numpy alone, from the description of the layouts, not from the library. A device's integers of one output
are an array (frames, channels, height, width); a reader gives back real values in the same order of axes.
"""
import dataclasses
import itertools

import numpy


def padded(size, step):
    return -(-size // step) * step


# What a buffer holds beyond the elements is undefined; a value that no reader should take for data.
GARBAGE = 173


def to_memory(q, order, pad_width=1, pad_channels=1):
    """(C, H, W) as one dimension, as it lies in the memory of a device."""
    c, h, w = q.shape
    cp, wp = padded(c, pad_channels), padded(w, pad_width)
    if order == "F8CR":
        cp = padded(c, 8)
    full = numpy.full((cp, h, wp), GARBAGE, q.dtype)
    full[:c, :, :w] = q
    if order == "NCHW":
        return full.reshape(-1)
    if order in ("NHWC", "FCR"):
        return full.transpose(1, 2, 0).reshape(-1)
    if order == "NHCW":
        return full.transpose(1, 0, 2).reshape(-1)
    if order == "F8CR":
        return full.reshape(cp // 8, 8, h, wp).transpose(2, 0, 3, 1).reshape(-1)
    raise ValueError(order)


def from_memory(memory, shape, order, pad_width=1, pad_channels=1, exchanged=False):
    """What a reader who believes in this order makes of a buffer: (C, H, W). A buffer that is too short is repeated."""
    c, h, w = shape
    if exchanged:
        h, w = w, h
    cp, wp = padded(c, pad_channels), padded(w, pad_width)
    if order == "F8CR":
        cp = padded(c, 8)
    count = cp * h * wp
    full = numpy.resize(memory, count)
    if order == "NCHW":
        full = full.reshape(cp, h, wp)
    elif order in ("NHWC", "FCR"):
        full = full.reshape(h, wp, cp).transpose(2, 0, 1)
    elif order == "NHCW":
        full = full.reshape(h, cp, wp).transpose(1, 0, 2)
    else:
        full = full.reshape(h, cp // 8, wp, 8).transpose(1, 3, 0, 2).reshape(cp, h, wp)
    result = full[:c, :, :w]
    return result.transpose(0, 2, 1) if exchanged else result


@dataclasses.dataclass
class Output:
    """One output of a network on some frames, rightly made: frames x C x H x W."""
    q: numpy.ndarray
    scale: numpy.ndarray       # one value, or one per channel
    zero_point: numpy.ndarray
    activation: str = ""       # that the network ends with
    missing: str = "sigmoid"   # that a host would apply where the network does not

    def dequantized(self, q=None, scale=None, zero_point=None):
        q = self.q if q is None else q
        scale = self.scale if scale is None else scale
        zero_point = self.zero_point if zero_point is None else zero_point
        shape = (1, -1, 1, 1)
        return (q.astype(numpy.float32) - zero_point.astype(numpy.float32).reshape(shape)) * scale.astype(numpy.float32).reshape(shape)

    def per_channel(self):
        return len(self.scale) > 1


def activated(x, name):
    x = x.astype(numpy.float64)
    if name == "sigmoid":
        y = 1 / (1 + numpy.exp(-x))
    elif name == "softmax":
        e = numpy.exp(x - x.max(axis=1, keepdims=True))
        y = e / e.sum(axis=1, keepdims=True)
    else:
        raise ValueError(name)
    return y.astype(numpy.float32)


@dataclasses.dataclass
class Reader:
    """How a program gets from memory to real values; the default is the right way for a device of dense NHWC."""
    memory: dict = dataclasses.field(default_factory=lambda: {"order": "NHWC"})
    read_as: dict = dataclasses.field(default_factory=lambda: {"order": "NHWC"})
    width: str = ""            # "16-bit-read-as-8", "8-bit-read-as-16"
    parameters: object = None  # (outputs, name) -> scale, zero_point
    dequantize: int = 1        # how often
    activation: str = ""       # "missing", "twice"
    saturated: bool = False
    stale: int = 0
    swapped: bool = False
    fed: str = ""              # which wrong input the network was fed


# Each fault as a change of a Reader. The names are those that diagnose gives.
def _set(**changes):
    return lambda reader: dataclasses.replace(reader, **changes)


def _memory(**layout):
    return lambda reader: dataclasses.replace(reader, memory=layout)


def _read_as(**layout):
    return lambda reader: dataclasses.replace(reader, read_as={**layout})


def _other(outputs, name):
    names = sorted(outputs)
    return outputs[names[(names.index(name) + 1) % len(names)]]


def _spread(values, output):
    channels = output.q.shape[1]
    return values[:channels] if len(values) >= channels else values[:1]


FAULTS = {
    "layout: NHWC as NCHW": ("layout", "layout", _read_as(order="NCHW")),
    "layout: NCHW as NHWC": ("layout", "layout", _memory(order="NCHW")),
    "layout: NHCW as NHWC": ("layout", "layout", _memory(order="NHCW")),
    "layout: NHWC as NHCW": ("layout", "layout", _read_as(order="NHCW")),
    "layout: F8CR as NHWC": ("layout", "layout", _memory(order="F8CR")),
    "layout: rows padded": ("layout", "layout", _memory(order="FCR", pad_width=8)),
    "layout: NHCW padded": ("layout", "layout", _memory(order="NHCW", pad_width=8)),
    "layout: channels padded": ("layout", "layout", _memory(order="FCR", pad_channels=8)),
    "layout: padding imagined": ("layout", "layout", _read_as(order="FCR", pad_width=8)),
    "height-width": ("height-width", "height-width", _read_as(order="NHWC", exchanged=True)),
    "16-bit-read-as-8": ("16-bit-read-as-8", "width", _set(width="16-bit-read-as-8")),
    "8-bit-read-as-16": ("8-bit-read-as-16", "width", _set(width="8-bit-read-as-16")),
    "per-channel-as-per-tensor": ("per-channel-as-per-tensor", "scaling", _set(
        parameters=lambda outputs, name: (outputs[name].scale[:1], outputs[name].zero_point[:1]))),
    "channel-order: reversed": ("channel-order", "scaling", _set(
        parameters=lambda outputs, name: (outputs[name].scale[::-1], outputs[name].zero_point[::-1]))),
    "channel-order: rotated": ("channel-order", "scaling", _set(
        parameters=lambda outputs, name: (numpy.roll(outputs[name].scale, 1), numpy.roll(outputs[name].zero_point, 1)))),
    "other scale": ("parameters-of-another-output", "scaling", _set(
        parameters=lambda outputs, name: (_spread(_other(outputs, name).scale, outputs[name]), outputs[name].zero_point))),
    "other zero point": ("parameters-of-another-output", "scaling", _set(
        parameters=lambda outputs, name: (outputs[name].scale, _spread(_other(outputs, name).zero_point, outputs[name])))),
    "other parameters": ("parameters-of-another-output", "scaling", _set(
        parameters=lambda outputs, name: (_spread(_other(outputs, name).scale, outputs[name]),
                                          _spread(_other(outputs, name).zero_point, outputs[name])))),
    "not-dequantized": ("not-dequantized", "scaling", _set(dequantize=0)),
    "dequantized-twice": ("dequantized-twice", "scaling", _set(dequantize=2)),
    "activation-missing": ("activation-missing", "activation", _set(activation="missing")),
    "activation-twice": ("activation-twice", "activation", _set(activation="twice")),
    "outputs-swapped": ("outputs-swapped", "source", _set(swapped=True)),
    "stale-frame": ("stale-frame", "frame", _set(stale=1)),
    "saturation": ("saturation", "saturation", _set(saturated=True)),
    "color-order": ("color-order", "input", _set(fed="color-order")),
    "normalization-missing": ("normalization-missing", "input", _set(fed="normalization-missing")),
    "normalization-twice": ("normalization-twice", "input", _set(fed="normalization-twice")),
    "resize": ("resize", "input", _set(fed="resize")),
}


def pairs():
    """All pairs of faults that can come together."""
    for first, second in itertools.combinations(FAULTS, 2):
        stages = {FAULTS[first][1], FAULTS[second][1]}
        if len(stages) == 2 and not stages == {"layout", "height-width"}:
            yield first, second


def exact_scale_zero(output, reader, outputs, name):
    scale, zero_point = output.scale, output.zero_point
    if reader.parameters:
        scale, zero_point = reader.parameters(outputs, name)
    if reader.dequantize == 0:
        return numpy.ones(1), numpy.zeros(1)
    return scale, zero_point


def changes_something(fault, output, outputs, name):
    """Whether the fault can be seen in this output at all."""
    expected, stage, _ = FAULTS[fault]
    c, h, w = output.q.shape[1:]
    if stage == "scaling" and expected in ("per-channel-as-per-tensor", "channel-order"):
        return output.per_channel()
    if expected == "parameters-of-another-output":
        return len(outputs) > 1
    if fault == "height-width":
        return h > 1 and w > 1
    if fault in ("layout: rows padded", "layout: padding imagined"):
        return h > 1 and w % 8 != 0
    if fault == "layout: channels padded":
        return c > 1 and h * w > 1 and c % 8 != 0
    if stage == "layout":
        return c > 1 and h * w > 1
    if expected == "16-bit-read-as-8":
        return output.q.dtype == numpy.uint16
    if expected == "8-bit-read-as-16":
        return output.q.dtype == numpy.uint8
    if expected == "activation-missing":
        return not output.activation
    if expected == "activation-twice":
        return bool(output.activation)
    if expected == "outputs-swapped":
        return len(outputs) > 1
    return True


def make(faults, feeds, stale_feed):
    """A and B, each by name of the output, as files have them: frames x C x H x W float32.

    `feeds`: {"": outputs rightly fed, "color-order": …}, each {name: Output}; `stale_feed`: the same with every frame
    replaced by the one before.
    """
    reader = Reader()
    for fault in faults:
        reader = FAULTS[fault][2](reader)
    right = feeds[""]
    device = stale_feed[reader.fed] if reader.stale else feeds[reader.fed]
    trusted, suspect = {}, {}
    for name, output in right.items():
        # A host that applies an activation applies it in the reference as well.
        reference = output.dequantized()
        if reader.activation == "missing" and not output.activation:
            reference = activated(reference, output.missing)
        trusted[name] = reference
        suspect[name] = _read(device[name], reader, right, name)
    if reader.swapped:
        names = sorted(suspect)
        values = [suspect[name] for name in names]
        suspect = dict(zip(names, values[1:] + values[:1]))
    return trusted, suspect


def _read(output, reader, outputs, name):
    frames = []
    bounds = numpy.quantile(output.q, 0.97, axis=(0, 2, 3) if output.per_channel() else None).astype(output.q.dtype)
    for q in output.q:
        if reader.saturated:
            q = numpy.minimum(q, bounds.reshape(-1, 1, 1))
        memory = to_memory(q, **reader.memory)
        if reader.width == "16-bit-read-as-8" and memory.dtype == numpy.uint16:
            memory = memory.view(numpy.uint8)
        elif reader.width == "8-bit-read-as-16" and memory.dtype == numpy.uint8:
            memory = numpy.append(memory, numpy.zeros(len(memory) % 2, numpy.uint8)).view(numpy.uint16)
        frames.append(from_memory(memory, q.shape, **reader.read_as))
    scale, zero_point = exact_scale_zero(output, reader, outputs, name)
    real = output.dequantized(numpy.stack(frames), scale, zero_point)
    if reader.dequantize == 2:
        real = output.dequantized(real, scale, zero_point)
    if reader.activation == "twice" and output.activation:
        real = activated(real, output.activation)
    return real


def _with_noise(x, random, db):
    power = numpy.mean(x.astype(numpy.float64) ** 2) / 10 ** (db / 10)
    return x + random.normal(0, power ** 0.5, x.shape)


def _blurred(x):
    axis = -1
    return (numpy.roll(x, 1, axis) + 2.0 * x + numpy.roll(x, -1, axis)) / 4


def _mixed(x, random):
    mixing = numpy.eye(x.shape[1]) + random.normal(0, 0.7 / x.shape[1] ** 0.5, (x.shape[1], x.shape[1]))
    return numpy.einsum("dc,fchw->fdhw", mixing, x.astype(numpy.float64))


def _channel_replaced(x, random):
    x = x.copy()
    channel = x.shape[1] // 2
    x[:, channel] = random.permutation(x[:, channel].reshape(-1)).reshape(x[:, channel].shape)
    return x


# Perturbations that no fault of the list explains. x: frames x C x H x W; other: the same of other pictures.
UNRELATED = {
    "white noise": lambda x, other, random: _with_noise(x, random, 8),
    "blur": lambda x, other, random: _blurred(x),
    "values lost": lambda x, other, random: x * (random.random(x.shape) > 0.1),
    "other pictures": lambda x, other, random: other,
    "other weights": lambda x, other, random: _mixed(x, random),
    "noise in proportion": lambda x, other, random: x * (1 + random.normal(0, 0.3, x.shape)),
    "values out of order": lambda x, other, random: random.permutation(x.reshape(-1)).reshape(x.shape),
    "gain": lambda x, other, random: 0.8 * x,
    "offset": lambda x, other, random: x + 0.3 * x.std(),
    "one channel": lambda x, other, random: _channel_replaced(x, random),
    "damaged values": lambda x, other, random: numpy.where(random.random(x.shape) < 0.02, 8 * numpy.abs(x).max() * random.normal(0, 0.3, x.shape), x),
    "frames averaged": lambda x, other, random: (x + numpy.roll(x, 1, 0)) / 2,
}
