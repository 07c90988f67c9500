// SPDX-License-Identifier: MIT
// What quantdequantize does to a frame: finds its raw tensors, quantinfer's or hailonet's, decides
// whose parameters they have, and hangs real values beside them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "plugin/gst_pointer.h"
#include "quant/backend/model.h"
#include "quant/base/buffer_cache.h"
#include "quant/base/result.h"
#include "quant/hef/hef_file.h"
#include "quantdequantize/output_names.h"

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

  // Of the last frame, one line a tensor: "heat of hailonet: NHWC uint8 24x32x1, parameters of the
  // tensor".
  const std::vector<std::string>& report() const { return report_; }

 private:
  explicit FrameDequantizer(Sources sources) : sources_(std::move(sources)) {}

  struct RawTensors {
    std::vector<GstPointer<GstQuantTensor>> tensors;
    bool of_hailonet = false;
    int boxes = 0;
  };
  Result<RawTensors> find_raw(GstBuffer* buffer) const;
  Status check_complete(const RawTensors& raw);
  // For each raw output of the model its tensor.
  Result<std::vector<GstQuantTensor*>> match(const RawTensors& raw) const;
  // `archive`, where not nullptr, has the last word. Its axis is ONNX's.
  Result<QuantParams> params_for(const GstQuantTensor* tensor, const QuantParams* archive);
  Result<Tensor> values_by_itself(GstQuantTensor* tensor);
  Result<Tensor> values_of_output(GstQuantTensor* tensor, std::size_t output);
  Status run_each(const RawTensors& raw, GstBuffer* buffer);
  Status run_model(const RawTensors& raw, GstBuffer* buffer);
  const char* source() const;

  Sources sources_;
  std::unique_ptr<HostPart> host_part_;
  std::vector<std::string> expected_;  // hailonet's tensors on the first frame
  std::shared_ptr<BufferCache> memory_ = BufferCache::create();
  std::vector<Tensor> outputs_;
  ParamsOrigin least_trusted_ = ParamsOrigin::kNone;  // of this frame
  std::vector<std::string> report_;
};

}  // namespace quant::element
