// SPDX-License-Identifier: MIT
#include "quant/kernels/integer/matmul.h"

namespace quant::integer {

Conv2d make_fully_connected(const FullyConnectedSpec& spec, Isa isa) {
  Conv2dSpec conv;
  conv.shape.in_w = conv.shape.out_w = spec.rows;
  conv.shape.in_c = spec.inputs;
  conv.shape.out_c = spec.outputs;
  conv.input_type = spec.input_type;
  conv.weight_type = spec.weight_type;
  conv.output_type = spec.output_type;
  conv.weights = spec.weights;
  conv.bias = spec.bias;
  conv.input_zero_points = spec.input_zero_points;
  conv.requantization = spec.requantization;
  conv.output_pixel_stride = spec.output_row_stride;
  if (!spec.weights_transposed) return {conv, isa};
  std::vector<std::int16_t> weights(spec.weights.size());
  for (std::int64_t o = 0; o < spec.outputs; ++o) {
    for (std::int64_t i = 0; i < spec.inputs; ++i) {
      weights[static_cast<std::size_t>(o * spec.inputs + i)] =
          spec.weights[static_cast<std::size_t>(i * spec.outputs + o)];
    }
  }
  conv.weights = weights;
  return {conv, isa};
}

}  // namespace quant::integer
