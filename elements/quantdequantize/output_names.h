// SPDX-License-Identifier: MIT
// Which tensor of a device is which of the model, where a person has to say it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "quant/base/result.h"

namespace quant::element {

struct OutputNames {
  std::vector<std::pair<std::string, std::string>> pairs;  // the model's name, the device's

  // The model's name of what the device calls so; that name itself where nobody said another.
  const std::string& of(const std::string& device_name) const;
};

// "heat=net/conv7,pos=net/fc1". InvalidArgument naming the part that is no pair, or a name that
// comes twice on its side.
Result<OutputNames> parse_output_names(const std::string& text);

}  // namespace quant::element
