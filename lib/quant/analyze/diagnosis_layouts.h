// SPDX-License-Identifier: MIT
// Layouts that an accelerator may use and a reader may assume, and how one is read as another.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "quant/analyze/diagnosis_fault.h"
#include "quant/analyze/diagnosis_subject.h"
#include "quant/tensor/device_layout.h"

namespace quant {

struct PixelChannel {
  std::int64_t h = 0;
  std::int64_t w = 0;
  std::int64_t c = 0;
};

// A layout, perhaps with height and width exchanged: then element (h, w, c) lies where the layout,
// made for the exchanged sizes, has (w, h, c).
class OrientedLayout {
 public:
  OrientedLayout(DeviceLayout layout, bool exchanged)
      : layout_(layout), strides_(strides_of(layout)), exchanged_(exchanged) {}

  const DeviceLayout& layout() const { return layout_; }
  bool exchanged() const { return exchanged_; }
  std::int64_t offset(const PixelChannel& at) const {
    return exchanged_ ? strides_.offset(at.w, at.h, at.c) : strides_.offset(at.h, at.w, at.c);
  }
  // The element that lies at `offset`; nothing where that is padding or outside.
  std::optional<PixelChannel> element_at(std::int64_t offset) const;
  // "FCR, rows padded from 60 to 64 pixels"
  std::string text() const;

 private:
  DeviceLayout layout_;
  DeviceStrides strides_;
  bool exchanged_;
};

// What lies in memory in one way and was read in another. `read_as` empty: the file has the memory
// as it is.
struct Misreading {
  OrientedLayout memory;
  std::optional<OrientedLayout> read_as;
  std::vector<Cause> causes;  // one or two
};

// Every pair of layouts that differ, the usual ones first: dense and padded NHWC (FCR), NCHW, NHCW
// and F8CR, one of both perhaps with height and width exchanged. `filed` is how the file's
// shape reads.
std::vector<Misreading> misreadings(const Extent& extent, const DeviceLayout& filed);
// The layouts that a device is likely to use, each read as what it is: no fault.
std::vector<Misreading> right_readings(const Extent& extent);

}  // namespace quant
