// SPDX-License-Identifier: MIT
// Operators that compute in another way where there is much to compute, against their formulas in
// double.
#include <cmath>
#include <limits>
#include <vector>

#include "quant/graph/naive_oracle.h"
#include "quant/graph/operators/image_shape.h"

namespace quant::test {
namespace {

// From −120 to 120: beyond where e^x leaves the range of float.
Tensor wide_range(const Shape& shape) {
  Tensor tensor = random_tensor(shape, 7);
  for (float& value : tensor.data<float>()) value *= 120;
  return tensor;
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

TEST(VectorizedOperators, SigmoidAndSiluOfManyElements) {
  constexpr std::int64_t kCount = 5003;
  Tensor x = wide_range({kCount});
  x.data<float>()[1] = std::numeric_limits<float>::infinity();
  x.data<float>()[2] = -std::numeric_limits<float>::max();
  x.data<float>()[3] = 0;
  const Tensor s = *run(OpKind::kSigmoid, {x});
  const Tensor g = *run(OpKind::kSilu, {x});
  for (std::size_t i = 0; i < kCount; ++i) {
    const double value = x.data<float>()[i];
    ASSERT_NEAR(s.data<float>()[i], sigmoid(value), 1e-6) << value;
    if (std::fabs(value) > 1000) continue;  // ∞ · 1 and ∞ · 0
    ASSERT_NEAR(g.data<float>()[i], value * sigmoid(value), 1e-6 * (1 + std::fabs(value))) << value;
  }
}

TEST(VectorizedOperators, SoftmaxAlongAnyAxis) {
  const Shape shape{3, 21, 83};
  const Tensor x = wide_range(shape);
  const std::vector<std::int64_t> strides{21 * 83, 83, 1};
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    const Tensor y = *run(OpKind::kSoftmax, {x}, {{"axis", static_cast<std::int64_t>(axis)}});
    std::int64_t place = 0;
    for_each_index(shape, [&](const std::vector<std::int64_t>& at) {
      const std::int64_t first = place - at[axis] * strides[axis];
      const auto value = [&](std::int64_t i) {
        return static_cast<double>(x.data<float>()[static_cast<std::size_t>(i)]);
      };
      double sum = 0;
      for (std::int64_t i = 0; i < shape[axis]; ++i)
        sum += std::exp(value(first + i * strides[axis]) - value(place));
      ASSERT_NEAR(y.data<float>()[static_cast<std::size_t>(place)], 1 / sum, 1e-6)
          << "axis " << axis << ", element " << place;
      ++place;
    });
  }
}

// Channels last: strides, padding on every side, a last window that hangs over the edge.
TEST(VectorizedOperators, MaxPoolWithChannelsLast) {
  constexpr std::int64_t kHeight = 11;
  constexpr std::int64_t kWidth = 10;
  for (const std::int64_t channels : {8, 19}) {
    const Tensor x = random_tensor({2, kHeight, kWidth, channels}, 3);
    const Tensor y = *run(OpKind::kMaxPool, {x},
                          {{"kernel_shape", Ints{3, 2}},
                           {"strides", Ints{2, 3}},
                           {"pads", Ints{1, 0, 1, 1}},
                           {"ceil_mode", std::int64_t{1}},
                           {kChannelsLast, std::int64_t{1}}});
    ASSERT_EQ(y.shape(), (Shape{2, 6, 4, channels}));
    std::size_t place = 0;
    for_each_index(y.shape(), [&](const std::vector<std::int64_t>& at) {
      float best = -std::numeric_limits<float>::infinity();
      for (std::int64_t dy = 0; dy < 3; ++dy) {
        for (std::int64_t dx = 0; dx < 2; ++dx) {
          const std::int64_t row = at[1] * 2 - 1 + dy;
          const std::int64_t column = at[2] * 3 + dx;
          if (row < 0 || row >= kHeight || column >= kWidth) continue;
          const std::int64_t from = ((at[0] * kHeight + row) * kWidth + column) * channels + at[3];
          best = std::max(best, x.data<float>()[static_cast<std::size_t>(from)]);
        }
      }
      ASSERT_EQ(y.data<float>()[place], best) << place;
      ++place;
    });
  }
}

}  // namespace
}  // namespace quant::test
