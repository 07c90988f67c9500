// SPDX-License-Identifier: MIT
// Operators that shift and scale by statistics: given ones (BatchNormalization, our Normalization)
// or those of the input itself. Statistics are summed in double.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "quant/graph/operators/broadcast.h"
#include "quant/graph/operators/computed_node.h"
#include "quant/graph/operators/families.h"
#include "quant/graph/operators/float_input.h"
#include "quant/graph/operators/image_shape.h"
#include "quant/graph/operators/strided_copy.h"

namespace quant {
namespace {

using Types = std::vector<TensorType>;

std::span<const float> floats(const NodeContext& context, std::size_t input) {
  const Tensor* tensor = constant_input(context, input);
  return tensor == nullptr ? std::span<const float>{} : tensor->data<float>();
}

Status check_per_channel(const NodeContext& context, std::size_t input, std::int64_t channels) {
  QUANT_TRY_ASSIGN(const TensorType* type, float_input(context, input));
  if (type->shape.size() == 1 && may_equal(type->shape[0], channels)) return {};
  return fail(ErrorCode::kInvalidData,
              fmt::format("input {} has shape {}, the tensor has {} channels", input,
                          to_string(type->shape), channels));
}

Result<Types> same_float_type(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* x, float_input(context, 0));
  return Types{{DataType::kFloat32, x->shape}};
}

// y = scale[c]·x + shift[c] over an image with channels second or last.
void apply_per_channel(const ImageShape& image, const float* x, float* y,
                       std::span<const float> scale, std::span<const float> shift) {
  const auto channels = static_cast<std::size_t>(image.channels);
  if (image.channels_last) {
    for (std::int64_t pixel = 0; pixel < image.batch * image.pixels(); ++pixel) {
      for (std::size_t c = 0; c < channels; ++c) *y++ = *x++ * scale[c] + shift[c];
    }
    return;
  }
  for (std::int64_t n = 0; n < image.batch; ++n) {
    for (std::size_t c = 0; c < channels; ++c) {
      for (std::int64_t pixel = 0; pixel < image.pixels(); ++pixel)
        *y++ = *x++ * scale[c] + shift[c];
    }
  }
}

constexpr std::size_t kMaxSpatial = 6;

Result<Types> infer_batch_normalization(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* x, float_input(context, 0));
  if (context.node.attributes.integer("training_mode", 0) != 0) {
    return fail(ErrorCode::kUnsupported, "training mode is not supported");
  }
  QUANT_TRY_ASSIGN(const ImageShape image,
                   image_shape(x->shape, context.node.attributes, 0, kMaxSpatial));
  for (std::size_t input = 1; input <= 4; ++input) {
    QUANT_TRY(check_per_channel(context, input, image.channels));
  }
  return Types{{DataType::kFloat32, x->shape}};
}

Status compute_batch_normalization(const NodeContext& context, std::span<Tensor> outputs) {
  QUANT_TRY_ASSIGN(const ImageShape image,
                   image_shape(context.types[0]->shape, context.node.attributes, 0, kMaxSpatial));
  const auto scale = floats(context, 1);
  const auto bias = floats(context, 2);
  const auto mean = floats(context, 3);
  const auto variance = floats(context, 4);
  const double epsilon = context.node.attributes.number("epsilon", 1e-5F);
  std::vector<float> factor(scale.size());
  std::vector<float> shift(scale.size());
  for (std::size_t c = 0; c < scale.size(); ++c) {
    const double each = scale[c] / std::sqrt(variance[c] + epsilon);
    factor[c] = static_cast<float>(each);
    shift[c] = static_cast<float>(bias[c] - mean[c] * each);
  }
  apply_per_channel(image, floats(context, 0).data(), outputs[0].data<float>().data(), factor,
                    shift);
  return {};
}

// Mean and standard deviation per channel, from the attributes.
struct Statistics {
  std::vector<float> mean;
  std::vector<float> std;
};

