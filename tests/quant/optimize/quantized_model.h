// SPDX-License-Identifier: MIT
// Small quantized ONNX models, and the emulator's outputs against the file's own.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "../onnx/model_builder.h"
#include "quant/engine/float_executor.h"
#include "quant/engine/integer_executor.h"
#include "quant/onnx/onnx_reader.h"
#include "quant/optimize/optimizer.h"
#include "random_frames.h"

namespace quant::testing {

inline constexpr int kSide = 8;

// A model with an image input "x" and QuantizeLinear/DequantizeLinear by one call each.
class QuantizedModelBuilder : public ModelBuilder {
 public:
  explicit QuantizedModelBuilder(int channels = 3, std::int64_t opset = 17) : ModelBuilder(opset) {
    input("x", {1, channels, kSide, kSide});
  }

  // `from` under these parameters; its integers are "from/q", its real values the result.
  std::string quantized(const std::string& from, float scale, int zero_point,
                        onnx::TensorProto::DataType type = onnx::TensorProto::UINT8,
                        const std::string& to = {}) {
    const std::string stored = from + "/q" + std::to_string(count_++);
    const std::string real = to.empty() ? stored + "/real" : to;
    floats(stored + "/scale", {}, {scale});
    small_integers(stored + "/zero", {}, type, {zero_point});
    node("QuantizeLinear", {from, stored + "/scale", stored + "/zero"}, {stored}, stored);
    node("DequantizeLinear", {stored, stored + "/scale", stored + "/zero"}, {real}, real);
    return real;
  }

  // Stored weights; one scale, or one for each index of `axis`.
  std::string stored(const std::string& name, const Shape& shape, const std::vector<int>& values,
                     const std::vector<float>& scales, std::int64_t axis = 0,
                     onnx::TensorProto::DataType type = onnx::TensorProto::INT8,
                     int zero_point = 0) {
    const Shape list =
        scales.size() == 1 ? Shape{} : Shape{static_cast<std::int64_t>(scales.size())};
    small_integers(name + "/q", shape, type, values);
    floats(name + "/scale", list, scales);
    small_integers(name + "/zero", list, type, std::vector<int>(scales.size(), zero_point));
    node("DequantizeLinear", {name + "/q", name + "/scale", name + "/zero"}, {name}, name)
        .set("axis", axis);
    return name;
  }

  // A convolution 3x3 with stored weights and bias.
  void convolution(const std::string& from, const std::string& to, std::int64_t in,
                   std::int64_t out, float weight_scale, float bias_scale) {
    stored(to + "/w", {out, in, 3, 3}, integers_in(out * in * 9, -127, 127), {weight_scale});
    stored(to + "/b", {out}, integers_in(out, -3000, 3000), {bias_scale}, 0,
           onnx::TensorProto::INT32);
    node("Conv", {from, to + "/w", to + "/b"}, {to}, to)
        .set("pads", std::vector<std::int64_t>{1, 1, 1, 1});
  }

  std::vector<int> integers_in(std::int64_t count, int least, int most) {
    std::uniform_int_distribution<int> uniform(least, most);
    std::vector<int> values(static_cast<std::size_t>(count));
    for (int& value : values) value = uniform(engine_);
    return values;
  }

 private:
  int count_ = 0;
  std::mt19937 engine_{11};
};

inline Tensor normalized(const Tensor& frame, const InputSpec& input) {
  Tensor pixels = float_pixels(frame);
  const std::size_t plane = std::size_t{kSide} * kSide;
  for (std::size_t i = 0; i < pixels.data<float>().size(); ++i) {
    float& value = pixels.data<float>()[i];
    value = (value - input.mean[i / plane]) / input.std[i / plane];
  }
  return pixels;
}

// The emulator's outputs, host part included, and those of an ONNX file as it is.
inline void expect_the_files_outputs(const std::vector<std::byte>& onnx,
                                     const OptimizedModel& imported, const InputSpec& input,
                                     float tolerance = 0) {
  auto file = read_onnx(onnx);
  ASSERT_TRUE(file) << file.error().text();
  auto reader = FloatExecutor::create(std::make_shared<const Graph>(std::move(*file)), 1);
  ASSERT_TRUE(reader) << reader.error().text();
  const Graph& integer = imported.model.integer;
  auto plan =
      IntegerPlan::create(std::make_shared<const Graph>(integer), {available_isas().front(), {}});
  ASSERT_TRUE(plan) << plan.error().text();
  IntegerExecutor emulator(*plan, 1);
  auto host = FloatExecutor::create(std::make_shared<const Graph>(imported.model.host), 1);
  ASSERT_TRUE(host) << host.error().text();
  for (unsigned seed = 1; seed <= 3; ++seed) {
    const Tensor frame = random_frame(input, seed);
    const Tensor real_input = normalized(frame, input);
    std::vector<Tensor> expected;
    ASSERT_TRUE(reader->run(std::span(&real_input, 1), expected));
    std::vector<Tensor> raw = emulator.make_outputs();
    ASSERT_TRUE(emulator.run(frame, raw));
    std::vector<Tensor> reals;
    for (std::size_t i = 0; i < raw.size(); ++i) {
      const QuantParams& params = *integer.value(integer.outputs[i]).quant;
      Tensor real(DataType::kFloat32, raw[i].shape());
      for (std::int64_t e = 0; e < real.elements(); ++e) {
        const auto at = static_cast<std::size_t>(e);
        const float level = raw[i].type() == DataType::kUint16
                                ? static_cast<float>(raw[i].data<std::uint16_t>()[at])
                                : static_cast<float>(raw[i].data<std::uint8_t>()[at]);
        real.data<float>()[at] = (level - params.zero_point[0]) * params.scale[0];
      }
      reals.push_back(std::move(real));
    }
    std::vector<Tensor> actual;
    ASSERT_TRUE(host->run(reals, actual));
    ASSERT_EQ(actual.size(), expected.size());
    for (std::size_t i = 0; i < actual.size(); ++i) {
      ASSERT_EQ(actual[i].shape(), expected[i].shape());
      ASSERT_EQ(actual[i].type(), expected[i].type());
      if (actual[i].type() != DataType::kFloat32) continue;
      std::int64_t unequal = 0;
      for (std::size_t e = 0; e < actual[i].data<float>().size(); ++e) {
        const float difference = actual[i].data<float>()[e] - expected[i].data<float>()[e];
        unequal += std::abs(difference) > tolerance ? 1 : 0;
      }
      EXPECT_EQ(unequal, 0) << "of " << actual[i].elements() << " in output " << i;
    }
  }
}

inline void expect_the_files_outputs(const ModelBuilder& model, const OptimizedModel& imported,
                                     const InputSpec& input, float tolerance = 0) {
  expect_the_files_outputs(model.bytes(), imported, input, tolerance);
}

}  // namespace quant::testing
