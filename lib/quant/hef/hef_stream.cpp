// SPDX-License-Identifier: MIT
#include "quant/hef/hef_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "quant/hef/hef_names.h"

namespace quant {
namespace {

namespace messages = gst_quant_hef;

constexpr int kChannelAxis = 3;  // of N, H, W, C

Result<DataType> type_of(const messages::Base& base) {
  if (base.data_bytes() == 1) return DataType::kUint8;
  if (base.data_bytes() == 2) return DataType::kUint16;
  return fail(ErrorCode::kInvalidData,
              fmt::format("has values of {} bytes; 1 and 2 are known", base.data_bytes()));
}

// Where a file does not say that its padded sizes hold in every case, the runtime (4.17 to 5.2)
// lets the device leave the padding of such frames away.
bool padding_stays_on_device(const messages::Base& base, const HefStreamSetting& setting,
                             bool in_mux) {
  constexpr std::uint64_t kBurstBytes = 8;
  constexpr std::uint32_t kLargestBuffer = 0x2000;
  if (setting.rules.padding_in_file || in_mux) return false;
  if (hef_format(base.format()).order != DeviceOrder::kNhcw) return false;
  const std::uint32_t largest =
      base.largest_buffer() == 0 ? kLargestBuffer : std::min(kLargestBuffer, base.largest_buffer());
  const std::uint64_t row = std::uint64_t{base.width()} * base.features();
  return base.buffers_per_frame() == base.height() && row % kBurstBytes == 0 && row < largest &&
         row * base.data_bytes() < largest;
}

Result<DeviceLayout> layout_of(const messages::Base& base, const HefStream& stream,
                               const HefStreamSetting& setting, bool in_mux) {
  const HefFormat format = hef_format(base.format());
  if (!format.order) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{} is no layout of a tensor", format.device_order), stream.name);
  }
  DeviceLayout layout;
  layout.order = *format.order;
  layout.type = stream.type;
  layout.height = base.height();
  layout.width = base.width();
  layout.channels = base.features();
  const bool dense = padding_stays_on_device(base, setting, in_mux);
  layout.padded_height = dense ? base.height() : base.padded_height();
  layout.padded_width = dense ? base.width() : base.padded_width();
  layout.padded_channels = dense ? base.features() : base.padded_features();
  if (auto sound = check_layout(layout); !sound)
    return fail_with_context(std::move(sound).error(), stream.name);
  return layout;
}

bool is_real(double value) { return std::abs(value) <= std::numeric_limits<float>::max(); }

Result<QuantParams> params_of(const messages::Numbers& numbers, const HefStream& stream,
                              const HefStreamSetting& setting) {
  const auto damaged = [&](std::string what) {
    return fail(ErrorCode::kInvalidData, std::move(what), stream.name);
  };
  std::vector<double> scales{numbers.scale()};
  std::vector<double> zero_points{numbers.zero_point()};
  // Files hold the vectors without meaning them, too; the runtime looks at the extension.
  if (setting.rules.scale_per_channel) {
    const auto channels = static_cast<std::size_t>(stream.size[2]);
    const auto take = [channels](const auto& listed, std::vector<double>& values) {
      if (!listed.empty()) values.assign(listed.begin(), listed.end());
      return listed.empty() || values.size() == channels;
    };
    if (!take(numbers.scales(), scales) || !take(numbers.zero_points(), zero_points)) {
      return damaged(fmt::format("has {} scales and {} zero points for {} channels",
                                 numbers.scales_size(), numbers.zero_points_size(), channels));
    }
    const std::size_t count = std::max(scales.size(), zero_points.size());
    scales.resize(count, numbers.scale());
    zero_points.resize(count, numbers.zero_point());
  }
  QuantParams params;
  params.type = stream.type;
  params.axis = kChannelAxis;
  params.range_min = numbers.minimum();
  params.range_max = numbers.maximum();
  if (!is_real(params.range_min) || !is_real(params.range_max))
    return damaged(fmt::format("has the range [{}, {}]", params.range_min, params.range_max));
  for (std::size_t i = 0; i < scales.size(); ++i) {
    const bool real = is_real(scales[i]) && is_real(zero_points[i]);
    const float scale = real ? static_cast<float>(scales[i]) : 0;
    if (!(scale > 0))
      return damaged(fmt::format("has scale {}, zero point {}", scales[i], zero_points[i]));
    params.scale.push_back(scale);
    params.zero_point.push_back(static_cast<float>(zero_points[i]));
  }
  if (stream.direction == HefDirection::kOutput) return params;
  const auto differ = [](const std::vector<float>& values) {
    return std::any_of(values.begin(), values.end(),
                       [&](float value) { return value != values.front(); });
  };
  if (differ(params.scale) || differ(params.zero_point))
    return damaged("is an input with several scales, which no runtime takes");
  params.scale.resize(1);
  params.zero_point.resize(1);
  return params;
}

// Nothing says it outright: a normalization that the compiler put in front has a name of its own,
// and a range that is not that of pixels is not what a camera gives.
void conclude_normalization(HefStream& stream) {
  constexpr std::string_view kPutInFront = "model_script_layer_normalization";
  constexpr float kWhite = 255;
  for (const std::string& name : stream.original_names) {
    if (name.compare(0, kPutInFront.size(), kPutInFront) != 0) continue;
    stream.normalization = HefNormalization::kInside;
    stream.normalization_evidence = "the compiled input is " + name;
    return;
  }
  if (!stream.quant) {
    stream.normalization_evidence = "no normalization among its names, no real range";
    return;
  }
  const float low = stream.quant->range_min;
  const float high = stream.quant->range_max;
  const std::string range = fmt::format("its real range is [{:.6g}, {:.6g}]", low, high);
  if (low == 0 && high == kWhite) {
    stream.normalization_evidence =
        range + ", that of pixels: the network normalizes inside or wants none";
  } else if (high > low) {
    stream.normalization = HefNormalization::kOutside;
    stream.normalization_evidence = range + ", not that of pixels";
  } else {
    stream.normalization_evidence = "the file gives no range";
  }
}

Status read_names(const std::string& name,
                  const google::protobuf::RepeatedPtrField<std::string>& originals,
                  const HefStreamSetting& setting, HefStream& stream) {
  QUANT_TRY_ASSIGN(stream.name, text_of(name, "a stream's name"));
  for (const std::string& original : originals) {
    auto text = text_of(original, "an original name");
    if (!text) return fail_with_context(std::move(text).error(), stream.name);
    stream.original_names.push_back(std::move(*text));
  }
  stream.direction = setting.direction;
  stream.network = setting.network;
  stream.context = setting.context;
  return {};
}

Status read_base(const messages::Base& base, HefStream& stream) {
  auto type = type_of(base);
  if (!type) return fail_with_context(std::move(type).error(), stream.name);
  stream.type = *type;
  const HefFormat format = hef_format(base.format());
  stream.format = format.device_order;
  stream.host_format = format.host_order;
  stream.size = {base.height(), base.width(), base.features()};
  return {};
}

Result<HefStream> read_layer(const messages::Layer& layer, const HefStreamSetting& setting,
                             bool in_mux) {
  HefStream stream;
  QUANT_TRY(read_names(layer.name(), layer.original_names(), setting, stream));
  const messages::Base& base = layer.base();
  QUANT_TRY(read_base(base, stream));
  const HefFormat format = hef_format(base.format());
  stream.content = format.content;
  stream.transposed =
      (setting.transposed_network || layer.transposed()) && format.order != DeviceOrder::kNc;
  stream.layout = layout_of(base, stream, setting, in_mux);
  if (stream.content == HefContent::kBoxes) {
    const messages::Boxes& boxes = base.additional().boxes();
    stream.boxes = boxes_of(boxes);
    if (boxes.defused()) {
      QUANT_TRY_ASSIGN(stream.defused_from,
                       text_of(boxes.defused_from().name(), "the name of an output in pieces"));
    }
    stream.quant =
        fail(ErrorCode::kUnsupported, "boxes are no tensor to be dequantized", stream.name);
  } else {
    stream.quant = params_of(layer.numbers(), stream, setting);
  }
  if (stream.direction == HefDirection::kInput) conclude_normalization(stream);
  return stream;
}

Result<HefStream> read_mux(const messages::Mux& mux, const HefStreamSetting& setting);

Result<std::vector<HefStream>> read_parts(
    const google::protobuf::RepeatedPtrField<messages::Part>& parts, const HefStream& whole,
    const HefStreamSetting& setting) {
  const bool in_mux = whole.content == HefContent::kMux;
  std::vector<HefStream> streams;
  for (const messages::Part& part : parts) {
    if (part.has_layer()) {
      QUANT_TRY_ASSIGN(HefStream stream, read_layer(part.layer(), setting, in_mux));
      streams.push_back(std::move(stream));
    } else if (part.has_mux() && in_mux) {
      QUANT_TRY_ASSIGN(HefStream stream, read_mux(part.mux(), setting));
      streams.push_back(std::move(stream));
    } else {
      return fail(ErrorCode::kInvalidData, "has a part of no known kind", whole.name);
    }
  }
  if (streams.empty()) return fail(ErrorCode::kInvalidData, "consists of no parts", whole.name);
  return streams;
}

Result<HefStream> read_mux(const messages::Mux& mux, const HefStreamSetting& setting) {
  HefStream stream;
  QUANT_TRY(read_names(mux.name(), mux.original_names(), setting, stream));
  QUANT_TRY(read_base(mux.base(), stream));
  stream.content = HefContent::kMux;
  stream.host_format.clear();
  if (mux.data().parts() != static_cast<std::uint32_t>(mux.parts_size())) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("announces {} parts and has {}", mux.data().parts(), mux.parts_size()),
                stream.name);
  }
  QUANT_TRY_ASSIGN(stream.parts, read_parts(mux.parts(), stream, setting));
  const std::string several =
      fmt::format("holds {} tensors, each with its own", stream.parts.size());
  stream.layout = fail(ErrorCode::kUnsupported, several, stream.name);
  stream.quant = fail(ErrorCode::kUnsupported, several, stream.name);
  return stream;
}