Result<Statistics> read_statistics(const Attributes& attributes, std::int64_t channels) {
  Statistics result{attributes.get<std::vector<float>>("mean", {}),
                    attributes.get<std::vector<float>>("std", {})};
  if (channels < 0) return result;
  for (std::vector<float>* values : {&result.mean, &result.std}) {
    if (values->size() == 1) values->assign(static_cast<std::size_t>(channels), values->front());
    if (values->size() != static_cast<std::size_t>(channels)) {
      return fail(ErrorCode::kInvalidData,
                  fmt::format("attributes mean and std do not have {} values", channels));
    }
  }
  if (std::find(result.std.begin(), result.std.end(), 0.0F) != result.std.end()) {
    return fail(ErrorCode::kInvalidData, "attribute std has a 0");
  }
  return result;
}

Result<Types> infer_fixed_normalization(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* x, float_input(context, 0));
  QUANT_TRY_ASSIGN(const ImageShape image,
                   image_shape(x->shape, context.node.attributes, 0, kMaxSpatial));
  QUANT_TRY(read_statistics(context.node.attributes, image.channels));
  return Types{{DataType::kFloat32, x->shape}};
}

Status compute_fixed_normalization(const NodeContext& context, std::span<Tensor> outputs) {
  QUANT_TRY_ASSIGN(const ImageShape image,
                   image_shape(context.types[0]->shape, context.node.attributes, 0, kMaxSpatial));
  QUANT_TRY_ASSIGN(const Statistics statistics,
                   read_statistics(context.node.attributes, image.channels));
  const float* x = floats(context, 0).data();
  float* y = outputs[0].data<float>().data();
  const std::int64_t outer = image.channels_last ? image.batch * image.pixels() : image.batch;
  const std::int64_t inner = image.channels_last ? 1 : image.pixels();
  for (std::int64_t n = 0; n < outer; ++n) {
    for (std::size_t c = 0; c < statistics.mean.size(); ++c) {
      for (std::int64_t i = 0; i < inner; ++i)
        *y++ = (*x++ - statistics.mean[c]) / statistics.std[c];
    }
  }
  return {};
}

struct Moments {
  double mean = 0;
  double variance = 0;
};

// Sum of term(x[i]); several sums side by side, which the processor need not wait for.
template <typename Term>
double sum_of(const float* x, std::int64_t count, const Term& term) {
  constexpr std::int64_t kLanes = 8;
  std::array<double, kLanes> lanes{};
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane)
      lanes[static_cast<std::size_t>(lane)] += term(x[i + lane]);
  }
  double sum = 0;
  for (; i < count; ++i) sum += term(x[i]);
  for (const double lane : lanes) sum += lane;
  return sum;
}

Moments moments_of(const float* x, std::int64_t count) {
  Moments moments;
  moments.mean = sum_of(x, count, [](double value) { return value; }) / static_cast<double>(count);
  moments.variance =
      sum_of(x, count,
             [mean = moments.mean](double value) { return (value - mean) * (value - mean); }) /
      static_cast<double>(count);
  return moments;
}

Result<Types> infer_instance_normalization(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* x, float_input(context, 0));
  if (x->shape.size() < 3) return fail(ErrorCode::kInvalidData, "the input has no spatial axis");
  QUANT_TRY(check_per_channel(context, 1, x->shape[1]));
  QUANT_TRY(check_per_channel(context, 2, x->shape[1]));
  return Types{{DataType::kFloat32, x->shape}};
}

// Normalizes blocks of `channels` planes together; scale and bias are per channel.
void normalize_blocks(const Shape& shape, std::int64_t channels, double epsilon,
                      std::span<const float> scale, std::span<const float> bias, const float* x,
                      float* y) {
  const std::int64_t pixels = element_count(Shape(shape.begin() + 2, shape.end()));
  const std::int64_t planes = shape[0] * shape[1];
  for (std::int64_t plane = 0; plane < planes; plane += channels) {
    const Moments moments = moments_of(x, channels * pixels);
    const double inverse = 1.0 / std::sqrt(moments.variance + epsilon);
    for (std::int64_t c = 0; c < channels; ++c) {
      const auto channel = static_cast<std::size_t>((plane + c) % shape[1]);
      const double factor = scale[channel] * inverse;
      const double shift = bias[channel] - moments.mean * factor;
      for (std::int64_t i = 0; i < pixels; ++i) *y++ = static_cast<float>(*x++ * factor + shift);
    }
  }
}

