// SPDX-License-Identifier: MIT
#include "quantdequantize/frame_dequantizer.h"

#include <fmt/format.h>

#include <algorithm>

#include "plugin/tensor_bridge.h"
#include "quant/backend/match_streams.h"
#include "quant/backend/stream_values.h"
#include "quant/hef/find_stream.h"
#include "quant/kernels/relayout/dequantize_tensor.h"
#include "quantdequantize/hailo_tensors.h"

namespace quant::element {

namespace {

constexpr int kOnnxChannelAxis = 1;

bool is_contiguous(const GstQuantTensor* tensor) {
  return tensor->layout == GST_QUANT_TENSOR_LAYOUT_CONTIGUOUS;
}

bool is_real(const GstQuantTensor* tensor) {
  return tensor->data_type == GST_QUANT_TENSOR_DATA_TYPE_FLOAT32;
}

StreamShape stream_shape_of(const GstQuantTensor* tensor, const std::string& name) {
  return {name, static_cast<std::int64_t>(tensor->dims[1]),
          static_cast<std::int64_t>(tensor->dims[2]), static_cast<std::int64_t>(tensor->dims[3])};
}

const char* to_text(ParamsOrigin origin) {
  switch (origin) {
    case ParamsOrigin::kNone:
      return "real values already";
    case ParamsOrigin::kTensor:
      return "parameters of the tensor";
    case ParamsOrigin::kHef:
      return "parameters of the HEF";
    case ParamsOrigin::kArchive:
      return "parameters of the archive";
  }
  return "";
}

std::string describe(const GstQuantTensor* tensor, ParamsOrigin origin) {
  std::string dims;
  for (gsize i = 0; i < tensor->num_dims; ++i) {
    dims += fmt::format("{}{}", i == 0 ? "" : "x", tensor->dims[i]);
  }
  return fmt::format("{} of {}: {} {} {}, {}", tensor->name,
                     tensor->source ? tensor->source : "somebody",
                     gst_quant_tensor_layout_get_nick(tensor->layout),
                     gst_quant_tensor_data_type_get_nick(tensor->data_type), dims, to_text(origin));
}

}  // namespace

Result<std::unique_ptr<FrameDequantizer>> FrameDequantizer::create(Sources sources) {
  std::unique_ptr<FrameDequantizer> made(new FrameDequantizer(std::move(sources)));
  if (made->sources_.model) {
    QUANT_TRY_ASSIGN(made->host_part_,
                     made->sources_.model->make_host_part(made->sources_.threads));
  }
  return made;
}

Status FrameDequantizer::run(GstBuffer* buffer) {
  report_.clear();
  least_trusted_ = ParamsOrigin::kNone;
  // Last frame's values, where their holder has let go of them.
  const BufferCache::Scope scope(*memory_);
  outputs_.clear();
  memory_->trim();
  QUANT_TRY_ASSIGN(const RawTensors raw, find_raw(buffer));
  QUANT_TRY(check_complete(raw));
  return host_part_ ? run_model(raw, buffer) : run_each(raw, buffer);
}

Result<FrameDequantizer::RawTensors> FrameDequantizer::find_raw(GstBuffer* buffer) const {
  RawTensors raw;
  gpointer walk = nullptr;
  while (GstQuantTensor* found = gst_buffer_iterate_quant_tensor(buffer, &walk)) {
    if (found->role != GST_QUANT_TENSOR_ROLE_QUANTIZED) continue;
    raw.tensors.emplace_back(gst_quant_tensor_ref(found));
  }
  if (!raw.tensors.empty()) return raw;
  QUANT_TRY_ASSIGN(HailoTensors hailo,
                   hailo_tensors(buffer, sources_.hef ? &*sources_.hef : nullptr));
  raw.tensors = std::move(hailo.tensors);
  raw.boxes = hailo.boxes;
  raw.of_hailonet = !raw.tensors.empty() || raw.boxes > 0;
  return raw;
}

// A tensor that failed to arrive must not go unnoticed where no model says what there should be.
Status FrameDequantizer::check_complete(const RawTensors& raw) {
  if (!raw.of_hailonet && expected_.empty()) return {};
  std::vector<std::string> names;
  for (const auto& tensor : raw.tensors) names.emplace_back(tensor->name);
  if (expected_.empty()) expected_ = names;
  for (const std::string& name : expected_) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      return fail(ErrorCode::kNotFound, "hailonet put this tensor on earlier frames but not here",
                  name);
    }
  }
  return {};
}

Result<std::vector<GstQuantTensor*>> FrameDequantizer::match(const RawTensors& raw) const {
  const std::vector<TensorInfo>& outputs = sources_.model->raw_outputs();
  std::vector<GstQuantTensor*> matched;
  if (raw.of_hailonet) {
    std::vector<StreamShape> streams;
    for (const auto& tensor : raw.tensors) {
      streams.push_back(stream_shape_of(tensor.get(), sources_.names.of(tensor->name)));
    }
    if (streams.empty()) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("hailonet gives boxes after NMS alone, which are no outputs of {}",
                              sources_.model->path()));
    }
    QUANT_TRY_ASSIGN(const auto indices, match_streams(outputs, streams));
    for (const std::size_t index : indices) matched.push_back(raw.tensors[index].get());
    return matched;
  }
  for (const TensorInfo& output : outputs) {
    // Of several, the last one that was attached.
    const auto found = std::find_if(
        raw.tensors.rbegin(), raw.tensors.rend(),
        [&](const auto& tensor) { return sources_.names.of(tensor->name) == output.name; });
    if (found == raw.tensors.rend()) {
      return fail(ErrorCode::kNotFound,
                  "the buffer carries no quantized tensor of that name, nor any of hailonet",
                  output.name);
    }
    matched.push_back(found->get());
  }
  return matched;
}

