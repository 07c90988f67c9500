// SPDX-License-Identifier: MIT
// From a tensor to the memory that a device would leave: its layout, garbage where nothing lies,
// noise of a known variance.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>

#include "quant/tensor/device_layout.h"

namespace quant {

using FakeRandom = std::mt19937_64;

// A whole number of mean 0 and exactly that variance, ≥ 0: nothing but −1, 0 and 1 up to a variance
// of 1.
int draw_noise(FakeRandom& random, double variance);

// Fills `memory` with random bytes, then writes the elements of `source`, which lie as `from` says,
// where `to` has them. Types: equal, or uint8 to uint16 with the same values. Preconditions: both
// layouts passed check_layout and have equal sizes; the memory holds byte_count of its layout.
void write_fake_memory(std::span<const std::byte> source, const DeviceLayout& from,
                       std::span<std::byte> memory, const DeviceLayout& to, FakeRandom& random);
// Adds draw_noise to every element of uint8 or uint16, clamped to its type; padding stays.
void add_fake_noise(std::span<std::byte> memory, const DeviceLayout& layout, double variance,
                    FakeRandom& random);
// The elements of `memory` in the dense order of `to`; types equal.
void read_fake_memory(std::span<const std::byte> memory, const DeviceLayout& from,
                      std::span<std::byte> dense, const DeviceLayout& to);

}  // namespace quant
