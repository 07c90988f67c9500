// SPDX-License-Identifier: MIT
// Small networks: quantized, written as QDQ models, read back by our own reader and run in float.
// All their integers are the emulator's. And what cannot be written is refused.
#include "quant/onnx/qdq_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "model_builder.h"
#include "quant/engine/float_executor.h"
#include "quant/engine/integer_executor.h"
#include "quant/graph/integer_attributes.h"
#include "quant/onnx/element_type.h"
#include "quant/onnx/model_proto.h"
#include "quant/onnx/onnx_reader.h"
#include "quant/optimize/optimizer.h"

namespace quant {
namespace {

using ::testing::HasSubstr;
using testing::ModelBuilder;

constexpr int kSide = 16;

class Random {
 public:
  std::vector<float> floats(const Shape& shape, float deviation = 0.5F) {
    std::normal_distribution<float> normal(0.0F, deviation);
    std::vector<float> values(static_cast<std::size_t>(element_count(shape)));
    for (float& value : values) value = normal(engine_);
    return values;
  }
  // uint8 pixels of a frame.
  Tensor frame(int channels) {
    Tensor tensor(DataType::kUint8, {kSide, kSide, channels});
    std::uniform_int_distribution<int> uniform(0, 255);
    for (std::uint8_t& value : tensor.data<std::uint8_t>())
      value = static_cast<std::uint8_t>(uniform(engine_));
    return tensor;
  }

