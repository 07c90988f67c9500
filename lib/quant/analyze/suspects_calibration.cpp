// SPDX-License-Identifier: MIT
// The calibration set by itself: too small, repeated, of one scene, of one colour, noise,
// unreadable.
#include <fmt/format.h>

#include <algorithm>

#include "quant/analyze/suspects.h"

namespace quant {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kExamples = 5;
// Above this share of near-duplicates the set is rather a video than a collection.
constexpr double kManyAlike = 0.2;
// Photographs have 0.8 and more, drawn test pictures 0.5; random pixels are near 0.
constexpr float kNoise = 0.2F;
// Below this deviation it is a plain wall under a noisy sensor.
constexpr float kNoisyContrast = 25;

double percent(std::int64_t part, std::int64_t whole) {
  return 100 * static_cast<double>(part) / static_cast<double>(std::max<std::int64_t>(whole, 1));
}

void check_size(std::int64_t frames, Findings& findings) {
  if (frames >= kUsualFrames) return;
  const bool error = frames < kFewestFrames;
  findings.push_back(
      {Suspect::kCalibrationTooFew,
       error ? Severity::kError : Severity::kWarning,
       fmt::format("the calibration set has {} frame{}; fewer than {} are {}", frames,
                   frames == 1 ? "" : "s", error ? kFewestFrames : kUsualFrames,
                   error ? "too few for any network" : "few"),
       {{"frames", frames}, {"fewest", kFewestFrames}, {"usual", kUsualFrames}},
       ""});
}

void check_repeated(std::int64_t frames, std::int64_t repeated, const Json& examples,
                    Findings& findings) {
  if (repeated == 0) return;
  const std::int64_t distinct = frames - repeated;
  std::string found = distinct == 1
                          ? fmt::format("all {} frames are one image repeated", frames)
                          : fmt::format(
                                "{} of {} frames ({:.0f} %) repeat an earlier one; {} are "
                                "distinct",
                                repeated, frames, percent(repeated, frames), distinct);
  if (!examples.empty())
    found += fmt::format(", e.g. {} is {}", examples[0]["frame"].get<std::string>(),
                         examples[0]["earlier"].get<std::string>());
  findings.push_back(
      {Suspect::kCalibrationRepeated,
       distinct < kFewestFrames ? Severity::kError : Severity::kWarning,
       std::move(found),
       {{"frames", frames}, {"repeated", repeated}, {"distinct", distinct}, {"examples", examples}},
       ""});
}

void check_single_color(std::int64_t frames, std::int64_t single, const Json& examples,
                        Findings& findings) {
  if (single == 0) return;
  std::string found = fmt::format("{} of {} frames have a single colour", single, frames);
  if (!examples.empty()) found += fmt::format(", e.g. {}", examples[0].get<std::string>());
  findings.push_back({Suspect::kCalibrationSingleColor,
                      2 * single > frames ? Severity::kError : Severity::kWarning,
                      std::move(found),
                      {{"frames", frames}, {"single_color", single}, {"examples", examples}},
                      ""});
}

Json pair_example(const FrameSurvey& survey, const FrameFigures& frame, std::int64_t earlier) {
  return {{"frame", frame.name},
          {"earlier", survey.frames()[static_cast<std::size_t>(earlier)].name}};
}

void check_near_duplicates(const FrameSurvey& survey, Findings& findings) {
  std::int64_t alike = 0;
  Json examples = Json::array();
  std::vector<const FrameFigures*> closest;
  for (const FrameFigures& frame : survey.frames()) {
    if (frame.resembles < 0) continue;
    ++alike;
    closest.push_back(&frame);
  }
  if (alike == 0) return;
  std::stable_sort(closest.begin(), closest.end(),
                   [](const auto* a, const auto* b) { return a->resemblance > b->resemblance; });
  for (std::size_t i = 0; i < std::min(kExamples, closest.size()); ++i) {
    Json example = pair_example(survey, *closest[i], closest[i]->resembles);
    example["correlation"] = closest[i]->resemblance;
    examples.push_back(std::move(example));
  }
  const auto frames = static_cast<std::int64_t>(survey.frames().size());
  const bool many = static_cast<double>(alike) > kManyAlike * static_cast<double>(frames);
  findings.push_back(
      {Suspect::kCalibrationNearDuplicates,
       many ? Severity::kWarning : Severity::kNote,
       fmt::format("{} of {} frames ({:.0f} %) look much like an earlier one (correlation above "
                   "{:.2f}), e.g. {} like {} ({:.3f})",
                   alike, frames, percent(alike, frames), FrameSurvey::kSameScene, closest[0]->name,
                   survey.frames()[static_cast<std::size_t>(closest[0]->resembles)].name,
                   closest[0]->resemblance),
       {{"frames", frames}, {"alike", alike}, {"examples", examples}},
       ""});
}

void check_noise(const FrameSurvey& survey, Findings& findings) {
  std::int64_t noisy = 0;
  Json examples = Json::array();
  for (const FrameFigures& frame : survey.frames()) {
    if (frame.smoothness >= kNoise || frame.contrast < kNoisyContrast) continue;
    ++noisy;
    if (examples.size() < kExamples)
      examples.push_back({{"frame", frame.name}, {"neighbour_correlation", frame.smoothness}});
  }
  if (noisy == 0) return;
  const auto frames = static_cast<std::int64_t>(survey.frames().size());
  findings.push_back(
      {Suspect::kCalibrationNoise,
       2 * noisy > frames ? Severity::kError : Severity::kWarning,
       fmt::format("{} of {} frames look like random pixels: neighbours correlate by {:.2f} in {} "
                   "(photographs: above 0.8)",
                   noisy, frames, examples[0]["neighbour_correlation"].get<double>(),
                   examples[0]["frame"].get<std::string>()),
       {{"frames", frames}, {"noise", noisy}, {"examples", examples}},
       ""});
}

void check_unreadable(std::int64_t frames, const std::vector<SkippedImage>& skipped,
                      Findings& findings) {
  if (skipped.empty()) return;
  Json examples = Json::array();
  for (const SkippedImage& image : skipped) {
    if (examples.size() < kExamples)
      examples.push_back({{"file", image.name}, {"reason", image.reason}});
  }
  const std::string reason =
      skipped[0].reason.empty() ? "" : fmt::format(" ({})", skipped[0].reason);
  findings.push_back(
      {Suspect::kCalibrationUnreadable,
       Severity::kWarning,
       fmt::format("{} files could not be read beside {} that could, the first: {}{}",
                   skipped.size(), frames, skipped[0].name, reason),
       {{"frames", frames}, {"unreadable", skipped.size()}, {"examples", examples}},
       ""});
}

}  // namespace