Result<QuantParams> FrameDequantizer::params_for(const GstQuantTensor* tensor,
                                                 const QuantParams* archive) {
  const auto with = [&](ParamsOrigin origin, QuantParams params) {
    least_trusted_ = std::max(least_trusted_, origin);
    report_.push_back(describe(tensor, origin));
    return params;
  };
  if (is_real(tensor)) return with(ParamsOrigin::kNone, {});
  if (auto own = params_of(tensor)) return with(ParamsOrigin::kTensor, std::move(*own));
  std::string why;
  if (sources_.hef) {
    const auto stream = find_stream(*sources_.hef, HefDirection::kOutput, tensor->name);
    if (stream && (*stream)->quant) return with(ParamsOrigin::kHef, *(*stream)->quant);
    why = "; the HEF says: " + (stream ? (*stream)->quant.error() : stream.error()).text();
  }
  if (archive) {
    const bool wide = tensor->data_type == GST_QUANT_TENSOR_DATA_TYPE_UINT16;
    const bool fits =
        is_contiguous(tensor) || !archive->per_channel() || archive->axis == kOnnxChannelAxis;
    if (fits && archive->type == (wide ? DataType::kUint16 : DataType::kUint8)) {
      return with(ParamsOrigin::kArchive, *archive);
    }
    why += "; the archive's are of another type or axis";
  }
  return fail(ErrorCode::kUnsupported,
              fmt::format("the scale is not known{}{}", why,
                          sources_.hef ? "" : ": set hef-location, or a model"),
              tensor->name);
}

Result<Tensor> FrameDequantizer::values_by_itself(GstQuantTensor* tensor) {
  QUANT_TRY_ASSIGN(const QuantParams params, params_for(tensor, nullptr));
  if (!is_contiguous(tensor)) {
    QUANT_TRY_ASSIGN(const DeviceTensor memory, device_from_gst(tensor));
    return dequantize_tensor(memory, params, DenseOrder::kNhwc);
  }
  QUANT_TRY_ASSIGN(Tensor elements, from_gst(tensor));
  if (is_real(tensor)) return elements;
  return dequantize_tensor(elements, params);
}

Result<Tensor> FrameDequantizer::values_of_output(GstQuantTensor* tensor, std::size_t output) {
  const TensorInfo& info = sources_.model->raw_outputs()[output];
  const QuantParams& archive = sources_.model->raw_params()[output];
  QUANT_TRY_ASSIGN(const QuantParams params, params_for(tensor, &archive));
  if (!is_contiguous(tensor)) {
    QUANT_TRY_ASSIGN(const DeviceTensor memory, device_from_gst(tensor));
    return stream_values(memory, params, info);
  }
  QUANT_TRY_ASSIGN(Tensor elements, from_gst(tensor));
  if (elements.shape() != info.shape) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("the quantized tensor is {} {}, {} has {} {}",
                            to_string(elements.type()), to_string(elements.shape()),
                            sources_.model->path(), to_string(info.type), to_string(info.shape)),
                info.name);
  }
  if (is_real(tensor)) return elements;
  return dequantize_tensor(elements, params);
}

Status FrameDequantizer::run_each(const RawTensors& raw, GstBuffer* buffer) {
  if (raw.tensors.empty() && raw.boxes == 0) {
    return fail(ErrorCode::kNotFound,
                "the frames carry no raw output tensors: put quantinfer or hailonet before "
                "quantdequantize");
  }
  std::vector<Tensor> reals;
  std::vector<TensorInfo> infos;
  for (const auto& tensor : raw.tensors) {
    auto values = values_by_itself(tensor.get());
    if (!values) return fail_with_context(std::move(values).error(), tensor->name);
    infos.push_back({sources_.names.of(tensor->name), values->type(), values->shape()});
    reals.push_back(std::move(*values));
  }
  return attach(buffer, reals, infos, {}, GST_QUANT_TENSOR_ROLE_DEQUANTIZED, source());
}

Status FrameDequantizer::run_model(const RawTensors& raw, GstBuffer* buffer) {
  QUANT_TRY_ASSIGN(const auto matched, match(raw));
  std::vector<Tensor> reals;
  for (std::size_t i = 0; i < matched.size(); ++i) {
    auto values = values_of_output(matched[i], i);
    if (!values) return fail_with_context(std::move(values).error(), matched[i]->name);
    reals.push_back(std::move(*values));
  }
  QUANT_TRY(host_part_->run_real(std::move(reals), outputs_));
  return attach(buffer, outputs_, sources_.model->outputs(), {}, GST_QUANT_TENSOR_ROLE_DEQUANTIZED,
                source());
}

const char* FrameDequantizer::source() const {
  switch (least_trusted_) {
    case ParamsOrigin::kNone:
      return "quantdequantize (values)";
    case ParamsOrigin::kTensor:
      return "quantdequantize (tensor)";
    case ParamsOrigin::kHef:
      return "quantdequantize (hef)";
    case ParamsOrigin::kArchive:
      return "quantdequantize (archive)";
  }
  return nullptr;
}

}  // namespace quant::element
