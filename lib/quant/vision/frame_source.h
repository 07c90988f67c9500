// SPDX-License-Identifier: MIT
// Frames for calibration, comparison and tests, from whatever the user names: a folder of images,
// one image, .npy files or a video file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "quant/base/result.h"
#include "quant/graph/input_spec.h"
#include "quant/tensor/tensor.h"
#include "quant/vision/frame.h"
#include "quant/vision/network_frame.h"

namespace quant {

struct SkippedImage {
  std::string name;
  std::string reason;
};

// What was met on the way so far.
struct FrameSourceSummary {
  std::int64_t frames = 0;            // given out
  std::vector<SkippedImage> skipped;  // unreadable ones among good ones
  std::int64_t repeated = 0;          // the same content as an earlier frame
  std::int64_t single_color = 0;      // all pixels alike (black, …)
};

// One item of a source: a picture in the frame, a network input, or why it could not be read.
struct SourceItem {
  std::string name;
  std::optional<Tensor> pixels;
  std::optional<Tensor> network_input;
  std::vector<Tensor> features;
  std::optional<Error> unreadable;
  int image_width = 0;  // 0: nothing was resized
  int image_height = 0;
};

// One kind of source; FrameSource adds what all have in common.
class FrameReader {
 public:
  virtual ~FrameReader() = default;
  virtual std::optional<std::int64_t> count() const = 0;
  // Nothing at the end. An error ends the source; an unreadable item does not.
  virtual Result<std::optional<SourceItem>> next() = 0;
  virtual Status rewind() = 0;
};

// Sources:
// - a folder: its files ending in .jpg, .jpeg, .png, .bmp, .webp, .ppm, .pgm (any case), sorted by
//   name, resized; where there is none, its .npy files likewise, each with one frame or many;
// - an image, resized;
// - .npy, uint8, (N, H, W, C) or (H, W, C): frames at network size, never resized; float32 or
//   float64, (N, C, H, W), (C, H, W), (N, H, W, C) or (H, W, C): the network's own normalized
//   input, channel first tried first. With one channel, C may be missing;
// - else a video file, decoded by FFmpeg through OpenCV, resized;
// - of a feature network: a folder with NAME.npy for every input (npy_stem_of), or of a single
// input
//   the .npy itself; float32 or float64, frames stacked along a batch axis of 1, else along a
//   new first axis, as `gst-quant run` writes them.
// One thread.
class FrameSource {
 public:
  // Errors name the file or folder: missing, no image in it, wrong shape or type, no video.
  static Result<FrameSource> open(const std::filesystem::path& path, const InputSpec& spec,
                                  const FrameOptions& options = {});

  // How many items there are, unreadable ones included; for videos the container's own word,
  // nothing where unknown.
  std::optional<std::int64_t> count() const { return reader_->count(); }
  // Nothing at the end. Unreadable images are left out and listed in summary(); an error where not
  // one was readable.
  Result<std::optional<Frame>> next();
  // Back to the first frame, with an empty summary.
  Status rewind();
  const FrameSourceSummary& summary() const { return summary_; }

 private:
  FrameSource(InputSpec spec, std::unique_ptr<FrameReader> reader);
  void note_content(const Frame& frame);

  InputSpec spec_;
  std::optional<FrameNormalizer> normalizer_;  // of an image network
  std::unique_ptr<FrameReader> reader_;
  FrameSourceSummary summary_;
  std::unordered_set<std::size_t> seen_;  // hashes of content
  std::optional<Error> first_error_;
};

}  // namespace quant
