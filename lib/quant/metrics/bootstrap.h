// SPDX-License-Identifier: MIT
// How sure a difference between two models is: the paired percentile bootstrap over images.
// Efron, Tibshirani: An Introduction to the Bootstrap (1993), chapter 13.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace quant {

// A figure of a set in which image i occurs weights[i] times; nothing where that set has none.
using ResampledFigure =
    std::function<std::optional<double>(std::span<const std::uint32_t> weights)>;

struct BootstrapOptions {
  int resamples = 2000;  // ≥ 1
  double confidence = 0.95;
  std::uint64_t seed = 1;
};

struct Interval {
  double low = 0;
  double high = 0;
  bool operator==(const Interval&) const = default;
};

// For each figure but the first: the interval of its difference to the first (figure − first).
// Every resample draws as many images as there are, with replacement, the same ones for all
// figures: what is hard about an image is hard for both and cancels out. The interval lies between
// the quantiles (1 ∓ confidence)/2 of the differences, interpolated between neighbours. Nothing
// where there are fewer than two images or no resample has both figures. The same bits on every
// machine.
std::vector<std::optional<Interval>> paired_differences(std::size_t images,
                                                        std::span<const ResampledFigure> figures,
                                                        const BootstrapOptions& options = {});

}  // namespace quant
