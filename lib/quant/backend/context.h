// SPDX-License-Identifier: MIT
// The rungs of the ladder as one kind of thing: a frame in, the model's own outputs out.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "quant/backend/model.h"
#include "quant/vision/frame_source.h"

namespace quant {

enum class ContextKind {
  kOriginal,     // the ONNX file in an independent runtime
  kNative,       // our graph as read, float
  kFpOptimized,  // after folding, float
  kQuantized,    // integers on the emulator
};

// "original", "native", "fp-optimized", "quantized".
const char* to_string(ContextKind kind);
std::optional<ContextKind> context_kind_from_string(std::string_view name);

// One thread at a time.
class Context {
 public:
  virtual ~Context() = default;
  virtual ContextKind kind() const = 0;
  // What runs it: "ONNX Runtime 1.30.0", "avx2", …
  virtual std::string description() const = 0;
  // As the model orders them; float32 unless the model says otherwise.
  virtual const std::vector<TensorInfo>& outputs() const = 0;
  // A frame without pixels (float .npy) is turned back into pixels where the context starts from
  // them.
  virtual Status run(const Frame& frame, std::vector<Tensor>& outputs) = 0;
  // Raw integers of the last run and what they are; empty for float contexts.
  virtual const std::vector<Tensor>& raw() const = 0;
  virtual const std::vector<TensorInfo>& raw_outputs() const = 0;
  virtual const std::vector<QuantParams>& raw_params() const = 0;
};

// `reference` is who runs `original`; it never stands for another context.
Result<std::unique_ptr<Context>> make_context(std::shared_ptr<const Model> model, ContextKind kind,
                                              ReferenceKind reference, int threads);
// Of a plain ONNX file: original and native only.
Result<std::unique_ptr<Context>> make_context(const ReferenceModel& model, ContextKind kind,
                                              ReferenceKind reference, int threads);

}  // namespace quant
