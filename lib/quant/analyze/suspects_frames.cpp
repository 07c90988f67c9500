// SPDX-License-Identifier: MIT
// Figures of single frames, and which of them show the same.
#include <algorithm>
#include <cmath>
#include <functional>
#include <string_view>

#include "quant/analyze/suspects_survey.h"

namespace quant {
namespace {

constexpr std::size_t kSide = 16;  // of a thumbnail
// Less than this deviation in a thumbnail is a plain wall or a black frame: its correlation is that
// of noise.
constexpr double kNearlyFlat = 1.5;

std::vector<float> to_gray(const Tensor& pixels) {
  const auto values = pixels.data<std::uint8_t>();
  const auto channels = static_cast<std::size_t>(pixels.shape()[2]);
  std::vector<float> gray(values.size() / channels);
  for (std::size_t i = 0; i < gray.size(); ++i) {
    float sum = 0;
    for (std::size_t c = 0; c < channels; ++c) sum += static_cast<float>(values[i * channels + c]);
    gray[i] = sum / static_cast<float>(channels);
  }
  return gray;
}

// Correlation of a with b over pairs.
struct Correlation {
  double n = 0, a = 0, b = 0, aa = 0, bb = 0, ab = 0;
  void add(double x, double y) {
    n += 1;
    a += x;
    b += y;
    aa += x * x;
    bb += y * y;
    ab += x * y;
  }
  // 1 where either side is constant: that is no noise.
  double value() const {
    const double variance = (aa - a * a / n) * (bb - b * b / n);
    return n < 2 || variance <= 1e-9 ? 1 : (ab - a * b / n) / std::sqrt(variance);
  }
};

double neighbour_correlation(const std::vector<float>& gray, std::size_t width) {
  Correlation correlation;
  for (std::size_t i = 1; i < gray.size(); ++i) {
    if (i % width != 0) correlation.add(gray[i - 1], gray[i]);
  }
  return correlation.value();
}

// Of pixels, or of means of kCell x kCell of them, whichever is more: a picture of something keeps
// its shapes under noise (a ball in front of snow), random pixels have none at any size.
double smoothness_of(const std::vector<float>& gray, std::size_t width) {
  constexpr std::size_t kCell = 4;
  constexpr std::size_t kFewestCells = 16;  // a side: fewer correlate by chance
  const double of_pixels = neighbour_correlation(gray, width);
  const std::size_t columns = width / kCell;
  const std::size_t rows = gray.size() / width / kCell;
  if (columns < kFewestCells || rows < kFewestCells) return of_pixels;
  std::vector<float> means(columns * rows);
  for (std::size_t y = 0; y < rows * kCell; ++y) {
    for (std::size_t x = 0; x < columns * kCell; ++x)
      means[y / kCell * columns + x / kCell] += gray[y * width + x] / (kCell * kCell);
  }
  return std::max(of_pixels, neighbour_correlation(means, columns));
}

std::vector<float> make_thumbnail(const std::vector<float>& gray, std::size_t width,
                                  std::size_t height) {
  std::vector<double> cells(kSide * kSide);
  std::vector<double> counts(kSide * kSide);
  for (std::size_t y = 0; y < height; ++y) {
    for (std::size_t x = 0; x < width; ++x) {
      const std::size_t cell = y * kSide / height * kSide + x * kSide / width;
      cells[cell] += static_cast<double>(gray[y * width + x]);
      counts[cell] += 1;
    }
  }
  double sum = 0;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (counts[i] > 0) cells[i] /= counts[i];
    sum += cells[i];
  }
  double energy = 0;
  for (double& cell : cells) {
    cell -= sum / static_cast<double>(cells.size());
    energy += cell * cell;
  }
  if (energy < kNearlyFlat * kNearlyFlat * static_cast<double>(cells.size())) return {};
  std::vector<float> thumbnail;
  thumbnail.reserve(cells.size());
  for (const double cell : cells) thumbnail.push_back(static_cast<float>(cell / std::sqrt(energy)));
  return thumbnail;
}

float product(const std::vector<float>& a, const std::vector<float>& b) {
  float sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

Result<Tensor> pixels_of(const Frame& frame, const InputSpec& spec) {
  if (frame.pixels) return *frame.pixels;
  const auto values = frame.network_input.data<float>();
  if (!std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); }))
    return fail(ErrorCode::kInvalidData, "the frame has values that are NaN or infinite",
                frame.name);
  return denormalize_input(frame.network_input, spec);
}

void FrameSurvey::add(const Frame& frame, const Tensor& pixels) {
  FrameFigures figures;
  figures.name = frame.name;
  const auto values = pixels.data<std::uint8_t>();
  double sum = 0;
  double squares = 0;
  const auto channels = static_cast<std::size_t>(pixels.shape()[2]);
  figures.single_color = true;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double value = values[i];
    sum += value;
    squares += value * value;
    if (values[i] != values[i % channels]) figures.single_color = false;
  }
  const auto count = static_cast<double>(values.size());
  figures.brightness = static_cast<float>(sum / count);
  figures.contrast =
      static_cast<float>(std::sqrt(std::max(0.0, squares / count - sum / count * sum / count)));
  const std::vector<float> gray = to_gray(pixels);
  const auto width = static_cast<std::size_t>(pixels.shape()[1]);
  figures.smoothness = static_cast<float>(smoothness_of(gray, width));

  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  const Range range = {static_cast<float>(*low), static_cast<float>(*high)};
  pixels_ = frames_.empty()
                ? range
                : Range{std::min(pixels_.min, range.min), std::max(pixels_.max, range.max)};
  input_.observe(frame.network_input.data<float>());
  if (!frame.pixels) from_floats_ = true;
  compare_with_earlier(figures, frame.pixels ? pixels : frame.network_input,
                       make_thumbnail(gray, width, static_cast<std::size_t>(pixels.shape()[0])));
  frames_.push_back(std::move(figures));
}

void FrameSurvey::compare_with_earlier(FrameFigures& figures, const Tensor& content,
                                       std::vector<float> thumbnail) {
  const std::size_t hash = std::hash<std::string_view>()(
      {reinterpret_cast<const char*>(content.raw()), content.bytes()});
  const auto [found, is_new] =
      contents_.try_emplace(hash, static_cast<std::int64_t>(frames_.size()));
  if (!is_new) {
    figures.repeats = found->second;
  } else if (!thumbnail.empty()) {
    const std::size_t first = frames_.size() > kLookBack ? frames_.size() - kLookBack : 0;
    for (std::size_t i = first; i < frames_.size(); ++i) {
      if (thumbnails_[i].empty()) continue;
      const float correlation = product(thumbnails_[i], thumbnail);
      if (correlation <= std::max(kSameScene, figures.resemblance)) continue;
      figures.resemblance = correlation;
      figures.resembles = static_cast<std::int64_t>(i);
    }
  }
  thumbnails_.push_back(std::move(thumbnail));
}

}  // namespace quant
