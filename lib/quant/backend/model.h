// SPDX-License-Identifier: MIT
// A quantized model as a pipeline uses it: opened once per process, shared by every element that
// names the same file, and the place where sessions that run it are made.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "quant/archive/archive.h"
#include "quant/backend/backend.h"
#include "quant/backend/host_part.h"
#include "quant/backend/reference.h"
#include "quant/base/result.h"
#include "quant/engine/integer_plan.h"
#include "quant/graph/input_spec.h"
#include "quant/tensor/quant_params.h"
#include "quant/tensor/tensor.h"

namespace quant {

// Constant; thread-safe.
class Model {
 public:
  // Opens a .qar, or gives the one that is open already for the same path, time and size.
  // NotFound, Io or InvalidData naming the file.
  static Result<std::shared_ptr<const Model>> open(const std::string& path);
  ~Model();

  const std::string& path() const;
  // Without the graphs, which follow: they are shared with the sessions.
  const Archive& archive() const;
  const Graph& integer_graph() const;
  const Graph& host_graph() const;
  // The integer part ready to run, for the kernels of GST_QUANT_ISA (best available where it is not
  // set).
  Result<std::shared_ptr<const IntegerPlan>> plan() const;
  const InputSpec& input() const;
  const std::vector<TensorInfo>& raw_outputs() const;  // the integer part's, ONNX shape
  const std::vector<QuantParams>& raw_params() const;  // one per raw output
  const std::vector<TensorInfo>& outputs() const;      // the model's own, float32

  // Input: one uint8 tensor (1,H,W,C), the frame's own pixels in input().color order; of a feature
  // network what integer_inputs makes. Outputs: raw_outputs(). threads ≥ 1.
  // With `taps`, activations of integer_graph() that are no outputs of it, these follow the outputs
  // in their order (and the model is prepared once more).
  Result<std::unique_ptr<Backend>> make_emulator(int threads, std::vector<ValueId> taps = {}) const;
  Result<std::unique_ptr<HostPart>> make_host_part(int threads) const;
  // The network of the context fp-optimized. Input: float32 (1,C,H,W), pixels 0…255, or features.
  // Outputs: outputs(). Read from the original ONNX at every call.
  Result<std::shared_ptr<const Graph>> fp_optimized() const;
  // Input: float32 (1,C,H,W), normalized. Outputs: outputs().
  Result<std::unique_ptr<Backend>> make_reference(ReferenceKind kind, int threads) const;

 private:
  struct State;
  explicit Model(std::unique_ptr<const State> state);
  std::unique_ptr<const State> state_;
};

}  // namespace quant
