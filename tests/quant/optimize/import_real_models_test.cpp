// SPDX-License-Identifier: MIT
// Models that others quantized, imported: the emulator against ONNX Runtime, which runs the file as
// it is, without its graph optimizations. Layer by layer on the same integers, and from the frame
// to the outputs.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>

#include <cmath>
#include <map>
#include <set>

#include "quant/backend/host_part.h"
#include "quant/backend/native_reference.h"
#include "quant/backend/onnxruntime_reference.h"
#include "quant/base/read_file.h"
#include "quant/engine/float_executor.h"
#include "quant/engine/integer_executor.h"
#include "quant/metrics/snr.h"
#include "quant/onnx/qdq_writer.h"
#include "quant/optimize/optimizer.h"
#include "quant/vision/decode_image.h"
#include "real_models.h"

namespace quant {
namespace {

constexpr std::size_t kFrames = 2;

// A quantized file, and what its frames are like.
struct Quantized {
  const char* file;    // below the data folder
  const char* model;   // of real_models(): its input
  const char* floats;  // the same network in float, below the data folder; "" where there is none
};

constexpr Quantized kModels[] = {
    {"peers/face_rfb320_qdq.onnx", "face_rfb320", "models/face_rfb320.onnx"},
    {"peers/xfeat_480x640_qdq.onnx", "xfeat_480x640", "models/xfeat_480x640.onnx"},
    {"peers/mobilenetv2_qdq.onnx", "mobilenetv2", "models/mobilenetv2.onnx"},
    {"peers/nanodet_m_qdq.onnx", "nanodet_m", "models/nanodet_m.onnx"},
    {"peers/yolov8n_320_qdq.onnx", "yolov8n_320", "models/yolov8n_320.onnx"},
    {"peers/yolo_fastestv2_qdq.onnx", "yolo_fastestv2", "models/yolo_fastestv2.onnx"},
    {"models/mobilenetv2_qlinear.onnx", "mobilenetv2", ""},
};

// No image is asked for: everything that the integers need is in the file.
class NoFrames : public CalibrationSet {
 public:
  std::optional<std::int64_t> count() const override { return 0; }
  Result<std::optional<std::vector<Tensor>>> next() override {
    return std::optional<std::vector<Tensor>>();
  }
  Status rewind() override { return {}; }
};

std::vector<std::byte> bytes_of(const onnx::ModelProto& model) {
  const std::string text = model.SerializeAsString();
  const auto view = std::as_bytes(std::span(text));
  return {view.begin(), view.end()};
}

// An integer tensor of the file and the emulator's value that holds the same.
struct Matched {
  std::string stored;
  ValueId value = kNoValue;
};

// What quantizes in the file, matched with the integer graph by the names that the file has: of the
// real tensor in front of a QuantizeLinear, of the real tensor behind it where that is an output of
// the model, or of the integers themselves. What the emulator does not have (functions of one
// element on the way to another, the float part on the host) is left out.
std::vector<Matched> match(const onnx::GraphProto& file, const Graph& integer) {
  std::set<std::string> constants;
  for (const auto& tensor : file.initializer()) constants.insert(tensor.name());
  std::map<std::string, std::string> output_of;  // integers → real output of the model
  for (const auto& node : file.node()) {
    for (const auto& output : file.output()) {
      if (node.op_type() == "DequantizeLinear" && node.output(0) == output.name())
        output_of[node.input(0)] = output.name();
    }
  }
  std::vector<Matched> result;
  for (const auto& node : file.node()) {
    const bool quantizes = node.op_type() == "QuantizeLinear";
    if ((!quantizes && !node.op_type().starts_with("QLinear")) || constants.contains(node.input(0)))
      continue;
    const std::string& stored = node.output(0);
    std::vector<std::string> names = {stored, stored + "/real"};
    if (quantizes) names = {node.input(0) + "/normalized", node.input(0)};
    if (output_of.contains(stored)) names.push_back(output_of[stored]);
    const auto found = std::find_if(names.begin(), names.end(), [&](const std::string& name) {
      return integer.find_value(name).has_value();
    });
    if (found != names.end()) result.push_back({stored, *integer.find_value(*found)});
  }
  return result;
}

// The nodes that make and read single tensors of a file.
class Links {
 public:
  explicit Links(onnx::GraphProto& graph) {
    for (onnx::NodeProto& node : *graph.mutable_node()) {
      for (const std::string& output : node.output()) makers_[output] = &node;
      for (const std::string& input : node.input()) readers_[input].push_back(&node);
    }
    for (const auto& tensor : graph.initializer()) constants_[tensor.name()] = tensor;
  }
  onnx::NodeProto* maker(const std::string& name) const {
    const auto found = makers_.find(name);
    return found == makers_.end() ? nullptr : found->second;
  }
  onnx::NodeProto* only_reader(const std::string& name) const {
    const auto found = readers_.find(name);
    return found == readers_.end() || found->second.size() != 1 ? nullptr : found->second[0];
  }
  // Whether two initializers hold the same.
  bool equal(const std::string& a, const std::string& b) const {
    onnx::TensorProto x = constants_.at(a);
    onnx::TensorProto y = constants_.at(b);
    x.clear_name();
    y.clear_name();
    return x.SerializeAsString() == y.SerializeAsString();
  }

