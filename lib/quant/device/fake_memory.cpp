// SPDX-License-Identifier: MIT
#include "quant/device/fake_memory.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace quant {
namespace {

// A fake may be slow, and is the more credible the simpler it is: offsets are computed element by
// element.
template <typename Visit>
void for_each_pixel(const DeviceLayout& layout, Visit visit) {
  for (std::int64_t h = 0; h < layout.height; ++h) {
    for (std::int64_t w = 0; w < layout.width; ++w) {
      for (std::int64_t c = 0; c < layout.channels; ++c) visit(h, w, c);
    }
  }
}

template <typename From, typename To>
void move_elements(const std::byte* source, const DeviceLayout& from, std::byte* target,
                   const DeviceLayout& to) {
  const DeviceStrides source_strides = strides_of(from);
  const DeviceStrides target_strides = strides_of(to);
  const auto* values = reinterpret_cast<const From*>(source);
  auto* moved = reinterpret_cast<To*>(target);
  for_each_pixel(from, [&](std::int64_t h, std::int64_t w, std::int64_t c) {
    moved[target_strides.offset(h, w, c)] = values[source_strides.offset(h, w, c)];
  });
}

void move(const std::byte* source, const DeviceLayout& from, std::byte* target,
          const DeviceLayout& to) {
  if (from.type == DataType::kFloat32) return move_elements<float, float>(source, from, target, to);
  if (from.type == DataType::kUint16) {
    return move_elements<std::uint16_t, std::uint16_t>(source, from, target, to);
  }
  if (to.type == DataType::kUint16) {
    return move_elements<std::uint8_t, std::uint16_t>(source, from, target, to);
  }
  move_elements<std::uint8_t, std::uint8_t>(source, from, target, to);
}

template <typename T>
void add_noise(std::byte* memory, const DeviceLayout& layout, double variance, FakeRandom& random) {
  const DeviceStrides strides = strides_of(layout);
  auto* values = reinterpret_cast<T*>(memory);
  for_each_pixel(layout, [&](std::int64_t h, std::int64_t w, std::int64_t c) {
    T& value = values[strides.offset(h, w, c)];
    const int noisy = static_cast<int>(value) + draw_noise(random, variance);
    value = static_cast<T>(std::clamp(noisy, 0, static_cast<int>(std::numeric_limits<T>::max())));
  });
}

}  // namespace

int draw_noise(FakeRandom& random, double variance) {
  if (variance <= 0) return 0;
  const int terms = static_cast<int>(std::ceil(variance));
  std::uniform_real_distribution<double> uniform(0, 1);
  int sum = 0;
  for (int i = 0; i < terms; ++i) {
    const double draw = uniform(random);
    const double each = variance / terms;
    if (draw < each / 2) {
      --sum;
    } else if (draw < each) {
      ++sum;
    }
  }
  return sum;
}

void write_fake_memory(std::span<const std::byte> source, const DeviceLayout& from,
                       std::span<std::byte> memory, const DeviceLayout& to, FakeRandom& random) {
  for (std::byte& byte : memory) byte = static_cast<std::byte>(random());
  move(source.data(), from, memory.data(), to);
}

void add_fake_noise(std::span<std::byte> memory, const DeviceLayout& layout, double variance,
                    FakeRandom& random) {
  if (variance <= 0) return;
  if (layout.type == DataType::kUint8) {
    add_noise<std::uint8_t>(memory.data(), layout, variance, random);
  } else if (layout.type == DataType::kUint16) {
    add_noise<std::uint16_t>(memory.data(), layout, variance, random);
  }
}

void read_fake_memory(std::span<const std::byte> memory, const DeviceLayout& from,
                      std::span<std::byte> dense, const DeviceLayout& to) {
  move(memory.data(), from, dense.data(), to);
}

}  // namespace quant