 private:
  std::mt19937 engine_{7};
};

struct Network {
  std::string name;
  std::vector<float> mean, std;
  // Adds nodes from "input" to "output".
  std::function<void(ModelBuilder&, Random&)> build;
  int opset = 13;   // of the exported model where none is asked for
  int oldest = 13;  // that may be asked for
  std::string script;
};

void add_conv(ModelBuilder& builder, Random& random, const std::string& from, const std::string& to,
              std::int64_t in, std::int64_t out, std::int64_t group = 1) {
  const Shape shape = {out, in / group, 3, 3};
  builder.floats(to + "/w", shape, random.floats(shape));
  builder.floats(to + "/b", {out}, random.floats({out}));
  builder.node("Conv", {from, to + "/w", to + "/b"}, {to})
      .set("pads", std::vector<std::int64_t>{1, 1, 1, 1})
      .set("kernel_shape", std::vector<std::int64_t>{3, 3})
      .set("group", group);
}

void residual(ModelBuilder& builder, Random& random) {
  add_conv(builder, random, "input", "c1", 3, 8);
  builder.node("Relu", {"c1"}, {"r1"});
  add_conv(builder, random, "r1", "c2", 8, 8, 8);
  builder.floats("zero", {}, {0});
  builder.floats("six", {}, {6});
  builder.node("Clip", {"c2", "zero", "six"}, {"r2"});
  builder.node("Add", {"r1", "r2"}, {"sum"});
  builder.node("Concat", {"sum", "r2"}, {"output"}).set("axis", 1);
}

void classifier(ModelBuilder& builder, Random& random) {
  add_conv(builder, random, "input", "c1", 3, 8);
  builder.node("Sigmoid", {"c1"}, {"gate"});
  builder.node("Mul", {"c1", "gate"}, {"silu"});
  builder.node("GlobalAveragePool", {"silu"}, {"pooled"});
  builder.node("Flatten", {"pooled"}, {"flat"});
  builder.floats("w", {10, 8}, random.floats({10, 8}, 2));
  builder.floats("b", {10}, random.floats({10}));
  builder.node("Gemm", {"flat", "w", "b"}, {"logits"}).set("transB", 1);
  builder.node("Softmax", {"logits"}, {"output"}).set("axis", 1);
}

void decoder(ModelBuilder& builder, Random& random) {
  add_conv(builder, random, "input", "c1", 3, 8);
  builder.node("MaxPool", {"c1"}, {"pooled"})
      .set("kernel_shape", std::vector<std::int64_t>{2, 2})
      .set("strides", std::vector<std::int64_t>{2, 2});
  builder.node("AveragePool", {"pooled"}, {"smooth"})
      .set("kernel_shape", std::vector<std::int64_t>{3, 3})
      .set("pads", std::vector<std::int64_t>{1, 1, 1, 1});
  builder.floats("scales", {4}, {1, 1, 2, 2});
  builder.node("Resize", {"smooth", "", "scales"}, {"large"}).set("mode", "linear");
  builder.floats("slope", {8, 1, 1}, random.floats({8, 1, 1}));
  builder.node("PRelu", {"large", "slope"}, {"bent"});
  builder.floats("w", {8, 4, 2, 2}, random.floats({8, 4, 2, 2}));
  builder.node("ConvTranspose", {"bent", "w"}, {"up"})
      .set("strides", std::vector<std::int64_t>{2, 2})
      .set("kernel_shape", std::vector<std::int64_t>{2, 2});
  builder.node("DepthToSpace", {"up"}, {"output"}).set("blocksize", 2);
}

void tokens(ModelBuilder& builder, Random& random) {
  add_conv(builder, random, "input", "c1", 3, 8);
  builder.integers("rows", {3}, {1, 8, kSide * kSide});
  builder.node("Reshape", {"c1", "rows"}, {"columns"});
  builder.node("Transpose", {"columns"}, {"tokens"})
      .set("perm", std::vector<std::int64_t>{0, 2, 1});
  builder.floats("w", {8, 12}, random.floats({8, 12}));
  builder.node("MatMul", {"tokens", "w"}, {"qkv"});
  builder.integers("parts", {3}, {4, 4, 4});
  builder.node("Split", {"qkv", "parts"}, {"q", "k", "v"}).set("axis", 2);
  builder.node("Transpose", {"k"}, {"kt"}).set("perm", std::vector<std::int64_t>{0, 2, 1});
  builder.node("MatMul", {"q", "kt"}, {"scores"});
  builder.node("Softmax", {"scores"}, {"shares"}).set("axis", 2);
  builder.node("MatMul", {"shares", "v"}, {"mixed"});
  builder.node("ReduceMean", {"mixed"}, {"output"}).set("axes", std::vector<std::int64_t>{1});
}

void norms(ModelBuilder& builder, Random& random) {
  builder.floats("gamma", {3}, random.floats({3}));
  builder.floats("beta", {3}, random.floats({3}));
  builder.node("InstanceNormalization", {"input", "gamma", "beta"}, {"even"});
  add_conv(builder, random, "even", "c1", 3, 4);
  builder.floats("g2", {kSide}, random.floats({kSide}));
  builder.floats("b2", {kSide}, random.floats({kSide}));
  builder.node("LayerNormalization", {"c1", "g2", "b2"}, {"output"}).set("axis", -1);
}

// Heads of two levels, one behind a Clip and one behind a Relu, joined as (1, boxes, 4).
void heads(ModelBuilder& builder, Random& random) {
  add_conv(builder, random, "input", "c1", 3, 8);
  builder.node("Relu", {"c1"}, {"r1"});
  add_conv(builder, random, "r1", "h1", 8, 8);
  builder.floats("low", {}, {-0.75F});
  builder.floats("high", {}, {1.25F});
  builder.node("Clip", {"h1", "low", "high"}, {"a1"});
  add_conv(builder, random, "r1", "h2", 8, 4);
  builder.node("Relu", {"h2"}, {"a2"});
  builder.integers("boxes", {3}, {1, -1, 4});
  for (const std::string head : {"1", "2"}) {
    builder.node("Transpose", {"a" + head}, {"t" + head})
        .set("perm", std::vector<std::int64_t>{0, 2, 3, 1});
    builder.node("Reshape", {"t" + head, "boxes"}, {"b" + head});
  }
  builder.node("Concat", {"b1", "b2"}, {"output"}).set("axis", 1);
}

// A scale for each channel of the output.
constexpr const char* kEncodedOutputs =
    "model_optimization_config(globals, output_encoding_vector=enabled)\n";
constexpr const char* kFourBits = "quantization_param({*}, precision_mode=a8_w4)\n";
constexpr const char* kFourBitsInGroups =
    "quantization_param({*}, precision_mode=a8_w4, weight_group_size=2)\n";

class QdqWriter : public ::testing::TestWithParam<Network> {
 protected:
  static constexpr int kFrames = 4;

  void SetUp() override {
    const Network& network = GetParam();
    Random random;
    ModelBuilder builder;
    builder.input("input", {1, 3, kSide, kSide});
    network.build(builder, random);
    builder.output("output");
    input_ = {"input", kSide, kSide, ColorOrder::kRgb, network.mean, network.std};
    for (int i = 0; i < kFrames; ++i) frames_.push_back(random.frame(3));
    OptimizerOptions options;
    options.input = input_;
    auto script = parse_model_script({"net.alls", network.script});
    ASSERT_TRUE(script) << script.error().text();
    options.script = std::move(*script);
    Pixels set(frames_);
    auto optimized = optimize(builder.bytes(), options, set, {});
    ASSERT_TRUE(optimized) << optimized.error().text();
    model_ = std::move(optimized->model);
    EXPECT_EQ(model_.integer.value(model_.integer.outputs[0]).quant->per_channel(),
              network.script == kEncodedOutputs);
  }