Status compute_instance_normalization(const NodeContext& context, std::span<Tensor> outputs) {
  normalize_blocks(context.types[0]->shape, 1, context.node.attributes.number("epsilon", 1e-5F),
                   floats(context, 1), floats(context, 2), floats(context, 0).data(),
                   outputs[0].data<float>().data());
  return {};
}

Result<Types> infer_group_normalization(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* x, float_input(context, 0));
  if (x->shape.size() < 2) return fail(ErrorCode::kInvalidData, "the input has no channel axis");
  const std::int64_t groups = context.node.attributes.integer("num_groups", 0);
  if (groups < 1 || (x->shape[1] >= 0 && x->shape[1] % groups != 0)) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("{} channels do not divide into {} groups", x->shape[1], groups));
  }
  QUANT_TRY(check_per_channel(context, 1, x->shape[1]));
  QUANT_TRY(check_per_channel(context, 2, x->shape[1]));
  return Types{{DataType::kFloat32, x->shape}};
}

Status compute_group_normalization(const NodeContext& context, std::span<Tensor> outputs) {
  const Shape& shape = context.types[0]->shape;
  normalize_blocks(shape, shape[1] / context.node.attributes.integer("num_groups", 1),
                   context.node.attributes.number("epsilon", 1e-5F), floats(context, 1),
                   floats(context, 2), floats(context, 0).data(), outputs[0].data<float>().data());
  return {};
}

// Scale and bias may lack leading axes or stretch along axes of size 1.
Status check_trailing(const NodeContext& context, std::size_t input, const Shape& shape) {
  if (optional_type(context, input) == nullptr) return {};
  QUANT_TRY_ASSIGN(const TensorType* type, float_input(context, input));
  if (broadcasts_to(type->shape, shape)) return {};
  return fail(ErrorCode::kInvalidData,
              fmt::format("input {} has shape {}, which does not stretch to {}", input,
                          to_string(type->shape), to_string(shape)));
}

Result<Types> infer_layer_normalization(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* x, float_input(context, 0));
  QUANT_TRY_ASSIGN(const std::size_t axis,
                   normalized_axis(context.node.attributes.integer("axis", -1), x->shape.size()));
  QUANT_TRY(required_type(context, 1));
  QUANT_TRY(check_trailing(context, 1, x->shape));
  QUANT_TRY(check_trailing(context, 2, x->shape));
  Shape statistics = x->shape;
  std::fill(statistics.begin() + static_cast<std::ptrdiff_t>(axis), statistics.end(), 1);
  return Types{{DataType::kFloat32, x->shape},
               {DataType::kFloat32, statistics},
               {DataType::kFloat32, statistics}};
}

// The elements of an input stretched to `shape`, or `fallback` everywhere where it is absent.
Tensor stretched(const NodeContext& context, std::size_t input, const Shape& shape,
                 float fallback) {
  Tensor result(DataType::kFloat32, shape);
  const Tensor* given = constant_input(context, input);
  if (given == nullptr) {
    std::ranges::fill(result.data<float>(), fallback);
  } else {
    strided_copy(shape, *given, 0, broadcast_strides(given->shape(), shape), result);
  }
  return result;
}

