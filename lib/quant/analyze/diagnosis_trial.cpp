// SPDX-License-Identifier: MIT
#include "quant/analyze/diagnosis_trial.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace quant {
namespace {

// An integer that went through float32 and back.
double snapped(double value) {
  constexpr double kNear = 0.02;
  const double nearest = std::rint(value);
  return std::abs(value - nearest) < kNear ? nearest : value;
}

double at(const std::vector<double>& values, std::int64_t channel) {
  return values[values.size() == 1 ? 0 : static_cast<std::size_t>(channel)];
}

std::uint64_t mixed(std::uint64_t value) {
  value += 0x9E3779B97F4A7C15U;
  value = (value ^ (value >> 30U)) * 0xBF58476D1CE4E5B9U;
  value = (value ^ (value >> 27U)) * 0x94D049BB133111EBU;
  return value ^ (value >> 31U);
}

// Of what a bound leaves of the signal, at least so much.
constexpr double kLeastVariation = 0.01;

// Around the mean of each of `channels`; around the mean of all where there are too few pixels.
double variation_of(std::span<const float> values, std::size_t channels) {
  constexpr std::size_t kFewestPixels = 8;
  if (channels == 0 || values.size() % channels != 0 || values.size() / channels < kFewestPixels)
    channels = 1;
  double variation = 0;
  for (std::size_t c = 0; c < channels; ++c) {
    double sum = 0;
    double squares = 0;
    for (std::size_t i = c; i < values.size(); i += channels) {
      const auto value = static_cast<double>(values[i]);
      sum += value;
      squares += value * value;
    }
    const double count = static_cast<double>(values.size()) / static_cast<double>(channels);
    if (count > 0) variation += std::max(squares - sum * sum / count, 0.0);
  }
  return variation;
}

}  // namespace

double Outcome::db() const {
  if (share < Trial::kLeastShare || flat) return kNothingDb;
  const Snr snr = error.snr();
  switch (snr.state) {
    case SnrState::kOk:
      return snr.db;
    case SnrState::kExact:
      return kExactDb;
    case SnrState::kUndefined:
      return kNothingDb;
  }
  return kNothingDb;
}

double Outcome::detail_db() const {
  if (db() == kNothingDb || variation <= 0) return kNothingDb;
  return error.noise == 0 ? kExactDb : 10 * std::log10(variation / error.noise);
}

Trial::Trial(const DiagnosisSubject& subject)
    : subject_(subject), filed_(filed_layout(subject.suspect, subject.extent)) {
  if (subject.params) right_ = scaling_of(*subject.params);
}

std::vector<PixelSample> Trial::sample(std::int64_t elements) const {
  const Extent& extent = subject_.extent;
  const std::int64_t frames = static_cast<std::int64_t>(subject_.reference.size());
  const std::int64_t all = frames * extent.pixels();
  const std::int64_t wanted = std::min(all, std::max<std::int64_t>(elements / extent.channels, 1));
  std::vector<PixelSample> samples;
  for (std::int64_t i = 0; i < wanted; ++i) {
    std::int64_t pick = i;
    if (wanted < all) {
      // One anywhere in each of `wanted` equal parts.
      const std::int64_t first = i * all / wanted;
      const std::int64_t length = std::max<std::int64_t>((i + 1) * all / wanted - first, 1);
      pick = first + static_cast<std::int64_t>(mixed(static_cast<std::uint64_t>(i)) %
                                               static_cast<std::uint64_t>(length));
    }
    const std::int64_t pixel = pick % extent.pixels();
    samples.push_back({static_cast<std::size_t>(pick / extent.pixels()), pixel / extent.width,
                       pixel % extent.width});
  }
  return samples;
}

const Recording& Trial::undone(const Recording& recording, OutputActivation activation) {
  const auto [entry, made] = undone_.try_emplace({&recording, activation});
  Recording& result = entry->second;
  if (!made) return result;
  result = recording;
  const DeviceLayout layout = filed_layout(recording, subject_.extent);
  const DeviceStrides strides = strides_of(layout);
  std::vector<float> pixel(static_cast<std::size_t>(layout.channels));
  for (std::vector<float>& frame : result.frames) {
    for (std::int64_t h = 0; h < layout.height; ++h) {
      for (std::int64_t w = 0; w < layout.width; ++w) {
        const auto index = [&](std::size_t c) {
          return static_cast<std::size_t>(strides.offset(h, w, static_cast<std::int64_t>(c)));
        };
        if (index(pixel.size() - 1) >= frame.size()) continue;
        for (std::size_t c = 0; c < pixel.size(); ++c) pixel[c] = frame[index(c)];
        undo(activation, pixel);
        for (std::size_t c = 0; c < pixel.size(); ++c) frame[index(c)] = pixel[c];
      }
    }
  }
  return result;
}

