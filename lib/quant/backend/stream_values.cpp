// SPDX-License-Identifier: MIT
#include "quant/backend/stream_values.h"

#include <fmt/format.h>

#include "quant/backend/match_streams.h"

namespace quant {
namespace {

DenseOrder order_of(const DeviceLayout& layout, const TensorInfo& output) {
  const StreamShape wanted = stream_shape(output);
  const Shape& shape = output.shape;
  const bool as_it_says = layout.channels == wanted.channels &&
                          layout.height * layout.width == wanted.height * wanted.width;
  const bool pixel_by_pixel = shape.size() == 3 && shape[0] == 1 && shape[2] == layout.channels &&
                              shape[1] == layout.height * layout.width;
  return pixel_by_pixel && !as_it_says ? DenseOrder::kNhwc : DenseOrder::kNchw;
}

}  // namespace

Result<TensorDequantizer> stream_values(const DeviceLayout& stream, const QuantParams& params,
                                        const TensorInfo& output) {
  if (element_count(output.shape) != element_count(stream)) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the tensor is {}, the model has {}", to_string(stream),
                            to_string(output.shape)),
                output.name);
  }
  auto values = TensorDequantizer::create(stream, params, order_of(stream, output));
  if (!values) return fail_with_context(std::move(values).error(), output.name);
  values->set_shape(output.shape);
  return values;
}

}  // namespace quant
