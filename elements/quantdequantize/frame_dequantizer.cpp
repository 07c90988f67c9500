// SPDX-License-Identifier: MIT
#include "quantdequantize/frame_dequantizer.h"

#include <fmt/format.h>

#include <algorithm>

#include "plugin/tensor_bridge.h"
#include "quant/backend/match_streams.h"
#include "quant/backend/stream_values.h"
#include "quant/hef/find_stream.h"
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

const char* source_of(ParamsOrigin origin) {
  switch (origin) {
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

// The real values of one tensor.
Result<Tensor> values_of(GstQuantTensor* tensor,
                         const std::optional<TensorDequantizer>& dequantizer) {
  if (!is_contiguous(tensor)) {
    QUANT_TRY_ASSIGN(const DeviceTensor memory, device_from_gst(tensor));
    return dequantizer->run(memory.memory.raw());
  }
  QUANT_TRY_ASSIGN(Tensor elements, from_gst(tensor));
  if (!dequantizer) return elements;
  return dequantizer->run(elements.raw());
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
  // Last frame's values, where their holder has let go of them.
  const BufferCache::Scope scope(*memory_);
  outputs_.clear();
  memory_->trim();
  QUANT_TRY_ASSIGN(const RawTensors raw, find_raw(buffer));
  if (!plan_ || !plan_->serves(raw)) {
    plan_.reset();
    QUANT_TRY_ASSIGN(plan_, prepare(raw));
  }
  std::vector<Tensor> reals;
  reals.reserve(plan_->steps.size());
  for (const Step& step : plan_->steps) {
    GstQuantTensor* tensor = raw.tensors[step.tensor].get();
    auto values = values_of(tensor, step.dequantizer);
    if (!values) return fail_with_context(std::move(values).error(), tensor->name);
    reals.push_back(std::move(*values));
  }
  const char* source = source_of(plan_->least_trusted);
  if (!host_part_) {
    return attach(buffer, reals, plan_->infos, {}, GST_QUANT_TENSOR_ROLE_DEQUANTIZED, source);
  }
  QUANT_TRY(host_part_->run_real(std::move(reals), outputs_));
  return attach(buffer, outputs_, sources_.model->outputs(), {}, GST_QUANT_TENSOR_ROLE_DEQUANTIZED,
                source);
}

bool FrameDequantizer::Plan::serves(const RawTensors& raw) const {
  return !raw.tensors.empty() && raw.of_hailonet == of_hailonet &&
         std::equal(
             raw.tensors.begin(), raw.tensors.end(), kinds.begin(), kinds.end(),
             [](const auto& tensor, const TensorKind& kind) { return kind.is_of(tensor.get()); });
}

Result<FrameDequantizer::Plan> FrameDequantizer::prepare(const RawTensors& raw) {
  QUANT_TRY(check_complete(raw));
  report_.clear();
  Plan plan;
  plan.of_hailonet = raw.of_hailonet;
  for (const auto& tensor : raw.tensors) plan.kinds.emplace_back(tensor.get());
  if (host_part_) {
    QUANT_TRY_ASSIGN(const auto matched, match(raw));
    for (std::size_t i = 0; i < matched.size(); ++i) {
      if (const Status added = add_output(raw, matched[i], i, plan); !added) {
        return fail_with_context(added.error(), raw.tensors[matched[i]]->name);
      }
    }
    return plan;
  }
  if (raw.tensors.empty() && raw.boxes == 0) {
    return fail(ErrorCode::kNotFound,
                "the frames carry no raw output tensors: put quantinfer or hailonet before "
                "quantdequantize");
  }
  for (std::size_t i = 0; i < raw.tensors.size(); ++i) {
    if (const Status added = add_tensor(raw, i, plan); !added) {
      return fail_with_context(added.error(), raw.tensors[i]->name);
    }
  }
  return plan;
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

Result<std::vector<std::size_t>> FrameDequantizer::match(const RawTensors& raw) const {
  const std::vector<TensorInfo>& outputs = sources_.model->raw_outputs();
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
    return match_streams(outputs, streams);
  }
  std::vector<std::size_t> matched;
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
    matched.push_back(static_cast<std::size_t>(raw.tensors.rend() - found) - 1);
  }
  return matched;
}

Result<QuantParams> FrameDequantizer::params_for(const GstQuantTensor* tensor,
                                                 const QuantParams* archive, Plan& plan) {
  const auto with = [&](ParamsOrigin origin, QuantParams params) {
    plan.least_trusted = std::max(plan.least_trusted, origin);
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

Status FrameDequantizer::add_tensor(const RawTensors& raw, std::size_t index, Plan& plan) {
  GstQuantTensor* tensor = raw.tensors[index].get();
  QUANT_TRY_ASSIGN(const QuantParams params, params_for(tensor, nullptr, plan));
  Step step{index, std::nullopt};
  Shape shape;
  if (!is_contiguous(tensor)) {
    QUANT_TRY_ASSIGN(const DeviceTensor memory, device_from_gst(tensor));
    QUANT_TRY_ASSIGN(step.dequantizer,
                     TensorDequantizer::create(memory.layout, params, DenseOrder::kNhwc));
    shape = step.dequantizer->shape();
  } else {
    QUANT_TRY_ASSIGN(const Tensor elements, from_gst(tensor));
    shape = elements.shape();
    if (!is_real(tensor)) {
      QUANT_TRY_ASSIGN(step.dequantizer, TensorDequantizer::create(elements.type(), shape, params));
    }
  }
  plan.infos.push_back({sources_.names.of(tensor->name), DataType::kFloat32, std::move(shape)});
  plan.steps.push_back(std::move(step));
  return {};
}

Status FrameDequantizer::add_output(const RawTensors& raw, std::size_t index, std::size_t output,
                                    Plan& plan) {
  GstQuantTensor* tensor = raw.tensors[index].get();
  const TensorInfo& info = sources_.model->raw_outputs()[output];
  const QuantParams& archive = sources_.model->raw_params()[output];
  QUANT_TRY_ASSIGN(const QuantParams params, params_for(tensor, &archive, plan));
  Step step{index, std::nullopt};
  if (!is_contiguous(tensor)) {
    QUANT_TRY_ASSIGN(const DeviceTensor memory, device_from_gst(tensor));
    QUANT_TRY_ASSIGN(step.dequantizer, stream_values(memory.layout, params, info));
  } else {
    QUANT_TRY_ASSIGN(const Tensor elements, from_gst(tensor));
    if (elements.shape() != info.shape) {
      return fail(ErrorCode::kInvalidArgument,
                  fmt::format("the quantized tensor is {} {}, {} has {} {}",
                              to_string(elements.type()), to_string(elements.shape()),
                              sources_.model->path(), to_string(info.type), to_string(info.shape)),
                  info.name);
    }
    if (!is_real(tensor)) {
      QUANT_TRY_ASSIGN(step.dequantizer,
                       TensorDequantizer::create(elements.type(), info.shape, params));
    }
  }
  plan.steps.push_back(std::move(step));
  return {};
}

}  // namespace quant::element
