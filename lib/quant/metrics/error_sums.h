// SPDX-License-Identifier: MIT
// The sums behind OutputError, at the speed of the vector unit.
#pragma once

#include <cstddef>

namespace quant {

// What OutputError's fields of these names are, over one block.
struct ErrorSums {
  double signal = 0;
  double noise = 0;
  double test_energy = 0;
  double product = 0;
  double difference = 0;
  double absolute = 0;
  double maximum = 0;
};

// The bits depend on the elements only: element i is added to partial sum i mod 8 of each field,
// on every instruction set. Reentrant.
ErrorSums error_sums(const float* reference, const float* test, std::size_t count);
// The same without pairs of which either is NaN or infinite; `finite` gets the number of the
// others.
ErrorSums finite_error_sums(const float* reference, const float* test, std::size_t count,
                            std::size_t& finite);

}  // namespace quant
