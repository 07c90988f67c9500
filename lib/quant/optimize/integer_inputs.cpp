// SPDX-License-Identifier: MIT
#include "quant/optimize/integer_inputs.h"

#include <algorithm>
#include <cmath>

#include "quant/arithmetic/edge.h"

namespace quant {
namespace {

// Rows of `inner` elements become columns: (1, C, H, W) to (1, H, W, C).
template <typename From, typename To, typename Convert>
void channels_last(std::span<const From> from, std::size_t channels, std::span<To> to,
                   const Convert& convert) {
  const std::size_t area = from.size() / channels;
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t i = 0; i < area; ++i) to[i * channels + c] = convert(from[c * area + i]);
  }
}

Tensor quantized(const Tensor& values, const QuantParams& params) {
  const EdgeParams edge{params.scale[0], params.zero_point[0]};
  Tensor result(params.type, values.shape(), BufferFill::kUndefined);
  if (params.type == DataType::kUint16)
    quantize_u16(values.data<float>(), edge, result.data<std::uint16_t>());
  else
    quantize_u8(values.data<float>(), edge, result.data<std::uint8_t>());
  return result;
}

template <typename T>
Tensor channels_last(const Tensor& map) {
  const Shape& shape = map.shape();
  Tensor result(map.type(), {shape[0], shape[2], shape[3], shape[1]}, BufferFill::kUndefined);
  const std::size_t image = map.data<T>().size() / static_cast<std::size_t>(shape[0]);
  for (std::size_t start = 0; start < map.data<T>().size(); start += image) {
    channels_last(map.data<T>().subspan(start, image), static_cast<std::size_t>(shape[1]),
                  result.data<T>().subspan(start, image), [](T q) { return q; });
  }
  return result;
}

}  // namespace

Tensor as_executor_input(const Tensor& integers) {
  if (integers.rank() != 4) return integers.clone();
  return integers.type() == DataType::kUint16 ? channels_last<std::uint16_t>(integers)
                                              : channels_last<std::uint8_t>(integers);
}

Tensor frame_of_pixels(const Tensor& pixels) {
  const Shape& shape = pixels.shape();
  Tensor frame(DataType::kUint8, {1, shape[2], shape[3], shape[1]}, BufferFill::kUndefined);
  channels_last(pixels.data<float>(), static_cast<std::size_t>(shape[1]),
                frame.data<std::uint8_t>(), [](float pixel) {
                  return static_cast<std::uint8_t>(std::nearbyint(std::clamp(pixel, 0.0F, 255.0F)));
                });
  return frame;
}

std::vector<Tensor> integer_inputs(const Graph& integer, const InputSpec& spec,
                                   std::span<const Tensor> float_inputs) {
  if (spec.is_image()) return {frame_of_pixels(float_inputs[0])};
  std::vector<Tensor> result;
  for (std::size_t i = 0; i < float_inputs.size(); ++i) {
    result.push_back(
        as_executor_input(quantized(float_inputs[i], *integer.value(integer.inputs[i]).quant)));
  }
  return result;
}

}  // namespace quant
