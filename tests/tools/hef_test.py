#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`gst-quant inspect` of HEF files: a small one written here, a real one where it is, against a decoder that knows
nothing of the reader, and against the vendor's own parser where that is installed."""
import re
import shutil
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

from command import DATA, MODELS, gst_quant, gst_quant_json

REAL = DATA / "hailo" / "scrfd_2.5g.hef"
NO_REAL = f"no real HEF in {REAL.parent}"


def varint(value):
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(encoded) + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def text(field, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value


def real(field, value):
    return varint(field << 3 | 5) + struct.pack("<f", value)


def reals(field, values):
    return text(field, struct.pack(f"<{len(values)}d", *values))


def small_hef():
    """One input, and one FCR output of 16 bits with a scale per channel; header of version 1."""
    def edge(direction, name, sizes, form, data_bytes, numbers):
        base = b"".join(number(1 + i, size) for i, size in enumerate(sizes)) + number(7, form) + number(12, data_bytes)
        layer = text(1, name) + text(2, base) + text(3, numbers) + text(5, "Origin")
        return text(2, number(1, direction) + text(3, layer) + text(5, b""))
    edges = edge(0, "net/input", (480, 480, 640, 640, 1, 1), 0, 1, real(2, 1) + real(4, 255))
    scales, zeros = [0.5, 0.25, 0.125], [1, 2, 3.5]
    edges += edge(1, "net/out", (76, 76, 100, 104, 3, 8), 3, 2, real(2, 9) + reals(5, zeros) + reals(6, scales))
    group = text(1, text(1, "net")) + text(3, text(3, edges)) + text(6, "net") + text(4, "net/out")
    root = text(1, number(1, 3) + number(4, 1)) + text(2, group)
    root += text(5, number(1, 25)) + text(6, number(1, 8)) + text(6, number(1, 11))
    return struct.pack(">IIIIQI", 0x01484546, 1, len(root), 0, 4, 0) + root + b"\0\0\0\0"


def fields(message):
    """(number, value) of every field; bytes where it has a length."""
    at = 0

    def read_varint():
        nonlocal at
        value, shift = 0, 0
        while True:
            value |= (message[at] & 0x7F) << shift
            shift += 7
            at += 1
            if message[at - 1] < 0x80:
                return value
    while at < len(message):
        tag = read_varint()
        if tag & 7 == 0:
            yield tag >> 3, read_varint()
        else:
            length = {1: 8, 5: 4}.get(tag & 7) or read_varint()
            yield tag >> 3, message[at:at + length]
            at += length


def every(message, *path):
    """The values at a path of field numbers."""
    if not path:
        return [message]
    return [value for field, inner in fields(message) if field == path[0] for value in every(inner, *path[1:])]


def one(message, *path, default=0):
    return (every(message, *path) or [default])[-1]


def real_of(value):
    return struct.unpack("<f", value)[0] if isinstance(value, bytes) else 0.0


def independent_streams(path):
    """The boundary edges of a HEF of version 3, old style, with what the format's fields say."""
    data = path.read_bytes()
    version, size = struct.unpack(">II", data[4:12])
    assert version == 3
    for edge in every(data[56:56 + size], 2, 3, 3, 2):
        if one(edge, 5, 3) != 0:
            continue
        layer = one(edge, 3)
        base, numbers = one(layer, 2), one(layer, 3)
        yield {"name": one(layer, 1).decode(), "direction": ["input", "output"][one(edge, 1)],
               "size": [one(base, 1), one(base, 3), one(base, 5)],
               "padded": [one(base, 2), one(base, 4), one(base, 6)],
               "order": {0: "NHWC", 1: "NHCW", 3: "FCR"}[one(base, 7)], "type": ["", "uint8", "uint16"][one(base, 12)],
               "original_names": [name.decode() for name in every(layer, 5)],
               "zero_point": [real_of(one(numbers, 1))], "scale": [real_of(one(numbers, 2))],
               "range": [real_of(one(numbers, 3)), real_of(one(numbers, 4))]}


def seen(stream):
    return {**{key: stream[key] for key in ("name", "direction", "size", "type", "original_names", "zero_point", "scale",
                                            "range")},
            "padded": stream["layout"]["padded"], "order": stream["layout"]["order"]}


def single(value):
    """As float32 has it."""
    return struct.unpack("<f", struct.pack("<f", value))[0]


def rounded(stream):
    return {key: [single(v) for v in value] if key in ("zero_point", "scale", "range") else value
            for key, value in stream.items()}


class HefTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, content, name="network.onnx"):  # the ending says nothing
        path = self.folder / name
        path.write_bytes(content)
        return path

    def test_text(self):
        process = gst_quant("inspect", self.write(small_hef()))
        self.assertEqual(process.returncode, 0, process.stderr)
        for line in ("Architecture HEF was compiled for: HAILO8L\n", "HEF Compatible for: HAILO8L, HAILO8\n",
                     "Network group name: net, Single Context\n    Network name: net/net\n        VStream infos:\n"
                     "            Input  net/input UINT8, NHWC(480x640x1)\n"
                     "            Output net/out UINT16, FCR(76x100x3)\n",
                     "Output net/out  FCR uint16 76x100x3 in 76x104x8  scale 0.5 … (3)  zero 1 … (3)",
                     "normalization: unknown (its real range is [0, 255]",
                     "25 OUTPUT_SCALE_PER_FEATURE", "11 HW_PADDING (optional)"):
            self.assertIn(line, process.stdout)

    def test_json(self):
        report = gst_quant_json("inspect", self.write(small_hef()))
        group = report["groups"][0]
        output = group["streams"][1]
        self.assertEqual(output["scale"], [0.5, 0.25, 0.125])
        self.assertEqual(output["zero_point"], [1, 2, 3.5])
        self.assertEqual(output["layout"], {"order": "FCR", "padded": [76, 104, 8], "bytes": 76 * 104 * 8 * 2})
        self.assertEqual([view["name"] for view in group["views"]], ["net/input", "net/out"])
        self.assertEqual(report["header"]["weight_bytes"], 4)

    def test_damaged_files_are_named(self):
        whole = small_hef()
        little = struct.pack("<I", 0x01484546) + whole[4:]
        for content, reason in ((whole[:-1], "cut off"), (whole[:20], "cut off"), (whole + b"x", "belong to no part"),
                                (whole[:28] + b"\xFF" * (len(whole) - 32) + whole[-4:], "damaged")):
            process = gst_quant("inspect", self.write(content))
            self.assertEqual(process.returncode, 1, process.stdout)
            self.assertIn("network.onnx", process.stderr)
            self.assertIn(reason, process.stderr)
            self.assertEqual(process.stdout, "")
        self.assertEqual(gst_quant("inspect", self.write(little)).returncode, 1)

    def test_other_files_are_still_what_they_were(self):
        self.assertIn("Conv", gst_quant("inspect", MODELS / "ball.onnx").stdout)

    @unittest.skipUnless(REAL.exists(), NO_REAL)
    def test_real_file_against_an_independent_decoder(self):
        report = gst_quant_json("inspect", REAL)
        self.assertEqual([rounded(seen(stream)) for stream in report["groups"][0]["streams"]],
                         list(independent_streams(REAL)))

    @unittest.skipUnless(REAL.exists(), NO_REAL)
    def test_real_file_as_protoc_decodes_it(self):
        """What `protoc --decode_raw` shows of the messages, floats from their bits."""
        report = gst_quant_json("inspect", REAL)
        self.assertEqual((report["architecture"], report["runs_on"], report["sdk_version"]),
                         ("HAILO15H", ["HAILO15H", "HAILO10H"], "5.2.0"))
        self.assertEqual((report["header"]["version"], report["header"]["message_bytes"]), (3, 16878))
        self.assertEqual([e["id"] for e in report["extensions"]], [0, 3, 26, 20, 12, 28, 8, 11, 33])
        group = report["groups"][0]
        self.assertEqual((group["name"], group["contexts"]), ("scrfd_2_5g", 1))
        streams = {stream["name"]: stream for stream in group["streams"]}
        self.assertEqual(len(streams), 10)
        given = streams["scrfd_2_5g/input_layer1"]
        self.assertEqual((given["size"], given["scale"], given["zero_point"], given["range"], given["normalization"]),
                         ([640, 640, 3], [1], [0], [0, 255], "inside"))
        taken = rounded(streams["scrfd_2_5g/conv57"])
        for key, bits in (("zero_point", [0x42E00000]), ("scale", [0x3D137AC1]), ("range", [0xC0810B69, 0x40A4C324])):
            self.assertEqual(taken[key], [struct.unpack(">f", struct.pack(">I", b))[0] for b in bits])
        self.assertEqual((taken["size"], taken["layout"]["order"], taken["layout"]["bytes"], taken["original_names"]),
                         ([20, 20, 20], "NHCW", 8000, ["Conv_165"]))
        order = ["input_layer1", "conv43", "conv42", "conv44", "conv50", "conv49", "conv51", "conv56", "conv55", "conv57"]
        self.assertEqual([view["name"] for view in group["views"]], ["scrfd_2_5g/" + name for name in order])

    @unittest.skipUnless(shutil.which("hailortcli"), "hailortcli is not installed")
    def test_against_the_vendors_parser(self):
        """Names, types, orders and shapes, line by line. The vendor verifies checksums: only real files pass."""
        if not REAL.exists():
            self.skipTest(NO_REAL)
        process = subprocess.run(["hailortcli", "parse-hef", REAL], capture_output=True, text=True, cwd=self.folder,
                                 timeout=60, check=False)
        if process.returncode != 0:
            self.skipTest("this hailortcli does not read the file: " + (process.stderr or process.stdout).strip())
        wanted = re.compile(r"^\s*(?:(?:Input|Output) +\S+ (?:UINT|FLOAT).*|Network (?:group )?name: .*)$", re.MULTILINE)

        def lines(output):
            return [line.strip() for line in wanted.findall(output)]
        self.assertEqual(lines(gst_quant("inspect", REAL).stdout), lines(process.stdout))


if __name__ == "__main__":
    unittest.main()
