// SPDX-License-Identifier: MIT
// Whether the calibration set stands for the test set.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "quant/analyze/suspects.h"

namespace quant {
namespace {

using Json = nlohmann::ordered_json;

// Of a test set from the same scenes, rare values lie outside the extremes: a few in 100 000.
constexpr double kMuchOutside = 0.001;
// … and not far outside, of the width of the range.
constexpr float kFarOutside = 0.1F;
// 1: the same distribution. Two halves of one set have 0.8 and more.
constexpr double kLittleOverlap = 0.5;
constexpr double kBrightnessStep = 40;  // of 255
constexpr double kContrastRatio = 2;

// Share of the distributions that both have, in bins of equal share of `a`: heavy tails would put
// everything into one bin of equal width.
double overlap(std::vector<float> a, const std::vector<float>& b) {
  constexpr std::size_t kBins = 16;
  if (a.empty() || b.empty()) return 1;
  std::sort(a.begin(), a.end());
  std::vector<float> edges;
  for (std::size_t i = 1; i < kBins; ++i) {
    const float edge = a[i * a.size() / kBins];
    if (edges.empty() || edge > edges.back()) edges.push_back(edge);
  }
  const auto shares = [&edges](const std::vector<float>& values) {
    std::vector<double> result(edges.size() + 1);
    for (const float value : values) {
      const auto bin = std::upper_bound(edges.begin(), edges.end(), value) - edges.begin();
      result[static_cast<std::size_t>(bin)] += 1 / static_cast<double>(values.size());
    }
    return result;
  };
  const std::vector<double> of_a = shares(a);
  const std::vector<double> of_b = shares(b);
  double common = 0;
  for (std::size_t i = 0; i < of_a.size(); ++i) common += std::min(of_a[i], of_b[i]);
  return common;
}

struct Light {
  double brightness = 0;
  double contrast = 0;
};

Light light_of(const FrameSurvey& survey) {
  Light light;
  const auto frames = static_cast<double>(std::max<std::size_t>(survey.frames().size(), 1));
  for (const FrameFigures& frame : survey.frames()) {
    light.brightness += static_cast<double>(frame.brightness) / frames;
    light.contrast += static_cast<double>(frame.contrast) / frames;
  }
  return light;
}

}  // namespace

Findings check_domain(const FrameSurvey& calibration_frames, const FrameSurvey& data_frames,
                      const ActivationSurvey& calibration, const ActivationSurvey& data) {
  const Graph& graph = calibration.graph();
  std::vector<std::string> remarks;
  Json tensors = Json::array();
  for (const ValueId id : domain_tensors(graph)) {
    const TensorFigures& seen = *calibration.figures(id);
    const TensorFigures& test = *data.figures(id);
    if (seen.values == 0 || test.values == 0) continue;
    const double outside = static_cast<double>(test.outside) / static_cast<double>(test.values);
    const double common = overlap(seen.sample, test.sample);
    const std::string& name = graph.value(id).name;
    tensors.push_back({{"tensor", name},
                       {"calibrated", {seen.range.min, seen.range.max}},
                       {"test", {test.range.min, test.range.max}},
                       {"outside", outside},
                       {"overlap", common}});
    const float beyond = std::max(seen.range.min - test.range.min, test.range.max - seen.range.max);
    if (outside > kMuchOutside && beyond > kFarOutside * covered(seen.range))
      remarks.push_back(fmt::format(
          "{:.2g} % of the test values of {} lie outside its calibrated range [{:.4g}, {:.4g}], "
          "they reach [{:.4g}, {:.4g}]",
          100 * outside, name, seen.range.min, seen.range.max, test.range.min, test.range.max));
    if (common < kLittleOverlap)
      remarks.push_back(
          fmt::format("the distributions of {} have {:.0f} % in common", name, 100 * common));
  }
  const Light here = light_of(calibration_frames);
  const Light there = light_of(data_frames);
  if (std::abs(here.brightness - there.brightness) > kBrightnessStep)
    remarks.push_back(
        fmt::format("mean brightness is {:.0f} in the calibration set, {:.0f} in the "
                    "test set (of 255)",
                    here.brightness, there.brightness));
  if (here.contrast > kContrastRatio * there.contrast ||
      there.contrast > kContrastRatio * here.contrast)
    remarks.push_back(
        fmt::format("mean contrast (standard deviation) is {:.0f} in the calibration "
                    "set, {:.0f} in the test set",
                    here.contrast, there.contrast));
  if (remarks.empty()) return {};
  return {{Suspect::kCalibrationOutOfDomain,
           Severity::kWarning,
           fmt::format("{}", fmt::join(remarks, "; ")),
           {{"tensors", tensors},
            {"brightness", {{"calibration", here.brightness}, {"test", there.brightness}}},
            {"contrast", {{"calibration", here.contrast}, {"test", there.contrast}}}},
           ""}};
}

}  // namespace quant
