# SPDX-License-Identifier: MIT
"""Real networks, run on real pictures, with faults planted into their outputs, and what diagnose says."""
import json
import pathlib
import subprocess

import numpy

from command import DATA, gst_quant, gst_quant_json
from planted_faults import FAULTS, UNRELATED, Output, changes_something, make

FRAMES = 2
INPUT_FAULTS = {"color-order", "normalization-missing", "normalization-twice"}


def decoded(path, width, height, gray):
    """One picture at network size, by GStreamer: uint8 (H, W, C)."""
    form = "GRAY8" if gray else "RGB"
    process = subprocess.run(["gst-launch-1.0", "-q", "filesrc", f"location={path}", "!", "jpegdec", "!", "videoconvert", "!",
                              "videoscale", "!", f"video/x-raw,format={form},width={width},height={height}", "!", "fdsink"],
                             capture_output=True, timeout=600, check=True)
    return numpy.frombuffer(process.stdout, numpy.uint8).reshape(height, width, 1 if gray else 3)


class Network:
    """A model of the shared data, quantized, and its outputs on a few pictures, rightly and wrongly fed."""

    def __init__(self, folder, name, color, mean, std, size, activations, square=False, per_channel=False):
        self.folder = pathlib.Path(folder) / name
        self.folder.mkdir()
        self.color, self.mean, self.std, self.size = color, numpy.array(mean), numpy.array(std), size
        self.activations, self.square, self.per_channel = activations, square, per_channel
        self.archive = self.folder / f"{name}.qar"
        calibration = self.folder / "calibration"
        calibration.mkdir()
        for picture in sorted((DATA / "images/wider/calib").iterdir())[:16]:
            (calibration / picture.name).symlink_to(picture)
        process = gst_quant("optimize", DATA / f"models/{name}.onnx", "--calib", calibration, "--color", color,
                            "--mean", ",".join(map(str, mean)), "--std", ",".join(map(str, std)), "--level", 0,
                            "--output", self.archive)
        assert process.returncode == 0, process.stderr
        self.pictures = self.folder / "pictures"
        self.pictures.mkdir()
        chosen = sorted((DATA / "images/wider/test").iterdir())[:FRAMES + 1]
        for picture in chosen:
            (self.pictures / picture.name).symlink_to(picture)
        pixels = numpy.stack([decoded(picture, size[0], size[1], color == "gray") for picture in chosen])
        self.pixels = pixels[..., ::-1] if color == "bgr" else pixels
        self.file = self.folder / "frames.npy"
        numpy.save(self.file, self.pixels)
        self.params = None
        self.made = {}

    def run(self, frames, context="quantized", resize="stretch"):
        """{name: frames x C x H x W} of the integers, or of floats for other contexts."""
        folder = self.folder / "run"
        arguments = ["--raw"] if context == "quantized" else []
        process = gst_quant("run", self.archive, "--context", context, "--input", frames, "--output", folder, "--resize", resize,
                            *arguments)
        assert process.returncode == 0, process.stderr
        names = json.loads((self.folder / "run/raw.json").read_text()) if arguments else self.params
        if arguments and self.params is None:
            self.params = names
        result = {}
        for entry in names:
            stem = entry["name"].replace("/", "_").replace(":", "_")
            result[stem] = self.maps(numpy.load(folder / f"{stem}{'.raw' if arguments else ''}.npy"))
        return result

    def maps(self, x):
        """As frames x C x H x W."""
        if x.ndim == 4:
            return x
        frames, positions, channels = x.shape
        side = round(positions ** 0.5) if self.square else 0
        grid = (side, side) if side * side == positions else (1, positions)
        return x.transpose(0, 2, 1).reshape(frames, channels, *grid)

    def filed(self, x):
        """As this network's outputs lie in files."""
        if self.per_channel or self.square:
            return x
        return x.reshape(x.shape[0], x.shape[1], -1).transpose(0, 2, 1)

    def feed(self, fed):
        """Outputs of all frames, wrongly fed: {name: Output}."""
        if fed not in self.made:
            frames, resize = self.file, "stretch"
            if fed in ("pictures", "resize"):
                frames, resize = self.pictures, "letterbox" if fed == "resize" else "stretch"
            elif fed:
                frames = self.folder / "wrong.npy"
                pixels = self.pixels.astype(numpy.float64)
                wrong = {"color-order": pixels[..., ::-1], "normalization-missing": pixels * self.std + self.mean,
                         "normalization-twice": (pixels - self.mean) / self.std}[fed]
                numpy.save(frames, numpy.clip(numpy.rint(wrong), 0, 255).astype(numpy.uint8))
            self.made[fed] = self.outputs(self.run(frames, resize=resize))
        return self.made[fed]

    def outputs(self, integers):
        result = {}
        for entry in self.params:
            stem = entry["name"].replace("/", "_").replace(":", "_")
            output = Output(integers[stem], numpy.array(entry["scale"]), numpy.array(entry["zero_point"]),
                            self.activations.get(stem, ""))
            if self.per_channel and output.q.shape[1] > 1:
                output = self.requantized(output, stem)
            result[stem] = output
        return result

    def requantized(self, output, name):
        """In 16 bits with a scale for each channel, as the network's own range of it says."""
        real = output.dequantized()
        if "" in self.made:
            scale, zero_point = self.made[""][name].scale, self.made[""][name].zero_point
        else:
            least = numpy.minimum(real.min(axis=(0, 2, 3)), 0)
            greatest = numpy.maximum(real.max(axis=(0, 2, 3)), 0)
            scale = ((greatest - least) / 65535).astype(numpy.float32).astype(numpy.float64)
            zero_point = numpy.rint(-least / scale)
        shape = (1, -1, 1, 1)
        q = numpy.clip(numpy.rint(real / scale.reshape(shape) + zero_point.reshape(shape)), 0, 65535).astype(numpy.uint16)
        return Output(q, scale, zero_point, output.activation, output.missing)

    def sets(self, faults):
        """Feeds for planted_faults.make: A's frames, and the same one frame late."""
        fed = {FAULTS[fault][0] for fault in faults}
        by_pictures = "resize" in fed
        keys = ["", *(fed & (INPUT_FAULTS | {"resize"}))]
        crop = not fed & (INPUT_FAULTS | {"resize"}) and self.per_channel
        def part(first, key):
            outputs = self.feed("pictures" if by_pictures and not key else key)
            # 76 columns, which a device pads, where the network has 80.
            return {name: Output(output.q[first:first + FRAMES, :, :, :76 if crop else None], output.scale, output.zero_point,
                                 output.activation, output.missing) for name, output in outputs.items()}
        self.feed("")
        return {key: part(1, key) for key in keys}, {key: part(0, key) for key in keys}

    def visible(self, fault):
        """Names of the outputs in which it shows."""
        right = self.sets([fault])[0][""]
        if fault == "color-order" and self.color == "gray":
            return []
        return [name for name, output in right.items() if changes_something(fault, output, right, name)]

    def parameters(self, feeds):
        file = self.folder / "params.json"
        file.write_text(json.dumps([{"name": name, "scale": output.scale.tolist(), "zero_point": output.zero_point.tolist(),
                                     "type": output.q.dtype.name}
                                    for name, output in feeds[""].items()]))
        return file

    def diagnose(self, trusted, suspect, feeds, images=None):
        """{name of the output: (verdict, what was named, what cannot be told from it)}."""
        for side, tensors in (("a", trusted), ("b", suspect)):
            folder = self.folder / side
            folder.mkdir(exist_ok=True)
            for name, values in tensors.items():
                numpy.save(folder / f"{name}.npy", numpy.ascontiguousarray(self.filed(values).astype(numpy.float32)))
        arguments = ["--params", self.parameters(feeds)]
        if images is not None:
            arguments += ["--model", self.archive, "--images", images]
        self.report = gst_quant_json("diagnose", self.folder / "a", self.folder / "b", *arguments)
        return {output["name"]: (output["verdict"], output["ids"], [other["ids"] for other in output["explanations"]])
                for output in self.report["outputs"]}

    def planted(self, faults):
        """What diagnose says of these faults: {name: …} as diagnose() has it."""
        feeds, late = self.sets(faults)
        trusted, suspect = make(faults, feeds, late)
        images = None
        if set(feeds) - {""}:
            images = self.folder / "images"
            if "resize" in feeds:
                images = self.folder / "late-pictures"
                if not images.exists():
                    images.mkdir()
                    for picture in sorted(self.pictures.iterdir())[1:]:
                        (images / picture.name).symlink_to(picture)
            else:
                images = self.folder / "late-frames.npy"
                numpy.save(images, self.pixels[1:])
        return self.diagnose(trusted, suspect, feeds, images)

    def unrelated(self, name):
        feeds, _ = self.sets([])
        random = numpy.random.default_rng(sorted(UNRELATED).index(name))
        others = self.feed("other") if "other" in self.made else self.other_pictures()
        trusted = {key: output.dequantized() for key, output in feeds[""].items()}
        suspect = {key: UNRELATED[name](values, others[key].dequantized()[:FRAMES, :, :, :values.shape[3]], random)
                   for key, values in trusted.items()}
        return self.diagnose(trusted, suspect, feeds)

    def other_pictures(self):
        chosen = sorted((DATA / "images/wider/test").iterdir())[20:20 + FRAMES]
        file = self.folder / "others.npy"
        pixels = numpy.stack([decoded(picture, *self.size, self.color == "gray") for picture in chosen])
        numpy.save(file, pixels[..., ::-1] if self.color == "bgr" else pixels)
        self.made["other"] = self.outputs(self.run(file))
        return self.made["other"]


NETWORKS = {
    "xfeat_480x640": lambda folder, name: Network(folder, name, "gray", [0], [255], (640, 480), {"heatmap": "sigmoid"},
                                                  per_channel=True),
    "face_rfb320": lambda folder, name: Network(folder, name, "rgb", [127], [128], (320, 240), {"scores": "softmax"}),
    "nanodet_m": lambda folder, name: Network(folder, name, "bgr", [103.53, 116.28, 123.675], [57.375, 57.12, 58.395], (416, 416),
                                              {"792": "sigmoid", "814": "sigmoid", "836": "sigmoid"}, square=True),
}
