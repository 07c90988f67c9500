// SPDX-License-Identifier: MIT
// What quantdequantize does to a frame: finds its raw tensors, quantinfer's or hailonet's, decides
// whose parameters they have, and hangs real values beside them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "plugin/gst_pointer.h"
#include "quant/backend/model.h"
#include "quant/base/buffer_cache.h"
#include "quant/base/result.h"
#include "quant/hef/hef_file.h"
#include "quant/kernels/relayout/dequantize_tensor.h"
#include "quantdequantize/output_names.h"
#include "quantdequantize/tensor_kind.h"

namespace quant::element {

// Whose parameters a tensor was dequantized with, the most trusted first.
enum class ParamsOrigin {
  kNone,     // none needed: the device gave floats
  kTensor,   // its own
  kHef,      // the compiled network's
  kArchive,  // the model's
};

// One thread at a time.
class FrameDequantizer {
 public:
  struct Sources {
    std::shared_ptr<const Model> model;  // empty: every tensor by itself
    std::optional<HefFile> hef;
    OutputNames names;
    int threads = 1;  // of the model's float part
  };

  static Result<std::unique_ptr<FrameDequantizer>> create(Sources sources);

  // Attaches the model's outputs, or each raw tensor's values under its own name. Boxes of hailonet
  // stay as they are. NotFound naming what the frame lacks; InvalidArgument and InvalidData naming
  // the tensor that does not fit.
  Status run(GstBuffer* buffer);

  // What has been decided anew since the last call, one line a tensor: "heat of hailonet: NHWC
  // uint8 1x24x32x1, parameters of the tensor". Empty as long as frames are of the same kind.
  std::vector<std::string> take_report() { return std::exchange(report_, {}); }

 private:
  explicit FrameDequantizer(Sources sources) : sources_(std::move(sources)) {}

  struct RawTensors {
    std::vector<GstPointer<GstQuantTensor>> tensors;
    bool of_hailonet = false;
    int boxes = 0;
  };
  // What is to be made of one tensor of a frame.
  struct Step {
    std::size_t tensor = 0;                        // among RawTensors::tensors
    std::optional<TensorDequantizer> dequantizer;  // empty: it has real values already
  };
  // What is to be made of frames with such tensors.
  struct Plan {
    std::vector<TensorKind> kinds;  // of RawTensors::tensors
    bool of_hailonet = false;
    std::vector<Step> steps;  // for each raw output of the model; without a model, for each tensor
    std::vector<TensorInfo> infos;  // of the results without a model
    ParamsOrigin least_trusted = ParamsOrigin::kNone;

    bool serves(const RawTensors& raw) const;
  };

  Result<RawTensors> find_raw(GstBuffer* buffer) const;
  Result<Plan> prepare(const RawTensors& raw);
  Status check_complete(const RawTensors& raw);
  // For each raw output of the model its tensor.
  Result<std::vector<std::size_t>> match(const RawTensors& raw) const;
  // `archive`, where not nullptr, has the last word. Its axis is ONNX's.
  Result<QuantParams> params_for(const GstQuantTensor* tensor, const QuantParams* archive,
                                 Plan& plan);
  Status add_tensor(const RawTensors& raw, std::size_t index, Plan& plan);
  Status add_output(const RawTensors& raw, std::size_t index, std::size_t output, Plan& plan);

  Sources sources_;
  std::unique_ptr<HostPart> host_part_;
  std::vector<std::string> expected_;  // hailonet's tensors on the first frame
  std::shared_ptr<BufferCache> memory_ = BufferCache::create();
  std::vector<Tensor> outputs_;
  std::optional<Plan> plan_;  // of the last frame
  std::vector<std::string> report_;
};

}  // namespace quant::element
