// SPDX-License-Identifier: MIT
// One way to run a model: the emulator, a device, or a float reference. An element, the command
// line and the tests see only this.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "quant/base/result.h"
#include "quant/tensor/quant_params.h"
#include "quant/tensor/tensor.h"

namespace quant {

struct TensorInfo {
  std::string name;  // ONNX name
  DataType type = DataType::kFloat32;
  Shape shape;  // ONNX's axes, batch included
};

// One session: one thread at a time. Sessions of one model share its weights.
class Backend {
 public:
  virtual ~Backend() = default;

  // "emulator", "onnxruntime", "opencv", "native", …
  virtual const char* name() const = 0;
  // Library and version, or the kernels in use, for records and `inspect`: "ONNX Runtime 1.30.0",
  // "avx2".
  virtual std::string description() const = 0;
  // Whether a fault of this project's model reader could hide in it. References that share our
  // reader say false.
  virtual bool independent() const = 0;

  virtual const std::vector<TensorInfo>& inputs() const = 0;
  virtual const std::vector<TensorInfo>& outputs() const = 0;
  // Of the raw outputs, as many as outputs(); empty for float backends.
  virtual const std::vector<QuantParams>& output_params() const = 0;

  // Runs once. `inputs` match inputs() in order, type and shape (else InvalidArgument). `outputs`
  // gets one tensor per outputs(); their memory is the caller's to keep. The next run may
  // take memory that nobody holds any more; what is still in `outputs` is let go of first.
  virtual Status run(std::span<const Tensor> inputs, std::vector<Tensor>& outputs) = 0;
};

}  // namespace quant
