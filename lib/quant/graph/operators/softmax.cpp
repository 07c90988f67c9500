// SPDX-License-Identifier: MIT
// Softmax, LogSoftmax and Hardmax along one axis.
#include <algorithm>
#include <cmath>

#include "quant/graph/operators/computed_node.h"
#include "quant/graph/operators/families.h"
#include "quant/graph/operators/float_input.h"
#include "quant/graph/operators/onednn.h"

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

// The same for many elements: each of the four passes goes over lines that lie side by side
// together, and oneDNN's exponential over all.
class VectorizedSoftmax final : public PreparedNode {
 public:
  VectorizedSoftmax(Shape shape, const AxisSpan& along, onednn::Elementwise exponential)
      : shape_(std::move(shape)),
        along_(along),
        exponential_(std::move(exponential)),
        best_(static_cast<std::size_t>(along.inner)),
        sum_(static_cast<std::size_t>(along.inner)) {}

  Status run(std::span<const Tensor* const> inputs, std::vector<Tensor>& outputs) override {
    Tensor result(DataType::kFloat32, shape_, BufferFill::kUndefined);
    float* const values = result.data<float>().data();
    const std::int64_t block = along_.size * along_.inner;
    for (std::int64_t outer = 0; outer < along_.outer; ++outer)
      shift(floats_of(inputs, 0) + outer * block, values + outer * block);
    QUANT_TRY(exponential_.run(values, values));
    for (std::int64_t outer = 0; outer < along_.outer; ++outer) normalize(values + outer * block);
    outputs.assign(1, result);
    return {};
  }

 private:
  void shift(const float* x, float* y) {
    const std::int64_t inner = along_.inner;
    if (inner == 1) {
      const float best = largest(x, along_.size, 1);
      for (std::int64_t i = 0; i < along_.size; ++i) y[i] = x[i] - best;
      return;
    }
    float* const best = best_.data();
    std::copy_n(x, inner, best);
    for (std::int64_t i = 1; i < along_.size; ++i) {
      const float* const line = x + i * inner;
      for (std::int64_t k = 0; k < inner; ++k) best[k] = line[k] > best[k] ? line[k] : best[k];
    }
    for (std::int64_t i = 0; i < along_.size; ++i) {
      for (std::int64_t k = 0; k < inner; ++k) y[i * inner + k] = x[i * inner + k] - best[k];
    }
  }

  void normalize(float* y) {
    const std::int64_t inner = along_.inner;
    if (inner == 1) {
      double sum = 0;
      for (std::int64_t i = 0; i < along_.size; ++i) sum += y[i];
      const auto factor = static_cast<float>(1.0 / sum);
      for (std::int64_t i = 0; i < along_.size; ++i) y[i] *= factor;
      return;
    }
    double* const sum = sum_.data();
    std::fill_n(sum, inner, 0.0);
    for (std::int64_t i = 0; i < along_.size; ++i) {
      for (std::int64_t k = 0; k < inner; ++k) sum[k] += y[i * inner + k];
    }
    float* const factor = best_.data();
    for (std::int64_t k = 0; k < inner; ++k) factor[k] = static_cast<float>(1.0 / sum[k]);
    for (std::int64_t i = 0; i < along_.size; ++i) {
      for (std::int64_t k = 0; k < inner; ++k) y[i * inner + k] *= factor[k];
    }
  }

  Shape shape_;
  AxisSpan along_;
  onednn::Elementwise exponential_;
  std::vector<float> best_;
  std::vector<double> sum_;
};

Result<std::unique_ptr<PreparedNode>> prepare_softmax(const NodeContext& context) {
  constexpr std::int64_t kMany = 4096;  // building oneDNN's kernel for a few would not pay
  QUANT_TRY_ASSIGN(std::vector<TensorType> types, infer_softmax(context));
  QUANT_TRY_ASSIGN(const std::int64_t count, checked_element_count(types[0].shape));
  if (count < kMany) {
    return prepare_computed<infer_softmax, compute_softmax, BufferFill::kUndefined>(context);
  }
  QUANT_TRY_ASSIGN(const AxisSpan along, span_of(context));
  QUANT_TRY_ASSIGN(onednn::Elementwise exponential,
                   onednn::Elementwise::create(onednn::Function::kExp, count));
  return std::make_unique<VectorizedSoftmax>(std::move(types[0].shape), along,
                                             std::move(exponential));
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
    {OpKind::kSoftmax, 1, 1, infer_softmax, prepare_softmax},
    computed_operator<infer_softmax, compute_log_softmax, BufferFill::kUndefined>(
        OpKind::kLogSoftmax, 1, 1),
    computed_operator<infer_softmax, compute_hardmax>(OpKind::kHardmax, 1, 1),
};

}  // namespace

std::span<const Operator> softmax_operators() { return kOperators; }

}  // namespace quant
