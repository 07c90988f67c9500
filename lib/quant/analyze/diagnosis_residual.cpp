// SPDX-License-Identifier: MIT
#include "quant/analyze/diagnosis_residual.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace quant {
namespace {

constexpr double kGainDb = 6;  // what a better model of the difference must bring to be named

double decibels(double signal, double noise) {
  constexpr double kMost = 200;
  if (signal <= 0) return -kMost;
  return noise <= 0 ? kMost : std::clamp(10 * std::log10(signal / noise), -kMost, kMost);
}

// Sums of pairs (reference, suspect).
struct PairSums {
  double n = 0;
  double x = 0;
  double y = 0;
  double xx = 0;
  double xy = 0;
  double yy = 0;

  void add(double reference, double suspect) {
    n += 1;
    x += reference;
    y += suspect;
    xx += reference * reference;
    xy += reference * suspect;
    yy += suspect * suspect;
  }
  double covariance() const { return n > 0 ? xy - x * y / n : 0; }
  double reference_variation() const { return n > 0 ? xx - x * x / n : 0; }
  double suspect_variation() const { return n > 0 ? yy - y * y / n : 0; }
  double slope() const {
    return reference_variation() > 0 ? covariance() / reference_variation() : 1;
  }
  double offset() const { return n > 0 ? (y - slope() * x) / n : 0; }
  double noise() const { return xx - 2 * xy + yy; }
  double correlation() const {
    const double product = reference_variation() * suspect_variation();
    return product > 0 ? covariance() / std::sqrt(product) : 0;
  }
  // Of the reference, once the line is undone.
  double noise_without_line() const {
    const double a = slope();
    if (a == 0) return noise();
    const double left = suspect_variation() - a * covariance();
    return std::max(left, 0.0) / (a * a);
  }
};

class Analysis {
 public:
  Analysis(const DiagnosisSubject& subject, std::span<const std::vector<float>> suspect)
      : subject_(subject),
        extent_(subject.extent),
        suspect_(suspect),
        by_channel_(static_cast<std::size_t>(extent_.channels)),
        by_pixel_(static_cast<std::size_t>(extent_.pixels())) {}

  Residual run() {
    sums();
    moments();
    regions();
    shift();
    residual_.resembles = resemblance();
    return std::move(residual_);
  }

 private:
  template <typename Visit>
  void each(Visit visit) const {
    const auto channels = static_cast<std::size_t>(extent_.channels);
    for (std::size_t f = 0; f < suspect_.size(); ++f) {
      const std::vector<float>& reference = subject_.reference[f];
      for (std::size_t i = 0; i < reference.size(); ++i) {
        visit(static_cast<double>(reference[i]), static_cast<double>(suspect_[f][i]), i / channels,
              i % channels);
      }
    }
  }

  void sums() {
    each([this](double reference, double suspect, std::size_t pixel, std::size_t channel) {
      if (!std::isfinite(suspect) || !std::isfinite(reference)) {
        ++residual_.non_finite;
        return;
      }
      by_channel_[channel].add(reference, suspect);
      all_.add(reference, suspect);
      by_pixel_[pixel] += (suspect - reference) * (suspect - reference);
      residual_.equal_share += suspect == reference ? 1 : 0;
      least_ = std::min(least_, suspect);
      greatest_ = std::max(greatest_, suspect);
    });
    if (all_.n == 0) return;
    residual_.equal_share /= all_.n;
    residual_.rms = std::sqrt(std::max(all_.noise(), 0.0) / all_.n);
    residual_.bias = (all_.y - all_.x) / all_.n;
    residual_.correlation = all_.correlation();
    residual_.gain = all_.slope();
    residual_.offset = all_.offset();
    before_db_ = decibels(all_.xx, all_.noise());
    residual_.line_db = decibels(all_.xx, all_.noise_without_line());
    double without = 0;
    for (std::size_t c = 0; c < by_channel_.size(); ++c) {
      const PairSums& sums = by_channel_[c];
      without += sums.noise_without_line();
      residual_.channels.push_back({static_cast<std::int64_t>(c),
                                    all_.noise() > 0 ? sums.noise() / all_.noise() : 0,
                                    sums.n > 0 ? (sums.y - sums.x) / sums.n : 0, sums.slope()});
    }
    residual_.channel_lines_db = decibels(all_.xx, without);
    std::stable_sort(
        residual_.channels.begin(), residual_.channels.end(),
        [](const ChannelNoise& a, const ChannelNoise& b) { return a.share > b.share; });
    if (residual_.channels.size() > kWorstChannels) residual_.channels.resize(kWorstChannels);
    if (subject_.params && residual_.rms > 0) {
      double step = 0;
      for (const float scale : subject_.params->scale) step += static_cast<double>(scale);
      residual_.steps = residual_.rms / (step / static_cast<double>(subject_.params->scale.size()));
    }
  }