Result<HefStream> read_planes(const messages::Planes& planes, const HefStreamSetting& setting) {
  HefStream stream;
  QUANT_TRY(read_names(planes.name(), {}, setting, stream));
  stream.content = HefContent::kPlanes;
  stream.format = hef_planes_order(planes.format());
  if (stream.format.empty()) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("has planes of the unknown format {}", planes.format()), stream.name);
  }
  stream.host_format = stream.format;
  stream.size = {planes.height(), planes.width(), planes.features()};
  QUANT_TRY_ASSIGN(stream.parts, read_parts(planes.parts(), stream, setting));
  stream.type = stream.parts.front().type;
  const std::string several = fmt::format("consists of {} planes", stream.parts.size());
  stream.layout = fail(ErrorCode::kUnsupported, several, stream.name);
  stream.quant = fail(ErrorCode::kUnsupported, several, stream.name);
  stream.normalization_evidence = "a picture of several planes says nothing of it";
  return stream;
}

}  // namespace

HefBoxes boxes_of(const messages::Boxes& boxes) {
  // The runtime counts in 32 bits. The division is absent in old files.
  const auto division = static_cast<std::uint32_t>(boxes.division());
  return {static_cast<std::uint32_t>(boxes.classes()),
          std::uint64_t{static_cast<std::uint32_t>(boxes.per_class())} * std::max(division, 1U)};
}

Result<HefStream> read_stream(const messages::Edge& edge, const HefStreamSetting& setting) {
  constexpr std::uint32_t kLayer = 0;
  constexpr std::uint32_t kMux = 1;
  constexpr std::uint32_t kPlanes = 2;
  if (edge.kind() == kLayer && edge.has_layer()) return read_layer(edge.layer(), setting, false);
  if (edge.kind() == kMux && edge.has_mux()) return read_mux(edge.mux(), setting);
  if (edge.kind() == kPlanes && edge.has_planes()) return read_planes(edge.planes(), setting);
  return fail(ErrorCode::kInvalidData,
              fmt::format("a stream of kind {} has no fields of its kind", edge.kind()));
}

}  // namespace quant
