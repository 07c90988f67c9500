// SPDX-License-Identifier: MIT
#include "quant/graph/operators/window.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace quant {
namespace {

// One kernel, stride, dilation or pad; and what a dilated kernel may cover.
constexpr std::int64_t kMaxParameter = std::int64_t{1} << 16;
constexpr std::int64_t kMaxExtent = std::int64_t{1} << 20;

Result<std::vector<std::int64_t>> read_list(const Attributes& attributes, const char* name,
                                            std::size_t count, std::int64_t fallback,
                                            std::int64_t minimum) {
  std::vector<std::int64_t> values = attributes.integers(name);
  if (values.empty()) values.assign(count, fallback);
  if (values.size() != count) {
    return fail(ErrorCode::kInvalidData, fmt::format("attribute {} has {} values instead of {}",
                                                     name, values.size(), count));
  }
  for (const std::int64_t value : values) {
    if (value < minimum || value > kMaxParameter) {
      return fail(ErrorCode::kOutOfRange,
                  fmt::format("attribute {} has the value {}, outside {} to {}", name, value,
                              minimum, kMaxParameter));
    }
  }
  return values;
}

Result<AutoPad> read_auto_pad(const Attributes& attributes) {
  const std::string text = attributes.text("auto_pad", "NOTSET");
  if (text == "NOTSET" || text.empty()) return AutoPad::kNotSet;
  if (text == "SAME_UPPER") return AutoPad::kSameUpper;
  if (text == "SAME_LOWER") return AutoPad::kSameLower;
  if (text == "VALID") return AutoPad::kValid;
  return fail(ErrorCode::kInvalidData,
              fmt::format("attribute auto_pad has the unknown value '{}'", text));
}

void split_padding(PlacedWindow& window, std::size_t axis, std::int64_t total, AutoPad side) {
  const std::int64_t small = total / 2;
  const std::int64_t large = total - small;
  window.pads_begin[axis] = side == AutoPad::kSameLower ? large : small;
  window.pads_end[axis] = side == AutoPad::kSameLower ? small : large;
}

}  // namespace

Result<Window> read_window(const Attributes& attributes, std::size_t rank,
                           const std::vector<std::int64_t>& kernel) {
  Window window;
  if (!attributes.has("kernel_shape") && kernel.empty()) {
    return fail(ErrorCode::kInvalidData, "attribute kernel_shape is missing");
  }
  QUANT_TRY_ASSIGN(window.kernel, read_list(attributes, "kernel_shape", rank, 1, 1));
  if (!kernel.empty()) {
    if (!attributes.has("kernel_shape")) window.kernel = kernel;
    if (window.kernel != kernel) {
      return fail(ErrorCode::kInvalidData,
                  fmt::format("attribute kernel_shape {} differs from the weights' {}",
                              to_string(window.kernel), to_string(kernel)));
    }
    for (const std::int64_t size : kernel) {
      if (size < 1 || size > kMaxParameter) {
        return fail(ErrorCode::kOutOfRange,
                    fmt::format("a kernel of size {} is out of range", size));
      }
    }
  }
  QUANT_TRY_ASSIGN(window.strides, read_list(attributes, "strides", rank, 1, 1));
  QUANT_TRY_ASSIGN(window.dilations, read_list(attributes, "dilations", rank, 1, 1));
  QUANT_TRY_ASSIGN(window.auto_pad, read_auto_pad(attributes));
  window.pads_begin.assign(rank, 0);
  window.pads_end.assign(rank, 0);
  if (window.auto_pad == AutoPad::kNotSet) {
    QUANT_TRY_ASSIGN(const std::vector<std::int64_t> pads,
                     read_list(attributes, "pads", 2 * rank, 0, 0));
    std::copy_n(pads.begin(), rank, window.pads_begin.begin());
    std::copy_n(pads.begin() + static_cast<std::ptrdiff_t>(rank), rank, window.pads_end.begin());
  }
  for (std::size_t axis = 0; axis < rank; ++axis) {
    if (window.extent(axis) > kMaxExtent) {
      return fail(ErrorCode::kOutOfRange,
                  fmt::format("the dilated kernel covers {} elements", window.extent(axis)));
    }
  }
  return window;
}

