// SPDX-License-Identifier: MIT
#include "source_calibration_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace quant::tool {

SourceCalibrationSet::SourceCalibrationSet(FrameSource source, InputSpec spec, std::int64_t most)
    : source_(std::move(source)), spec_(std::move(spec)), pixel_spec_(spec_), most_(most) {
  pixel_spec_.mean.assign(spec_.mean.size(), 0.0F);
  pixel_spec_.std.assign(spec_.std.size(), 1.0F);
}

std::optional<std::int64_t> SourceCalibrationSet::count() const {
  if (!source_) return 0;
  const auto count = source_->count();
  return most_ > 0 && count ? std::min(*count, most_) : count;
}

Result<std::optional<std::vector<Tensor>>> SourceCalibrationSet::next() {
  std::optional<std::vector<Tensor>> inputs;
  if (!source_ || (most_ > 0 && source_->summary().frames >= most_)) return inputs;
  QUANT_TRY_ASSIGN(std::optional<Frame> frame, source_->next());
  if (!frame) return inputs;
  if (!spec_.is_image()) return std::optional(std::move(frame->features));
  const Tensor pixels =
      frame->pixels ? *frame->pixels : denormalize_input(frame->network_input, spec_);
  inputs.emplace({normalize_frame(pixels, pixel_spec_)});
  return inputs;
}

Status SourceCalibrationSet::rewind() {
  longest_ = summary();
  return source_ ? source_->rewind() : Status();
}

FrameSourceSummary SourceCalibrationSet::summary() const {
  return source_ && source_->summary().frames > longest_.frames ? source_->summary() : longest_;
}

std::vector<std::string> warnings(const FrameSourceSummary& summary) {
  std::vector<std::string> result;
  if (summary.frames == 0) return result;
  if (!summary.skipped.empty()) {
    result.push_back(fmt::format("{} unreadable images were left out, the first: {} ({})",
                                 summary.skipped.size(), summary.skipped.front().name,
                                 summary.skipped.front().reason));
  }
  if (summary.frames > 1 && summary.repeated == summary.frames - 1) {
    result.push_back("the calibration set is one image repeated; ranges will not fit other images");
  } else if (summary.repeated > 0) {
    result.push_back(fmt::format("{} of {} calibration images repeat an earlier one",
                                 summary.repeated, summary.frames));
  }
  if (summary.single_color == summary.frames) {
    result.push_back(
        "every calibration image has a single colour; ranges will not fit real images");
  } else if (summary.single_color > 0) {
    result.push_back(fmt::format("{} of {} calibration images have a single colour",
                                 summary.single_color, summary.frames));
  }
  if (summary.frames == 1)
    result.push_back("one calibration image is too few; 32 or more, of the real scene, are usual");
  return result;
}

}  // namespace quant::tool
