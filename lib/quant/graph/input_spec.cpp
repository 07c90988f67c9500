// SPDX-License-Identifier: MIT
#include "quant/graph/input_spec.h"

namespace quant {

const char* to_string(ColorOrder order) {
  switch (order) {
    case ColorOrder::kRgb: return "rgb";
    case ColorOrder::kBgr: return "bgr";
    case ColorOrder::kGray: return "gray";
  }
  return "unknown";
}

}  // namespace quant
