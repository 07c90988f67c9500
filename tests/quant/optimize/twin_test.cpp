// SPDX-License-Identifier: MIT
#include "quant/optimize/twin.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "quant/engine/float_executor.h"
#include "quant/engine/integer_executor.h"
#include "quant/graph/integer_attributes.h"
#include "quant/kernels/relayout/dequantize_tensor.h"
#include "quant/optimize/integer_inputs.h"
#include "quant/optimize/torch_tensor.h"
#include "quant/optimize/tuning_network.h"
#include "quant/optimize/weight_groups.h"

namespace quant::tuning {
namespace {

using testing::float_pixels;
using testing::kTuningSpec;
using testing::random_frame;
using testing::tuning_start;
using testing::TuningStart;

// dB of `found` against `expected`, all frames and outputs pooled by output; the least.
class Ratios {
 public:
  void add(std::size_t output, std::span<const float> expected, std::span<const float> found) {
    ASSERT_EQ(expected.size(), found.size());
    signal_.resize(std::max(signal_.size(), output + 1));
    noise_.resize(signal_.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      signal_[output] += std::pow(static_cast<double>(expected[i]), 2);
      noise_[output] += std::pow(static_cast<double>(expected[i]) - found[i], 2);
    }
  }
  double least() const {
    double result = 1e9;
    for (std::size_t i = 0; i < signal_.size(); ++i)
      result = std::min(result, 10 * std::log10(signal_[i] / (noise_[i] + 1e-30)));
    return result;
  }