  class Pixels : public CalibrationSet {
   public:
    explicit Pixels(const std::vector<Tensor>& frames) : frames_(frames) {}
    std::optional<std::int64_t> count() const override { return kFrames; }
    Result<std::optional<std::vector<Tensor>>> next() override {
      std::optional<std::vector<Tensor>> pixels;
      if (next_ < frames_.size()) pixels = {real_values(frames_[next_++], {0, 0, 0}, {1, 1, 1})};
      return pixels;
    }
    Status rewind() override {
      next_ = 0;
      return {};
    }

   private:
    const std::vector<Tensor>& frames_;
    std::size_t next_ = 0;
  };

  // (pixel − mean)/std as (1, C, H, W).
  static Tensor real_values(const Tensor& frame, const std::vector<float>& mean,
                            const std::vector<float>& std) {
    Tensor result(DataType::kFloat32, {1, 3, kSide, kSide});
    const auto from = frame.data<std::uint8_t>();
    for (std::size_t i = 0; i < from.size(); ++i) {
      const std::size_t c = i % 3;
      result.data<float>()[c * kSide * kSide + i / 3] =
          (static_cast<float>(from[i]) - mean[c]) / std[c];
    }
    return result;
  }

  // How many integers of all layers differ, over all frames.
  void expect_the_emulators_integers(const QdqOptions& options, double most_unequal) {
    const auto qdq = write_qdq(model_, options);
    ASSERT_TRUE(qdq) << qdq.error().text();
    EXPECT_EQ(qdq->opset, options.opset.value_or(GetParam().opset));
    std::vector<ValueId> made;
    OnnxReadOptions read;
    for (const Node& node : model_.integer.nodes) {
      for (const ValueId id : node.outputs) {
        made.push_back(id);
        read.end_nodes.push_back(model_.integer.value(id).name + "_quantized");
      }
    }
    auto graph = read_onnx(qdq->onnx, read);
    ASSERT_TRUE(graph) << graph.error().text();
    auto reader = FloatExecutor::create(std::make_shared<const Graph>(std::move(*graph)), 1);
    ASSERT_TRUE(reader) << reader.error().text();
    auto plan = IntegerPlan::create(std::make_shared<const Graph>(model_.integer),
                                    {available_isas().front(), made});
    ASSERT_TRUE(plan) << plan.error().text();
    IntegerExecutor emulator(*plan, 1);
    std::size_t elements = 0;
    std::size_t unequal = 0;
    for (const Tensor& frame : frames_) {
      std::vector<Tensor> expected = emulator.make_outputs();
      ASSERT_TRUE(emulator.run(frame, expected));
      const Tensor input = real_values(frame, input_.mean, input_.std);
      std::vector<Tensor> actual;
      const auto ran = reader->run(std::span(&input, 1), actual);
      ASSERT_TRUE(ran) << ran.error().text();
      const std::size_t raw = model_.integer.outputs.size();
      for (std::size_t i = 0; i < made.size(); ++i) {
        const auto a = actual[i].data<std::uint8_t>();
        const auto b = expected[raw + i].data<std::uint8_t>();
        ASSERT_EQ(a.size(), b.size());
        elements += a.size();
        for (std::size_t e = 0; e < a.size(); ++e) unequal += a[e] != b[e] ? 1 : 0;
      }
    }
    EXPECT_LE(static_cast<double>(unequal), most_unequal * static_cast<double>(elements))
        << "of " << elements;
  }

