// SPDX-License-Identifier: MIT
#include "quant/arithmetic/softmax.h"

#include <cmath>

#include "quant/tensor/visit_activation.h"
namespace quant {
namespace {

// exp(−x) for x ≥ 0 from IEEE additions and multiplications alone: std::exp may differ by a bit
// between C libraries, and the table is no part of the archive. Relative error below 1e-14.
double exp_of_negative(double x) {
  constexpr double kLog2E = 1.4426950408889634;
  // ln 2 in two parts: the first has trailing zeros, so that halvings · kLn2High is exact.
  constexpr double kLn2High = 0x1.62e42feep-1;
  constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
  if (x > 700) return 0;
  const double halvings = std::floor(x * kLog2E);
  const double rest = (x - halvings * kLn2High) - halvings * kLn2Low;  // in [0, ln 2)
  double sum = 1;
  for (int term = 22; term >= 1; --term) sum = 1 - sum * rest / term;
  return std::ldexp(sum, -static_cast<int>(halvings));
}

}  // namespace

SoftmaxTable make_softmax_table(float input_scale, DataType input) {
  SoftmaxTable table(static_cast<std::size_t>(greatest_activation(input)) + 1);
  for (std::size_t d = 0; d < table.size(); ++d) {
    const double exponential =
        exp_of_negative(static_cast<double>(d) * static_cast<double>(input_scale));
    table[d] = static_cast<std::uint32_t>(std::nearbyint(std::ldexp(exponential, kSoftmaxBits)));
  }
  return table;
}

}  // namespace quant