  void moments() {
    double second = 0;
    double fourth = 0;
    double product = 0;
    const auto width = static_cast<std::size_t>(extent_.width);
    const auto channels = static_cast<std::size_t>(extent_.channels);
    each([&](double reference, double suspect, std::size_t, std::size_t) {
      const double d = suspect - reference - residual_.bias;
      if (!std::isfinite(d)) return;
      second += d * d;
      fourth += d * d * d * d;
      residual_.at_least += suspect == least_ ? 1 : 0;
      residual_.at_greatest += suspect == greatest_ ? 1 : 0;
    });
    for (std::size_t f = 0; f < suspect_.size(); ++f) {
      const auto difference = [&](std::size_t i) {
        return static_cast<double>(suspect_[f][i]) - static_cast<double>(subject_.reference[f][i]) -
               residual_.bias;
      };
      for (std::size_t i = 0; i + channels < suspect_[f].size(); ++i) {
        if (i / channels % width + 1 == width) continue;
        const double both = difference(i) * difference(i + channels);
        if (std::isfinite(both)) product += both;
      }
    }
    if (all_.n == 0 || second == 0) return;
    residual_.tails = fourth * all_.n / (second * second);
    if (width > 1)
      residual_.neighbours =
          product / second * static_cast<double>(width) / static_cast<double>(width - 1);
    residual_.at_least /= all_.n;
    residual_.at_greatest /= all_.n;
  }

  void regions() {
    const std::int64_t height = extent_.height;
    const std::int64_t width = extent_.width;
    if (height < 8 || width < 8) return;
    std::vector<double> rows(static_cast<std::size_t>(height));
    std::vector<double> columns(static_cast<std::size_t>(width));
    double border = 0;
    double corners = 0;
    double total = 0;
    std::int64_t border_count = 0;
    std::int64_t corner_count = 0;
    for (std::int64_t h = 0; h < height; ++h) {
      for (std::int64_t w = 0; w < width; ++w) {
        const double noise = by_pixel_[static_cast<std::size_t>(h * width + w)];
        rows[static_cast<std::size_t>(h)] += noise;
        columns[static_cast<std::size_t>(w)] += noise;
        total += noise;
        if (h == 0 || w == 0 || h + 1 == height || w + 1 == width) {
          border += noise;
          ++border_count;
        }
        if (std::min(h, height - 1 - h) < height / 8 && std::min(w, width - 1 - w) < width / 8) {
          corners += noise;
          ++corner_count;
        }
      }
    }
    if (total <= 0) return;
    const auto by_rest = [&](double part, std::int64_t count) {
      const double rest = (total - part) / static_cast<double>(height * width - count);
      constexpr double kMost = 1e6;
      return rest > 0 ? std::min(part / static_cast<double>(count) / rest, kMost) : kMost;
    };
    residual_.border = by_rest(border, border_count);
    residual_.corners = by_rest(corners, corner_count);
    const auto worst_row = std::max_element(rows.begin(), rows.end());
    const auto worst_column = std::max_element(columns.begin(), columns.end());
    residual_.worst_row = worst_row - rows.begin();
    residual_.worst_column = worst_column - columns.begin();
    residual_.row_share = *worst_row / total;
    residual_.column_share = *worst_column / total;
    find_period(rows, total, false);
    if (residual_.period == 0) find_period(columns, total, true);
  }

  void find_period(const std::vector<double>& lines, double total, bool columns) {
    constexpr std::size_t kLongest = 16;
    constexpr double kMuchOfIt = 2;
    for (std::size_t period = 2; period <= kLongest && 4 * period <= lines.size(); ++period) {
      for (std::size_t phase = 0; phase < period; ++phase) {
        double sum = 0;
        double largest = 0;
        double count = 0;
        for (std::size_t i = phase; i < lines.size(); i += period) {
          sum += lines[i];
          largest = std::max(largest, lines[i]);
          count += 1;
        }
        const double expected = total * count / static_cast<double>(lines.size());
        // Not one line that happens to lie there.
        if (sum > (period == 2 ? 1.6 : kMuchOfIt) * expected && largest < sum / 2) {
          residual_.period = static_cast<std::int64_t>(period);
          residual_.period_of_columns = columns;
          return;
        }
      }
    }
  }

  void shift() {
    constexpr std::int64_t kFarthest = 2;
    residual_.shift_db = before_db_;
    if (extent_.height < 8 || extent_.width < 8) return;
    for (std::int64_t y = -kFarthest; y <= kFarthest; ++y) {
      for (std::int64_t x = -kFarthest; x <= kFarthest; ++x) {
        const double db = shifted_db(x, y);
        if (db > residual_.shift_db) {
          residual_.shift_db = db;
          residual_.shift_x = x;
          residual_.shift_y = y;
        }
      }
    }
  }

