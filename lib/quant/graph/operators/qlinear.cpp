// SPDX-License-Identifier: MIT
#include "quant/graph/operators/qlinear.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "quant/graph/operators/broadcast.h"
#include "quant/graph/operators/float_input.h"
#include "quant/graph/operators/image_shape.h"
#include "quant/graph/operators/quantized_values.h"
#include "quant/graph/operators/window.h"
#include "quant/graph/operators/wrapping.h"

namespace quant {
namespace {

using ByteTypes = TypeList<std::uint8_t, std::int8_t>;

// Scale and zero point that hold for a whole tensor, at inputs `scale` and `scale` + 1.
Status check_whole(const NodeContext& context, std::size_t scale, DataType type) {
  QUANT_TRY(float_input(context, scale));
  QUANT_TRY(check_single(context, scale));
  QUANT_TRY(required_type(context, scale + 1));
  QUANT_TRY(check_single(context, scale + 1));
  return check_type(context, scale + 1, type);
}

// One value, or one per output channel (column).
Status check_per_output(const NodeContext& context, std::size_t input, std::int64_t channels) {
  QUANT_TRY_ASSIGN(const TensorType* type, required_type(context, input));
  const Shape& shape = type->shape;
  if (!is_static(shape) || element_count(shape) == 1) return {};
  if (shape.size() == 1 && may_equal(shape[0], channels)) return {};
  return fail(ErrorCode::kInvalidData,
              fmt::format("input {} has shape {}, expected one value or {}", input,
                          to_string(shape), channels));
}

float whole_scale(const NodeContext& context, std::size_t input) {
  return context.constants[input]->data<float>()[0];
}

// The value for one channel of a list that has one value or one per channel.
template <typename T>
T of_channel(const std::vector<T>& values, std::int64_t channel) {
  return values[values.size() == 1 ? 0 : static_cast<std::size_t>(channel)];
}

// Turns accumulators into outputs: float32(acc) · (s_x·s_w/s_y), half to even, plus the zero point.
template <typename T>
void requantize(const std::int32_t* accumulators, std::int64_t count, float multiplier,
                std::int32_t zero, T* y) {
  for (std::int64_t i = 0; i < count; ++i) {
    y[i] = saturate<T>(std::nearbyint(static_cast<float>(accumulators[i]) * multiplier) +
                       static_cast<float>(zero));
  }
}

struct QuantizedConvolution {
  ImageShape output;
  PlacedWindow window;
  std::int64_t groups = 1;
};

// Inputs: x, x_scale, x_zero_point, w, w_scale, w_zero_point, y_scale, y_zero_point, B.
Result<QuantizedConvolution> plan_quantized_convolution(const NodeContext& context) {
  const Attributes& attributes = context.node.attributes;
  QUANT_TRY_ASSIGN(const TensorType* x, required_type<ByteTypes>(context, 0));
  QUANT_TRY_ASSIGN(const TensorType* w, required_type<ByteTypes>(context, 3));
  QUANT_TRY_ASSIGN(const TensorType* zero, required_type<ByteTypes>(context, 7));
  QUANT_TRY(check_whole(context, 1, x->type));
  QUANT_TRY(check_whole(context, 6, zero->type));
  QUANT_TRY_ASSIGN(const ImageShape input, image_shape(x->shape, {}, 1, 3));
  const Shape& weights = w->shape;
  QuantizedConvolution plan;
  plan.groups = attributes.integer("group", 1);
  if (weights.size() != x->shape.size() || plan.groups < 1 || plan.groups > kMaxElements) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("weights {} in {} groups do not fit an input {}", to_string(weights),
                            plan.groups, to_string(x->shape)));
  }
  plan.output = input;
  plan.output.channels = weights[0];
  plan.output.spatial.assign(input.spatial.size(), -1);
  QUANT_TRY(float_input(context, 4));
  QUANT_TRY(check_per_output(context, 4, weights[0]));
  QUANT_TRY(check_per_output(context, 5, weights[0]));
  QUANT_TRY(check_type(context, 5, w->type));
  if (optional_type(context, 8) != nullptr) {
    QUANT_TRY(check_type(context, 8, DataType::kInt32));
    QUANT_TRY(check_per_output(context, 8, weights[0]));
  }
  if (!is_static(weights)) return plan;
  if (std::find(weights.begin(), weights.end(), 0) != weights.end() ||
      weights[0] % plan.groups != 0 || !may_equal(input.channels, weights[1] * plan.groups)) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("weights {} in {} groups do not fit an input {}", to_string(weights),
                            plan.groups, to_string(x->shape)));
  }
  const std::vector<std::int64_t> kernel(weights.begin() + 2, weights.end());
  QUANT_TRY_ASSIGN(const Window window, read_window(attributes, kernel.size(), kernel));
  QUANT_TRY_ASSIGN(plan.window, place_window(window, input.spatial, false));
  plan.output.spatial = plan.window.output;
  return plan;
}

