// SPDX-License-Identifier: MIT
// MaxPool, AveragePool, LpPool and their global forms, in ONNX's layout and with channels last.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "quant/graph/operators/families.h"
#include "quant/graph/operators/float_input.h"
#include "quant/graph/operators/image_shape.h"
#include "quant/graph/operators/onednn.h"
#include "quant/graph/operators/pool_geometry.h"
#include "quant/graph/operators/prepared_function.h"

namespace quant {
namespace {

Result<Pool> plan_pool(const NodeContext& context) {
  const Attributes& attributes = context.node.attributes;
  QUANT_TRY_ASSIGN(const TensorType* x, required_type(context, 0));
  Pool pool;
  QUANT_TRY_ASSIGN(pool.input, image_shape(x->shape, attributes, 1, kMaxSpatial));
  QUANT_TRY_ASSIGN(const Window window, read_window(attributes, pool.input.spatial.size(), {}));
  QUANT_TRY_ASSIGN(pool.window, place_window(window, pool.input.spatial,
                                             attributes.integer("ceil_mode", 0) != 0));
  pool.output = pool.input;
  pool.output.spatial = pool.window.output;
  return pool;
}

bool wants_indices(const Node& node) {
  return node.outputs.size() > 1 && node.outputs[1] != kNoValue;
}

Status check_element_type(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* x, required_type(context, 0));
  const bool integer = x->type == DataType::kUint8 || x->type == DataType::kInt8;
  if (x->type == DataType::kFloat32 || (context.node.op == OpKind::kMaxPool && integer)) return {};
  return fail(ErrorCode::kUnsupported, fmt::format("input X is {}", to_string(x->type)));
}

Result<std::vector<TensorType>> infer_pool(const NodeContext& context) {
  QUANT_TRY(check_element_type(context));
  QUANT_TRY_ASSIGN(const Pool pool, plan_pool(context));
  const Shape output = pool.output.shape();
  QUANT_TRY(check_size(output));
  std::vector<TensorType> types{{context.types[0]->type, output}};
  if (context.node.op == OpKind::kMaxPool) types.push_back({DataType::kInt64, output});
  return types;
}

template <typename T>
void max_pool(const Geometry& geometry, const Tensor& input, Tensor& output) {
  const std::span<T> values = output.data<T>();
  std::fill(values.begin(), values.end(), std::numeric_limits<T>::lowest());
  slide(geometry, input.data<T>().data(), values.data(),
        [](T& best, T value) { best = value > best ? value : best; });
}

// Where each maximum was found: its offset in the whole input tensor, spatial axes counted
// row-major or, with storage_order 1, column-major. The first of equal values wins.
template <typename T>
void max_indices(const Geometry& geometry, bool column_major, const Tensor& input, Tensor& output) {
  const auto& [depth, height, width] = geometry.axis;
  const T* source = input.data<T>().data();
  std::int64_t* target = output.data<std::int64_t>().data();
  for (std::int64_t plane = 0; plane < geometry.planes; ++plane) {
    const std::int64_t base = plane * geometry.input_elements();
    for (std::int64_t z = 0; z < depth.output; ++z) {
      for (std::int64_t y = 0; y < height.output; ++y) {
        for (std::int64_t x = 0; x < width.output; ++x, ++target) {
          T best = std::numeric_limits<T>::lowest();
          bool found = false;
          for (std::int64_t tz = depth.first_tap(z, 0); tz < depth.end_tap(z, depth.input); ++tz) {
            for (std::int64_t ty = height.first_tap(y, 0); ty < height.end_tap(y, height.input);
                 ++ty) {
              for (std::int64_t tx = width.first_tap(x, 0); tx < width.end_tap(x, width.input);
                   ++tx) {
                const std::int64_t pz = depth.position(z, tz);
                const std::int64_t py = height.position(y, ty);
                const std::int64_t px = width.position(x, tx);
                const T value = source[base + (pz * height.input + py) * width.input + px];
                if (found && !(value > best)) continue;
                found = true;
                best = value;
                *target = base + (column_major ? (px * height.input + py) * depth.input + pz
                                               : (pz * height.input + py) * width.input + px);
              }
            }
          }
        }
      }
    }
  }
}

template <typename T>
std::unique_ptr<PreparedNode> prepare_max(const Geometry& geometry, const Shape& shape,
                                          bool indices, bool column_major) {
  return prepared_function(
      [=](std::span<const Tensor* const> inputs, std::vector<Tensor>& outputs) {
        outputs.assign(1, Tensor(DataTypeOf<T>::value, shape, BufferFill::kUndefined));
        max_pool<T>(geometry, *inputs[0], outputs[0]);
        if (indices) {
          outputs.emplace_back(DataType::kInt64, shape);
          max_indices<T>(geometry, column_major, *inputs[0], outputs[1]);
        }
        return Status{};
      });
}

// oneDNN's kernel for channels that lie side by side; it knows no windows in the padding alone.
bool suits_onednn(const Pool& pool) {
  const PlacedWindow& window = pool.window;
  bool suits = pool.input.channels_last && pool.input.batch > 0 && pool.input.channels >= 8;
  for (std::size_t axis = 0; axis < window.rank(); ++axis) {
    const std::int64_t last = (window.output[axis] - 1) * window.strides[axis];
    suits = suits && window.dilations[axis] == 1 && window.output[axis] > 0 &&
            window.pads_begin[axis] < window.kernel[axis] &&
            last - window.pads_begin[axis] < window.input[axis];
  }
  return suits;
}

Result<std::unique_ptr<PreparedNode>> prepare_with_onednn(const Pool& pool) {
  const PlacedWindow& window = pool.window;
  QUANT_TRY_ASSIGN(onednn::MaxPooling pooling,
                   onednn::MaxPooling::create({pool.input.batch, pool.input.channels, window.input,
                                               window.kernel, window.output, window.strides,
                                               window.pads_begin}));
  return prepared_function(
      [shape = pool.output.shape(), pooling = std::move(pooling)](
          std::span<const Tensor* const> inputs, std::vector<Tensor>& outputs) mutable {
        outputs.assign(1, Tensor(DataType::kFloat32, shape, BufferFill::kUndefined));
        return pooling.run(floats_of(inputs, 0), outputs[0].data<float>().data());
      });
}

Result<std::unique_ptr<PreparedNode>> prepare_max_pool(const NodeContext& context) {
  QUANT_TRY(check_element_type(context));
  QUANT_TRY_ASSIGN(const Pool pool, plan_pool(context));
  const Shape shape = pool.output.shape();
  QUANT_TRY(check_size(shape));
  const bool indices = wants_indices(context.node);
  const bool column_major = context.node.attributes.integer("storage_order", 0) != 0;
  if (indices && pool.input.channels_last) {
    return fail(ErrorCode::kInternal, "indices of maxima have no channels-last form");
  }
  const Geometry geometry(pool);
  if (context.types[0]->type == DataType::kUint8) {
    return prepare_max<std::uint8_t>(geometry, shape, indices, column_major);
  }
  if (context.types[0]->type == DataType::kInt8) {
    return prepare_max<std::int8_t>(geometry, shape, indices, column_major);
  }
  if (!indices && suits_onednn(pool)) return prepare_with_onednn(pool);
  return prepare_max<float>(geometry, shape, indices, column_major);
}

// How many elements each output along one axis averages over.
std::vector<std::int64_t> window_sizes(const Axis& axis, bool include_padding) {
  const std::int64_t low = include_padding ? -axis.pad_begin : 0;
  const std::int64_t high = axis.input + (include_padding ? axis.pad_end : 0);
  std::vector<std::int64_t> sizes(static_cast<std::size_t>(axis.output));
  for (std::int64_t out = 0; out < axis.output; ++out) {
    sizes[static_cast<std::size_t>(out)] =
        std::max<std::int64_t>(1, axis.end_tap(out, high) - axis.first_tap(out, low));
  }
  return sizes;
}

Result<std::unique_ptr<PreparedNode>> prepare_average_pool(const NodeContext& context) {
  QUANT_TRY(check_element_type(context));
  QUANT_TRY_ASSIGN(const Pool pool, plan_pool(context));
  const Shape shape = pool.output.shape();
  QUANT_TRY(check_size(shape));
  const Geometry geometry(pool);
  const bool include = context.node.attributes.integer("count_include_pad", 0) != 0;
  std::vector<float> divisors;
  const auto depths = window_sizes(geometry.axis[0], include);
  const auto heights = window_sizes(geometry.axis[1], include);
  const auto widths = window_sizes(geometry.axis[2], include);
  divisors.reserve(depths.size() * heights.size() * widths.size());
  for (const std::int64_t depth : depths) {
    for (const std::int64_t height : heights) {
      for (const std::int64_t width : widths) {
        divisors.push_back(static_cast<float>(depth * height * width));
      }
    }
  }
  return prepared_function([geometry, shape, divisors = std::move(divisors)](
                               std::span<const Tensor* const> inputs,
                               std::vector<Tensor>& outputs) {
    outputs.assign(1, Tensor(DataType::kFloat32, shape));
    float* target = outputs[0].data<float>().data();
    slide(geometry, floats_of(inputs, 0), target, [](float& sum, float value) { sum += value; });
    for (std::int64_t plane = 0; plane < geometry.planes; ++plane) {
      for (const float divisor : divisors) {
        for (std::int64_t lane = 0; lane < geometry.lanes; ++lane) *target++ /= divisor;
      }
    }
    return Status{};
  });
}

Result<float> read_norm(const Attributes& attributes) {
  const std::int64_t p = attributes.integer("p", 2);
  if (p < 1 || p > 1024) return fail(ErrorCode::kOutOfRange, fmt::format("attribute p is {}", p));
  return static_cast<float>(p);
}

Result<std::unique_ptr<PreparedNode>> prepare_lp_pool(const NodeContext& context) {
  QUANT_TRY(check_element_type(context));
  QUANT_TRY_ASSIGN(const Pool pool, plan_pool(context));
  const Shape shape = pool.output.shape();
  QUANT_TRY(check_size(shape));
  QUANT_TRY_ASSIGN(const float p, read_norm(context.node.attributes));
  return prepared_function(
      [geometry = Geometry(pool), shape, p](std::span<const Tensor* const> inputs,
                                            std::vector<Tensor>& outputs) {
        outputs.assign(1, Tensor(DataType::kFloat32, shape));
        const std::span<float> values = outputs[0].data<float>();
        slide(geometry, floats_of(inputs, 0), values.data(),
              [p](float& sum, float value) { sum += std::pow(std::fabs(value), p); });
        for (float& value : values) value = std::pow(value, 1.0F / p);
        return Status{};
      });
}

Result<ImageShape> plan_global(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* x, float_input(context, 0));
  QUANT_TRY_ASSIGN(ImageShape input, image_shape(x->shape, context.node.attributes, 0, 6));
  if (std::find(input.spatial.begin(), input.spatial.end(), 0) != input.spatial.end()) {
    return fail(ErrorCode::kInvalidData, "the input has a spatial axis of size 0");
  }
  return input;
}

