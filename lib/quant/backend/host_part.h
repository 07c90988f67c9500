// SPDX-License-Identifier: MIT
// What stays on the host behind the integer part: dequantization, then the network's float tail
// (box decoding, NMS).
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "quant/graph/graph.h"
#include "quant/tensor/quant_params.h"

namespace quant {

// One thread at a time.
class HostPart {
 public:
  virtual ~HostPart() = default;
  // `raw`: the integers, one tensor per raw output, ONNX shape (else InvalidArgument). `outputs`
  // gets one float32 tensor per output of the model, the caller's to keep.
  virtual Status run(std::span<const Tensor> raw, std::vector<Tensor>& outputs) = 0;
  // The same from values that somebody else has dequantized: float32 of those shapes (else
  // InvalidArgument).
  virtual Status run_real(std::vector<Tensor> reals, std::vector<Tensor>& outputs) = 0;
};

// `host` is QuantizedModel::host; `raw_params` belong to its inputs, in order.
Result<std::unique_ptr<HostPart>> make_host_part(std::vector<QuantParams> raw_params,
                                                 std::shared_ptr<const Graph> host, int threads);

}  // namespace quant
