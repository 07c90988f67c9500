// SPDX-License-Identifier: MIT
// What a script changes in the network itself: at its inputs and behind its outputs.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "quant/script/named_value.h"
#include "quant/script/selector.h"

namespace quant {

// y = (x − mean[c]) / std[c] directly behind the input.
struct NormalizationLayer {
  std::vector<double> mean;
  std::vector<double> std;
  Selector input;  // empty: the only input
  int line = 0;

  bool operator==(const NormalizationLayer&) const = default;
};

enum class InputConversionKind {
  kBgrToRgb,
  kRgbToBgr,
  kYuvToRgb,
  kNv12ToRgb,
  kNv12ToYuv,
  kYuy2ToYuv,
  kRgbxToRgb,
};
template <>
inline constexpr auto kNamedValues<InputConversionKind> =
    std::to_array<NamedValue<InputConversionKind>>(
        {{"bgr_to_rgb", InputConversionKind::kBgrToRgb},
         {"rgb_to_bgr", InputConversionKind::kRgbToBgr},
         {"yuv_to_rgb", InputConversionKind::kYuvToRgb},
         {"nv12_to_rgb", InputConversionKind::kNv12ToRgb},
         {"nv12_to_hailo_yuv", InputConversionKind::kNv12ToYuv},
         {"yuy2_to_hailo_yuv", InputConversionKind::kYuy2ToYuv},
         {"tf_rgbx_to_hailo_rgb", InputConversionKind::kRgbxToRgb}});

struct InputConversion {
  Selector input;  // empty: every input
  InputConversionKind conversion = InputConversionKind::kBgrToRgb;
  bool emulator_support = false;  // images of the emulator are in the source format too
  int line = 0;

  bool operator==(const InputConversion&) const = default;
};

struct InputResize {
  Selector input;
  std::vector<int> size;  // height, width of the source
  int line = 0;

  bool operator==(const InputResize&) const = default;
};

// Rows and columns of the input are swapped.
struct InputTranspose {
  Selector input;  // empty: every input
  int line = 0;

  bool operator==(const InputTranspose&) const = default;
};

struct NmsPostprocess {
  std::string config;     // a JSON file; may be empty
  std::string meta_arch;  // yolov5, yolov8, yolox, ssd, …
  std::string engine;     // cpu, nn_core
  bool bbox_decoding_only = false;
  int line = 0;

  bool operator==(const NmsPostprocess&) const = default;
};

}  // namespace quant