std::optional<Trial::Place> Trial::place_of(const Misreading* layout, const OrientedLayout& filed,
                                            std::int64_t memory, std::int64_t channel) const {
  if (layout == nullptr || !layout->read_as) {
    const auto element = filed.element_at(memory);
    return Place{static_cast<std::size_t>(memory), element ? element->c : channel};
  }
  const auto element = layout->read_as->element_at(memory);
  if (!element) return std::nullopt;
  return Place{static_cast<std::size_t>(filed.offset(*element)), element->c};
}

std::optional<Trial::Place> Trial::place(const Misreading* layout, const DeviceLayout& filed,
                                         const PixelChannel& at) const {
  const OrientedLayout file(filed, false);
  return place_of(layout, file, layout == nullptr ? file.offset(at) : layout->memory.offset(at),
                  at.c);
}

// What the device had, from what the reader made of it.
double Trial::integer(const Repair& repair, const Source& source, float value,
                      std::int64_t channel) const {
  const auto read = static_cast<double>(value);
  if (!right_ || source.recording->integers()) return read;
  const Misscaling& scaling = repair.scaling != nullptr ? *repair.scaling : *right_;
  const double gain = at(scaling.gain, channel);
  if (gain == 0) return std::numeric_limits<double>::quiet_NaN();
  return snapped((read - at(scaling.offset, channel)) / gain);
}

std::optional<float> Trial::read(const Repair& repair, const Source& source,
                                 const std::vector<float>& data, const PixelChannel& at) const {
  const std::int64_t memory =
      repair.layout != nullptr ? repair.layout->memory.offset(at) : source.filed.offset(at);
  const auto integer_at = [&](std::int64_t index) -> std::optional<double> {
    const auto place = place_of(repair.layout, source.filed, index, at.c);
    if (!place || place->index >= data.size()) return std::nullopt;
    return integer(repair, source, data[place->index], place->channel);
  };
  double q = 0;
  switch (repair.width) {
    case ElementWidth::kRight: {
      const auto place = place_of(repair.layout, source.filed, memory, at.c);
      if (!place || place->index >= data.size()) return std::nullopt;
      const float value = data[place->index];
      const bool as_is = !source.recording->integers() && repair.scaling == nullptr &&
                         (place->channel == at.c || (right_ && right_->gain.size() == 1));
      if (as_is || !right_) return value;
      q = integer(repair, source, value, place->channel);
      break;
    }
    case ElementWidth::k16As8: {
      const auto low = integer_at(2 * memory);
      const auto high = integer_at(2 * memory + 1);
      if (!low || !high) return std::nullopt;
      q = std::rint(*low) + 256 * std::rint(*high);
      break;
    }
    case ElementWidth::k8As16: {
      const auto both = integer_at(memory / 2);
      if (!both) return std::nullopt;
      // No two bytes: left as it is, for it contradicts the way and must count against it.
      if (!(*both >= 0 && *both < 65536)) {
        q = *both;
        break;
      }
      const auto bytes = static_cast<unsigned>(std::lrint(*both));
      q = static_cast<double>(memory % 2 == 0 ? bytes & 255U : bytes >> 8U);
      break;
    }
  }
  if (!right_) return static_cast<float>(q);
  const QuantParams& params = *subject_.params;
  const std::size_t channel = params.per_channel() ? static_cast<std::size_t>(at.c) : 0;
  return (static_cast<float>(q) - params.zero_point[channel]) * params.scale[channel];
}

std::optional<double> Trial::noise_as_read(std::span<const PixelSample> samples) const {
  const Extent& extent = subject_.extent;
  const auto channels = static_cast<std::size_t>(extent.channels);
  const Source source{&subject_.suspect, OrientedLayout(filed_, false)};
  double noise = 0;
  for (const std::size_t index : compared_) {
    const PixelSample& sample = samples[index / channels];
    const std::size_t c = index % channels;
    const auto value = read({}, source, subject_.suspect.frames[sample.frame],
                            {sample.h, sample.w, static_cast<std::int64_t>(c)});
    if (!value || !std::isfinite(*value)) return std::nullopt;
    const auto pixel = static_cast<std::size_t>(sample.h * extent.width + sample.w);
    const double difference =
        static_cast<double>(*value) -
        static_cast<double>(subject_.reference[sample.frame][pixel * channels + c]);
    noise += difference * difference;
  }
  return noise;
}

