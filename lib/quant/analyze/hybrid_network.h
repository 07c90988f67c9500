// SPDX-License-Identifier: MIT
// A float network in which some layers are quantized: the simulation that tells which layers carry
// the error. docs/analyze.md says what it is and what it is not.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "quant/backend/model.h"
#include "quant/graph/graph.h"
#include "quant/script/layer.h"

namespace quant {

// The same network twice; a value has the same name on both sides.
struct NoiseSubject {
  std::shared_ptr<const Graph> integer;        // as lower() makes it
  std::shared_ptr<const Graph> host;           // behind it, float
  std::shared_ptr<const Graph> float_network;  // fp-optimized, takes pixels (0…255)
  InputSpec input;
  std::set<std::string> scaled;  // values that the original has with other scales of channels
};

// An archive against the fp-optimized graph of its own original ONNX, with its copies of layers and
// the scales that equalization gave the channels (channel_scales.h) and the products
// (product_scales.h).
Result<NoiseSubject> noise_subject(const Model& model);

// Those of the integer graph: what a hybrid can quantize or leave.
std::vector<Layer> hybrid_layers(const NoiseSubject& subject);

// The float network of `subject` with the named layers of the integer graph quantized:
// - weights, biases and quantized constants are the archive's integers as real values;
// - what a layer makes goes through QuantizeLinear and DequantizeLinear with the archive's
//   parameters, and so does a change of precision.
// Layers that the float network has no counterpart for are left out. InvalidData where the graph
// cannot be rebuilt.
Result<Graph> hybrid_network(const NoiseSubject& subject, const std::set<std::string>& quantized);

}  // namespace quant
