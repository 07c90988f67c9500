// SPDX-License-Identifier: MIT
// Layers with weights: what counts as one, and its integers.
#pragma once

#include <optional>

#include "quant/graph/graph.h"
#include "quant/optimize/layer_plan.h"
#include "quant/tensor/quant_params.h"

namespace quant {

// A layer with constant weights in the form that the integer graph has.
struct FloatLayer {
  OpKind op = OpKind::kConv;  // kConv, kConvTranspose or kGemm
  ValueId input = kNoValue;
  Tensor weights;  // float32; Conv (O, I/g, kh, kw), ConvTranspose (I, O/g, kh, kw), Gemm (N, K)
  std::vector<float> bias;  // one per output channel
  // Where the weights were stored as integers (Value::quant): their scales, one per output channel
  // (a grouped ConvTranspose has one). Else empty.
  std::vector<float> weight_scales;
  Attributes attributes;  // strides, pads, dilations, group, activation_min, activation_max
};

// `node` as such a layer: convolutions and products with constants, and per-channel arithmetic on
// feature maps (batch or input normalization, multiplication with a constant), which is a 1x1
// depthwise convolution. Arithmetic with constants that the model quantizes is none: they are
// integers.
std::optional<FloatLayer> channel_layer(const Graph& graph, const Node& node);

// The weights as they are rounded: multiplied with the scales of `input` where it has one per
// channel (the frame), so that the weights' own scales include them.
Tensor weights_to_round(const FloatLayer& layer, const QuantParams& input);

// The steps that a layer's weights are rounded to.
struct WeightSteps {
  QuantParams params;
  // Of 4-bit weights in groups (weight_groups.h), what the groups' steps are of the scale; else
  // empty. The integers are multiples of it.
  Tensor multiples;
};

struct IntegerLayer {
  Tensor weights;  // int8 (4 and 8 bits) or int16
  WeightSteps steps;
  // At scale s_in·s_w; int32, or int64 where input or weights have 16 bits (not for stored weights
  // of 16 bits behind an input of 8).
  Tensor bias;
  QuantParams bias_params;
};

// `input` are the parameters of the layer's input; `plan` says bits and scales of the weights, but
// for the scales where `steps` has them already. Stored weights keep their integers, unless the
// input's scales go into the weights. Steps grow where a bias would leave its integers. InvalidData
// where a weight is not finite.
Result<IntegerLayer> quantize_layer(const FloatLayer& layer, const QuantParams& input,
                                    const LayerPlan& plan,
                                    const std::optional<WeightSteps>& steps = {});

}  // namespace quant
