// SPDX-License-Identifier: MIT
#include "quant/metrics/average_precision.h"

#include <algorithm>
#include <array>
#include <cassert>

namespace quant {
namespace {

constexpr std::array<double, kIouSteps> kThresholds = {0.50, 0.55, 0.60, 0.65, 0.70,
                                                       0.75, 0.80, 0.85, 0.90, 0.95};

double overlap(const Box& found, const TruthBox& truth) {
  if (!truth.crowd) return intersection_over_union(found, truth.box);
  const double area = found.area();
  return area > 0 ? intersection_area(found, truth.box) / area : 0;
}

// Detections of one class, best first, against its boxes.
void match_class(std::span<const Detection* const> found, std::span<const TruthBox* const> truth,
                 std::vector<MatchedDetection>& matches) {
  std::vector<std::bitset<kIouSteps>> taken(truth.size());
  std::vector<double> overlaps(truth.size());
  for (const Detection* const detection : found) {
    for (std::size_t i = 0; i < truth.size(); ++i) overlaps[i] = overlap(detection->box, *truth[i]);
    MatchedDetection match{detection->score, detection->label, {}, {}};
    for (std::size_t step = 0; step < kIouSteps; ++step) {
      std::optional<std::size_t> best;
      bool on_ignored = false;
      for (std::size_t i = 0; i < truth.size(); ++i) {
        if (overlaps[i] < kThresholds[step]) continue;
        if (truth[i]->ignored) {
          on_ignored = true;
        } else if (!taken[i][step] && (!best || overlaps[i] >= overlaps[*best])) {
          best = i;
        }
      }
      if (best) taken[*best].set(step);
      match.hit[step] = best.has_value();
      match.ignored[step] = !best && on_ignored;
    }
    matches.push_back(match);
  }
}

std::uint32_t weight_of(std::uint32_t image, std::span<const std::uint32_t> weights) {
  return weights.empty() ? 1 : weights[image];
}

}  // namespace

std::int64_t ImageMatches::boxes() const {
  std::int64_t sum = 0;
  for (const auto& [label, count] : truth) sum += count;
  return sum;
}

ImageMatches match_detections(std::span<const Detection> found, std::span<const TruthBox> truth,
                              std::size_t most_per_class) {
  struct OfClass {
    std::vector<const Detection*> found;
    std::vector<const TruthBox*> truth;
  };
  std::map<int, OfClass> classes;
  ImageMatches matches;
  for (const TruthBox& box : truth) {
    classes[box.label].truth.push_back(&box);
    if (!box.ignored) ++matches.truth[box.label];
  }
  for (const Detection& detection : found) classes[detection.label].found.push_back(&detection);
  for (auto& [label, of_class] : classes) {
    std::stable_sort(of_class.found.begin(), of_class.found.end(),
                     [](const Detection* a, const Detection* b) { return a->score > b->score; });
    of_class.found.resize(std::min(of_class.found.size(), most_per_class));
    match_class(of_class.found, of_class.truth, matches.detections);
  }
  return matches;
}

AveragePrecision::AveragePrecision(std::span<const ImageMatches> images) {
  for (std::size_t i = 0; i < images.size(); ++i) {
    const auto image = static_cast<std::uint32_t>(i);
    for (const auto& [label, boxes] : images[i].truth)
      classes_[label].truth.push_back({image, static_cast<std::uint32_t>(boxes)});
  }
  for (std::size_t i = 0; i < images.size(); ++i) {
    for (const MatchedDetection& detection : images[i].detections) {
      // A class without a box to be found has no recall.
      const auto found = classes_.find(detection.label);
      if (found == classes_.end()) continue;
      found->second.detections.push_back(
          {detection.score, static_cast<std::uint32_t>(i),
           static_cast<std::uint16_t>(detection.hit.to_ulong()),
           static_cast<std::uint16_t>(detection.ignored.to_ulong())});
    }
  }
  for (auto& [label, of_class] : classes_)
    std::stable_sort(of_class.detections.begin(), of_class.detections.end(),
                     [](const Entry& a, const Entry& b) { return a.score > b.score; });
}

std::int64_t AveragePrecision::Class::boxes(std::span<const std::uint32_t> weights) const {
  std::int64_t sum = 0;
  for (const TruthCount& count : truth)
    sum += std::int64_t{count.boxes} * weight_of(count.image, weights);
  return sum;
}

// The best precision at or behind a recall changes only at hits. Walking back from the last, each
// hit serves the recalls k/100 between the hit before it and itself.
double AveragePrecision::Class::average_precision(std::size_t step, std::int64_t boxes,
                                                  std::span<const std::uint32_t> weights) const {
  struct Point {
    std::int64_t hits;
    double precision;
  };
  // Kept between calls: a bootstrap comes here many thousand times.
  thread_local std::vector<Point> points;
  points.clear();
  const auto bit = static_cast<std::uint16_t>(1U << step);
  std::int64_t hits = 0;
  std::int64_t counted = 0;
  for (const Entry& entry : detections) {
    const std::uint32_t weight = weight_of(entry.image, weights);
    if (weight == 0 || (entry.ignored & bit) != 0) continue;
    counted += weight;
    if ((entry.hit & bit) == 0) continue;
    hits += weight;
    points.push_back({hits, static_cast<double>(hits) / static_cast<double>(counted)});
  }
  constexpr std::int64_t kRecalls = 100;  // and recall 0
  double sum = 0;
  double best = 0;
  for (std::size_t i = points.size(); i-- > 0;) {
    best = std::max(best, points[i].precision);
    const std::int64_t before = i == 0 ? 0 : points[i - 1].hits;
    const std::int64_t served = kRecalls * points[i].hits / boxes - kRecalls * before / boxes;
    sum += best * static_cast<double>(served);
  }
  return (sum + best) / static_cast<double>(kRecalls + 1);
}

std::optional<double> AveragePrecision::mean(std::size_t steps,
                                             std::span<const std::uint32_t> weights) const {
  double sum = 0;
  std::size_t count = 0;
  for (const auto& [label, of_class] : classes_) {
    const std::int64_t boxes = of_class.boxes(weights);
    if (boxes == 0) continue;
    for (std::size_t step = 0; step < steps; ++step)
      sum += of_class.average_precision(step, boxes, weights);
    count += steps;
  }
  if (count == 0) return std::nullopt;
  return sum / static_cast<double>(count);
}

std::optional<double> AveragePrecision::ap50(std::span<const std::uint32_t> weights) const {
  return mean(1, weights);
}

std::optional<double> AveragePrecision::ap50_95(std::span<const std::uint32_t> weights) const {
  return mean(kIouSteps, weights);
}

std::vector<AveragePrecision::ClassFigures> AveragePrecision::by_class() const {
  std::vector<ClassFigures> result;
  for (const auto& [label, of_class] : classes_) {
    ClassFigures figures{label, of_class.boxes({}), 0, 0};
    for (std::size_t step = 0; step < kIouSteps; ++step) {
      const double ap = of_class.average_precision(step, figures.boxes, {});
      if (step == 0) figures.ap50 = ap;
      figures.ap50_95 += ap / static_cast<double>(kIouSteps);
    }
    result.push_back(figures);
  }
  return result;
}

}  // namespace quant
