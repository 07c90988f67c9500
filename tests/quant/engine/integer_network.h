// SPDX-License-Identifier: MIT
// Integer graphs for tests, written down layer by layer in any mixture of 8 and 16 bits. Each layer
// has its float operator beside it, which later judges the emulator's integers.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "quant/engine/integer_executor.h"
#include "quant/graph/operator.h"

namespace quant::testing {

class IntegerNetwork {
 public:
  struct Options {
    std::vector<ValueId> tables;  // further inputs that the float operator has not
    bool per_channel = false;     // the output's parameters
    int axis = 1;
  };

  // A frame with values −1 … 1.
  explicit IntegerNetwork(Shape frame) {
    Tensor pixels(DataType::kUint8, {frame[0], frame[2], frame[3], frame[1]});
    for (auto& q : pixels.data<std::uint8_t>()) q = static_cast<std::uint8_t>(engine_());
    frame_ = pixels;
    Value value;
    value.name = "frame";
    value.shape = frame;
    value.type = DataType::kUint8;
    value.quant = params_of(DataType::kUint8, {1.0F / 128}, {128});
    graph_.inputs = {graph_.add_value(value)};
    Tensor planes(DataType::kUint8, frame);
    for (std::int64_t i = 0; i < planes.elements(); ++i) {
      const std::int64_t channel = i / (frame[2] * frame[3]) % frame[1];
      planes.data<std::uint8_t>()[static_cast<std::size_t>(i)] =
          pixels.data<std::uint8_t>()[static_cast<std::size_t>(
              i % (frame[2] * frame[3]) * frame[1] + channel)];
    }
    reals_ = {dequantized(planes, *value.quant)};
  }

  ValueId frame() const { return graph_.inputs[0]; }
  Graph& graph() { return graph_; }

  // A layer with one output of that type, its parameters from the float operator's values.
  ValueId add(OpKind op, OpKind float_op, const std::vector<ValueId>& inputs, DataType type,
              const Attributes& attributes, const Options& options) {
    return add_all(op, float_op, inputs, 1, type, attributes, options)[0];
  }
  ValueId add(OpKind op, const std::vector<ValueId>& inputs, DataType type,
              const Attributes& attributes = {}) {
    return add(op, op, inputs, type, attributes, {});
  }

  // A layer that keeps its input's parameters.
  std::vector<ValueId> move(OpKind op, const std::vector<ValueId>& inputs, std::size_t outputs,
                            const Attributes& attributes = {}) {
    const Value input = graph_.value(inputs[0]);
    auto ids = add_all(op, op, inputs, outputs, input.type, attributes, {});
    for (const ValueId id : ids) graph_.value(id).quant = input.quant;
    return ids;
  }