 private:
  std::map<std::string, onnx::NodeProto*> makers_;
  std::map<std::string, std::vector<onnx::NodeProto*>> readers_;
  std::map<std::string, onnx::TensorProto> constants_;
};

// Averages and interpolation between tensors of equal parameters, in units of their scale: the same
// real numbers divided by one number, which float32 then holds exactly.
void drop_equal_scales(onnx::GraphProto& graph) {
  onnx::TensorProto one;
  one.set_name("import_test/one");
  one.set_data_type(onnx::TensorProto::FLOAT);
  one.add_float_data(1);
  const Links links(graph);
  std::vector<onnx::NodeProto> added;
  for (onnx::NodeProto& node : *graph.mutable_node()) {
    if (node.op_type() != "AveragePool" && node.op_type() != "Resize") continue;
    const onnx::NodeProto* before = links.maker(node.input(0));
    onnx::NodeProto* behind = links.only_reader(node.output(0));
    if (before == nullptr || behind == nullptr || before->op_type() != "DequantizeLinear" ||
        behind->op_type() != "QuantizeLinear" || !links.equal(before->input(1), behind->input(1)) ||
        !links.equal(before->input(2), behind->input(2)))
      continue;
    onnx::NodeProto steps = *before;
    steps.set_name(node.name() + "/steps");
    steps.set_input(1, one.name());
    steps.set_output(0, node.name() + "/steps");
    node.set_input(0, steps.output(0));
    behind->set_input(1, one.name());
    added.push_back(std::move(steps));
  }
  for (onnx::NodeProto& node : added) *graph.add_node() = std::move(node);
  *graph.add_initializer() = one;
}

// The file with every matched tensor read from an input of its own, and all of them as outputs.
std::vector<std::byte> cut_open(onnx::ModelProto model, const Graph& integer,
                                const std::vector<Matched>& matched, bool equal_scales_dropped) {
  onnx::GraphProto& graph = *model.mutable_graph();
  if (equal_scales_dropped) drop_equal_scales(graph);
  std::map<std::string, std::string> renamed;
  for (const auto& [stored, id] : matched) {
    renamed[stored] = stored + "/fed";
    onnx::ValueInfoProto& input = *graph.add_input();
    input.set_name(renamed[stored]);
    auto& type = *input.mutable_type()->mutable_tensor_type();
    type.set_elem_type(onnx::TensorProto::UINT8);
    for (const std::int64_t size : integer.value(id).shape)
      type.mutable_shape()->add_dim()->set_dim_value(size);
  }
  for (onnx::NodeProto& node : *graph.mutable_node()) {
    for (std::string& input : *node.mutable_input()) {
      if (const auto found = renamed.find(input); found != renamed.end()) input = found->second;
    }
  }
  graph.clear_output();
  for (const Matched& tensor : matched) graph.add_output()->set_name(tensor.stored);
  return bytes_of(model);
}

// The pixels of a frame (H, W, C) in ONNX's order of axes.
Tensor channels_first(const Tensor& frame) {
  const auto& shape = frame.shape();
  Tensor result(DataType::kUint8, {1, shape[2], shape[0], shape[1]});
  const auto from = frame.data<std::uint8_t>();
  const auto channels = static_cast<std::size_t>(shape[2]);
  const std::size_t pixels = from.size() / channels;
  for (std::size_t i = 0; i < from.size(); ++i)
    result.data<std::uint8_t>()[i % channels * pixels + i / channels] = from[i];
  return result;
}

struct Difference {
  std::int64_t layers = 0;
  std::int64_t elements = 0;
  std::int64_t unequal = 0;
  int largest = 0;
  double least_share = 1;  // of equal integers, over the layers

