#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""gst-quant diagnose on outputs of real networks: planted faults, unrelated perturbations, and the story of docs/diagnose.md.

All pairs: diagnose_table.py. Here a few of them, always the same. Each case is tried on one of the networks; with
GST_QUANT_TEST_ALL=1 in the environment on every one (four minutes on two cores).
"""
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import tempfile
import unittest

import numpy

from command import HAS_DATA, NO_DATA, gst_quant, gst_quant_json
from diagnose_cases import NETWORKS
from diagnose_table import judge, selected_pairs
from planted_faults import FAULTS, UNRELATED, from_memory, to_memory

FAILED, USAGE = 1, 2
PAIRS = 8
ON_EVERY_NETWORK = os.environ.get("GST_QUANT_TEST_ALL", "") not in ("", "0")


@unittest.skipUnless(HAS_DATA, NO_DATA)
class RealNetworks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.networks = {}

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def network(self, name):
        """Made when it is first asked for."""
        if name not in self.networks:
            self.networks[name] = NETWORKS[name](self.folder.name, name)
        return self.networks[name]

    def of_networks(self, cases, look):
        """(network, case, look(network, case)), the networks beside each other."""
        cases = list(cases)

        def look_at(numbered):
            index, name = numbered
            network = self.network(name)
            mine = cases if ON_EVERY_NETWORK else cases[index::len(NETWORKS)]
            return [(network, case, look(network, case)) for case in mine]

        with concurrent.futures.ThreadPoolExecutor() as pool:
            return [entry for entries in pool.map(look_at, enumerate(NETWORKS)) for entry in entries]

    def test_every_single_fault_is_found(self):
        for network, fault, judged in self.of_networks(FAULTS, lambda network, fault: judge(network, [fault])):
            for name, _, first, among in judged:
                with self.subTest(f"{network.archive.stem} {name}: {fault}"):
                    self.assertTrue(among, f"named: {' + '.join(sorted(first))}")

    def test_pairs_are_found(self):
        found, of, missed = 0, 0, []
        for network, pair, judged in self.of_networks(selected_pairs(PAIRS, seed=7), judge):
            for name, _, first, among in judged:
                found, of = found + among, of + 1
                if not among:
                    missed.append(f"{network.archive.stem} {name}: {pair}: {' + '.join(sorted(first))}")
        self.assertGreater(of, 15)
        self.assertGreaterEqual(found, 0.9 * of, "\n".join(missed))

    def test_unrelated_perturbations_are_none_of_these(self):
        for network, name, said in self.of_networks(UNRELATED, lambda network, name: network.unrelated(name)):
            for output, (verdict, ids, _) in said.items():
                with self.subTest(f"{network.archive.stem} {output}: {name}"):
                    self.assertEqual(verdict, "none of these", ids)

    def test_the_forums_case(self):
        """Three outputs, two in padded FCR and one in NHWC, uint16, a scale for each channel (docs/diagnose.md)."""
        network = self.network("xfeat_480x640")
        outputs = network.sets([])[0][""]
        heatmap = outputs["heatmap"]
        # The same values in 16 bits, like the others.
        outputs["heatmap"] = dataclasses.replace(heatmap, q=heatmap.q.astype(numpy.uint16) * 257, scale=heatmap.scale / 257,
                                                 zero_point=heatmap.zero_point * 257)
        layouts = {"feats": {"order": "NHWC"}, "keypoints": {"order": "FCR", "pad_width": 8}, "heatmap": {"order": "FCR", "pad_width": 8}}
        device, good, wrong, right = (network.folder / f"forum-{name}" for name in ("device", "good", "wrong", "right"))
        for folder in (device, good, wrong, right):
            folder.mkdir()
        for name, output in outputs.items():
            shape = output.q.shape[1:]
            buffers = [to_memory(q, **layouts[name]) for q in output.q]
            numpy.concatenate(buffers).tofile(device / f"{name}.bin")
            numpy.save(good / f"{name}.npy", output.dequantized())
            # Dense NHWC, and the first scale and zero point for all channels.
            dense = numpy.stack([from_memory(buffer, shape, "NHWC") for buffer in buffers])
            numpy.save(wrong / f"{name}.npy", output.dequantized(dense, output.scale[:1], output.zero_point[:1]))
            indexed = numpy.stack([from_memory(buffer, shape, **layouts[name]) for buffer in buffers])
            numpy.save(right / f"{name}.npy", output.dequantized(indexed))
        params = network.parameters({"": outputs})

        def said(suspect, *arguments):
            report = gst_quant_json("diagnose", good, suspect, "--params", params, *arguments)
            return {output["name"]: output["ids"] or output["verdict"] for output in report["outputs"]}

        self.assertEqual(said(wrong), {"feats": "per-channel-as-per-tensor", "heatmap": "layout",
                                       "keypoints": "layout + per-channel-as-per-tensor"})
        # The buffers themselves, before anybody reads them.
        self.assertEqual(said(device, "--type", "uint16"), {"feats": "agree", "heatmap": "layout", "keypoints": "layout"})
        self.assertEqual(said(right), dict.fromkeys(outputs, "agree"))
        text = gst_quant("diagnose", good, wrong, "--params", params).stdout
        self.assertIn("it lies in memory as FCR, rows padded from 76 to 80 and was read as dense NHWC", text)
        self.assertIn("all 65 channels were given the scale and zero point of channel 0", text)
        self.assertIn("get_quant_infos()", text)


class CommandLine(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        random = numpy.random.default_rng(1)
        self.a = random.normal(0, 1, (2, 5, 12, 14)).astype(numpy.float32)
        numpy.save(self.folder / "a.npy", self.a)

    def save(self, values, name="b.npy"):
        numpy.save(self.folder / name, numpy.ascontiguousarray(values))
        return self.folder / name

    def ids(self, suspect, *arguments):
        output = gst_quant_json("diagnose", self.folder / "a.npy", suspect, *arguments)["outputs"][0]
        return output["ids"] or output["verdict"]

    def test_shapes_that_say_how_they_are_to_be_read(self):
        self.assertEqual(self.ids(self.folder / "a.npy"), "agree")
        self.assertEqual(self.ids(self.save(self.a.transpose(0, 2, 3, 1))), "agree")
        self.assertEqual(self.ids(self.save(self.a.transpose(0, 2, 3, 1).reshape(self.a.shape))), "layout")

    def test_raw_integers_with_parameters(self):
        q = numpy.clip(numpy.rint(self.a / 0.05 + 120), 0, 255).astype(numpy.uint8)
        (self.folder / "q.json").write_text(json.dumps([{"name": "a", "scale": 0.05, "zero_point": 120}]))
        numpy.save(self.folder / "a.npy", (q.astype(numpy.float32) - 120) * numpy.float32(0.05))
        (self.folder / "other-name.json").write_text(json.dumps([{"name": "output", "scale": [0.05], "zero_point": [120]}]))
        q.transpose(0, 2, 1, 3).tofile(self.folder / "b.bin")
        self.assertEqual(self.ids(self.folder / "b.bin", "--shape", "2x12x14x5", "--params", self.folder / "q.json"), "layout")
        for params in ("q.json", "other-name.json"):
            self.assertEqual(self.ids(self.save(q), "--params", self.folder / params), "agree")

    def test_the_report(self):
        process = gst_quant("diagnose", self.folder / "a.npy", self.save(0.5 * self.a + 1))
        self.assertEqual(process.returncode, 0, process.stderr)
        lines = process.stdout.splitlines()
        self.assertEqual(lines[0], "a: none of these.")
        self.assertIn("it resembles a gain of 0.5 and an offset of 1", process.stdout)
        self.assertIn("not tested: quantization parameters", process.stdout)

    def test_what_cannot_be_read_fails_and_is_named(self):
        empty = self.folder / "empty"
        empty.mkdir()
        short = self.save(self.a.reshape(-1)[:-1], "short.npy")
        for arguments, word in (((self.folder / "a.npy", self.folder / "nowhere"), "nowhere"),
                                ((self.folder / "a.npy", empty), "empty"),
                                ((self.folder / "a.npy", short), "1679 elements"),
                                ((self.folder / "a.npy", self.folder / "a.npy", "--shape", "axb"), "--shape"),
                                ((self.folder / "a.npy", self.folder / "a.npy", "--params", self.folder / "q.json"), "q.json")):
            with self.subTest(word):
                process = gst_quant("diagnose", *arguments)
                self.assertEqual(process.returncode, FAILED, process.stdout)
                self.assertIn(word, process.stderr)

    def test_wrong_usage(self):
        for arguments in ((), ("a",), ("a", "b", "--axes", "hw"), ("a", "b", "--images", "photos")):
            self.assertEqual(gst_quant("diagnose", *arguments).returncode, USAGE)


if __name__ == "__main__":
    unittest.main()
