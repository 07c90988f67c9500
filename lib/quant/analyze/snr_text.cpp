// SPDX-License-Identifier: MIT
#include "quant/analyze/snr_text.h"

#include <fmt/format.h>

namespace quant {

std::string snr_text(const Snr& snr) {
  switch (snr.state) {
    case SnrState::kOk:
      return fmt::format("{:.2f}", snr.db);
    case SnrState::kExact:
      return "exact";
    case SnrState::kUndefined:
      return "undefined";
  }
  return {};
}

}  // namespace quant