  ValueId floats(Shape shape, float low, float high) {
    Tensor tensor(DataType::kFloat32, std::move(shape));
    std::uniform_real_distribution<float> uniform(low, high);
    for (float& value : tensor.data<float>()) value = uniform(engine_);
    return constant(tensor, tensor);
  }
  ValueId integers(const std::vector<std::int64_t>& values) {
    const auto tensor =
        Tensor::from<std::int64_t>({static_cast<std::int64_t>(values.size())}, values);
    return constant(tensor, tensor);
  }
  // A constant operand of element-wise arithmetic.
  ValueId activation(Shape shape, DataType type) {
    Tensor reals(DataType::kFloat32, std::move(shape));
    std::uniform_real_distribution<float> uniform(-2, 2);
    for (float& value : reals.data<float>()) value = uniform(engine_);
    const QuantParams params = chosen_params(reals, type);
    Tensor levels(type, reals.shape());
    for (std::size_t i = 0; i < reals.data<float>().size(); ++i) {
      const auto level = static_cast<std::int64_t>(
          std::nearbyint(reals.data<float>()[i] / params.scale[0]) + params.zero_point[0]);
      if (type == DataType::kUint16) {
        levels.data<std::uint16_t>()[i] = static_cast<std::uint16_t>(level);
      } else {
        levels.data<std::uint8_t>()[i] = static_cast<std::uint8_t>(level);
      }
    }
    const ValueId id = constant(levels, dequantized(levels, params));
    graph_.value(id).quant = params;
    return id;
  }
  // Of int8 or int16, one scale per index of `axis`.
  ValueId weights(Shape shape, DataType type, std::size_t axis) {
    Tensor levels(type, shape);
    const int highest = type == DataType::kInt16 ? 32767 : 127;
    std::uniform_int_distribution<int> uniform(-highest, highest);
    const auto fill = [&](auto data) {
      for (auto& level : data) level = static_cast<std::decay_t<decltype(level)>>(uniform(engine_));
    };
    if (type == DataType::kInt16) {
      fill(levels.data<std::int16_t>());
    } else {
      fill(levels.data<std::int8_t>());
    }
    QuantParams params;
    params.type = type;
    params.axis = static_cast<int>(axis);
    for (std::int64_t i = 0; i < shape[axis]; ++i) {
      params.scale.push_back((1.0F + 0.1F * static_cast<float>(i)) / static_cast<float>(highest));
      params.zero_point.push_back(0);
    }
    const ValueId id = constant(levels, dequantized(levels, params));
    graph_.value(id).quant = params;
    return id;
  }
  // Of int32 or int64 for x and weights as they are.
  ValueId bias(ValueId x, ValueId weights, std::int64_t channels, DataType type) {
    const QuantParams& w = *graph_.value(weights).quant;
    const float s_in = graph_.value(x).quant->scale[0];
    Tensor reals(DataType::kFloat32, {channels});
    Tensor levels(type, {channels});
    for (std::size_t c = 0; c < static_cast<std::size_t>(channels); ++c) {
      const double scale = double{s_in} * double{w.scale[w.scale.size() == 1 ? 0 : c]};
      const double level = std::nearbyint(0.3 * (static_cast<double>(c % 5) - 2) / scale);
      if (type == DataType::kInt64) {
        levels.data<std::int64_t>()[c] = static_cast<std::int64_t>(level);
      } else {
        levels.data<std::int32_t>()[c] = static_cast<std::int32_t>(level);
      }
      reals.data<float>()[c] = static_cast<float>(level * scale);
    }
    return constant(levels, reals);
  }
  ValueId table(Tensor tensor) { return constant(tensor, tensor); }
  const QuantParams& params(ValueId id) const { return *graph_.value(id).quant; }

  // A convolution: weights (out, in/group, k, k), axis 0; ConvTranspose (in, out/group, k, k), 1.
  ValueId convolution(OpKind op, ValueId x, Shape weight_shape, DataType weight_type,
                      DataType output_type, const Attributes& attributes = {},
                      bool per_channel = false) {
    const std::size_t axis = op == OpKind::kConvTranspose ? 1 : 0;
    const ValueId w = weights(weight_shape, weight_type, axis);
    const bool wide = weight_type == DataType::kInt16 || graph_.value(x).type == DataType::kUint16;
    const ValueId b = bias(x, w, weight_shape[axis], wide ? DataType::kInt64 : DataType::kInt32);
    return add(op, op, {x, w, b}, output_type, attributes, {{}, per_channel, 1});
  }