Result<PlacedWindow> place_window(const Window& window, const std::vector<std::int64_t>& input,
                                  bool ceil_mode) {
  PlacedWindow placed{window, input, std::vector<std::int64_t>(input.size(), -1)};
  for (std::size_t axis = 0; axis < input.size(); ++axis) {
    if (input[axis] < 0) continue;
    if (input[axis] == 0)
      return fail(ErrorCode::kInvalidData, "the input has a spatial axis of size 0");
    const std::int64_t extent = window.extent(axis);
    const std::int64_t stride = window.strides[axis];
    if (window.auto_pad == AutoPad::kSameUpper || window.auto_pad == AutoPad::kSameLower) {
      placed.output[axis] = (input[axis] + stride - 1) / stride;
      split_padding(
          placed, axis,
          std::max<std::int64_t>(0, (placed.output[axis] - 1) * stride + extent - input[axis]),
          window.auto_pad);
      continue;
    }
    const std::int64_t room =
        input[axis] + window.pads_begin[axis] + window.pads_end[axis] - extent;
    if (room < 0) {
      return fail(ErrorCode::kInvalidData,
                  fmt::format("a kernel that covers {} does not fit into {} padded elements",
                              extent, room + extent));
    }
    placed.output[axis] = room / stride + 1;
    if (ceil_mode && room % stride != 0 &&
        placed.output[axis] * stride < input[axis] + window.pads_begin[axis]) {
      ++placed.output[axis];
    }
  }
  return placed;
}

Result<PlacedWindow> place_transposed_window(const Window& window,
                                             const std::vector<std::int64_t>& input,
                                             const Attributes& attributes) {
  const std::size_t rank = input.size();
  QUANT_TRY_ASSIGN(const std::vector<std::int64_t> output_padding,
                   read_list(attributes, "output_padding", rank, 0, 0));
  const std::vector<std::int64_t> wanted = attributes.integers("output_shape");
  // Some exporters write batch and channels too.
  if (!wanted.empty() && wanted.size() != rank && wanted.size() != rank + 2) {
    return fail(
        ErrorCode::kInvalidData,
        fmt::format("attribute output_shape has {} values instead of {}", wanted.size(), rank));
  }
  if (std::any_of(wanted.begin(), wanted.end(), [](std::int64_t size) { return size < 1; })) {
    return fail(ErrorCode::kInvalidData, "attribute output_shape has a value below 1");
  }
  PlacedWindow placed{window, input, std::vector<std::int64_t>(rank, -1)};
  for (std::size_t axis = 0; axis < rank; ++axis) {
    const std::int64_t known = wanted.empty() ? -1 : wanted[wanted.size() - rank + axis];
    if (input[axis] < 0) {
      placed.output[axis] = known;
      continue;
    }
    if (input[axis] == 0)
      return fail(ErrorCode::kInvalidData, "the input has a spatial axis of size 0");
    const std::int64_t full =
        (input[axis] - 1) * window.strides[axis] + output_padding[axis] + window.extent(axis);
    const bool same =
        window.auto_pad == AutoPad::kSameUpper || window.auto_pad == AutoPad::kSameLower;
    if (known >= 0 || same) {
      placed.output[axis] = known >= 0 ? known : input[axis] * window.strides[axis];
      const std::int64_t total = std::max<std::int64_t>(0, full - placed.output[axis]);
      // Except with SAME_UPPER the specification puts the odd element at the beginning.
      split_padding(
          placed, axis, total,
          window.auto_pad == AutoPad::kSameUpper ? AutoPad::kSameUpper : AutoPad::kSameLower);
    } else {
      placed.output[axis] = full - window.pads_begin[axis] - window.pads_end[axis];
    }
    if (placed.output[axis] < 1) {
      return fail(ErrorCode::kInvalidData, "the padding leaves nothing of the output");
    }
  }
  return placed;
}

}  // namespace quant