 private:
  std::vector<double> signal_;
  std::vector<double> noise_;
};

std::span<const float> elements(const at::Tensor& x) {
  return {x.data_ptr<float>(), static_cast<std::size_t>(x.numel())};
}

void expect_what_the_emulator_computes(const TuningStart& start) {
  auto twin = Twin::create(start.model, *start.graph, start.plan);
  ASSERT_TRUE(twin) << twin.error().text();
  auto plan =
      IntegerPlan::create(std::make_shared<const Graph>(start.model.integer), {Isa::kRef, {}});
  ASSERT_TRUE(plan) << plan.error().text();
  IntegerExecutor emulator(*plan, 1);
  auto native = FloatExecutor::create(start.graph);
  std::vector<Tensor> raw = emulator.make_outputs();
  Ratios twin_to_emulator;
  Ratios emulator_to_float;
  const at::NoGradGuard no_gradient;
  for (unsigned seed = 50; seed < 58; ++seed) {
    const Tensor pixels = float_pixels(random_frame(kTuningSpec, seed));
    ASSERT_TRUE(emulator.run(frame_of_pixels(pixels), raw));
    std::vector<Tensor> real;
    ASSERT_TRUE(native->run(std::span(&pixels, 1), real));
    const std::vector<at::Tensor> found = twin->run({to_torch(pixels)});
    for (std::size_t i = 0; i < raw.size(); ++i) {
      const QuantParams& params = *start.model.integer.value(start.model.integer.outputs[i]).quant;
      auto emulated = dequantize_tensor(raw[i], params);
      ASSERT_TRUE(emulated) << emulated.error().text();
      const std::span<const float> values = std::as_const(*emulated).data<float>();
      twin_to_emulator.add(i, values, elements(found[i].contiguous()));
      emulator_to_float.add(i, std::as_const(real[i]).data<float>(), values);
    }
  }
  // They differ where a sum lies between two steps and float32 rounds it to the other side.
  EXPECT_GT(twin_to_emulator.least(), 55);
  EXPECT_LT(emulator_to_float.least(), 45);
}

// Integer weights as rounding by the Hessian leaves them: not the nearest, and the largest of a
// channel no longer at the end of its levels.
TuningStart otherwise_rounded(TuningStart start) {
  unsigned at = 0;
  for (const Node& node : start.model.integer.nodes) {
    if (node.op != OpKind::kConv && node.op != OpKind::kGemm) continue;
    for (std::int8_t& level :
         start.model.integer.value(node.inputs[1]).constant->data<std::int8_t>()) {
      const int step =
          std::abs(level) == 127 ? (level < 0 ? 5 : -5) : static_cast<int>(at++ % 3) - 1;
      level = static_cast<std::int8_t>(std::clamp(level + step, -122, 122));
    }
  }
  return start;
}

void expect_the_same_integers(const TuningStart& start) {
  auto twin = Twin::create(start.model, *start.graph, start.plan);
  ASSERT_TRUE(twin);
  const TunedValues values = twin->values();
  auto model = tuned_model(*start.graph, kTuningSpec,
                           tuned_ranges(*start.graph, start.ranges, values), start.plan, values);
  ASSERT_TRUE(model) << model.error().text();
  ASSERT_EQ(model->integer.values.size(), start.model.integer.values.size());
  for (std::size_t id = 0; id < model->integer.values.size(); ++id) {
    const Value& before = start.model.integer.values[id];
    const Value& after = model->integer.values[id];
    EXPECT_EQ(before.quant, after.quant) << before.name;
    if (before.type != DataType::kInt8 && before.type != DataType::kInt16) continue;
    ASSERT_EQ(before.constant->bytes(), after.constant->bytes()) << before.name;
    EXPECT_TRUE(std::equal(before.constant->raw(),
                           before.constant->raw() + before.constant->bytes(),
                           after.constant->raw()))
        << before.name;
  }
  for (std::size_t i = 0; i < model->integer.nodes.size(); ++i) {
    const Node& before = start.model.integer.nodes[i];
    if (!before.attributes.has(kWeightMultiples)) continue;
    EXPECT_EQ(weight_multiples(model->integer, model->integer.nodes[i]),
              weight_multiples(start.model.integer, before));
  }
}

TEST(Twin, ComputesWhatTheEmulatorDoes) { expect_what_the_emulator_computes(tuning_start()); }

TEST(Twin, ComputesOutputsWithAScalePerChannel) {
  const TuningStart start = tuning_start(kTuningSpec, true);
  for (const ValueId id : start.model.integer.outputs)
    EXPECT_TRUE(start.model.integer.value(id).quant->per_channel());
  expect_what_the_emulator_computes(start);
}

TEST(Twin, ComputesWeightsInGroups) {
  LayerPlan plan;
  plan.precision.weight_bits = 4;
  plan.scaling.clip = WeightScaling::Clip::kMse;
  plan.scaling.group_size = 4;
  const TuningStart start = tuning_start(kTuningSpec, false, plan);
  int grouped = 0;
  for (const Node& node : start.model.integer.nodes)
    grouped += node.attributes.has(kWeightMultiples) ? 1 : 0;
  EXPECT_EQ(grouped, 4);  // but the layers that read three channels and one
  expect_what_the_emulator_computes(start);
  expect_the_same_integers(start);
}

TEST(Twin, WithoutRoundingIsTheFloatNetwork) {
  // Means without fractions: else the padding of the first layer differs by what rounding the zero
  // point leaves.
  LayerPlan fine;
  fine.precision = {16, 16, 16};
  const TuningStart start =
      tuning_start(testing::input_spec(16, 12, 3, {127, 127, 127}, {128, 128, 128}), false, fine);
  auto twin = Twin::create(start.model, *start.graph, start.plan);
  ASSERT_TRUE(twin);
  twin->set_rounding(false);
  auto native = FloatExecutor::create(start.graph);
  Ratios ratios;
  const at::NoGradGuard no_gradient;
  for (unsigned seed = 50; seed < 54; ++seed) {
    const Tensor pixels = float_pixels(random_frame(kTuningSpec, seed));
    std::vector<Tensor> real;
    ASSERT_TRUE(native->run(std::span(&pixels, 1), real));
    const std::vector<at::Tensor> found = twin->run({to_torch(pixels)});
    for (std::size_t i = 0; i < real.size(); ++i)
      ratios.add(i, std::as_const(real[i]).data<float>(), elements(found[i].contiguous()));
  }
  // Weights and biases come from the integers of the model, here of 16 bits and more.
  EXPECT_GT(ratios.least(), 75);
}

TEST(Twin, GivesBackTheValuesItStartedFrom) {
  expect_the_same_integers(tuning_start());
  LayerPlan fine;
  fine.precision = {16, 16, 16};
  expect_the_same_integers(tuning_start(kTuningSpec, false, fine));
}

// Where it rounds weights anew, it begins some decibels behind what level 1 has rounded.
TEST(Twin, StartsFromTheIntegersThatTheModelHas) {
  const TuningStart start = otherwise_rounded(tuning_start());
  expect_what_the_emulator_computes(start);
  expect_the_same_integers(start);
}

}  // namespace
}  // namespace quant::tuning
