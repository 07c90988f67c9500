// SPDX-License-Identifier: MIT
#include "quant/graph/integer_attributes.h"

namespace quant {

Attributes without_integer_attributes(Attributes attributes) {
  for (const char* name :
       {kWeightBits, kWeightGroupSize, kWeightMultiples, "activation_min", "activation_max"})
    attributes.erase(name);
  return attributes;
}

}  // namespace quant
