// SPDX-License-Identifier: MIT
// Softmax, LogSoftmax and Hardmax along one axis.
#include <algorithm>
#include <cmath>

#include "quant/graph/operators/computed_node.h"
#include "quant/graph/operators/families.h"
#include "quant/graph/operators/float_input.h"

namespace quant {
namespace {

Result<AxisSpan> span_of(const NodeContext& context) {
  const Shape& shape = context.types[0]->shape;
  QUANT_TRY_ASSIGN(const std::size_t axis,
                   normalized_axis(context.node.attributes.integer("axis", -1), shape.size()));
  return axis_span(shape, axis);
}

Result<std::vector<TensorType>> infer_softmax(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* x, float_input(context, 0));
  QUANT_TRY(normalized_axis(context.node.attributes.integer("axis", -1), x->shape.size()));
  return std::vector<TensorType>{{DataType::kFloat32, x->shape}};
}

// Calls row(x, y, size, step) for every line of elements along the axis.
template <typename Row>
Status for_each_line(const NodeContext& context, std::span<Tensor> outputs, Row row) {
  QUANT_TRY_ASSIGN(const AxisSpan along, span_of(context));
  const float* x = context.constants[0]->data<float>().data();
  float* y = outputs[0].data<float>().data();
  for (std::int64_t outer = 0; outer < along.outer; ++outer) {
    for (std::int64_t inner = 0; inner < along.inner; ++inner) {
      const std::int64_t first = outer * along.size * along.inner + inner;
      row(x + first, y + first, along.size, along.inner);
    }
  }
  return {};
}

float largest(const float* x, std::int64_t size, std::int64_t step) {
  float best = x[0];
  for (std::int64_t i = 1; i < size; ++i) best = std::max(best, x[i * step]);
  return best;
}

Status compute_softmax(const NodeContext& context, std::span<Tensor> outputs) {
  return for_each_line(context, outputs,
                       [](const float* x, float* y, std::int64_t size, std::int64_t step) {
                         const float best = largest(x, size, step);
                         double sum = 0;
                         for (std::int64_t i = 0; i < size; ++i) {
                           y[i * step] = std::exp(x[i * step] - best);
                           sum += y[i * step];
                         }
                         const auto factor = static_cast<float>(1.0 / sum);
                         for (std::int64_t i = 0; i < size; ++i) y[i * step] *= factor;
                       });
}

Status compute_log_softmax(const NodeContext& context, std::span<Tensor> outputs) {
  return for_each_line(context, outputs,
                       [](const float* x, float* y, std::int64_t size, std::int64_t step) {
                         const float best = largest(x, size, step);
                         double sum = 0;
                         for (std::int64_t i = 0; i < size; ++i)
                           sum += std::exp(x[i * step] - best);
                         const double shift = best + std::log(sum);
                         for (std::int64_t i = 0; i < size; ++i)
                           y[i * step] = static_cast<float>(x[i * step] - shift);
                       });
}

// 1 at the first of the largest, else 0.
Status compute_hardmax(const NodeContext& context, std::span<Tensor> outputs) {
  return for_each_line(context, outputs,
                       [](const float* x, float* y, std::int64_t size, std::int64_t step) {
                         std::int64_t best = 0;
                         for (std::int64_t i = 1; i < size; ++i) {
                           if (x[i * step] > x[best * step]) best = i;
                         }
                         y[best * step] = 1;
                       });
}

constexpr Operator kOperators[] = {
    computed_operator<infer_softmax, compute_softmax, BufferFill::kUndefined>(OpKind::kSoftmax, 1,
                                                                              1),
    computed_operator<infer_softmax, compute_log_softmax, BufferFill::kUndefined>(
        OpKind::kLogSoftmax, 1, 1),
    computed_operator<infer_softmax, compute_hardmax>(OpKind::kHardmax, 1, 1),
};

}  // namespace

std::span<const Operator> softmax_operators() { return kOperators; }

}  // namespace quant
