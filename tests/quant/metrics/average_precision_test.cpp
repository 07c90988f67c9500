// SPDX-License-Identifier: MIT
// Average precision against values worked out by hand, and against an oracle that follows the
// definition word by word.
#include "quant/metrics/average_precision.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace quant {
namespace {

constexpr std::size_t kAll = 1000;

// A box of 10 x 10 at a place of its own.
Box at(double place) { return {100 * place, 0, 100 * place + 10, 10}; }
// Overlaps at(place) by `share` of intersection over union.
Box partly(double place, double share) { return {100 * place, 0, 100 * place + 10 * share, 10}; }

struct Image {
  std::vector<Detection> found;
  std::vector<TruthBox> truth;
};

AveragePrecision precision_of(const std::vector<Image>& images, std::size_t most = kAll) {
  std::vector<ImageMatches> matches;
  for (const Image& image : images)
    matches.push_back(match_detections(image.found, image.truth, most));
  return AveragePrecision(matches);
}

double ap50(const std::vector<Image>& images) { return precision_of(images).ap50().value(); }
double ap50_95(const std::vector<Image>& images) { return precision_of(images).ap50_95().value(); }

TEST(AveragePrecision, PerfectIsOne) {
  const std::vector<Image> images = {{{{at(0), 0.9F, 0}}, {{at(0), 0}}},
                                     {{{at(1), 0.2F, 0}}, {{at(1), 0}}}};
  EXPECT_DOUBLE_EQ(ap50(images), 1);
  EXPECT_DOUBLE_EQ(ap50_95(images), 1);
}

TEST(AveragePrecision, AnOverlapOfSixTenthsIsAHitAtThreeOfTenThresholds) {
  const std::vector<Image> images = {{{{partly(0, 0.6), 0.9F, 0}}, {{at(0), 0}}}};
  EXPECT_DOUBLE_EQ(ap50(images), 1);
  EXPECT_DOUBLE_EQ(ap50_95(images), 0.3);
}

TEST(AveragePrecision, InterpolatesAt101Recalls) {
  // Hit, miss, hit: precision 1 up to recall 0.5 (recalls 0 … 0.50), then 2/3 (0.51 … 1).
  const std::vector<Image> images = {
      {{{at(0), 0.9F, 0}, {at(5), 0.8F, 0}, {at(1), 0.7F, 0}}, {{at(0), 0}, {at(1), 0}}}};
  EXPECT_DOUBLE_EQ(ap50(images), (51 + 50 * 2.0 / 3) / 101);
}

TEST(AveragePrecision, WhatIsNeverFoundHasNoPrecision) {
  // One of three: recalls 0 … 0.33.
  const std::vector<Image> images = {{{{at(0), 0.9F, 0}}, {{at(0), 0}, {at(1), 0}, {at(2), 0}}}};
  EXPECT_DOUBLE_EQ(ap50(images), 34.0 / 101);
  EXPECT_EQ(ap50({{{}, {{at(0), 0}}}}), 0);
}

TEST(AveragePrecision, AFalseAlarmAboveTheHitCosts) {
  EXPECT_DOUBLE_EQ(ap50({{{{at(5), 0.9F, 0}, {at(0), 0.8F, 0}}, {{at(0), 0}}}}), 0.5);
  EXPECT_DOUBLE_EQ(ap50({{{{at(5), 0.7F, 0}, {at(0), 0.8F, 0}}, {{at(0), 0}}}}), 1);
  // Also on another image, where nothing is.
  EXPECT_DOUBLE_EQ(ap50({{{{at(5), 0.9F, 0}}, {}}, {{{at(0), 0.8F, 0}}, {{at(0), 0}}}}), 0.5);
}

TEST(AveragePrecision, ABoxIsFoundOnce) {
  // The second detection of the same box is a false alarm, before the other box is found.
  const std::vector<Image> images = {
      {{{at(0), 0.9F, 0}, {at(0), 0.8F, 0}, {at(1), 0.7F, 0}}, {{at(0), 0}, {at(1), 0}}}};
  EXPECT_DOUBLE_EQ(ap50(images), (51 + 50 * 2.0 / 3) / 101);
}

TEST(AveragePrecision, TheBestFreeBoxIsTaken) {
  // Truth at 0…10 and 2…12: the first detection lies on the second box, the other one on the first.
  const Box first{0, 0, 10, 10};
  const Box second{2, 0, 12, 10};
  EXPECT_DOUBLE_EQ(ap50_95({{{{second, 0.9F, 0}, {first, 0.8F, 0}}, {{first, 0}, {second, 0}}}}),
                   1);
  // With both on the first, the later one has the second left: 8 / 12, a hit up to 0.65. Above, it
  // is a false alarm and only one of two is found.
  EXPECT_DOUBLE_EQ(ap50_95({{{{first, 0.9F, 0}, {first, 0.8F, 0}}, {{first, 0}, {second, 0}}}}),
                   (4 + 6 * 51.0 / 101) / 10);
}

TEST(AveragePrecision, IgnoredBoxesCountNeitherWay) {
  const TruthBox difficult{at(1), 0, true};
  EXPECT_DOUBLE_EQ(ap50({{{{at(0), 0.9F, 0}}, {{at(0), 0}, difficult}}}), 1);
  // Found it is no false alarm, however often.
  EXPECT_DOUBLE_EQ(
      ap50({{{{at(1), 0.9F, 0}, {at(1), 0.9F, 0}, {at(0), 0.8F, 0}}, {{at(0), 0}, difficult}}}), 1);
  // A box to be found goes first.
  EXPECT_DOUBLE_EQ(ap50({{{{partly(0, 0.6), 0.9F, 0}}, {{at(0), 0, true}, {partly(0, 0.8), 0}}}}),
                   1);
  EXPECT_FALSE(precision_of({{{{at(1), 0.9F, 0}}, {difficult}}}).ap50().has_value());
}

TEST(AveragePrecision, ACrowdTakesWhatLiesInIt) {
  const TruthBox crowd{{1000, 0, 2000, 100}, 0, true, true};
  const Detection inside{{1100, 0, 1110, 10}, 0.9F, 0};  // a thousandth of the crowd
  EXPECT_DOUBLE_EQ(ap50({{{inside, {at(0), 0.8F, 0}}, {{at(0), 0}, crowd}}}), 1);
  const TruthBox no_crowd{crowd.box, 0, true, false};
  EXPECT_DOUBLE_EQ(ap50({{{inside, {at(0), 0.8F, 0}}, {{at(0), 0}, no_crowd}}}), 0.5);
}

TEST(AveragePrecision, ClassesAreAveragedAndThoseWithoutTruthDoNotCount) {
  const std::vector<Image> images = {
      {{{at(0), 0.9F, 1}, {at(1), 0.9F, 7}}, {{at(0), 1}, {at(1), 4}}}};
  EXPECT_DOUBLE_EQ(ap50(images), 0.5);
  const auto classes = precision_of(images).by_class();
  ASSERT_EQ(classes.size(), 2U);
  EXPECT_EQ(classes[0].label, 1);
  EXPECT_EQ(classes[0].boxes, 1);
  EXPECT_DOUBLE_EQ(classes[0].ap50, 1);
  EXPECT_DOUBLE_EQ(classes[0].ap50_95, 1);
  EXPECT_EQ(classes[1].label, 4);
  EXPECT_EQ(classes[1].ap50, 0);
}

TEST(AveragePrecision, OnlyTheBestOfAClassCount) {
  const std::vector<Image> images = {
      {{{at(0), 0.5F, 0}, {at(5), 0.9F, 0}, {at(6), 0.8F, 0}, {at(2), 0.1F, 1}},
       {{at(0), 0}, {at(2), 1}}}};
  EXPECT_DOUBLE_EQ(precision_of(images, 2).ap50().value(), 0.5);  // class 1 is not affected
  EXPECT_DOUBLE_EQ(precision_of(images, 3).ap50().value(), (1.0 / 3 + 1) / 2);
}

TEST(AveragePrecision, NothingToFindHasNoFigure) {
  EXPECT_FALSE(precision_of({}).ap50().has_value());
  EXPECT_FALSE(precision_of({{{{at(0), 0.9F, 0}}, {}}}).ap50_95().has_value());
  const std::vector<Image> images = {{{{at(0), 0.9F, 0}}, {{at(0), 0}}}, {{}, {}}};
  EXPECT_FALSE(precision_of(images).ap50(std::vector<std::uint32_t>{0, 2}).has_value());
}

// The definition, one sentence at a time: for every recall the best precision of any prefix of the
// list that reaches it.
double oracle_of_class(const std::vector<Image>& images, int label, double threshold) {
  struct Verdict {
    float score;
    bool hit;
  };
  std::vector<Verdict> verdicts;
  long boxes = 0;
  for (const Image& image : images) {
    std::vector<Detection> mine;
    for (const Detection& detection : image.found)
      if (detection.label == label) mine.push_back(detection);
    std::sort(mine.begin(), mine.end(),
              [](const Detection& a, const Detection& b) { return a.score > b.score; });
    std::set<std::size_t> used;
    for (const TruthBox& box : image.truth) boxes += box.label == label && !box.ignored ? 1 : 0;
    for (const Detection& detection : mine) {
      long best = -1;
      double best_overlap = -1;
      bool ignore = false;
      for (std::size_t i = 0; i < image.truth.size(); ++i) {
        const TruthBox& box = image.truth[i];
        if (box.label != label) continue;
        const double x = std::max(0.0, std::min(detection.box.right, box.box.right) -
                                           std::max(detection.box.left, box.box.left));
        const double y = std::max(0.0, std::min(detection.box.bottom, box.box.bottom) -
                                           std::max(detection.box.top, box.box.top));
        const double mine_area =
            (detection.box.right - detection.box.left) * (detection.box.bottom - detection.box.top);
        const double its_area = (box.box.right - box.box.left) * (box.box.bottom - box.box.top);
        const double overlap = x * y / (mine_area + its_area - x * y);
        if (overlap < threshold) continue;
        if (box.ignored) {
          ignore = true;
        } else if (used.count(i) == 0 && overlap > best_overlap) {
          best = static_cast<long>(i);
          best_overlap = overlap;
        }
      }
      if (best >= 0) used.insert(static_cast<std::size_t>(best));
      if (best >= 0 || !ignore) verdicts.push_back({detection.score, best >= 0});
    }
  }
  if (boxes == 0) return -1;
  std::sort(verdicts.begin(), verdicts.end(),
            [](const Verdict& a, const Verdict& b) { return a.score > b.score; });
  double sum = 0;
  for (int k = 0; k <= 100; ++k) {
    double best = 0;
    for (std::size_t prefix = 1; prefix <= verdicts.size(); ++prefix) {
      const auto hits =
          std::count_if(verdicts.begin(), verdicts.begin() + static_cast<long>(prefix),
                        [](const Verdict& v) { return v.hit; });
      if (hits * 100 >= k * boxes)
        best = std::max(best, static_cast<double>(hits) / static_cast<double>(prefix));
    }
    sum += best;
  }
  return sum / 101;
}

double oracle(const std::vector<Image>& images, int classes, int thresholds) {
  double sum = 0;
  int count = 0;
  for (int label = 0; label < classes; ++label)
    for (int step = 0; step < thresholds; ++step) {
      const double ap = oracle_of_class(images, label, (50 + 5 * step) / 100.0);
      if (ap < 0) continue;
      sum += ap;
      ++count;
    }
  return sum / count;
}

// Boxes near each other, so that overlaps of all sizes and quarrels about boxes occur. Scores are
// all different: the order among equals is not part of the definition.
std::vector<Image> random_images(unsigned seed, int classes) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<double> place(0, 30);
  std::uniform_real_distribution<double> size(8, 20);
  std::uniform_real_distribution<double> shift(-3, 3);
  std::uniform_int_distribution<int> label(0, classes - 1);
  std::vector<Image> images(7);
  std::vector<float> scores;
  for (int i = 0; i < 500; ++i) scores.push_back(static_cast<float>(i) / 500);
  std::shuffle(scores.begin(), scores.end(), generator);
  for (Image& image : images) {
    const auto boxes = generator() % 6;
    for (unsigned i = 0; i < boxes; ++i) {
      const double x = place(generator);
      const double y = place(generator);
      image.truth.push_back({{x, y, x + size(generator), y + size(generator)},
                             label(generator),
                             generator() % 5 == 0});
    }
    for (const TruthBox& box : image.truth)
      for (unsigned i = 0; i < generator() % 4; ++i) {
        image.found.push_back(
            {{box.box.left + shift(generator), box.box.top + shift(generator),
              box.box.right + shift(generator), box.box.bottom + shift(generator)},
             scores.back(),
             generator() % 5 == 0 ? label(generator) : box.label});
        scores.pop_back();
      }
  }
  return images;
}

