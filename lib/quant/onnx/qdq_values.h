// SPDX-License-Identifier: MIT
// The tensors of an integer graph as ONNX tensors between QuantizeLinear and DequantizeLinear.
#pragma once

#include <string>
#include <unordered_set>
#include <vector>

#include "quant/graph/graph.h"
#include "quant/onnx/qdq_graph.h"

namespace quant {

// Of a value `x`: `x_quantized` holds its integers, `x` their real values, `x_computed` what a
// layer made before it was quantized; `x_scale` and `x_zero_point` are its parameters.
class QdqValues {
 public:
  // Both outlive this. `graph` is an integer graph.
  QdqValues(const Graph& graph, int opset, QdqGraph& out);

  // The integers; those of a constant become an initializer when they are first asked for.
  const std::string& quantized(ValueId id);
  // The real values: one DequantizeLinear, added when it is first asked for. Precondition: the
  // value has integer zero points, or is a constant. Of an input they are called `x_frame`: `x` is
  // the model's own input. An int64 bias is stored in float32.
  const std::string& real(ValueId id);
  // The real values as a layer with weights sees them: a frame with one scale per channel comes at
  // scale 1 with its zero points rounded, since its scales are in the weights.
  const std::string& real_for_weights(ValueId id);
  // A constant matrix with its axes exchanged, real or in units of its scale. Precondition: nobody
  // asks for it as it is.
  const std::string& transposed(ValueId id, bool in_steps);
  // The values in units of their scale: q − zero_point, exact in float32; zero points rounded.
  const std::string& steps(ValueId id);
  // A constant as it is, without parameters. "" for kNoValue.
  std::string plain(ValueId id);

  // Where a layer's result goes before it is quantized.
  std::string computed(ValueId id);
  // Makes the integers of `id` from that tensor.
  void quantize(ValueId id, const std::string& computed);
  // The same from values in units of its scale.
  void quantize_steps(ValueId id, const std::string& computed);

 private:
  // Empty until used.
  struct Names {
    std::string quantized, real, steps, plain, scale, zero_point, unit;
  };
  Names& names(ValueId id) { return names_[static_cast<std::size_t>(id)]; }
  const std::string& name_of(ValueId id) const { return graph_.value(id).name; }
  const std::string& scale(ValueId id);
  const std::string& zero_point(ValueId id);
  const std::string& unit(ValueId id);
  // Integers of `id`, as INT4 where it is weights that have no more.
  const std::string& add_integers(ValueId id, const std::string& name, const Tensor& integers);
  void dequantize(ValueId id, const std::string& target, const std::string& scale, int axis);
  Attributes axis_attribute(ValueId id, int axis) const;
  void quantize_by(ValueId id, const std::string& computed, const std::string& scale);

  const Graph& graph_;
  QdqGraph& out_;
  std::vector<Names> names_;  // by ValueId
  std::unordered_set<ValueId> int4_;
};

}  // namespace quant