// Adds one input plane, seen through its kernel, to the accumulators of one output plane. Fewer
// than three axes have sizes of 1 in front.
struct PlaneWindow {
  std::int64_t input[3] = {1, 1, 1};
  std::int64_t output[3] = {1, 1, 1};
  std::int64_t kernel[3] = {1, 1, 1};
  std::int64_t stride[3] = {1, 1, 1};
  std::int64_t dilation[3] = {1, 1, 1};
  std::int64_t pad[3] = {0, 0, 0};

  explicit PlaneWindow(const PlacedWindow& window) {
    for (std::size_t i = 0, axis = 3 - window.rank(); i < window.rank(); ++i, ++axis) {
      input[axis] = window.input[i];
      output[axis] = window.output[i];
      kernel[axis] = window.kernel[i];
      stride[axis] = window.strides[i];
      dilation[axis] = window.dilations[i];
      pad[axis] = window.pads_begin[i];
    }
  }

  std::int64_t source(int axis, std::int64_t out, std::int64_t tap) const {
    return out * stride[axis] - pad[axis] + tap * dilation[axis];
  }

  void accumulate(const std::int32_t* x, const std::int32_t* w, std::int32_t* sums) const {
    for (std::int64_t tz = 0; tz < kernel[0]; ++tz) {
      for (std::int64_t ty = 0; ty < kernel[1]; ++ty) {
        for (std::int64_t tx = 0; tx < kernel[2]; ++tx, ++w) {
          if (*w != 0) add_tap(tz, ty, tx, x, *w, sums);
        }
      }
    }
  }

 private:
  void add_tap(std::int64_t tz, std::int64_t ty, std::int64_t tx, const std::int32_t* x,
               std::int32_t weight, std::int32_t* sums) const {
    const std::int64_t shift = source(2, 0, tx);
    const std::int64_t first = shift < 0 ? (-shift + stride[2] - 1) / stride[2] : 0;
    const std::int64_t end =
        std::min(output[2], shift < input[2] ? (input[2] - shift + stride[2] - 1) / stride[2] : 0);
    for (std::int64_t z = 0; z < output[0]; ++z) {
      const std::int64_t from_z = source(0, z, tz);
      if (from_z < 0 || from_z >= input[0]) continue;
      for (std::int64_t y = 0; y < output[1]; ++y) {
        const std::int64_t from_y = source(1, y, ty);
        if (from_y < 0 || from_y >= input[1]) continue;
        const std::int32_t* const line = x + (from_z * input[1] + from_y) * input[2] + shift;
        std::int32_t* const row = sums + (z * output[1] + y) * output[2];
        for (std::int64_t i = first; i < end; ++i) {
          row[i] = wrapping_add(row[i], wrapping_multiply(weight, line[i * stride[2]]));
        }
      }
    }
  }
};

struct QuantizedProduct {
  Shape batch;
  Shape batch_a;
  Shape batch_b;
  std::int64_t m = 1;
  std::int64_t k = 1;
  std::int64_t n = 1;
};