  // Runs the emulator and compares every layer with its float operator, which reads the emulator's
  // own inputs: no output is more than `steps` of its scale away.
  void check(Isa isa, int threads, double steps = 0.52) {
    const std::vector<ValueId> taps = inner_values();
    const std::vector<Tensor> results = run(isa, threads, taps);
    ASSERT_EQ(results.size(), taps.size() + 1);
    std::vector<Tensor> reals = reals_;
    for (std::size_t i = 0; i < taps.size(); ++i) {
      const Value& value = graph_.value(taps[i]);
      ASSERT_EQ(results[i + 1].type(), value.type);
      reals[static_cast<std::size_t>(taps[i])] = dequantized(results[i + 1], *value.quant);
    }
    for (const Layer& layer : layers_) {
      SCOPED_TRACE(layer.integer.name + " " + to_string(isa));
      const std::vector<Tensor> wanted = evaluate(layer, reals);
      for (std::size_t o = 0; o < wanted.size(); ++o) {
        const ValueId id = layer.integer.outputs[o];
        expect_near(reals[static_cast<std::size_t>(id)], wanted[o], params(id), steps);
      }
    }
  }
  // What the layers make.
  std::vector<ValueId> inner_values() const {
    std::vector<ValueId> ids;
    for (const Layer& layer : layers_)
      ids.insert(ids.end(), layer.integer.outputs.begin(), layer.integer.outputs.end());
    return ids;
  }
  // The last layer's output, then `taps`.
  std::vector<Tensor> run(Isa isa, int threads, const std::vector<ValueId>& taps) {
    graph_.outputs = {layers_.back().integer.outputs[0]};
    const auto plan = IntegerPlan::create(std::make_shared<const Graph>(finished()), {isa, taps});
    EXPECT_TRUE(plan) << plan.error().text();
    if (!plan) return {};
    IntegerExecutor executor(*plan, threads);
    std::vector<Tensor> results = executor.make_outputs();
    EXPECT_TRUE(executor.run(frame_, results));
    return results;
  }
  // "LAYER: KERNEL" of every step that runs for the last layer's output alone.
  std::vector<std::string> steps(Isa isa = Isa::kRef) {
    graph_.outputs = {layers_.back().integer.outputs[0]};
    const auto plan = IntegerPlan::create(std::make_shared<const Graph>(finished()), {isa, {}});
    EXPECT_TRUE(plan) << plan.error().text();
    std::vector<std::string> names;
    for (const IntegerStep& step : (*plan)->steps())
      names.push_back(step.layer + ": " + step.kernel);
    return names;
  }
  // Of the same steps.
  std::vector<std::size_t> live_bytes() {
    graph_.outputs = {layers_.back().integer.outputs[0]};
    const auto plan = IntegerPlan::create(std::make_shared<const Graph>(finished()), {});
    EXPECT_TRUE(plan) << plan.error().text();
    std::vector<std::size_t> bytes;
    for (const IntegerStep& step : (*plan)->steps()) bytes.push_back(step.live_bytes);
    return bytes;
  }
  // The error of planning, "" where there is none.
  std::string plan_error() {
    if (graph_.outputs.empty()) graph_.outputs = {layers_.back().integer.outputs[0]};
    const auto plan = IntegerPlan::create(std::make_shared<const Graph>(finished()), {});
    return plan ? "" : plan.error().text();
  }

 private:
  struct Layer {
    Node integer;
    Node real;
  };

  static QuantParams params_of(DataType type, std::vector<float> scale,
                               std::vector<float> zero_point, int axis = 0) {
    QuantParams params;
    params.type = type;
    params.scale = std::move(scale);
    params.zero_point = std::move(zero_point);
    params.axis = axis;
    return params;
  }

  static QuantParams chosen_params(const Tensor& reals, DataType type, bool per_channel = false,
                                   int axis = 0) {
    const float highest = type == DataType::kUint16 ? 65535 : 255;
    const std::size_t channels =
        per_channel ? static_cast<std::size_t>(reals.shape()[static_cast<std::size_t>(axis)]) : 1;
    std::vector<float> low(channels, 0);
    std::vector<float> high(channels, 1e-3F);
    const std::size_t inner = per_channel ? static_cast<std::size_t>(row_major_strides(
                                                reals.shape())[static_cast<std::size_t>(axis)])
                                          : 1;
    for (std::size_t i = 0; i < reals.data<float>().size(); ++i) {
      const std::size_t c = i / inner % channels;
      low[c] = std::min(low[c], reals.data<float>()[i]);
      high[c] = std::max(high[c], reals.data<float>()[i]);
    }
    std::vector<float> scale;
    std::vector<float> zero_point;
    for (std::size_t c = 0; c < channels; ++c) {
      // A margin, as integers stray from the reals that these are.
      scale.push_back(1.1F * (high[c] - low[c]) / highest);
      zero_point.push_back(std::nearbyint(-1.05F * low[c] / scale.back()));
    }
    return params_of(type, scale, zero_point, axis);
  }

