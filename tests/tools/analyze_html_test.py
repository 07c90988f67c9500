#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The page of `analyze --html` in headless Chromium: no console error, nothing blank, on phone and desktop."""
import pathlib
import re
import shutil
import struct
import subprocess
import tempfile
import unittest
import zlib

import numpy

from command import MODELS, gst_quant, optimize_ball

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--enable-logging=stderr",
         # The page has no network: every name it could ask for is nowhere.
         "--host-resolver-rules=MAP * ~NOTFOUND")
BLUE = (0x1F, 0x6F, 0xB2)  # of the first line of both charts
ORANGE = (0xD9, 0x82, 0x18)  # of the second line of the second chart


def read_png(path):
    """8-bit RGB or RGBA without interlacing, as browsers write it: (height, width, 3)."""
    data = path.read_bytes()
    offset, packed = 8, b""
    while offset < len(data):
        length, kind = struct.unpack(">I4s", data[offset:offset + 8])
        body = data[offset + 8:offset + 8 + length]
        if kind == b"IHDR":
            width, height, depth, color, _, _, interlace = struct.unpack(">IIBBBBB", body)
            assert depth == 8 and color in (2, 6) and interlace == 0, (depth, color, interlace)
        elif kind == b"IDAT":
            packed += body
        offset += 12 + length
    channels = 3 if color == 2 else 4
    rows = numpy.frombuffer(zlib.decompress(packed), numpy.uint8).reshape(height, 1 + width * channels)
    image = numpy.zeros((height, width * channels), numpy.uint8)
    above = numpy.zeros(width * channels, numpy.int64)
    for y, row in enumerate(rows):
        line = row[1:].astype(numpy.int64)
        if row[0] == 2:
            line = (line + above) & 255
        elif row[0] in (1, 3, 4):
            for x in range(line.size):
                left = line[x - channels] if x >= channels else 0
                corner = above[x - channels] if x >= channels else 0
                if row[0] == 1:
                    guess = left
                elif row[0] == 3:
                    guess = (left + above[x]) // 2
                else:
                    near = left + above[x] - corner
                    guess = min((left, above[x], corner), key=lambda value: abs(near - value))
                line[x] = (line[x] + guess) & 255
        image[y] = line
        above = line
    return image.reshape(height, width, channels)[:, :, :3]


def share_of(image, color):
    return (numpy.abs(image.astype(int) - color).max(axis=2) < 12).mean()


@unittest.skipUnless(CHROMIUM, "no Chromium is installed (packages.txt, section browser)")
class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        kept = tempfile.TemporaryDirectory()
        cls.addClassCleanup(kept.cleanup)
        cls.folder = pathlib.Path(kept.name)
        archive = cls.folder / "ball.qar"
        process = optimize_ball(archive, "--level", "0")
        assert process.returncode == 0, process.stderr
        cls.page = cls.folder / "ball.html"
        process = gst_quant("analyze", archive, "--data", MODELS / "ball_test.npy", "--frames", 4, "--full", "--html", cls.page)
        assert process.returncode == 0, process.stderr

    def browse(self, page, *arguments):
        with tempfile.TemporaryDirectory() as profile:
            process = subprocess.run([CHROMIUM, *QUIET, f"--user-data-dir={profile}", *arguments, page.as_uri()],
                                     capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(process.returncode, 0, process.stderr)
        return process

    def console(self, process):
        return re.findall(r".*:CONSOLE[:(].*", process.stderr)

    def shoot(self, width, height):
        file = self.folder / f"{width}.png"
        process = self.browse(self.page, f"--window-size={width},{height}", f"--screenshot={file}")
        self.assertEqual(self.console(process), [])
        image = read_png(file)
        self.assertEqual(image.shape, (height, width, 3))
        return image

    def test_a_console_error_would_be_seen(self):
        page = self.folder / "broken.html"
        page.write_text("<!doctype html><script>nothing.there()</script>")
        self.assertIn("nothing is not defined", "".join(self.console(self.browse(page, "--dump-dom"))))

    def test_scripts_ran_to_their_end(self):
        process = self.browse(self.page, "--dump-dom")
        self.assertEqual(self.console(process), [])
        # The section that the last lines of the script open, and both canvases sized by the library.
        self.assertIn('<section id="full">', process.stdout)
        self.assertEqual(len(re.findall(r'<canvas[^>]*style="[^"]*height: \d+px', process.stdout)), 2)

    def test_phone_and_desktop(self):
        for width, height in ((390, 844), (1280, 900)):
            with self.subTest(width=width):
                image = self.shoot(width, height)
                self.assertGreater((image != 255).any(axis=2).mean(), 0.02)
                self.assertLess((image != 255).any(axis=2).mean(), 0.5)

    def test_both_charts_have_drawn_at_both_widths(self):
        for width in (390, 1280):
            with self.subTest(width=width):
                image = self.shoot(width, 2400)
                rows = numpy.abs(image.astype(int) - BLUE).max(axis=2).min(axis=1) < 12
                # Blue in two bands: the first chart's, and the second's with orange in it.
                bands = numpy.flatnonzero(numpy.diff(numpy.concatenate(([0], rows.astype(int), [0]))))
                starts, ends = bands[::2], bands[1::2]
                merged = []
                for start, end in zip(starts, ends):
                    if merged and start - merged[-1][1] < 60:
                        merged[-1][1] = end
                    else:
                        merged.append([start, end])
                tall = [(start, end) for start, end in merged if end - start > 40]
                self.assertEqual(len(tall), 2, merged)
                self.assertEqual(share_of(image[tall[0][0]:tall[0][1]], ORANGE), 0)
                self.assertGreater(share_of(image[tall[1][0]:tall[1][1] + 60], ORANGE), 0)

    def test_nothing_is_wider_than_the_phone(self):
        page = self.folder / "measured.html"
        page.write_text(self.page.read_text() + "<script>document.title = 'wide ' + "
                        "(document.documentElement.scrollWidth - document.documentElement.clientWidth)</script>")
        process = self.browse(page, "--window-size=390,844", "--dump-dom")
        self.assertIn("<title>wide 0</title>", process.stdout)


if __name__ == "__main__":
    unittest.main()
