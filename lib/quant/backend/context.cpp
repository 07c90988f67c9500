// SPDX-License-Identifier: MIT
#include "quant/backend/context.h"

#include <algorithm>
#include <thread>

#include "quant/backend/native_reference.h"
#include "quant/engine/float_executor.h"
#include "quant/onnx/onnx_reader.h"
#include "quant/optimize/integer_inputs.h"
#include "quant/vision/frame.h"

namespace quant {
namespace {

const std::vector<Tensor> kNoTensors;
const std::vector<TensorInfo> kNoInfos;
const std::vector<QuantParams> kNoParams;

// What float contexts have in common.
class RealContext : public Context {
 public:
  explicit RealContext(ContextKind kind) : kind_(kind) {}
  ContextKind kind() const override { return kind_; }

 private:
  ContextKind kind_;
};

// The ONNX file in another runtime.
class ForeignContext : public RealContext {
 public:
  ForeignContext(ContextKind kind, std::unique_ptr<Backend> backend)
      : RealContext(kind), backend_(std::move(backend)) {}

  const char* runtime() const override { return backend_->name(); }
  std::string description() const override { return backend_->description(); }
  bool independent() const override { return backend_->independent(); }
  const std::vector<TensorInfo>& outputs() const override { return backend_->outputs(); }
  Status run(const Frame& frame, std::vector<Tensor>& outputs) override {
    return backend_->run(frame.onnx_inputs(), outputs);
  }

 private:
  std::unique_ptr<Backend> backend_;
};

class FloatContext : public RealContext {
 public:
  FloatContext(ContextKind kind, FloatExecutor executor, std::optional<InputSpec> pixels_of)
      : RealContext(kind),
        executor_(std::move(executor)),
        pixels_of_(std::move(pixels_of)),
        outputs_(describe(executor_.graph(), executor_.graph().outputs)) {}

  const char* runtime() const override { return "native"; }
  std::string description() const override { return "gst-quant float executor"; }
  bool independent() const override { return false; }
  const std::vector<TensorInfo>& outputs() const override { return outputs_; }
  Status run(const Frame& frame, std::vector<Tensor>& outputs) override {
    if (pixels_of_) return run_on(float_inputs(frame, *pixels_of_), outputs);
    return run_on(frame.onnx_inputs(), outputs);
  }
  Status run_on(std::span<const Tensor> inputs, std::vector<Tensor>& outputs) {
    if (wanted_.empty()) return executor_.run(inputs, outputs);
    QUANT_TRY(executor_.run_with_taps(inputs, wanted_, outputs));
    const auto taps = outputs.begin() + static_cast<std::ptrdiff_t>(outputs_.size());
    tapped_.assign(taps, outputs.end());
    outputs.erase(taps, outputs.end());
    return {};
  }

  const Graph* graph() const override { return &executor_.graph(); }
  Status tap(std::span<const ValueId> values) override {
    wanted_ = executor_.graph().outputs;
    wanted_.insert(wanted_.end(), values.begin(), values.end());
    return {};
  }
  const std::vector<Tensor>& tapped() const override { return tapped_; }

 private:
  FloatExecutor executor_;
  std::optional<InputSpec> pixels_of_;
  std::vector<TensorInfo> outputs_;
  std::vector<ValueId> wanted_;  // outputs and taps; empty: no taps
  std::vector<Tensor> tapped_;
};

std::vector<Tensor> emulator_inputs(const Frame& frame, const Model& model) {
  if (frame.pixels) return {*frame.pixels};
  if (model.input().is_image()) return {denormalize_input(frame.network_input, model.input())};
  return integer_inputs(model.integer_graph(), model.input(), frame.features);
}

class QuantizedContext : public Context {
 public:
  QuantizedContext(std::shared_ptr<const Model> model, std::unique_ptr<Backend> emulator,
                   std::unique_ptr<HostPart> host, int threads)
      : model_(std::move(model)),
        emulator_(std::move(emulator)),
        host_(std::move(host)),
        threads_(threads) {}

  ContextKind kind() const override { return ContextKind::kQuantized; }
  const char* runtime() const override { return emulator_->name(); }
  std::string description() const override { return emulator_->description(); }
  bool independent() const override { return false; }
  const std::vector<TensorInfo>& outputs() const override { return model_->outputs(); }
  Status run(const Frame& frame, std::vector<Tensor>& outputs) override {
    QUANT_TRY(emulator_->run(emulator_inputs(frame, *model_), raw_));
    tapped_.clear();
    for (const std::size_t position : positions_) tapped_.push_back(raw_[position]);
    raw_.resize(model_->raw_outputs().size());
    return host_->run(raw_, outputs);
  }
  const std::vector<Tensor>& raw() const override { return raw_; }
  const std::vector<TensorInfo>& raw_outputs() const override { return model_->raw_outputs(); }
  const std::vector<QuantParams>& raw_params() const override { return model_->raw_params(); }

