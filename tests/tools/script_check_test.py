#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""gst-quant script check as a user meets it: reports, exit codes, and scripts that users wrote."""
import pathlib
import tempfile
import unittest

from command import MODELS, gst_quant, gst_quant_json, optimize_ball

FAILED = 1
USAGE = 2

# As users write them for a feature extractor, a transformer and a first try.
FEATURE_EXTRACTOR = """\
normalization1 = normalization([0.0], [255.0])
model_optimization_flavor(optimization_level=4, compression_level=0, batch_size=8)
quantization_param(matcher/output_layer1, precision_mode=a16_w16)
quantization_param(matcher/output_layer2, precision_mode=a16_w16)
quantization_param(matcher/conv6, force_range_out=[-10.0, 10.0])
quantization_param(matcher/ew_add1, force_range_out=[-10.0, 10.0])
model_optimization_config(globals, output_encoding_vector=enabled)
allocator_param(enable_muxer=False)
quantization_param({conv*}, precision_mode=a16_w16)
model_optimization_config(calibration, batch_size=8, calibset_size=256)
pre_quantization_optimization(layer_norm_decomposition, mode=nn_core, eq_consumer=False)
pre_quantization_optimization(activation_clipping, layers={*}, mode=percentile, clipping_values=[0.01, 99.99])
post_quantization_optimization(finetune, policy=enabled, learning_rate=1.0e-4, batch_size=8, epochs=4, dataset_size=2048)
"""
TRANSFORMER = """\
normalization_rule1 = normalization([123.675, 116.28, 103.53], [58.395, 57.12, 57.375])
model_optimization_config(calibration, batch_size=1, calibset_size=128)
quantization_param({*conv*}, precision_mode=a16_w16)
quantization_param({*dw*}, precision_mode=a16_w16)
quantization_param({*fc*}, precision_mode=a16_w16)
quantization_param({*activ*}, precision_mode=a16_w16)
"""
BIAS_MODE = "quantization_param({conv*}, bias_mode=double_scale_initialization)\n"


