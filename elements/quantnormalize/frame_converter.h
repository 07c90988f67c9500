// SPDX-License-Identifier: MIT
// One video frame to the uint8 tensor that a network takes. Colours are GStreamer's business, sizes
// the library's, so that a pipeline sees the pixels that calibration saw.
#pragma once

#include <gst/video/video.h>

#include <memory>

#include "plugin/gst_pointer.h"
#include "quant/base/result.h"
#include "quant/graph/input_spec.h"
#include "quant/vision/frame.h"

namespace quant::element {

// One thread at a time.
class FrameConverter {
 public:
  // For frames described by `frame`. OutOfRange for sizes that cannot be converted, Unsupported for
  // formats.
  static Result<std::unique_ptr<FrameConverter>> make(const GstVideoInfo& frame,
                                                      const InputSpec& spec,
                                                      const FrameOptions& options);
  FrameConverter(const FrameConverter&) = delete;
  FrameConverter& operator=(const FrameConverter&) = delete;

  // A tensor (1, height, width, channels) in the spec's colour order. Shares the frame's memory
  // where size and format fit and no row is padded; otherwise memory from a pool. InvalidData for a
  // frame smaller than its caps.
  Result<GstPointer<GstQuantTensor>> convert(GstBuffer* frame);

 private:
  FrameConverter(const GstVideoInfo& frame, const InputSpec& spec, const FrameOptions& options);
  Status set_up();
  // Where the frame's pixels are the tensor's bytes already: their memory.
  GstPointer<GstBuffer> share(GstBuffer* frame) const;
  Result<GstPointer<GstBuffer>> make_pixels(GstBuffer* frame);
  Status fit(GstVideoFrame& picture, GstBuffer* target);

  GstVideoInfo frame_;
  GstVideoInfo tensor_;   // network size, rows without padding
  GstVideoInfo picture_;  // frame size, the tensor's colours
  InputSpec spec_;
  bool same_size_;
  bool same_colors_;
  Placement placement_;
  FrameFitter fitter_;
  GstPointer<GstBufferPool> pool_;        // tensors
  GstPointer<GstBuffer> picture_buffer_;  // where both size and colours differ
  struct FreeConverter {
    void operator()(GstVideoConverter* converter) const { gst_video_converter_free(converter); }
  };
  std::unique_ptr<GstVideoConverter, FreeConverter> converter_;  // where colours differ
};

}  // namespace quant::element