Status compute_layer_normalization(const NodeContext& context, std::span<Tensor> outputs) {
  const Shape& shape = context.types[0]->shape;
  QUANT_TRY_ASSIGN(const std::size_t axis,
                   normalized_axis(context.node.attributes.integer("axis", -1), shape.size()));
  const double epsilon = context.node.attributes.number("epsilon", 1e-5F);
  const std::int64_t inner =
      element_count(Shape(shape.begin() + static_cast<std::ptrdiff_t>(axis), shape.end()));
  // Scale and bias normally cover the normalized axes only; stretching further is legal, and rare.
  const auto trails = [&](std::size_t input) {
    const TensorType* type = optional_type(context, input);
    return type == nullptr || type->shape.size() <= shape.size() - axis;
  };
  const bool small = trails(1) && trails(2);
  const Shape parameters(shape.begin() + static_cast<std::ptrdiff_t>(small ? axis : 0),
                         shape.end());
  const Tensor scales = stretched(context, 1, parameters, 1);
  const Tensor biases = stretched(context, 2, parameters, 0);
  const float* scale = scales.data<float>().data();
  const float* bias = biases.data<float>().data();
  const float* x = floats(context, 0).data();
  float* y = outputs[0].data<float>().data();
  const std::int64_t blocks = outputs[1].elements();
  for (std::int64_t block = 0; block < blocks; ++block, x += inner, y += inner) {
    const Moments moments = moments_of(x, inner);
    const double inverse = 1.0 / std::sqrt(moments.variance + epsilon);
    const auto mean = static_cast<float>(moments.mean);
    const auto factor = static_cast<float>(inverse);
    outputs[1].data<float>()[static_cast<std::size_t>(block)] = mean;
    outputs[2].data<float>()[static_cast<std::size_t>(block)] = factor;
    const std::int64_t offset = small ? 0 : block * inner;
    for (std::int64_t i = 0; i < inner; ++i) {
      y[i] = (x[i] - mean) * factor * scale[offset + i] + bias[offset + i];
    }
  }
  return {};
}

Result<Types> infer_lp_normalization(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* x, float_input(context, 0));
  QUANT_TRY(normalized_axis(context.node.attributes.integer("axis", -1), x->shape.size()));
  const std::int64_t p = context.node.attributes.integer("p", 2);
  if (p != 1 && p != 2) return fail(ErrorCode::kInvalidData, fmt::format("attribute p is {}", p));
  return Types{{DataType::kFloat32, x->shape}};
}

Status compute_lp_normalization(const NodeContext& context, std::span<Tensor> outputs) {
  QUANT_TRY_ASSIGN(
      const std::size_t axis,
      normalized_axis(context.node.attributes.integer("axis", -1), context.types[0]->shape.size()));
  const bool euclidean = context.node.attributes.integer("p", 2) == 2;
  const AxisSpan along = axis_span(context.types[0]->shape, axis);
  const float* x = floats(context, 0).data();
  float* y = outputs[0].data<float>().data();
  for (std::int64_t outer = 0; outer < along.outer; ++outer) {
    for (std::int64_t inner = 0; inner < along.inner; ++inner) {
      const std::int64_t first = outer * along.size * along.inner + inner;
      double sum = 0;
      for (std::int64_t i = 0; i < along.size; ++i) {
        const double value = x[first + i * along.inner];
        sum += euclidean ? value * value : std::fabs(value);
      }
      const double norm = euclidean ? std::sqrt(sum) : sum;
      for (std::int64_t i = 0; i < along.size; ++i) {
        const std::int64_t at = first + i * along.inner;
        y[at] = norm == 0 ? 0.0F : static_cast<float>(x[at] / norm);
      }
    }
  }
  return {};
}

Result<Types> infer_lrn(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* x, float_input(context, 0));
  if (x->shape.size() < 2) return fail(ErrorCode::kInvalidData, "the input has no channel axis");
  const std::int64_t size = context.node.attributes.integer("size", 0);
  if (size < 1) return fail(ErrorCode::kInvalidData, fmt::format("attribute size is {}", size));
  return Types{{DataType::kFloat32, x->shape}};
}

