// SPDX-License-Identifier: MIT
#include "quant/backend/context.h"

namespace quant {
namespace {

// Contexts that take the ONNX input itself, and fp-optimized, which takes pixels as float32.
class FloatContext : public Context {
 public:
  FloatContext(ContextKind kind, std::unique_ptr<Backend> backend,
               std::shared_ptr<const Model> pixels_of)
      : kind_(kind), backend_(std::move(backend)), pixels_of_(std::move(pixels_of)) {}

  ContextKind kind() const override { return kind_; }
  std::string description() const override { return backend_->description(); }
  const std::vector<TensorInfo>& outputs() const override { return backend_->outputs(); }
  Status run(const Frame& frame, std::vector<Tensor>& outputs) override {
    const Tensor input =
        pixels_of_ ? float_pixels(frame, pixels_of_->input()) : frame.network_input;
    return backend_->run(std::span(&input, 1), outputs);
  }
  const std::vector<Tensor>& raw() const override { return raw_; }
  const std::vector<TensorInfo>& raw_outputs() const override { return raw_outputs_; }
  const std::vector<QuantParams>& raw_params() const override { return raw_params_; }

 private:
  ContextKind kind_;
  std::unique_ptr<Backend> backend_;
  std::shared_ptr<const Model> pixels_of_;  // null: takes the ONNX input itself
  std::vector<Tensor> raw_;
  std::vector<TensorInfo> raw_outputs_;
  std::vector<QuantParams> raw_params_;
};

class QuantizedContext : public Context {
 public:
  QuantizedContext(std::shared_ptr<const Model> model, std::unique_ptr<Backend> emulator,
                   std::unique_ptr<HostPart> host)
      : model_(std::move(model)), emulator_(std::move(emulator)), host_(std::move(host)) {}

  ContextKind kind() const override { return ContextKind::kQuantized; }
  std::string description() const override { return emulator_->description(); }
  const std::vector<TensorInfo>& outputs() const override { return model_->outputs(); }
  Status run(const Frame& frame, std::vector<Tensor>& outputs) override {
    const Tensor pixels =
        frame.pixels ? *frame.pixels : denormalize_input(frame.network_input, model_->input());
    QUANT_TRY(emulator_->run(std::span(&pixels, 1), raw_));
    return host_->run(raw_, outputs);
  }
  const std::vector<Tensor>& raw() const override { return raw_; }
  const std::vector<TensorInfo>& raw_outputs() const override { return model_->raw_outputs(); }
  const std::vector<QuantParams>& raw_params() const override { return model_->raw_params(); }

 private:
  std::shared_ptr<const Model> model_;
  std::unique_ptr<Backend> emulator_;
  std::unique_ptr<HostPart> host_;
  std::vector<Tensor> raw_;
};

}  // namespace

const char* to_string(ContextKind kind) {
  switch (kind) {
    case ContextKind::kOriginal:
      return "original";
    case ContextKind::kNative:
      return "native";
    case ContextKind::kFpOptimized:
      return "fp-optimized";
    case ContextKind::kQuantized:
      return "quantized";
  }
  return "unknown";
}

std::optional<ContextKind> context_kind_from_string(std::string_view name) {
  for (const ContextKind kind : {ContextKind::kOriginal, ContextKind::kNative,
                                 ContextKind::kFpOptimized, ContextKind::kQuantized}) {
    if (name == to_string(kind)) return kind;
  }
  return std::nullopt;
}

Result<std::unique_ptr<Context>> make_context(std::shared_ptr<const Model> model, ContextKind kind,
                                              ReferenceKind reference, int threads) {
  switch (kind) {
    case ContextKind::kOriginal: {
      QUANT_TRY_ASSIGN(auto backend, model->make_reference(reference, threads));
      return std::make_unique<FloatContext>(kind, std::move(backend), nullptr);
    }
    case ContextKind::kNative: {
      QUANT_TRY_ASSIGN(auto backend, model->make_reference(ReferenceKind::kNative, threads));
      return std::make_unique<FloatContext>(kind, std::move(backend), nullptr);
    }
    case ContextKind::kFpOptimized: {
      QUANT_TRY_ASSIGN(auto backend, model->make_fp_optimized(threads));
      return std::make_unique<FloatContext>(kind, std::move(backend), std::move(model));
    }
    case ContextKind::kQuantized: {
      QUANT_TRY_ASSIGN(auto emulator, model->make_emulator(threads));
      QUANT_TRY_ASSIGN(auto host, model->make_host_part(threads));
      return std::make_unique<QuantizedContext>(std::move(model), std::move(emulator),
                                                std::move(host));
    }
  }
  return fail(ErrorCode::kInternal, "unknown context");
}

Result<std::unique_ptr<Context>> make_context(const ReferenceModel& model, ContextKind kind,
                                              ReferenceKind reference, int threads) {
  if (kind != ContextKind::kOriginal && kind != ContextKind::kNative) {
    return fail(ErrorCode::kInvalidArgument, std::string("a plain ONNX file has no context '") +
                                                 to_string(kind) +
                                                 "'; quantize it first (gst-quant optimize)");
  }
  QUANT_TRY_ASSIGN(auto backend,
                   make_reference(kind == ContextKind::kNative ? ReferenceKind::kNative : reference,
                                  model, threads));
  return std::make_unique<FloatContext>(kind, std::move(backend), nullptr);
}

}  // namespace quant