  void add(const Tensor& a, const Tensor& b) {
    const auto x = a.data<std::uint8_t>();
    const auto y = b.data<std::uint8_t>();
    std::int64_t count = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      count += x[i] != y[i] ? 1 : 0;
      largest = std::max(largest, std::abs(static_cast<int>(x[i]) - y[i]));
    }
    elements += static_cast<std::int64_t>(x.size());
    unequal += count;
    least_share =
        std::min(least_share, 1 - static_cast<double>(count) / static_cast<double>(x.size()));
  }
};

class ImportedModel : public ::testing::TestWithParam<Quantized> {
 protected:
  void SetUp() override {
    if (!testing::has_data()) GTEST_SKIP() << testing::missing_data();
    if (!onnxruntime_built_in()) GTEST_SKIP() << "built without ONNX Runtime";
    const testing::RealModel model = testing::real_model(GetParam().model);
    auto file = read_file(testing::data_folder() / GetParam().file, 1 << 28);
    ASSERT_TRUE(file) << file.error().text();
    file_ = std::move(*file);
    ASSERT_TRUE(proto_.ParseFromArray(file_.data(), static_cast<int>(file_.size())));
    for (const auto& path : testing::images_for(model, kFrames)) {
      auto frame = load_image(path, model.input);
      ASSERT_TRUE(frame) << frame.error().text();
      inputs_.push_back(normalize_frame(*frame, model.input));
      frames_.push_back(std::move(*frame));
    }
    OptimizerOptions options;
    options.input = model.input;
    NoFrames none;
    auto imported = optimize(file_, options, none, {});
    ASSERT_TRUE(imported) << imported.error().text();
    EXPECT_TRUE(imported->imported);
    EXPECT_TRUE(imported->calibrated.empty());
    model_ = std::move(imported->model);
    integer_ = std::make_shared<const Graph>(model_.integer);
    run_emulator();
  }

  void run_emulator() {
    std::vector<ValueId> made;
    for (const Node& node : integer_->nodes)
      made.insert(made.end(), node.outputs.begin(), node.outputs.end());
    auto plan = IntegerPlan::create(integer_, {available_isas().front(), made});
    ASSERT_TRUE(plan) << plan.error().text();
    IntegerExecutor emulator(*plan, 1);
    std::vector<QuantParams> raw_params;
    for (const ValueId id : integer_->outputs) raw_params.push_back(*integer_->value(id).quant);
    auto host = make_host_part(raw_params, std::make_shared<const Graph>(model_.host), 1);
    ASSERT_TRUE(host) << host.error().text();
    for (const Tensor& frame : frames_) {
      std::vector<Tensor> integers = emulator.make_outputs();
      ASSERT_TRUE(emulator.run(frame, integers));
      std::map<ValueId, Tensor> levels = {{integer_->inputs[0], channels_first(frame)}};
      const std::size_t raw = integer_->outputs.size();
      for (std::size_t i = 0; i < made.size(); ++i)
        levels.insert_or_assign(made[i], integers[raw + i]);
      std::vector<Tensor> outputs;
      ASSERT_TRUE((*host)->run(std::span(integers).first(raw), outputs));
      levels_.push_back(std::move(levels));
      outputs_.push_back(std::move(outputs));
    }
  }

  static std::unique_ptr<Backend> onnxruntime(const std::vector<std::byte>& onnx,
                                              std::map<std::string, Shape> shapes = {}) {
    auto backend = make_onnxruntime_reference({onnx, std::move(shapes), {}, {}}, {});
    EXPECT_TRUE(backend) << backend.error().text();
    return backend ? std::move(*backend) : nullptr;
  }

