// SPDX-License-Identifier: MIT
#include "quant/analyze/recorded_context.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "quant/kernels/relayout/dequantize_tensor.h"
#include "quant/tensor/npy.h"

namespace quant {
namespace {

// In the order of `infos`; nothing where none of them is there.
Result<std::vector<Tensor>> select(const std::vector<RecordedTensor>& recorded,
                                   const std::vector<TensorInfo>& infos, bool real,
                                   const std::string& folder) {
  std::vector<Tensor> selected;
  std::string absent;
  for (const TensorInfo& info : infos) {
    const auto found =
        std::find_if(recorded.begin(), recorded.end(), [&](const RecordedTensor& tensor) {
          return (tensor.name == info.name || tensor.name == npy_stem_of(info.name)) &&
                 (tensor.values.type() == DataType::kFloat32) == real;
        });
    if (found == recorded.end()) {
      absent = info.name;
      continue;
    }
    const std::int64_t frame = element_count(info.shape);
    if (frame == 0 || found->values.elements() % frame != 0 || found->values.elements() == 0) {
      return fail(ErrorCode::kInvalidData,
                  fmt::format("{} holds {} elements, frames of this output have {}", folder,
                              found->values.elements(), frame),
                  info.name);
    }
    selected.push_back(found->values);
  }
  if (!selected.empty() && !absent.empty()) {
    return fail(ErrorCode::kNotFound, fmt::format("{} has no such tensor", folder), absent);
  }
  return selected;
}

// Precondition: there is such a frame.
Tensor frame_of(const Tensor& recorded, const TensorInfo& info, std::int64_t index) {
  Tensor frame(recorded.type(), info.shape, BufferFill::kUndefined);
  std::memcpy(frame.raw(), recorded.raw() + static_cast<std::size_t>(index) * frame.bytes(),
              frame.bytes());
  return frame;
}

class RecordedContext : public Context {
 public:
  RecordedContext(std::shared_ptr<const Model> model, std::string folder,
                  std::vector<Tensor> tensors)
      : model_(std::move(model)), folder_(std::move(folder)), tensors_(std::move(tensors)) {}

  // Integers, with what the host does to them.
  void set_raw(std::vector<QuantParams> params, std::unique_ptr<HostPart> host) {
    params_ = std::move(params);
    host_ = std::move(host);
  }

  ContextKind kind() const override { return ContextKind::kDevice; }
  const char* runtime() const override { return "recorded"; }
  std::string description() const override {
    return fmt::format("{} recorded in {}", host_ ? "integers" : "values", folder_);
  }
  bool independent() const override { return false; }
  const std::vector<TensorInfo>& outputs() const override { return model_->outputs(); }

  Status run(const Frame& frame, std::vector<Tensor>& outputs) override {
    const std::vector<TensorInfo>& infos = host_ ? model_->raw_outputs() : model_->outputs();
    std::vector<Tensor> values;
    for (std::size_t i = 0; i < infos.size(); ++i) {
      if (frame.index >= tensors_[i].elements() / element_count(infos[i].shape)) {
        return fail(ErrorCode::kInvalidArgument,
                    fmt::format("{} has no frame {} of {}: compare fewer frames (--frames)",
                                folder_, frame.index, infos[i].name),
                    frame.name);
      }
      Tensor one = frame_of(tensors_[i], infos[i], frame.index);
      if (host_) {
        auto real = dequantize_tensor(one, params_[i]);
        if (!real) return fail_with_context(std::move(real).error(), infos[i].name);
        one = std::move(*real);
      }
      values.push_back(std::move(one));
    }
    if (host_) return host_->run_real(std::move(values), outputs);
    outputs = std::move(values);
    return {};
  }

 private:
  std::shared_ptr<const Model> model_;
  std::string folder_;
  std::vector<Tensor> tensors_;
  std::vector<QuantParams> params_;
  std::unique_ptr<HostPart> host_;  // of integers
};

}  // namespace

Result<std::unique_ptr<Context>> make_recorded_context(std::shared_ptr<const Model> model,
                                                       const std::filesystem::path& folder,
                                                       const RawFormats& formats, int threads) {
  QUANT_TRY_ASSIGN(const auto recorded, read_tensors(folder, formats));
  QUANT_TRY_ASSIGN(auto real, select(recorded, model->outputs(), true, folder.string()));
  if (!real.empty()) {
    return std::make_unique<RecordedContext>(std::move(model), folder.string(), std::move(real));
  }
  QUANT_TRY_ASSIGN(auto raw, select(recorded, model->raw_outputs(), false, folder.string()));
  if (raw.empty()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("no file is called after an output of {}", model->path()),
                folder.string());
  }
  std::vector<QuantParams> params = model->raw_params();
  if (std::error_code error; std::filesystem::exists(folder / "raw.json", error)) {
    QUANT_TRY_ASSIGN(const auto given, read_params(folder / "raw.json"));
    for (std::size_t i = 0; i < params.size(); ++i) {
      const auto own = given.find(model->raw_outputs()[i].name);
      if (own == given.end()) continue;
      const int axis = params[i].axis;
      params[i] = own->second;
      params[i].axis = params[i].per_channel() ? 1 : axis;
    }
  }
  QUANT_TRY_ASSIGN(auto host, model->make_host_part(threads));
  auto context =
      std::make_unique<RecordedContext>(std::move(model), folder.string(), std::move(raw));
  context->set_raw(std::move(params), std::move(host));
  return context;
}

}  // namespace quant
