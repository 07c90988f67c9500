// SPDX-License-Identifier: MIT
// What a rectangle of outputs reads, in one piece: widened activations, zero points where the image
// ends. Inside of it there are no borders, and neighbouring outputs lie one step apart.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "quant/kernels/integer/convolution.h"
#include "quant/kernels/integer/panel_kernel.h"
#include "quant/kernels/integer/tap_geometry.h"

namespace quant::integer {

// One axis of a window. Its places are neighbours in the image where an output has several taps,
// and only what outputs read where it has one.
struct WindowAxis {
  std::int64_t low = 0;      // in the image: the first tap of output 0
  std::int64_t in_step = 1;  // in the image, from output to output
  std::int64_t spacing = 1;  // in the image, from place to place
  std::int64_t step = 1;     // in places, from output to output
  std::int64_t span = 0;     // places from an output's first tap to its last, both included

  // The first tap of an output, in the image.
  std::int64_t input(std::int64_t output) const { return output * in_step + low; }
  // What so many neighbouring outputs read.
  std::int64_t places(std::int64_t outputs) const {
    return span == 0 ? 0 : (outputs - 1) * step + span;
  }
};

// Outputs of a phase: rows [y, y + rows), columns [x, x + columns).
struct OutputRectangle {
  std::int64_t y = 0, rows = 0;
  std::int64_t x = 0, columns = 0;
};

// The windows of a phase.
struct PanelWindow {
  WindowAxis vertical, horizontal;
  std::int64_t rows = 0, columns = 0;  // outputs of one: the most
  std::int64_t pixel = 0;              // elements of a place: the channels of a group
  std::int64_t row_stride = 0;         // elements

  // `all`: the geometry of which `phase` is one; element_bytes: of a widened one.
  PanelWindow(const TapPhase& phase, const TapGeometry& all, std::int64_t group_inputs,
              std::int64_t element_bytes);

  std::int64_t elements() const { return vertical.places(rows) * row_stride; }
  // Elements from an output's first tap to that one.
  std::int64_t offset(const Tap& tap) const {
    return (tap.dy - vertical.low) * row_stride + (tap.dx - horizontal.low) * pixel;
  }
  bool one_tap() const { return vertical.span == 1 && horizontal.span == 1; }
};

// Fills windows.
template <typename Panel>
class PanelWidening {
 public:
  // `shape`: the image's. `kernel` outlives this.
  PanelWidening(const PanelKernel<Panel>& kernel, const Convolution& convolution,
                const Conv2dShape& shape);

  // Before a window is filled for the first time: allocates.
  void reserve(const PanelWindow& window);
  // Reentrant.
  void fill(const PanelWindow& window, const OutputRectangle& outputs, const std::byte* image,
            std::int64_t group, typename Panel::Widened* out) const;

 private:
  const PanelKernel<Panel>* kernel_;
  std::int64_t in_h_, in_w_, in_c_;
  std::int64_t in_size_;               // of an element, in bytes
  std::vector<std::byte> zero_pixel_;  // input zero points, in the input's type
  std::vector<std::byte> zero_row_;    // as many of them as a row has places
};

}  // namespace quant::integer