Findings check_calibration(const FrameSurvey& survey) {
  Findings findings;
  const auto frames = static_cast<std::int64_t>(survey.frames().size());
  std::int64_t repeated = 0;
  std::int64_t single = 0;
  Json repetitions = Json::array();
  Json singles = Json::array();
  for (const FrameFigures& frame : survey.frames()) {
    if (frame.repeats >= 0 && ++repeated <= static_cast<std::int64_t>(kExamples))
      repetitions.push_back(pair_example(survey, frame, frame.repeats));
    if (frame.single_color && ++single <= static_cast<std::int64_t>(kExamples))
      singles.push_back(frame.name);
  }
  check_size(frames, findings);
  check_repeated(frames, repeated, repetitions, findings);
  check_near_duplicates(survey, findings);
  check_single_color(frames, single, singles, findings);
  check_noise(survey, findings);
  check_unreadable(frames, survey.skipped(), findings);
  return findings;
}

Findings check_calibration_record(const CalibrationStatistics& calibration) {
  Findings findings;
  if (calibration.method == "imported") return findings;  // whoever quantized it had the images
  check_size(calibration.images, findings);
  check_repeated(calibration.images, calibration.repeated, Json::array(), findings);
  check_single_color(calibration.images, calibration.single_color, Json::array(), findings);
  std::vector<SkippedImage> skipped;
  for (const std::string& name : calibration.skipped) skipped.push_back({name, ""});
  check_unreadable(calibration.images, skipped, findings);
  return findings;
}

}  // namespace quant