  // suspect(h, w) against reference(h − y, w − x).
  double shifted_db(std::int64_t x, std::int64_t y) const {
    const std::int64_t channels = extent_.channels;
    double signal = 0;
    double noise = 0;
    for (std::size_t f = 0; f < suspect_.size(); ++f) {
      for (std::int64_t h = std::max<std::int64_t>(y, 0);
           h < extent_.height + std::min<std::int64_t>(y, 0); ++h) {
        for (std::int64_t w = std::max<std::int64_t>(x, 0);
             w < extent_.width + std::min<std::int64_t>(x, 0); ++w) {
          const auto to = static_cast<std::size_t>((h * extent_.width + w) * channels);
          const auto from = static_cast<std::size_t>(((h - y) * extent_.width + w - x) * channels);
          for (std::size_t c = 0; c < static_cast<std::size_t>(channels); ++c) {
            const auto reference = static_cast<double>(subject_.reference[f][from + c]);
            const double d = static_cast<double>(suspect_[f][to + c]) - reference;
            if (!std::isfinite(d)) continue;
            signal += reference * reference;
            noise += d * d;
          }
        }
      }
    }
    return decibels(signal, noise);
  }

  std::string resemblance() const {
    const Residual& r = residual_;
    const double channels = static_cast<double>(by_channel_.size());
    if (all_.n == 0) return "no value is finite";
    if (all_.noise() <= 0) return "no difference";
    if (r.shift_db > before_db_ + kGainDb)
      return fmt::format("a picture shifted by {} columns and {} rows", r.shift_x, r.shift_y);
    if (r.line_db > before_db_ + kGainDb)
      return fmt::format("a gain of {:.4g} and an offset of {:.4g}", r.gain, r.offset);
    if (channels >= 2 && r.channel_lines_db > before_db_ + kGainDb)
      return "a gain or offset of its own in each channel (other quantization parameters?)";
    if (r.correlation < 0.5) {
      return fmt::format(
          "other content (correlation {:.2f}): another input, other weights, or values out of "
          "order",
          r.correlation);
    }
    if (channels >= 8 && r.channels.front().share > 8 / channels && r.channels.front().share > 0.3)
      return fmt::format("a fault of channel {} alone ({:.0f} % of the noise)",
                         r.channels.front().channel, 100 * r.channels.front().share);
    if (std::max(r.row_share * static_cast<double>(extent_.height),
                 r.column_share * static_cast<double>(extent_.width)) > 8) {
      return r.row_share > r.column_share
                 ? fmt::format("a fault of row {} ({:.0f} % of the noise)", r.worst_row,
                               100 * r.row_share)
                 : fmt::format("a fault of column {} ({:.0f} % of the noise)", r.worst_column,
                               100 * r.column_share);
    }
    if (r.period > 0)
      return fmt::format("a pattern that repeats every {} {} (tiles, interleaving or padding)",
                         r.period, r.period_of_columns ? "columns" : "rows");
    if (r.border > 4) return "other padding of a layer: most of the noise lies at the border";
    if (r.equal_share > 0.5 && r.tails > 6)
      return fmt::format("single values that were lost or damaged ({:.1f} % differ)",
                         100 * (1 - r.equal_share));
    if (std::max(r.at_least, r.at_greatest) > 0.01 && r.tails > 6 && std::abs(r.gain) < 0.95)
      return fmt::format("saturation: {:.1f} % of the values lie at the end of their range",
                         100 * std::max(r.at_least, r.at_greatest));
    if (r.steps && *r.steps < 1.5)
      return fmt::format("requantization: {:.2g} steps of noise, as rounding inside makes it",
                         *r.steps);
    if (r.neighbours > 0.3)
      return "a smooth error that follows the picture (blur, another resize, other arithmetic)";
    if (r.tails > 6) return "noise with a few large values";
    return "white noise, as coarser quantization makes it";
  }

  const DiagnosisSubject& subject_;
  const Extent& extent_;
  std::span<const std::vector<float>> suspect_;
  std::vector<PairSums> by_channel_;
  std::vector<double> by_pixel_;
  PairSums all_;
  double least_ = std::numeric_limits<double>::infinity();
  double greatest_ = -std::numeric_limits<double>::infinity();
  double before_db_ = 0;
  Residual residual_;
};

}  // namespace

Residual analyze_residual(const DiagnosisSubject& subject,
                          std::span<const std::vector<float>> suspect) {
  return Analysis(subject, suspect).run();
}

}  // namespace quant