  static Tensor dequantized(const Tensor& levels, const QuantParams& params) {
    Tensor reals(DataType::kFloat32, levels.shape());
    const std::size_t channels = params.scale.size();
    const std::size_t inner = channels == 1
                                  ? 1
                                  : static_cast<std::size_t>(row_major_strides(
                                        levels.shape())[static_cast<std::size_t>(params.axis)]);
    const auto fill = [&](auto data) {
      for (std::size_t i = 0; i < data.size(); ++i) {
        const std::size_t c = i / inner % channels;
        reals.data<float>()[i] = static_cast<float>(
            (static_cast<double>(data[i]) - static_cast<double>(params.zero_point[c])) *
            static_cast<double>(params.scale[c]));
      }
    };
    switch (levels.type()) {
      case DataType::kUint8:
        fill(levels.data<std::uint8_t>());
        break;
      case DataType::kUint16:
        fill(levels.data<std::uint16_t>());
        break;
      case DataType::kInt8:
        fill(levels.data<std::int8_t>());
        break;
      default:
        fill(levels.data<std::int16_t>());
    }
    return reals;
  }

  ValueId constant(Tensor stored, Tensor real) {
    const ValueId id =
        graph_.add_constant("constant" + std::to_string(graph_.values.size()), std::move(stored));
    reals_.push_back(std::move(real));
    return id;
  }

  std::vector<ValueId> add_all(OpKind op, OpKind float_op, const std::vector<ValueId>& inputs,
                               std::size_t outputs, DataType type, const Attributes& attributes,
                               const Options& options) {
    Layer layer;
    layer.real.op = float_op;
    layer.real.inputs = inputs;
    layer.real.attributes = attributes;
    layer.real.outputs.resize(outputs, 0);
    layer.integer = layer.real;
    layer.integer.op = op;
    layer.integer.name = "layer" + std::to_string(layers_.size()) + " " + to_string(op);
    layer.integer.inputs.insert(layer.integer.inputs.end(), options.tables.begin(),
                                options.tables.end());
    const std::vector<Tensor> results = evaluate(layer, reals_);
    for (std::size_t o = 0; o < outputs; ++o) {
      Value value;
      value.name = "value" + std::to_string(graph_.values.size());
      value.type = type;
      value.shape = results[o].shape();
      value.quant = chosen_params(results[o], type, options.per_channel, options.axis);
      layer.integer.outputs[o] = graph_.add_value(std::move(value));
      reals_.push_back(results[o]);
    }
    layers_.push_back(layer);
    return layer.integer.outputs;
  }

  static std::vector<Tensor> evaluate(const Layer& layer, const std::vector<Tensor>& reals) {
    std::vector<const Tensor*> inputs;
    for (const ValueId id : layer.real.inputs) {
      inputs.push_back(id == kNoValue ? nullptr : &reals[static_cast<std::size_t>(id)]);
    }
    auto results = evaluate_node(layer.real, inputs);
    EXPECT_TRUE(results) << results.error().text();
    return std::move(*results);
  }

  static void expect_near(const Tensor& actual, const Tensor& wanted, const QuantParams& params,
                          double steps) {
    ASSERT_EQ(actual.shape(), wanted.shape());
    const double highest = params.type == DataType::kUint16 ? 65535 : 255;
    const std::size_t inner = params.scale.size() == 1
                                  ? 1
                                  : static_cast<std::size_t>(row_major_strides(
                                        actual.shape())[static_cast<std::size_t>(params.axis)]);
    for (std::size_t i = 0; i < actual.data<float>().size(); ++i) {
      const std::size_t c = i / inner % params.scale.size();
      const double scale = params.scale[c];
      const double zero_point = params.zero_point[c];
      const double want = std::clamp(double{wanted.data<float>()[i]}, -zero_point * scale,
                                     (highest - zero_point) * scale);
      ASSERT_NEAR(actual.data<float>()[i] / scale, want / scale, steps) << "element " << i;
    }
  }

  Graph finished() const {
    Graph graph = graph_;
    for (const Layer& layer : layers_) graph.nodes.push_back(layer.integer);
    return graph;
  }

  Graph graph_;
  Tensor frame_;
  std::vector<Tensor> reals_;  // by ValueId: what the float operators make of the frame
  std::vector<Layer> layers_;
  std::mt19937 engine_{1};
};

}  // namespace quant::testing
