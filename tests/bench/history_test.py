#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The history of ratios: what is kept, and what counts as a regression."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

BENCH = pathlib.Path(__file__).resolve().parents[2] / "bench"
sys.path.insert(0, str(BENCH))
import history  # noqa: E402

FIGURES = {
    "machine": {"processor": "P", "isa": "avx2", "commit": "c1"},
    "kernels": [{"name": "conv", "cpu_time_us": 5, "share_of_limit": 0.5}, {"name": "copy", "cpu_time_us": 7}],
    "peers": {"results": [{"model": "m", "ratios": {"emulator / ort-int8": 0.8}}, {"model": "n", "ratios": None}],
              "means": {"emulator / ort-int8": {"geometric_mean": 0.8, "models": 1}}},
    "pipelines": {"results": [{"model": "m",
                               "race": [{"name": "engine", "per_engine": 1.0}, {"name": "pipeline", "per_engine": 1.02},
                                        {"name": "pipeline-2t", "absent": "why"}],
                               "streams": [{"streams": 1, "of_one": 1.0}, {"streams": 2, "of_one": 1.6}],
                               "live": {"one core": {"throughput_loss": 0.2}}}]},
    "memory": [{"model": "m", "empty_mib": 10, "pipeline_mib": 60}],
}
RATIOS = {"conv: share of limit": 0.5, "m: emulator / ort-int8": 0.8, "mean: emulator / ort-int8": 0.8,
          "m: pipeline / engine": 1.02, "m: 2 streams / one": 1.6, "m: time with quanttee, one core": 1.25,
          "m: memory / empty pipeline": 6}


class History(unittest.TestCase):
    def test_keeps_every_ratio_and_no_time(self):
        self.assertEqual(history.ratios(FIGURES), RATIOS)
        self.assertEqual(history.ratios({"machine": {}}), {})

    def test_less_time_and_more_throughput_are_better(self):
        before = {"ratios": {"a: x / y": 1.0, "m: 2 streams / one": 1.5, "k: share of limit": 0.5, "gone": 1}}
        after = {"ratios": {"a: x / y": 1.2, "m: 2 streams / one": 1.8, "k: share of limit": 0.4, "new": 1}}
        changes = {name: worse for name, _, _, worse in history.changes(before, after)}
        self.assertEqual(list(changes), ["k: share of limit", "a: x / y", "m: 2 streams / one"])
        self.assertAlmostEqual(changes["k: share of limit"], 1.25)
        self.assertAlmostEqual(changes["a: x / y"], 1.2)
        self.assertAlmostEqual(changes["m: 2 streams / one"], 1 / 1.2)

    def test_only_the_same_machine_is_compared(self):
        entry = {"processor": "P", "isa": "avx2", "commit": "1"}
        others = [{**entry, "isa": "sse4"}, {**entry, "processor": "Q"}]
        last = {**entry, "commit": "2"}
        self.assertEqual(history.comparable([entry, *others, last]), (last, entry))
        self.assertEqual(history.comparable([*others, last]), (last, None))

    def test_the_command_names_what_became_worse(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "history.jsonl"
            history.append(path, FIGURES)
            slower = json.loads(json.dumps(FIGURES))
            slower["machine"]["commit"] = "c2"
            slower["peers"]["results"][0]["ratios"]["emulator / ort-int8"] = 1.6
            history.append(path, slower)
            text = subprocess.run([sys.executable, BENCH / "history.py", path], check=True, capture_output=True,
                                  text=True).stdout
        self.assertRegex(text, r"against c1")
        self.assertRegex(text, r"worse +m: emulator / ort-int8 +0\.800 -> +1\.600")
        self.assertRegex(text, rf"1 of {len(RATIOS)} ratios moved")


if __name__ == "__main__":
    unittest.main()