// Inputs: a, a_scale, a_zero_point, b, b_scale, b_zero_point, y_scale, y_zero_point.
Result<QuantizedProduct> plan_quantized_product(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* a, required_type<ByteTypes>(context, 0));
  QUANT_TRY_ASSIGN(const TensorType* b, required_type<ByteTypes>(context, 3));
  QUANT_TRY_ASSIGN(const TensorType* zero, required_type<ByteTypes>(context, 7));
  QUANT_TRY(check_whole(context, 1, a->type));
  QUANT_TRY(check_whole(context, 6, zero->type));
  const Shape& left = a->shape;
  const Shape& right = b->shape;
  if (left.size() < 2 || right.size() < 2 || !may_equal(left.back(), right[right.size() - 2])) {
    return fail(ErrorCode::kInvalidData, fmt::format("inputs {} and {} do not fit each other",
                                                     to_string(left), to_string(right)));
  }
  QuantizedProduct plan;
  plan.batch_a.assign(left.begin(), left.end() - 2);
  plan.batch_b.assign(right.begin(), right.end() - 2);
  plan.m = left[left.size() - 2];
  plan.k = left.back();
  plan.n = right.back();
  QUANT_TRY(float_input(context, 4));
  QUANT_TRY(check_per_output(context, 4, plan.n));
  QUANT_TRY(check_per_output(context, 5, plan.n));
  QUANT_TRY(check_type(context, 5, b->type));
  QUANT_TRY_ASSIGN(plan.batch, broadcast_shapes(plan.batch_a, plan.batch_b));
  return plan;
}

}  // namespace

Result<std::vector<TensorType>> infer_quantized_convolution(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const QuantizedConvolution plan, plan_quantized_convolution(context));
  Shape output = plan.output.shape();
  QUANT_TRY(check_size(output));
  return std::vector<TensorType>{{context.types[7]->type, std::move(output)}};
}

Status compute_quantized_convolution(const NodeContext& context, std::span<Tensor> outputs) {
  QUANT_TRY_ASSIGN(const QuantizedConvolution plan, plan_quantized_convolution(context));
  const std::span<const float> scales = context.constants[4]->data<float>();
  const std::vector<float> weight_scales(scales.begin(), scales.end());
  const std::vector<std::int32_t> weight_zeros = widened(*context.constants[5]);
  const Tensor* bias = constant_input(context, 8);
  const std::vector<std::int32_t> biases =
      bias == nullptr ? std::vector<std::int32_t>{0} : widened(*bias);
  // Zero points leave at once: padding is then 0, as ONNX wants it.
  std::vector<std::int32_t> x = widened(*context.constants[0]);
  const std::int32_t input_zero = widened(*context.constants[2])[0];
  for (std::int32_t& value : x) value -= input_zero;
  std::vector<std::int32_t> w = widened(*context.constants[3]);

  const Shape& weights = context.types[3]->shape;
  const std::int64_t out_channels = weights[0];
  const std::int64_t per_channel = element_count(weights) / out_channels;
  for (std::int64_t c = 0; c < out_channels; ++c) {
    for (std::int64_t i = 0; i < per_channel; ++i) {
      w[static_cast<std::size_t>(c * per_channel + i)] -= of_channel(weight_zeros, c);
    }
  }
  const std::int64_t in_per_group = weights[1];
  const std::int64_t taps = per_channel / in_per_group;
  const std::int64_t out_per_group = out_channels / plan.groups;
  const std::int64_t in_pixels = element_count(plan.window.input);
  const std::int64_t out_pixels = plan.output.pixels();
  const PlaneWindow window(plan.window);
  const float input_scale = whole_scale(context, 1);
  const float output_scale = whole_scale(context, 6);
  const std::int32_t output_zero = widened(*context.constants[7])[0];
  std::vector<std::int32_t> sums(static_cast<std::size_t>(out_pixels));
  for (std::int64_t n = 0; n < plan.output.batch; ++n) {
    for (std::int64_t c = 0; c < out_channels; ++c) {
      std::ranges::fill(sums, of_channel(biases, c));
      const std::int64_t first = n * in_per_group * plan.groups + c / out_per_group * in_per_group;
      for (std::int64_t i = 0; i < in_per_group; ++i) {
        window.accumulate(x.data() + (first + i) * in_pixels,
                          w.data() + (c * in_per_group + i) * taps, sums.data());
      }
      const float multiplier = input_scale * of_channel(weight_scales, c) / output_scale;
      visit_type(ByteTypes{}, outputs[0].type(), [&]<typename T>(std::type_identity<T>) {
        requantize(sums.data(), out_pixels, multiplier, output_zero,
                   outputs[0].data<T>().data() + (n * out_channels + c) * out_pixels);
      });
    }
  }
  return {};
}