ImageShape global_output(ImageShape input) {
  input.spatial.assign(input.spatial.size(), 1);
  return input;
}

Result<std::vector<TensorType>> infer_global(const NodeContext& context) {
  QUANT_TRY_ASSIGN(ImageShape input, plan_global(context));
  return std::vector<TensorType>{{DataType::kFloat32, global_output(std::move(input)).shape()}};
}

// Reduces all pixels of each channel in double: combine(accumulator, value), then
// finish(accumulator).
template <typename Combine, typename Finish>
std::unique_ptr<PreparedNode> reduce_pixels(const ImageShape& image, double start, Combine combine,
                                            Finish finish) {
  return prepared_function([=, shape = global_output(image).shape()](
                               std::span<const Tensor* const> inputs,
                               std::vector<Tensor>& outputs) {
    outputs.assign(1, Tensor(DataType::kFloat32, shape));
    const std::int64_t lanes = image.channels_last ? image.channels : 1;
    const std::int64_t planes = image.channels_last ? image.batch : image.batch * image.channels;
    const float* source = floats_of(inputs, 0);
    float* target = outputs[0].data<float>().data();
    std::vector<double> sums(static_cast<std::size_t>(lanes));
    for (std::int64_t plane = 0; plane < planes; ++plane) {
      std::fill(sums.begin(), sums.end(), start);
      for (std::int64_t pixel = 0; pixel < image.pixels(); ++pixel) {
        for (double& sum : sums) combine(sum, static_cast<double>(*source++));
      }
      for (const double sum : sums) *target++ = static_cast<float>(finish(sum));
    }
    return Status{};
  });
}

