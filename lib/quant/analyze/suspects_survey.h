// SPDX-License-Identifier: MIT
// What the suspects are judged by: figures of the frames of a set, and of every tensor of the
// network on them. Collecting only; suspects.h judges.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "quant/graph/graph.h"
#include "quant/graph/input_spec.h"
#include "quant/optimize/observer.h"
#include "quant/vision/frame_source.h"

namespace quant {

// One frame of a set, in pixel units.
struct FrameFigures {
  std::string name;
  float brightness = 0;  // mean over all pixels and channels
  float contrast = 0;    // standard deviation over all pixels
  // Correlation of horizontal neighbours, pixels or 4 x 4 means, whichever is more: near 1 in
  // photographs, 0 in noise.
  float smoothness = 0;
  bool single_color = false;
  // The same content as, or much the same picture as that earlier frame (index in frames()); -1:
  // none. Never both.
  std::int64_t repeats = -1;
  std::int64_t resembles = -1;
  float resemblance = 0;  // correlation with the frame that it resembles
};

// One thread.
class FrameSurvey {
 public:
  // Pictures whose small gray copies correlate more than this show the same scene.
  static constexpr float kSameScene = 0.98F;
  // How far back a frame is compared with earlier ones: keeps long videos from taking for ever.
  static constexpr std::size_t kLookBack = 2048;

  explicit FrameSurvey(InputSpec spec) : spec_(std::move(spec)) {}

  // `pixels`: uint8 (H, W, C), as pixels_of() makes them. Precondition: `frame` is finite.
  void add(const Frame& frame, const Tensor& pixels);
  // Afterwards: what could not be read.
  void set_skipped(std::vector<SkippedImage> skipped) { skipped_ = std::move(skipped); }

  const std::vector<FrameFigures>& frames() const { return frames_; }
  const std::vector<SkippedImage>& skipped() const { return skipped_; }
  // Of the normalized input, and of the pixels, over all frames.
  Range network_input() const { return input_.range(); }
  Range pixels() const { return pixels_; }
  // Whether frames came as floats (.npy), which nobody normalizes.
  bool from_floats() const { return from_floats_; }

 private:
  void compare_with_earlier(FrameFigures& figures, const Tensor& content,
                            std::vector<float> thumbnail);

  InputSpec spec_;
  std::vector<FrameFigures> frames_;
  std::vector<SkippedImage> skipped_;
  std::vector<std::vector<float>> thumbnails_;  // mean 0, length 1; empty where nearly flat
  std::unordered_map<std::size_t, std::int64_t> contents_;  // first frame by hash
  MinMaxObserver input_;
  Range pixels_;
  bool from_floats_ = false;
};

// The frame's own pixels; of a frame of floats the nearest ones. InvalidData where it has values
// that are not finite.
Result<Tensor> pixels_of(const Frame& frame, const InputSpec& spec);

// One tensor over a set.
struct TensorFigures {
  Range range;
  std::int64_t values = 0;
  std::int64_t non_finite = 0;
  std::vector<Range> channels;  // along axis 1, of tensors of rank 3 and more; else empty
  std::vector<float> sample;    // kSample values a frame, where asked for
  std::int64_t outside = 0;     // values outside the other survey's range, where there is one
};

// Runs the graph that is quantized (context fp-optimized). One thread.
class ActivationSurvey {
 public:
  static constexpr std::size_t kSample = 256;

  // Watches every float32 value that a node makes, and the inputs. `sampled` are those whose values
  // are kept in part. With `limits`, a survey of the same graph that is finished, values outside
  // its ranges are counted.
  static Result<ActivationSurvey> create(std::shared_ptr<const Graph> graph,
                                         const std::vector<ValueId>& sampled, int threads,
                                         const ActivationSurvey* limits = nullptr);
  ~ActivationSurvey();
  ActivationSurvey(ActivationSurvey&&) noexcept;
  ActivationSurvey& operator=(ActivationSurvey&&) noexcept;

  // `pixels`: uint8 (H, W, C).
  Status add(const Tensor& pixels);

  std::int64_t frames() const;
  const Graph& graph() const;
  // Null where the value is not watched.
  const TensorFigures* figures(ValueId id) const;

 private:
  struct State;
  explicit ActivationSurvey(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// The tensors by which two sets are compared: the input, what the first convolution makes, the
// outputs.
std::vector<ValueId> domain_tensors(const Graph& graph);

// max − min, zero included: what a scale has to cover.
inline float covered(Range range) {
  return (range.max > 0 ? range.max : 0) - (range.min < 0 ? range.min : 0);
}

}  // namespace quant