Status compute_lrn(const NodeContext& context, std::span<Tensor> outputs) {
  const Attributes& attributes = context.node.attributes;
  const double alpha = attributes.number("alpha", 1e-4F);
  const double beta = attributes.number("beta", 0.75F);
  const double bias = attributes.number("bias", 1.0F);
  const std::int64_t size = attributes.integer("size", 1);
  const AxisSpan along = axis_span(context.types[0]->shape, 1);
  const float* x = floats(context, 0).data();
  float* y = outputs[0].data<float>().data();
  for (std::int64_t n = 0; n < along.outer; ++n) {
    for (std::int64_t c = 0; c < along.size; ++c) {
      const std::int64_t first = std::max<std::int64_t>(0, c - (size - 1) / 2);
      const std::int64_t last = std::min(along.size - 1, c + std::min(size / 2, along.size));
      for (std::int64_t i = 0; i < along.inner; ++i) {
        double squares = 0;
        for (std::int64_t other = first; other <= last; ++other) {
          const double value = x[(n * along.size + other) * along.inner + i];
          squares += value * value;
        }
        const std::int64_t at = (n * along.size + c) * along.inner + i;
        y[at] = static_cast<float>(
            x[at] / std::pow(bias + alpha / static_cast<double>(size) * squares, beta));
      }
    }
  }
  return {};
}

Result<std::vector<std::size_t>> read_axes(const NodeContext& context) {
  return normalized_axes(context.node.attributes.integers("axes", {0, 2, 3}),
                         context.types[0]->shape.size());
}

Result<Types> infer_mean_variance(const NodeContext& context) {
  QUANT_TRY_ASSIGN(Types types, same_float_type(context));
  QUANT_TRY(read_axes(context));
  return types;
}

Status compute_mean_variance(const NodeContext& context, std::span<Tensor> outputs) {
  QUANT_TRY_ASSIGN(const std::vector<std::size_t> axes, read_axes(context));
  // Reduced axes innermost, so that each mean runs over one row; y keeps x's own order.
  const Shape& shape = context.types[0]->shape;
  const std::vector<std::int64_t> strides = row_major_strides(shape);
  Shape ordered_shape;
  std::vector<std::int64_t> ordered_strides;
  std::int64_t inner = 1;
  for (const bool reduced : {false, true}) {
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
      if ((std::find(axes.begin(), axes.end(), axis) != axes.end()) != reduced) continue;
      ordered_shape.push_back(shape[axis]);
      ordered_strides.push_back(strides[axis]);
      if (reduced) inner *= shape[axis];
    }
  }
  Tensor ordered(DataType::kFloat32, ordered_shape);
  strided_copy(ordered_shape, *context.constants[0], 0, ordered_strides, ordered);
  const std::span<float> values = ordered.data<float>();
  for (auto row = values.begin(); row != values.end(); row += inner) {
    const Moments moments = moments_of(&*row, inner);
    // The specification's expansion adds this to the deviation, not to the variance.
    const double deviation = std::sqrt(moments.variance) + 1e-9;
    std::transform(row, row + inner, row,
                   [&](float x) { return static_cast<float>((x - moments.mean) / deviation); });
  }
  strided_copy(ordered_shape, ordered, 0, row_major_strides(ordered_shape), outputs[0], 0,
               ordered_strides);
  return {};
}

constexpr Operator kOperators[] = {
    computed_operator<infer_batch_normalization, compute_batch_normalization,
                      BufferFill::kUndefined>(OpKind::kBatchNormalization, 5, 5),
    computed_operator<infer_fixed_normalization, compute_fixed_normalization,
                      BufferFill::kUndefined>(OpKind::kNormalization, 1, 1),
    computed_operator<infer_instance_normalization, compute_instance_normalization,
                      BufferFill::kUndefined>(OpKind::kInstanceNormalization, 3, 3),
    computed_operator<infer_group_normalization, compute_group_normalization,
                      BufferFill::kUndefined>(OpKind::kGroupNormalization, 3, 3),
    computed_operator<infer_layer_normalization, compute_layer_normalization,
                      BufferFill::kUndefined>(OpKind::kLayerNormalization, 2, 3),
    computed_operator<infer_lp_normalization, compute_lp_normalization>(OpKind::kLpNormalization, 1,
                                                                        1),
    computed_operator<infer_lrn, compute_lrn>(OpKind::kLRN, 1, 1),
    computed_operator<infer_mean_variance, compute_mean_variance>(
        OpKind::kMeanVarianceNormalization, 1, 1),
};

}  // namespace

std::span<const Operator> normalization_operators() { return kOperators; }

}  // namespace quant
