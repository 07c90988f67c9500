// SPDX-License-Identifier: MIT
#include "quant/arithmetic/softmax.h"

#include <gtest/gtest.h>

#include <cmath>

namespace quant {
namespace {

// The exponential that uses no C library is right to the last integer of the table.
TEST(SoftmaxTable, EqualsTheLibraryExponential) {
  for (const float scale : {1e-6F, 0.001F, 0.0123F, 0.05F, 0.3F, 1.0F, 2.5F, 100.0F}) {
    const SoftmaxTable table = make_softmax_table(scale);
    EXPECT_EQ(table[0], 1U << kSoftmaxBits);
    for (std::size_t d = 0; d < 256; ++d) {
      const long double exact =
          std::exp(-static_cast<long double>(d) * static_cast<long double>(scale)) * 8388608.0L;
      EXPECT_EQ(table[d], static_cast<std::uint32_t>(std::nearbyint(exact))) << scale << " " << d;
    }
  }
}

TEST(SoftmaxTable, SixteenBits) {
  for (const float scale : {1e-7F, 0.0001F, 0.00123F, 0.3F}) {
    const SoftmaxTable table = make_softmax_table(scale, DataType::kUint16);
    ASSERT_EQ(table.size(), 65536U);
    for (std::size_t d = 0; d < table.size(); ++d) {
      const long double exact =
          std::exp(-static_cast<long double>(d) * static_cast<long double>(scale)) * 8388608.0L;
      ASSERT_EQ(table[d], static_cast<std::uint32_t>(std::nearbyint(exact))) << scale << " " << d;
    }
  }
}

}  // namespace
}  // namespace quant