  // In dB, by output.
  std::vector<double> snr(const std::vector<std::vector<Tensor>>& expected,
                          const std::vector<std::vector<Tensor>>& actual) const {
    std::vector<OutputError> pooled(expected[0].size());
    for (std::size_t f = 0; f < expected.size(); ++f) {
      for (std::size_t i = 0; i < pooled.size(); ++i) {
        const auto error = measure_error(expected[f][i], actual[f][i]);
        EXPECT_TRUE(error) << error.error().text();
        if (error) pooled[i].merge(*error);
      }
    }
    std::vector<double> db;
    for (const OutputError& error : pooled) db.push_back(error.snr().db);
    return db;
  }

  std::vector<std::vector<Tensor>> results(Backend& backend) const {
    std::vector<std::vector<Tensor>> all;
    for (const Tensor& input : inputs_) {
      std::vector<Tensor> outputs;
      const auto ran = backend.run(std::span(&input, 1), outputs);
      EXPECT_TRUE(ran) << ran.error().text();
      all.push_back(std::move(outputs));
    }
    return all;
  }

  // Every layer on the emulator's own integers, by kind of operator.
  void compare_layers(bool equal_scales_dropped, std::map<std::string, Difference>& kinds) const {
    const std::vector<Matched> matched = match(proto_.graph(), *integer_);
    const auto layers = onnxruntime(cut_open(proto_, *integer_, matched, equal_scales_dropped));
    ASSERT_TRUE(layers);
    std::map<ValueId, std::string> kind_of = {{integer_->inputs[0], "frame"}};
    std::set<ValueId> unmatched;
    for (const Node& node : integer_->nodes) {
      for (const ValueId id : node.outputs) {
        kind_of[id] = to_string(node.op);
        unmatched.insert(id);
      }
    }
    for (std::size_t f = 0; f < frames_.size(); ++f) {
      std::vector<Tensor> inputs = {inputs_[f]};
      for (const Matched& tensor : matched) inputs.push_back(levels_[f].at(tensor.value));
      std::vector<Tensor> made;
      const auto ran = layers->run(inputs, made);
      ASSERT_TRUE(ran) << ran.error().text();
      for (std::size_t i = 0; i < matched.size(); ++i) {
        Difference& kind = kinds[kind_of.at(matched[i].value)];
        if (f == 0) ++kind.layers;
        kind.add(made[i], levels_[f].at(matched[i].value));
        unmatched.erase(matched[i].value);
      }
    }
    for (const ValueId id : unmatched) {
      // Only the tables that a frame goes through channel by channel.
      EXPECT_NE(integer_->value(id).name.find("_channel"), std::string::npos)
          << integer_->value(id).name << " is not in the file";
    }
  }

  // Of the same network in float: the original, or what the file is but for rounding.
  std::vector<std::vector<Tensor>> float_results() const {
    const testing::RealModel model = testing::real_model(GetParam().model);
    if (*GetParam().floats != 0) {
      const auto floats = read_file(testing::data_folder() / GetParam().floats, 1 << 28);
      EXPECT_TRUE(floats) << floats.error().text();
      return results(*onnxruntime(*floats, {{model.input.name, model.shape()}}));
    }
    InputSpec input = model.input;
    auto graph = read_fp_optimized(file_, {}, input);
    EXPECT_TRUE(graph) << graph.error().text();
    auto executor = FloatExecutor::create(std::make_shared<const Graph>(std::move(*graph)), 1);
    EXPECT_TRUE(executor) << executor.error().text();
    InputSpec plain = model.input;
    plain.mean.assign(plain.mean.size(), 0.0F);
    plain.std.assign(plain.std.size(), 1.0F);
    std::vector<std::vector<Tensor>> all;
    for (const Tensor& frame : frames_) {
      const Tensor pixels = normalize_frame(frame, plain);
      std::vector<Tensor> outputs;
      EXPECT_TRUE(executor->run(std::span(&pixels, 1), outputs));
      all.push_back(std::move(outputs));
    }
    return all;
  }

