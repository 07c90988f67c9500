// SPDX-License-Identifier: MIT
#include "quantdequantize/output_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

namespace quant::element {

const std::string& OutputNames::of(const std::string& device_name) const {
  for (const auto& [model, device] : pairs) {
    if (device == device_name) return model;
  }
  return device_name;
}

Result<OutputNames> parse_output_names(const std::string& text) {
  OutputNames names;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    const std::size_t sign = part.find('=');
    if (sign == std::string::npos || sign == 0 || sign + 1 == part.size()) {
      return fail(
          ErrorCode::kInvalidArgument,
          fmt::format("'{}' is no pair of the model's name and the device's, as heat=conv7", part),
          "output-names");
    }
    std::pair pair(part.substr(0, sign), part.substr(sign + 1));
    for (const auto& known : names.pairs) {
      if (known.first == pair.first || known.second == pair.second) {
        return fail(
            ErrorCode::kInvalidArgument,
            fmt::format("'{}' says again what '{}={}' says", part, known.first, known.second),
            "output-names");
      }
    }
    names.pairs.push_back(std::move(pair));
  }
  return names;
}

}  // namespace quant::element
