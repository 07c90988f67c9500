// SPDX-License-Identifier: MIT
// The rungs of the ladder as one kind of thing: a frame in, the model's own outputs out.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quant/backend/model.h"
#include "quant/vision/network_frame.h"

namespace quant {

enum class ContextKind {
  kOriginal,     // the ONNX file in an independent runtime
  kNative,       // our graph as read, float
  kFpOptimized,  // after folding, float
  kHybrid,       // fp-optimized with some layers quantized (analyze/hybrid_network.h)
  kQuantized,    // integers on the emulator
  kDevice,       // an accelerator, or what was recorded of one (device_context.h)
};

// "original", "native", "fp-optimized", "hybrid", "quantized", "device".
const char* to_string(ContextKind kind);
std::optional<ContextKind> context_kind_from_string(std::string_view name);

// One thread at a time.
class Context {
 public:
  virtual ~Context() = default;
  virtual ContextKind kind() const = 0;
  // Who runs it: "onnxruntime", "opencv", "native" (our own float executor), "emulator".
  virtual const char* runtime() const = 0;
  // Library and version, or the kernels in use: "ONNX Runtime 1.30.0", "avx2", …
  virtual std::string description() const = 0;
  // Whether a fault of this project's model reader could not hide in it.
  virtual bool independent() const = 0;
  // As the model orders them; float32 unless the model says otherwise.
  virtual const std::vector<TensorInfo>& outputs() const = 0;
  // A frame without pixels (float .npy) is turned back into pixels where the context starts from
  // them.
  virtual Status run(const Frame& frame, std::vector<Tensor>& outputs) = 0;
  // Raw integers of the last run and what they are. Empty for float contexts, and for a device,
  // whose integers lie in layouts of its own.
  virtual const std::vector<Tensor>& raw() const;
  virtual const std::vector<TensorInfo>& raw_outputs() const;
  virtual const std::vector<QuantParams>& raw_params() const;

  // The network as it runs here, for taps; null where a foreign runtime does not show its inside.
  virtual const Graph* graph() const { return nullptr; }
  // Activations of graph() that tapped() shall hold from the next run on. Unsupported where there
  // is no graph(); else errors of the executor.
  virtual Status tap(std::span<const ValueId> values);
  // Of the last run, in the order of tap(), ONNX's shape: float32, or integers where
  // graph()->value(id).quant says what they are.
  virtual const std::vector<Tensor>& tapped() const;
};

// `reference` is who runs `original`; it never stands for another context. InvalidArgument for
// kHybrid, whose network make_float_context takes, and for kDevice, which is made from one.
Result<std::unique_ptr<Context>> make_context(std::shared_ptr<const Model> model, ContextKind kind,
                                              ReferenceKind reference, int threads);
// A float network on our own executor. `pixels_of`: it takes what float_inputs makes of a frame of
// this input (pixels 0…255, or features); nothing: the ONNX input itself. `threads` 0: one per
// core.
Result<std::unique_ptr<Context>> make_float_context(ContextKind kind,
                                                    std::shared_ptr<const Graph> graph,
                                                    std::optional<InputSpec> pixels_of,
                                                    int threads);
// Of a plain ONNX file: original and native only.
Result<std::unique_ptr<Context>> make_context(const ReferenceModel& model, ContextKind kind,
                                              ReferenceKind reference, int threads);

}  // namespace quant
