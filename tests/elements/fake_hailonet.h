// SPDX-License-Identifier: MIT
// An element "fakehailonet" that hangs tensors on frames the way Hailo's hailonet 4.17 to 5.2 does,
// with its traps. The emulator computes them. It registers hailonet's names, so it lives in test
// processes that load no other; one process has one version of the metadata.
#pragma once

#include <gst/gst.h>

#include <map>
#include <string>

namespace quant::testing {

struct FakeHailonet {
  std::string model;  // .qar; frames are its input, RGB of its size
  // From the model's names to the vendor's; the model's where there is none.
  std::map<std::string, std::string> names;
  // Integers as they are, or what output-format-type=HAILO_FORMAT_TYPE_FLOAT32 makes of them. The
  // metadata says uint8 either way.
  bool floats = false;
  bool scale_is_zero = false;  // as of networks with a scale for each channel
  bool boxes = false;          // one more tensor: what NMS found
  bool boxes_alone = false;
  bool no_transform = false;  // memory as the device has it: NHCW, rows of 8 pixels
  int cut_bytes = 0;          // off the end of every tensor
  // Frames on which the inference fails: the tensors are attached all the same, with the bytes that
  // were in the memory (4.17 to 4.23).
  int stale_from = 1 << 30;
  // Frames from which on the first tensor is not attached.
  int missing_from = 1 << 30;
  // The end of the stream, which comes with no frame on its way, is not passed on (4.23 to 5.2).
  bool loses_eos = false;
};

// Registers the element and, with `meta_size` bytes, the metadata.
void register_fake_hailonet(gsize meta_size);
// Before the first frame.
void configure_fake_hailonet(GstElement* element, const FakeHailonet& options);

}  // namespace quant::testing
