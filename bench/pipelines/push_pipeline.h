// SPDX-License-Identifier: MIT
// A pipeline whose source is the caller: each frame is pushed from the caller's thread and has
// passed the sink when push() returns. So a pipeline can take turns with others in one thread, and
// no source's own time is measured.
#pragma once

#include <gst/video/video.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "plugin/gst_pointer.h"
#include "quant/base/result.h"

namespace quant::bench {

struct FrameFormat {
  GstVideoFormat format = GST_VIDEO_FORMAT_RGB;
  int width = 0;
  int height = 0;
};
// "1280x720 NV12".
std::string to_string(const FrameFormat& format);

// Processor time of the whole process, in ms, until the frame arrives at the next element; "source"
// is what the caller spends before the first and after the last.
struct ElementTime {
  std::string element;
  double cpu_ms = 0;
};

// One thread at a time.
class PushPipeline {
 public:
  // `elements`: a launch line between source and sink. `live`: the source says that it cannot wait.
  static Result<std::unique_ptr<PushPipeline>> make(const std::string& elements,
                                                    const FrameFormat& format, bool live = false);
  ~PushPipeline();
  PushPipeline(const PushPipeline&) = delete;
  PushPipeline& operator=(const PushPipeline&) = delete;

  // One frame, from a set of four that is made beforehand: a buffer of its own, in shared memory.
  Status push();
  // Where the time of `frames` frames goes, in the order of the pipeline, "source" first. Looking
  // takes a microsecond per element: not for comparison with what is measured otherwise.
  Result<std::vector<ElementTime>> measure_elements(int frames);

  // Frames that the reference has been run on, by the quanttee named "tee"; 0 where there is none.
  std::uint64_t measured_frames() const;

 private:
  PushPipeline() = default;
  Status announce(const FrameFormat& format);
  Status bus_error(const char* doing);

  GstElement* pipeline_ = nullptr;
  GstPad* source_ = nullptr;
  std::vector<GstMemory*> frames_;
  std::uint64_t pushed_ = 0;
};

}  // namespace quant::bench