Result<std::unique_ptr<PreparedNode>> prepare_global(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const ImageShape image, plan_global(context));
  if (context.node.op == OpKind::kGlobalMaxPool) {
    return reduce_pixels(
        image, -std::numeric_limits<double>::infinity(),
        [](double& best, double value) { best = value > best ? value : best; },
        [](double best) { return best; });
  }
  if (context.node.op == OpKind::kGlobalLpPool) {
    QUANT_TRY_ASSIGN(const double p, read_norm(context.node.attributes));
    return reduce_pixels(
        image, 0.0, [p](double& sum, double value) { sum += std::pow(std::fabs(value), p); },
        [p](double sum) { return std::pow(sum, 1.0 / p); });
  }
  const double count = static_cast<double>(image.pixels());
  return reduce_pixels(
      image, 0.0, [](double& sum, double value) { sum += value; },
      [count](double sum) { return sum / count; });
}

constexpr Operator kOperators[] = {
    {OpKind::kMaxPool, 1, 1, infer_pool, prepare_max_pool},
    {OpKind::kAveragePool, 1, 1, infer_pool, prepare_average_pool},
    {OpKind::kLpPool, 1, 1, infer_pool, prepare_lp_pool},
    {OpKind::kGlobalAveragePool, 1, 1, infer_global, prepare_global},
    {OpKind::kGlobalMaxPool, 1, 1, infer_global, prepare_global},
    {OpKind::kGlobalLpPool, 1, 1, infer_global, prepare_global},
};

}  // namespace

std::span<const Operator> pooling_operators() { return kOperators; }

}  // namespace quant