  std::vector<std::byte> file_;
  onnx::ModelProto proto_;
  QuantizedModel model_;
  std::shared_ptr<const Graph> integer_;
  std::vector<Tensor> frames_;
  std::vector<Tensor> inputs_;                     // normalized
  std::vector<std::map<ValueId, Tensor>> levels_;  // by frame: all integers of the emulator
  std::vector<std::vector<Tensor>> outputs_;       // by frame
};

// Averages and interpolation meet exact ties all the time: x.5 between two integers. The emulator
// rounds them to even; ONNX Runtime multiplies by the scale first and divides by it again, and
// falls to either side. Nothing else differs: without the scale, these layers agree as the others
// do.
TEST_P(ImportedModel, LayersMakeTheIntegersOfOnnxRuntime) {
  constexpr double kLeastEqual = 0.999;
  std::map<std::string, Difference> kinds;
  compare_layers(false, kinds);
  Difference all;
  for (const auto& [kind, difference] : kinds) {
    fmt::print("{:<20} {:>3} layers {:>9} integers {:>5} unequal, at least {:.3f} % equal, by {}\n",
               kind, difference.layers, difference.elements, difference.unequal,
               100 * difference.least_share, difference.largest);
    EXPECT_LE(difference.largest, 1) << kind;
    if (kind != "AveragePool" && kind != "Resize") {
      EXPECT_GE(difference.least_share, kLeastEqual) << kind;
    }
    all.elements += difference.elements;
    all.unequal += difference.unequal;
  }
  EXPECT_LE(static_cast<double>(all.unequal),
            (1 - kLeastEqual) * static_cast<double>(all.elements));
  kinds.clear();
  compare_layers(true, kinds);
  for (const auto& [kind, difference] : kinds) {
    EXPECT_LE(difference.largest, 1) << kind;
    EXPECT_GE(difference.least_share, kLeastEqual) << kind;
  }
}

// Two runtimes that add float32 products in another order agree on all but a few integers of a
// million; each that falls to the other side of a tie moves those behind it. So the outputs agree
// within the model's own quantization error, as do two float runtimes on the same file. Two
// roundings of one network that have nothing in common any more are √2 times as far apart as each
// is from float: 3 dB.
TEST_P(ImportedModel, OutputsAgreeWithOnnxRuntimeWithinTheQuantizationError) {
  constexpr double kUncorrelatedDb = 3.01;
  const auto original = onnxruntime(file_);
  ASSERT_TRUE(original);
  const auto expected = results(*original);
  const auto native = make_native_reference({file_, {}, {}, {}}, 1);
  ASSERT_TRUE(native) << native.error().text();
  const auto emulator_db = snr(expected, outputs_);
  const auto native_db = snr(expected, results(**native));
  const auto quantization_db = snr(float_results(), expected);
  for (std::size_t i = 0; i < emulator_db.size(); ++i) {
    fmt::print("{:<12} emulator {:6.2f} dB, native {:6.2f} dB, quantization {:6.2f} dB\n",
               original->outputs()[i].name, emulator_db[i], native_db[i], quantization_db[i]);
    EXPECT_GE(emulator_db[i], quantization_db[i] - kUncorrelatedDb) << original->outputs()[i].name;
  }
}

// Written out again in the form that keeps sums exact, ONNX Runtime computes the emulator's bits
// from the frame on.
TEST_P(ImportedModel, ExactExportIsTheEmulatorFromFrameToOutputs) {
  QdqOptions options;
  options.exact = true;
  const auto qdq = write_qdq(model_, options);
  ASSERT_TRUE(qdq) << qdq.error().text();
  const auto exported = onnxruntime(qdq->onnx);
  ASSERT_TRUE(exported);
  const auto actual = results(*exported);
  for (std::size_t f = 0; f < actual.size(); ++f) {
    for (std::size_t i = 0; i < actual[f].size(); ++i) {
      const auto error = measure_error(outputs_[f][i], actual[f][i]);
      ASSERT_TRUE(error) << error.error().text();
      EXPECT_EQ(error->max_abs, 0) << exported->outputs()[i].name;
    }
  }
}

std::string name_of(const ::testing::TestParamInfo<Quantized>& test) {
  const std::string stem = std::filesystem::path(test.param.file).stem().string();
  return stem;
}

INSTANTIATE_TEST_SUITE_P(RealModels, ImportedModel, ::testing::ValuesIn(kModels), name_of);

}  // namespace
}  // namespace quant