  InputSpec input_;
  std::vector<Tensor> frames_;
  QuantizedModel model_;
};

TEST_P(QdqWriter, ReadsBackAsTheEmulator) {
  // A step on the wrong side of a tie moves those behind it.
  expect_the_emulators_integers({}, 0.001);
}

TEST_P(QdqWriter, ExactFormReadsBackAsTheEmulatorBitForBit) {
  QdqOptions options;
  options.exact = true;
  expect_the_emulators_integers(options, 0);
}

TEST_P(QdqWriter, AnyOpsetComputesTheSame) {
  for (int opset = GetParam().oldest; opset <= 21; ++opset) {
    SCOPED_TRACE(opset);
    QdqOptions options;
    options.exact = true;
    options.opset = opset;
    expect_the_emulators_integers(options, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Networks, QdqWriter,
    ::testing::Values(
        // One mean and std per channel, with fractions: they lie in the first layer's weights.
        Network{"residual", {123.675F, 116.28F, 103.53F}, {58.395F, 57.12F, 57.375F}, residual},
        Network{"classifier", {127, 127, 127}, {128, 128, 128}, classifier},
        Network{"decoder", {0, 0, 0}, {255, 255, 255}, decoder},
        Network{"tokens", {127.5F, 127.5F, 127.5F}, {127.5F, 127.5F, 127.5F}, tokens},
        // The normalization stands before a layer without weights, so the frame is plain pixels.
        Network{"norms", {100.5F, 110.25F, 120}, {50, 60, 70}, norms, 17, 17},
        Network{"heads", {127, 127, 127}, {128, 128, 128}, heads, 13, 13, kEncodedOutputs},
        Network{"classifier_of_four_bits",
                {127, 127, 127},
                {128, 128, 128},
                classifier,
                21,
                13,
                kFourBits},
        Network{
            "decoder_in_groups", {0, 0, 0}, {255, 255, 255}, decoder, 13, 13, kFourBitsInGroups},
        // Their weights are transposed.
        Network{"tokens_of_four_bits",
                {127.5F, 127.5F, 127.5F},
                {127.5F, 127.5F, 127.5F},
                tokens,
                21,
                13,
                kFourBits}),
    [](const auto& test) { return test.param.name; });

QuantizedModel one_layer() {
  Value frame{"input", DataType::kUint8, {1, 1, 2, 2}, {}, QuantParams{}};
  frame.quant->scale = {1.0F};
  frame.quant->zero_point = {0.0F};
  Value moved = frame;
  moved.name = "output";
  QuantizedModel model;
  model.input = {"input", 2, 2, ColorOrder::kGray, {0.0F}, {1.0F}};
  model.integer.name = "one";
  model.integer.values = {frame, moved};
  model.integer.inputs = {0};
  model.integer.outputs = {1};
  model.integer.nodes = {{OpKind::kIdentity, "layer", {}, {0}, {1}, {}}};
  model.host.values = {{"output", DataType::kFloat32, {1, 1, 2, 2}, {}, {}}};
  model.host.inputs = {0};
  model.host.outputs = {0};
  return model;
}

TEST(QdqWriterFile, SaysWhoWroteItAndHow) {
  QdqOptions options;
  options.metadata = {{"calibration_method", "mse"}};
  const auto qdq = write_qdq(one_layer(), options);
  ASSERT_TRUE(qdq) << qdq.error().text();
  const auto file = parse_model(qdq->onnx);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->producer_name(), "gst-quant");
  EXPECT_EQ(file->ir_version(), 7);
  EXPECT_EQ(file->opset_import(0).version(), 13);
  ASSERT_EQ(file->metadata_props_size(), 1);
  EXPECT_EQ(file->metadata_props(0).value(), "mse");
  EXPECT_EQ(static_cast<std::size_t>(file->graph().node_size()), qdq->nodes);
}

TEST(QdqWriterFile, RefusesOpsetsThatItCannotWrite) {
  for (const int opset : {-1, 0, 12, 22, 1000}) {
    QdqOptions options;
    options.opset = opset;
    const auto qdq = write_qdq(one_layer(), options);
    ASSERT_FALSE(qdq);
    EXPECT_EQ(qdq.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(qdq.error().text(), HasSubstr("13 to 21"));
  }
}

TEST(QdqWriterFile, NamesTheLayerThatNeedsANewerOpset) {
  QuantizedModel model = one_layer();
  model.host.values.push_back({"score", DataType::kFloat32, {1, 1, 2, 2}, {}, {}});
  model.host.nodes = {{OpKind::kMish, "mish1", {}, {0}, {1}, {}}};
  model.host.outputs = {1};
  QdqOptions options;
  options.opset = 17;
  auto qdq = write_qdq(model, options);
  ASSERT_FALSE(qdq);
  EXPECT_EQ(qdq.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(qdq.error().text(), HasSubstr("mish1"));
  qdq = write_qdq(model, {});
  ASSERT_TRUE(qdq) << qdq.error().text();
  EXPECT_EQ(qdq->opset, 18);
}

TEST(QdqWriterFile, FourBitsAreStoredInHalfTheBytes) {
  QuantizedModel model = one_layer();
  Graph& graph = model.integer;
  Tensor weights(DataType::kInt8, {1, 1, 3, 1});
  const std::int8_t levels[] = {-8, 7, 1};
  std::copy_n(levels, 3, weights.data<std::int8_t>().begin());
  const ValueId w = graph.add_constant("w", std::move(weights));
  graph.value(w).quant = QuantParams{DataType::kInt8, {0.5F}, {0.0F}};
  const ValueId b = graph.add_constant("b", Tensor(DataType::kInt32, {1}));
  graph.value(b).quant = QuantParams{DataType::kInt32, {0.5F}, {0.0F}};
  Node& layer = graph.nodes[0];
  layer = {OpKind::kConv, "layer", {}, {0, w, b}, {1}, {}};
  layer.attributes.set("pads", std::vector<std::int64_t>{1, 0, 1, 0});
  layer.attributes.set(kWeightBits, std::int64_t{4});
  const auto stored = [&](std::optional<int> opset) {
    const auto qdq = write_qdq(model, {opset, false, {}});
    EXPECT_TRUE(qdq) << qdq.error().text();
    const auto file = parse_model(qdq->onnx);
    EXPECT_EQ(file->opset_import(0).version(), opset.value_or(21));
    for (const auto& tensor : file->graph().initializer()) {
      if (tensor.name() == "w_quantized")
        return std::pair(std::int64_t{tensor.data_type()}, tensor.raw_data());
    }
    return std::pair(std::int64_t{0}, std::string());
  };
  EXPECT_EQ(stored({}), std::pair(kOnnxInt4, std::string("\x78\x01")));
  EXPECT_EQ(stored(20),
            std::pair(std::int64_t{onnx::TensorProto::INT8}, std::string("\xF8\x07\x01")));
}

TEST(QdqWriterFile, SixteenBitsNeedOpset21) {
  QuantizedModel model = one_layer();
  model.integer.values[1].type = DataType::kUint16;
  model.integer.values[1].quant->type = DataType::kUint16;
  const auto qdq = write_qdq(model, {});
  ASSERT_TRUE(qdq) << qdq.error().text();
  EXPECT_EQ(qdq->opset, 21);
}

// The sums would be rounded to 24 bits. With scales the bias is a float32.
TEST(QdqWriterFile, RefusesSixteenBitsThatItCannotSay) {
  QuantizedModel model = one_layer();
  model.integer.values[1].type = DataType::kUint16;
  model.integer.values[1].quant->type = DataType::kUint16;
  QdqOptions exact;
  exact.exact = true;
  auto qdq = write_qdq(model, exact);
  ASSERT_FALSE(qdq);
  EXPECT_EQ(qdq.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(qdq.error().text(), HasSubstr("output: has 16 bits"));

  const ValueId bias = model.integer.add_constant("bias", Tensor(DataType::kInt64, {1}));
  model.integer.value(bias).quant = QuantParams{DataType::kInt64, {1.0F}, {0.0F}};
  EXPECT_TRUE(write_qdq(model, {}));
}

// Names that the writer makes meet names that the model has.
TEST(QdqWriterFile, NamesOfTensorsStayTheModels) {
  QuantizedModel model = one_layer();
  model.host.values.push_back({"output_quantized", DataType::kFloat32, {1, 1, 2, 2}, {}, {}});
  model.host.nodes = {{OpKind::kNeg, "neg1", {}, {0}, {1}, {}}};
  model.host.outputs = {1, 0};
  const auto qdq = write_qdq(model, {});
  ASSERT_TRUE(qdq) << qdq.error().text();
  const auto graph = read_onnx(qdq->onnx);
  ASSERT_TRUE(graph) << graph.error().text();
  EXPECT_EQ(graph->value(graph->inputs[0]).name, "input");
  EXPECT_EQ(graph->value(graph->outputs[0]).name, "output_quantized");
  EXPECT_EQ(graph->value(graph->outputs[1]).name, "output");
}

TEST(QdqWriterFile, RefusesWhatHasNoForm) {
  QuantizedModel model = one_layer();
  model.integer.nodes[0].op = OpKind::kNonMaxSuppression;
  auto qdq = write_qdq(model, {});
  ASSERT_FALSE(qdq);
  EXPECT_THAT(qdq.error().text(), HasSubstr("layer"));

  model = one_layer();
  model.integer.nodes[0].op = OpKind::kConv;
  qdq = write_qdq(model, {});
  ASSERT_FALSE(qdq);
  EXPECT_EQ(qdq.error().code, ErrorCode::kInvalidData);

  model = one_layer();
  model.integer.values[1].quant.reset();
  EXPECT_FALSE(write_qdq(model, {}));

  model = one_layer();
  model.integer.values[0].quant->zero_point = {0.5F};
  EXPECT_FALSE(write_qdq(model, {})) << "only a convolution reads a frame with fractions";
}

}  // namespace
}  // namespace quant