std::vector<std::vector<float>> Trial::as_read() const {
  const Extent& extent = subject_.extent;
  const Source source{&subject_.suspect, OrientedLayout(filed_, false)};
  std::vector<std::vector<float>> frames;
  for (const std::vector<float>& data : subject_.suspect.frames) {
    std::vector<float> frame;
    frame.reserve(static_cast<std::size_t>(extent.elements()));
    for (std::int64_t h = 0; h < extent.height; ++h) {
      for (std::int64_t w = 0; w < extent.width; ++w) {
        for (std::int64_t c = 0; c < extent.channels; ++c) {
          frame.push_back(
              read({}, source, data, {h, w, c}).value_or(std::numeric_limits<float>::quiet_NaN()));
        }
      }
    }
    frames.push_back(std::move(frame));
  }
  return frames;
}

// Where many values of the suspect are its least or greatest one, that may be a bound. For each
// channel where each has its own scale, else for all.
void Trial::clip_reference() {
  constexpr std::size_t kLeastHits = 3;
  constexpr double kLeastShareAtBound = 0.002;
  const std::size_t groups = subject_.params && subject_.params->per_channel()
                                 ? static_cast<std::size_t>(subject_.extent.channels)
                                 : 1;
  if (repaired_.empty() || repaired_.size() % groups != 0) return;
  for (std::size_t group = 0; group < groups; ++group) {
    // Activations make equal values of their own; a device's bound shows before them.
    std::size_t least = group;
    std::size_t greatest = group;
    for (std::size_t i = group; i < unactivated_.size(); i += groups) {
      if (unactivated_[i] < unactivated_[least]) least = i;
      if (unactivated_[i] > unactivated_[greatest]) greatest = i;
    }
    std::size_t at_least = 0;
    std::size_t at_greatest = 0;
    for (std::size_t i = group; i < unactivated_.size(); i += groups) {
      at_least += unactivated_[i] == unactivated_[least] ? 1 : 0;
      at_greatest += unactivated_[i] == unactivated_[greatest] ? 1 : 0;
    }
    const std::size_t each = repaired_.size() / groups;
    const auto needed = std::max(
        kLeastHits, static_cast<std::size_t>(kLeastShareAtBound * static_cast<double>(each)));
    for (std::size_t i = group; i < expected_.size(); i += groups) {
      if (at_least >= needed) expected_[i] = std::max(expected_[i], repaired_[least]);
      if (at_greatest >= needed) expected_[i] = std::min(expected_[i], repaired_[greatest]);
    }
  }
}

Outcome Trial::run(const Repair& repair, std::span<const PixelSample> samples) {
  const Recording& own = repair.source != nullptr ? *repair.source : subject_.suspect;
  const Recording& recording = repair.undo ? undone(own, *repair.undo) : own;
  const Source source{&recording, OrientedLayout(filed_layout(recording, subject_.extent), false)};
  const auto& reference = repair.reference != nullptr ? *repair.reference : subject_.reference;
  const auto channels = static_cast<std::size_t>(subject_.extent.channels);
  expected_.clear();
  repaired_.clear();
  compared_.clear();
  unactivated_.clear();
  for (std::size_t s = 0; s < samples.size(); ++s) {
    const PixelSample& sample = samples[s];
    const std::ptrdiff_t frame = static_cast<std::ptrdiff_t>(sample.frame) + repair.shift;
    if (frame < 0 || frame >= static_cast<std::ptrdiff_t>(recording.frames.size()) ||
        sample.frame >= reference.size())
      continue;
    const std::vector<float>& data = recording.frames[static_cast<std::size_t>(frame)];
    const std::size_t start = repaired_.size();
    const float* const expected =
        reference[sample.frame].data() +
        static_cast<std::size_t>(sample.h * subject_.extent.width + sample.w) * channels;
    for (std::size_t c = 0; c < channels; ++c) {
      const auto value =
          read(repair, source, data, {sample.h, sample.w, static_cast<std::int64_t>(c)});
      if (!value || !std::isfinite(*value)) continue;
      repaired_.push_back(*value);
      expected_.push_back(expected[c]);
      compared_.push_back(s * channels + c);
    }
    // An activation over channels, and bounds per channel, want all of a pixel.
    if (repaired_.size() - start != channels && (repair.apply || repair.saturation)) {
      repaired_.resize(start);
      expected_.resize(start);
      compared_.resize(start);
    }
    if (repair.saturation)
      unactivated_.insert(unactivated_.end(),
                          repaired_.begin() + static_cast<std::ptrdiff_t>(start), repaired_.end());
    if (repair.apply && repaired_.size() > start)
      apply(*repair.apply, std::span(repaired_).subspan(start));
  }
  Outcome outcome;
  if (repair.saturation) {
    const double before = variation_of(expected_, channels);
    clip_reference();
    outcome.flat = variation_of(expected_, channels) < kLeastVariation * before;
  }
  outcome.variation = variation_of(expected_, channels);
  outcome.error.add(expected_, repaired_);
  outcome.share =
      static_cast<double>(repaired_.size()) / static_cast<double>(samples.size() * channels);
  return outcome;
}

}  // namespace quant