  const Graph* graph() const override { return &model_->integer_graph(); }
  Status tap(std::span<const ValueId> values) override {
    const std::vector<ValueId>& outputs = model_->integer_graph().outputs;
    std::vector<ValueId> kept;
    positions_.clear();
    for (const ValueId id : values) {
      const auto output = std::find(outputs.begin(), outputs.end(), id);
      const auto known = std::find(kept.begin(), kept.end(), id);
      positions_.push_back(static_cast<std::size_t>(
          output != outputs.end()
              ? output - outputs.begin()
              : static_cast<std::ptrdiff_t>(outputs.size()) + (known - kept.begin())));
      if (output == outputs.end() && known == kept.end()) kept.push_back(id);
    }
    QUANT_TRY_ASSIGN(emulator_, model_->make_emulator(threads_, kept));
    return {};
  }
  const std::vector<Tensor>& tapped() const override { return tapped_; }

 private:
  std::shared_ptr<const Model> model_;
  std::unique_ptr<Backend> emulator_;
  std::unique_ptr<HostPart> host_;
  int threads_;
  std::vector<Tensor> raw_;
  std::vector<std::size_t> positions_;  // of the taps among what the emulator delivers
  std::vector<Tensor> tapped_;
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
    case ContextKind::kHybrid:
      return "hybrid";
    case ContextKind::kQuantized:
      return "quantized";
    case ContextKind::kDevice:
      return "device";
  }
  return "unknown";
}

std::optional<ContextKind> context_kind_from_string(std::string_view name) {
  for (const ContextKind kind :
       {ContextKind::kOriginal, ContextKind::kNative, ContextKind::kFpOptimized,
        ContextKind::kHybrid, ContextKind::kQuantized, ContextKind::kDevice}) {
    if (name == to_string(kind)) return kind;
  }
  return std::nullopt;
}

const std::vector<Tensor>& Context::raw() const { return kNoTensors; }
const std::vector<TensorInfo>& Context::raw_outputs() const { return kNoInfos; }
const std::vector<QuantParams>& Context::raw_params() const { return kNoParams; }

Status Context::tap(std::span<const ValueId>) {
  return fail(ErrorCode::kUnsupported,
              std::string("what runs the context '") + to_string(kind()) + "' (" + description() +
                  ") does not show its inner tensors; the context native does");
}

const std::vector<Tensor>& Context::tapped() const { return kNoTensors; }

Result<std::unique_ptr<Context>> make_float_context(ContextKind kind,
                                                    std::shared_ptr<const Graph> graph,
                                                    std::optional<InputSpec> pixels_of,
                                                    int threads) {
  if (threads == 0) threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  QUANT_TRY_ASSIGN(FloatExecutor executor, FloatExecutor::create(std::move(graph), threads));
  return std::make_unique<FloatContext>(kind, std::move(executor), std::move(pixels_of));
}

Result<std::unique_ptr<Context>> make_context(std::shared_ptr<const Model> model, ContextKind kind,
                                              ReferenceKind reference, int threads) {
  switch (kind) {
    case ContextKind::kOriginal:
    case ContextKind::kNative: {
      const Archive& archive = model->archive();
      return make_context(
          ReferenceModel{archive.original_onnx, archive.input_shapes, archive.end_nodes, {}}, kind,
          reference, threads);
    }
    case ContextKind::kFpOptimized: {
      QUANT_TRY_ASSIGN(auto graph, model->fp_optimized());
      return make_float_context(kind, std::move(graph), model->input(), threads);
    }
    case ContextKind::kHybrid:
      return fail(ErrorCode::kInvalidArgument, "a hybrid context needs its layers");
    case ContextKind::kDevice:
      return fail(ErrorCode::kInvalidArgument, "the context device needs a device");
    case ContextKind::kQuantized: {
      QUANT_TRY_ASSIGN(auto emulator, model->make_emulator(threads));
      QUANT_TRY_ASSIGN(auto host, model->make_host_part(threads));
      return std::make_unique<QuantizedContext>(std::move(model), std::move(emulator),
                                                std::move(host), threads);
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
  if (kind == ContextKind::kNative || reference == ReferenceKind::kNative) {
    QUANT_TRY_ASSIGN(Graph graph,
                     read_onnx(model.onnx, {.input_shapes = model.input_shapes,
                                            .end_nodes = model.end_nodes,
                                            .external_data_dir = model.external_data_dir}));
    return make_float_context(kind, std::make_shared<const Graph>(std::move(graph)), std::nullopt,
                              threads);
  }
  QUANT_TRY_ASSIGN(auto backend, make_reference(reference, model, threads));
  return std::make_unique<ForeignContext>(kind, std::move(backend));
}

}  // namespace quant
