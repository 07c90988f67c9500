// SPDX-License-Identifier: MIT
// The tensors that Hailo's element hailonet hangs on frames, read without its headers: by the
// offsets of the metadata of its versions 4.17 to 5.2.
#pragma once

#include <vector>

#include "plugin/gst_pointer.h"
#include "quant/base/result.h"
#include "quant/hef/hef_file.h"

namespace quant::element {

struct HailoTensors {
  // Role quantized, source "hailonet", in a device's layout, sharing hailonet's memory: its pool is
  // small, so they are not to be kept. Scale unknown where hailonet says 0.
  std::vector<GstPointer<GstQuantTensor>> tensors;
  // How many more are boxes after NMS, which no scale turns into values.
  int boxes = 0;
};

// Those of `buffer`; none where hailonet is not part of this process. The type of the elements is
// what their size says: hailonet's own word for it is the compiled network's, whatever
// output-format-type asked for. Where the size is none of a dense tensor's, `hef` (may be null)
// is asked whether it is the device's own layout (no-transform=true).
// Unsupported where the metadata is of a size that no known version has; InvalidData naming the
// tensor where its bytes are no whole tensor.
Result<HailoTensors> hailo_tensors(GstBuffer* buffer, const HefFile* hef);

}  // namespace quant::element
