// SPDX-License-Identifier: MIT
#include "quant/analyze/diagnosis_subject.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "quant/kernels/relayout/dequantize_tensor.h"

namespace quant {
namespace {

// More padding than this is another shape.
constexpr std::int64_t kMostPadding = 64;

template <typename T>
std::vector<float> floats_of(const Tensor& tensor) {
  const std::span<const T> from = tensor.data<T>();
  std::vector<float> to(from.size());
  std::transform(from.begin(), from.end(), to.begin(),
                 [](T value) { return static_cast<float>(value); });
  return to;
}

Result<std::vector<float>> as_floats(const Tensor& tensor) {
  switch (tensor.type()) {
    case DataType::kFloat32:
      return floats_of<float>(tensor);
    case DataType::kFloat64:
      return floats_of<double>(tensor);
    case DataType::kUint8:
      return floats_of<std::uint8_t>(tensor);
    case DataType::kInt8:
      return floats_of<std::int8_t>(tensor);
    case DataType::kUint16:
      return floats_of<std::uint16_t>(tensor);
    case DataType::kInt16:
      return floats_of<std::int16_t>(tensor);
    case DataType::kUint32:
    case DataType::kInt32:
    case DataType::kUint64:
    case DataType::kInt64:
    case DataType::kBool:
      break;
  }
  return fail(ErrorCode::kUnsupported,
              fmt::format("elements of type {}; a diagnosis takes float32, float64 and integers of "
                          "8 and 16 bits",
                          to_string(tensor.type())));
}

Extent extent_of(const Shape& shape, ReferenceAxes axes) {
  Shape frame = shape;
  const bool image = axes.single_frames && shape.size() == 3;
  if (!image && frame.size() > 1) frame.erase(frame.begin());
  switch (frame.size()) {
    case 0:
      return {};
    case 1:
      return {1, 1, frame[0]};
    case 2:
      return {1, frame[0], frame[1]};
    default:
      break;
  }
  const std::int64_t first = frame[0];
  const std::int64_t last = frame.back();
  std::int64_t middle = 1;
  for (std::size_t i = 1; i + 1 < frame.size(); ++i) middle *= frame[i];
  if (axes.order == DeviceOrder::kNhwc) return {first, middle, last};
  return {middle, last, first};
}

bool fits(std::int64_t size, std::int64_t padded) {
  return padded >= size && padded < size + kMostPadding;
}

bool channel_first(const Tensor& tensor, ReferenceAxes axes) {
  return axes.order == DeviceOrder::kNchw && (tensor.rank() >= 4 || axes.single_frames);
}

// The parameters of an integer reference, whose channels lie where `axes` says.
QuantParams along_channels(QuantParams params, const Tensor& tensor, ReferenceAxes axes) {
  const int rank = static_cast<int>(tensor.rank());
  params.axis = channel_first(tensor, axes) && rank >= 3 ? rank - 3 : rank - 1;
  return params;
}

}  // namespace

Result<std::vector<std::vector<float>>> frames_by_pixel(const Tensor& tensor, ReferenceAxes axes) {
  QUANT_TRY_ASSIGN(const std::vector<float> values, as_floats(tensor));
  const Extent extent = extent_of(tensor.shape(), axes);
  const std::int64_t pixels = extent.pixels();
  std::vector<std::vector<float>> frames;
  for (std::int64_t start = 0; start < tensor.elements(); start += extent.elements()) {
    const float* const from = values.data() + start;
    std::vector<float> to(from, from + extent.elements());
    if (channel_first(tensor, axes)) {
      for (std::int64_t p = 0; p < pixels; ++p) {
        for (std::int64_t c = 0; c < extent.channels; ++c)
          to[static_cast<std::size_t>(p * extent.channels + c)] = from[c * pixels + p];
      }
    }
    frames.push_back(std::move(to));
  }
  return frames;
}

Result<DiagnosisSubject> make_subject(const std::string& name, const Tensor& reference,
                                      ReferenceAxes axes, const Tensor& suspect,
                                      std::optional<QuantParams> params, std::int64_t most_frames) {
  DiagnosisSubject subject;
  subject.name = name;
  subject.extent = extent_of(reference.shape(), axes);
  const Extent& extent = subject.extent;
  if (reference.elements() == 0)
    return fail(ErrorCode::kInvalidData, "the reference is empty", name);
  const std::int64_t frames = reference.elements() / extent.elements();
  if (params && params->per_channel() &&
      static_cast<std::int64_t>(params->scale.size()) != extent.channels) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("{} scales for {} channels", params->scale.size(), extent.channels),
                name);
  }
  if (suspect.elements() == 0 || suspect.elements() % frames != 0) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("the suspect has {} elements ({}), the reference {} frames",
                            suspect.elements(), to_string(suspect.shape()), frames),
                name);
  }
  Tensor real = reference;
  if (reference.type() == DataType::kUint8 || reference.type() == DataType::kUint16) {
    if (!params) {
      return fail(ErrorCode::kInvalidArgument,
                  "the reference has integers; their scale is unknown (--model or --params)", name);
    }
    auto dequantized = dequantize_tensor(reference, along_channels(*params, reference, axes));
    if (!dequantized) return fail_with_context(std::move(dequantized).error(), name);
    real = std::move(*dequantized);
  }
  auto trusted = frames_by_pixel(real, axes);
  if (!trusted) return fail_with_context(std::move(trusted).error(), name);
  auto read = as_floats(suspect);
  if (!read) return fail_with_context(std::move(read).error(), name);

  const std::int64_t kept = std::min(frames, most_frames);
  trusted->resize(static_cast<std::size_t>(kept));
  subject.reference = std::move(*trusted);
  const std::int64_t each = suspect.elements() / frames;
  for (std::int64_t f = 0; f < kept; ++f)
    subject.suspect.frames.emplace_back(read->begin() + f * each, read->begin() + (f + 1) * each);
  Shape shape = suspect.shape();
  if (shape.size() > 1 && shape[0] == frames &&
      shape != Shape{extent.height, extent.width, extent.channels})
    shape.erase(shape.begin());
  subject.suspect.frame_shape = element_count(shape) == each ? std::move(shape) : Shape{each};
  const bool is_float =
      suspect.type() == DataType::kFloat32 || suspect.type() == DataType::kFloat64;
  subject.suspect.type = is_float ? DataType::kFloat32 : suspect.type();
  subject.params = std::move(params);
  return subject;
}