Result<std::vector<TensorType>> infer_quantized_product(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const QuantizedProduct plan, plan_quantized_product(context));
  Shape output = plan.batch;
  output.push_back(plan.m);
  output.push_back(plan.n);
  QUANT_TRY(check_size(output));
  return std::vector<TensorType>{{context.types[7]->type, std::move(output)}};
}

Status compute_quantized_product(const NodeContext& context, std::span<Tensor> outputs) {
  QUANT_TRY_ASSIGN(const QuantizedProduct plan, plan_quantized_product(context));
  const std::vector<std::int32_t> a = widened(*context.constants[0]);
  const std::vector<std::int32_t> b = widened(*context.constants[3]);
  const std::int32_t zero_a = widened(*context.constants[2])[0];
  const std::vector<std::int32_t> zero_b = widened(*context.constants[5]);
  const std::int32_t zero_y = widened(*context.constants[7])[0];
  const std::span<const float> scales = context.constants[4]->data<float>();
  const std::vector<float> scale_b(scales.begin(), scales.end());
  const float scale_a = whole_scale(context, 1);
  const float scale_y = whole_scale(context, 6);
  const std::vector<std::int64_t> steps_a = broadcast_strides(plan.batch_a, plan.batch);
  const std::vector<std::int64_t> steps_b = broadcast_strides(plan.batch_b, plan.batch);
  const std::int64_t batches = element_count(plan.batch);
  std::vector<std::int32_t> sums(static_cast<std::size_t>(plan.n));
  for (std::int64_t batch = 0; batch < batches; ++batch) {
    std::int64_t offset_a = 0;
    std::int64_t offset_b = 0;
    std::int64_t rest = batch;
    for (std::size_t axis = plan.batch.size(); axis-- > 0; rest /= plan.batch[axis]) {
      offset_a += rest % plan.batch[axis] * steps_a[axis];
      offset_b += rest % plan.batch[axis] * steps_b[axis];
    }
    for (std::int64_t row = 0; row < plan.m; ++row) {
      std::ranges::fill(sums, 0);
      for (std::int64_t k = 0; k < plan.k; ++k) {
        const std::int32_t left =
            a[static_cast<std::size_t>((offset_a * plan.m + row) * plan.k + k)] - zero_a;
        const std::int32_t* const line = b.data() + (offset_b * plan.k + k) * plan.n;
        for (std::int64_t column = 0; column < plan.n; ++column) {
          std::int32_t& sum = sums[static_cast<std::size_t>(column)];
          sum = wrapping_add(sum, left * (line[column] - of_channel(zero_b, column)));
        }
      }
      visit_type(ByteTypes{}, outputs[0].type(), [&]<typename T>(std::type_identity<T>) {
        T* const y = outputs[0].data<T>().data() + (batch * plan.m + row) * plan.n;
        for (std::int64_t column = 0; column < plan.n; ++column) {
          requantize(&sums[static_cast<std::size_t>(column)], 1,
                     scale_a * of_channel(scale_b, column) / scale_y, zero_y, y + column);
        }
      });
    }
  }
  return {};
}

}  // namespace quant
