#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The page of `analyze --html` in headless Chromium: no console error, nothing blank, on phone and desktop."""
import json
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
BLUE = (0x1F, 0x6F, 0xB2)  # of the first line of a chart, and of float values
ORANGE = (0xD9, 0x82, 0x18)  # of the second line, and of quantized values
SHADE = (0xE6, 0xED, 0xF3)  # of the integers' range
# Of each canvas, in the order of the document: where it is, and the share of its opaque pixels of each colour.
MEASURE = """<script>{
const colors = COLORS;
const share = (pixels, color) => {
  let count = 0;
  for (let i = 0; i < pixels.length; i += 4)
    count += pixels[i + 3] > 250 && color.every((value, c) => Math.abs(pixels[i + c] - value) < 3);
  return 4 * count / pixels.length;
};
const canvases = [...document.querySelectorAll("canvas")].map(canvas => {
  const { left, top, right, bottom } = canvas.getBoundingClientRect();
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return { left, top, right, bottom, shares: Object.fromEntries(Object.entries(colors).map(([name, color]) => [name, share(pixels, color)])) };
});
document.title = JSON.stringify({ canvases, beyond: document.documentElement.scrollWidth - document.documentElement.clientWidth });
}</script>"""


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
        text = cls.page.read_text()
        start = text.index('id="report">') + len('id="report">')
        cls.report = json.loads(text[start:text.index("</script>", start)])

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
        # The section that the last lines of the script open, and every canvas sized by the library:
        # both lines, and histogram and scatter of each of the worst layers and of the chosen one.
        self.assertIn('<section id="full">', process.stdout)
        sized = re.findall(r'<canvas[^>]*style="[^"]*height: \d+px', process.stdout)
        self.assertEqual(len(sized), 2 + 2 * (len(self.report["worst"]) + 1))

    def test_phone_and_desktop(self):
        for width, height in ((390, 844), (1280, 900)):
            with self.subTest(width=width):
                image = self.shoot(width, height)
                self.assertGreater((image != 255).any(axis=2).mean(), 0.02)
                self.assertLess((image != 255).any(axis=2).mean(), 0.5)

    def measure(self, width):
        """What MEASURE finds in a window of this width, and how many pixels the page is too wide."""
        page = self.folder / "measured.html"
        colors = json.dumps({"blue": BLUE, "orange": ORANGE, "shade": SHADE})
        page.write_text(self.page.read_text() + MEASURE.replace("COLORS", colors))
        process = self.browse(page, f"--window-size={width},844", "--dump-dom")
        self.assertEqual(self.console(process), [])
        return json.loads(re.search("<title>({.*?})</title>", process.stdout).group(1))

    def test_every_chart_has_drawn_and_fits_at_both_widths(self):
        for width, beside in ((390, False), (1280, True)):
            with self.subTest(width=width):
                page = self.measure(width)
                self.assertEqual(page["beyond"], 0)
                on_layer, alone, *values = page["canvases"]
                self.assertGreater(on_layer["shares"]["blue"], 0)
                self.assertEqual(on_layer["shares"]["orange"], 0)
                self.assertGreater(alone["shares"]["blue"], 0)
                self.assertGreater(alone["shares"]["orange"], 0)
                for histogram, scatter in zip(values[::2], values[1::2], strict=True):
                    self.assertGreater(histogram["shares"]["blue"], 0)
                    self.assertGreater(histogram["shares"]["orange"], 0)
                    self.assertGreater(histogram["shares"]["shade"], 0.05)
                    self.assertGreater(scatter["shares"]["blue"], 0)
                    self.assertEqual(scatter["shares"]["shade"], 0)
                    self.assertEqual(histogram["top"] == scatter["top"], beside)
                    self.assertGreater(scatter["right"] - scatter["left"], 300)

    def test_another_layer_can_be_chosen(self):
        layers = [layer for layer in self.report["layers"] if "pairs" in layer]
        last = self.report["layers"].index(layers[-1])
        process = self.browse(self.page, "--dump-dom")
        options = re.findall(r'<option value="(\d+)">([^<]*)</option>', process.stdout)
        self.assertEqual([int(value) for value, _ in options],
                         [i for i, layer in enumerate(self.report["layers"]) if "pairs" in layer])
        self.assertIn(f"Float against quantized values of {layers[0]['layer']}\"", process.stdout)
        page = self.folder / "chosen.html"
        page.write_text(self.page.read_text() + f"""<script>
            const select = document.querySelector("select");
            select.value = "{last}";
            select.dispatchEvent(new Event("change"));
            const chart = Chart.getChart([...document.querySelectorAll("canvas")].at(-1));
            document.title = JSON.stringify(chart.data.datasets.filter(set => set.type === "scatter").flatMap(set => set.data));
            </script>""")
        process = self.browse(page, "--dump-dom")
        self.assertEqual(self.console(process), [])
        drawn = json.loads(re.search(r"<title>(\[.*?\])</title>", process.stdout).group(1))
        layer = layers[-1]
        expected = sorted(zip(layer["pairs"]["channel"], layer["pairs"]["float"], layer["pairs"]["quantized"]))
        for point, (channel, native, quantized) in zip(
                sorted(drawn, key=lambda point: (point["channel"], point["y"], point["x"])), expected, strict=True):
            self.assertEqual((point["channel"], point["y"]), (channel, native))
            self.assertAlmostEqual(point["x"], (quantized - layer["zero_point"]) * layer["scale"], places=5)


if __name__ == "__main__":
    unittest.main()
