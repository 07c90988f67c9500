// SPDX-License-Identifier: MIT
#include "quant/tensor/shape_text.h"

#include <charconv>

namespace quant {

std::optional<Shape> shape_from_string(std::string_view text) {
  Shape shape;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (;;) {
    std::int64_t dim = 0;
    const auto [stop, error] = std::from_chars(at, end, dim);
    if (error != std::errc() || dim < 1) return std::nullopt;
    shape.push_back(dim);
    if (stop == end) return shape;
    if (*stop != 'x') return std::nullopt;
    at = stop + 1;
  }
}

}  // namespace quant