class ScriptCheck(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def script(self, text, name="test.alls"):
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def check(self, text, *arguments, code=0):
        process = gst_quant("script", "check", self.script(text), *arguments)
        self.assertEqual(process.returncode, code, process.stderr)
        return process

    def layers(self, text, *arguments):
        report = gst_quant_json("script", "check", self.script(text), *arguments)
        return {layer["name"]: layer for layer in report["layers"]}

    def test_scripts_of_users_are_read(self):
        for text in (FEATURE_EXTRACTOR, TRANSFORMER, BIAS_MODE, FEATURE_EXTRACTOR.replace("\n", "\r\n"), ""):
            with self.subTest(text[:40]):
                self.assertIn("no errors", self.check(text).stdout)

    def test_lists_what_has_no_effect(self):
        process = self.check(FEATURE_EXTRACTOR)
        self.assertIn("without effect here\n  allocator_param, line 8\n", process.stdout)
        report = gst_quant_json("script", "check", self.script(FEATURE_EXTRACTOR))
        self.assertEqual(report["without_effect"], [{"what": "allocator_param", "lines": [8]}])
        self.assertEqual(report["errors"], [])
        self.assertNotIn("layers", report)

    def test_effective_settings_of_a_model(self):
        layers = self.layers(TRANSFORMER + "quantization_param(ball/conv2, precision_mode=a8_w4)\n"
                             "quantization_param(\"/Concat\", force_range_out=[0, 10])\n", MODELS / "ball.onnx")
        self.assertEqual(layers["conv1"]["precision"], {"value": "a16_w16", "line": 3})
        self.assertEqual(layers["conv2"]["precision"], {"value": "a8_w4", "line": 7})
        self.assertEqual(layers["ew_add1"]["precision"], {"value": "a8_w8", "line": 0})
        self.assertEqual(layers["concat1"]["force_range_out"], {"value": [0.0, 10.0], "line": 8})
        self.assertEqual(layers["conv1"]["type"], "conv")
        self.assertEqual(layers["output_layer1"]["type"], "output_layer")
        self.assertIn("Conv", layers["conv1"]["original_names"][0])
        text = self.check(BIAS_MODE, MODELS / "ball.onnx").stdout
        self.assertRegex(text, r"\n  conv1 +conv +a8_w8 +double_scale_initialization \(1\) +- +- +/trunk\S+Conv\n")

    def test_an_archive_has_layers_too(self):
        archive = self.folder / "ball.qar"
        self.assertEqual(optimize_ball(archive).returncode, 0)
        layers = self.layers("quantization_param({dw*}, precision_mode=a16_w16)\n", archive)
        self.assertEqual(layers["dw1"]["precision"], {"value": "a16_w16", "line": 1})

    def test_the_scope_is_the_file_name_or_given(self):
        text = "quantization_param(net/conv1, precision_mode=a16_w16)\n"
        process = self.check(text, MODELS / "ball.onnx", code=FAILED)
        self.assertIn("'net/conv1' is of another network: the scope here is 'ball'", process.stderr)
        self.check(text, MODELS / "ball.onnx", "--scope", "net")

    def test_errors_come_all_at_once_with_their_places(self):
        text = ("quantisation_param(conv1, precision_mode=a16_w16)\n"
                "quantization_param(conv99, precision_mode=a16_w16)\n"
                "quantization_param(conv1, precision_mod=a16_w16)\n")
        process = self.check(text, MODELS / "ball.onnx", code=FAILED)
        path = self.folder / "test.alls"
        self.assertIn(f"{path}:1:1: there is no command 'quantisation_param'; did you mean 'quantization_param'?\n"
                      "quantisation_param(conv1, precision_mode=a16_w16)\n^\n"
                      f"{path}:2:20: no layer is called 'conv99'; did you mean 'conv9'? (types of layers here: activation,",
                      process.stderr)
        self.assertIn(f"{path}:3:27: 'precision_mod' is no parameter of quantization_param; did you mean 'precision_mode'?",
                      process.stderr)
        self.assertTrue(process.stderr.endswith(f"gst-quant: {path}: 3 errors\n"), process.stderr)
        self.assertIn("3 errors", process.stdout)

    def test_errors_as_json(self):
        process = gst_quant("script", "check", self.script("nonsense(1)\n"), "--json")
        self.assertEqual(process.returncode, FAILED)
        self.assertIn('"line": 1', process.stdout)
        self.assertIn("there is no command 'nonsense'", process.stdout)

    def test_bytes_that_are_no_script(self):
        for content in (b"\0" * 1000, b"\xff\xfe", b"[" * 3_000_000, bytes(range(256)) * 10):
            process = self.check(content, code=FAILED)
            self.assertIn("test.alls:1:1: ", process.stderr)
        self.assertIn("has 10000000 bytes", self.check(b"[" * 10_000_000, code=FAILED).stderr)

    def test_files_that_cannot_be_read(self):
        script = self.script(BIAS_MODE)
        for arguments, word in (((self.folder / "missing.alls",), "missing.alls"), ((self.folder,), str(self.folder)),
                                ((script, self.folder / "missing.onnx"), "missing.onnx"),
                                ((script, script), "test.alls")):
            process = gst_quant("script", "check", *arguments)
            self.assertEqual(process.returncode, FAILED)
            self.assertIn(word, process.stderr)

    def test_wrong_usage(self):
        for arguments in ((), ("check",), ("nonsense",), ("check", self.script(""), "--nonsense")):
            self.assertEqual(gst_quant("script", *arguments).returncode, USAGE)

    def test_help_has_examples(self):
        for arguments in (("script", "--help"), ("script", "check", "--help")):
            process = gst_quant(*arguments)
            self.assertEqual(process.returncode, 0)
            self.assertIn("gst-quant script check face.alls face.onnx", process.stdout)


if __name__ == "__main__":
    unittest.main()