DeviceLayout filed_layout(const Recording& recording, const Extent& extent) {
  const auto [height, width, channels] = extent;
  const auto dense = [&](DeviceOrder order) {
    return dense_layout(order, recording.type, extent.height, extent.width, extent.channels);
  };
  Shape shape = recording.frame_shape;
  if (shape.size() == 2) shape.insert(shape.begin(), 1);
  if (shape.size() == 4 && shape[0] == 1) shape.erase(shape.begin());
  if (shape.size() != 3) return dense(DeviceOrder::kNhwc);
  if (shape == Shape{height, width, channels}) return dense(DeviceOrder::kNhwc);
  if (shape == Shape{channels, height, width}) return dense(DeviceOrder::kNchw);
  if (shape == Shape{height, channels, width})
    return dense(height == 1 ? DeviceOrder::kNchw : DeviceOrder::kNhcw);
  for (const DeviceOrder order : {DeviceOrder::kNhwc, DeviceOrder::kNchw}) {
    DeviceLayout layout = dense(order);
    const bool last = order == DeviceOrder::kNhwc;
    layout.padded_height = shape[last ? 0 : 1];
    layout.padded_width = shape[last ? 1 : 2];
    layout.padded_channels = shape[last ? 2 : 0];
    if (fits(height, layout.padded_height) && fits(width, layout.padded_width) &&
        fits(channels, layout.padded_channels)) {
      return layout;
    }
  }
  return dense(shape[0] == channels ? DeviceOrder::kNchw : DeviceOrder::kNhwc);
}

}  // namespace quant