TEST(AveragePrecision, AgreesWithTheDefinition) {
  constexpr int kClasses = 3;
  for (unsigned seed = 0; seed < 40; ++seed) {
    const std::vector<Image> images = random_images(seed, kClasses);
    EXPECT_NEAR(ap50(images), oracle(images, kClasses, 1), 1e-12) << seed;
    EXPECT_NEAR(ap50_95(images), oracle(images, kClasses, 10), 1e-12) << seed;
  }
}

TEST(AveragePrecision, AWeightIsThatManyCopies) {
  std::mt19937 generator(5);
  for (unsigned seed = 0; seed < 20; ++seed) {
    const std::vector<Image> images = random_images(seed, 2);
    std::vector<std::uint32_t> weights;
    std::vector<Image> copies;
    for (const Image& image : images) {
      weights.push_back(static_cast<std::uint32_t>(generator() % 4));
      copies.insert(copies.end(), weights.back(), image);
    }
    const auto weighted = precision_of(images).ap50_95(weights);
    const auto copied = precision_of(copies).ap50_95();
    ASSERT_EQ(weighted.has_value(), copied.has_value());
    EXPECT_NEAR(weighted.value_or(0), copied.value_or(0), 1e-12) << seed;
  }
}

}  // namespace
}  // namespace quant
