// SPDX-License-Identifier: MIT
// Pooling against oracles that visit every window, in ONNX's order and with channels last.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "quant/graph/naive_oracle.h"

namespace quant::test {
namespace {

struct PoolCase {
  std::string name;
  Shape x;
  Ints kernel;
  Ints strides;
  Ints dilations;
  Ints pads;
  bool ceil_mode = false;
  bool include_pad = false;
};

const PoolCase kPools[] = {
    {"1D", {2, 3, 13}, {3}, {2}, {1}, {1, 1}},
    {"overlapping", {1, 5, 9, 11}, {3, 2}, {1, 2}, {1, 1}, {1, 0, 1, 1}},
    {"ceil", {1, 2, 8, 7}, {3, 3}, {2, 2}, {1, 1}, {0, 0, 0, 0}, true},
    {"ceil and pads", {1, 2, 7, 6}, {3, 3}, {3, 2}, {1, 1}, {1, 1, 1, 1}, true, true},
    // The last window would begin in the end padding: it must not exist.
    {"ceil, window outside", {1, 1, 4, 4}, {2, 2}, {3, 3}, {1, 1}, {0, 0, 2, 2}, true},
    {"dilated", {1, 3, 9, 10}, {3, 2}, {1, 1}, {2, 3}, {1, 1, 2, 2}},
    {"dilated and padding counted",
     {1, 3, 9, 10},
     {3, 2},
     {2, 1},
     {2, 3},
     {1, 1, 2, 2},
     true,
     true},
    {"3D", {1, 2, 4, 5, 6}, {2, 3, 2}, {1, 2, 2}, {1, 1, 1}, {0, 1, 0, 1, 1, 0}},
};

// Visits each output with the elements under its window, padding given as std::nullopt.
template <typename Visit>
Tensor naive_pool(const PoolCase& c, const Tensor& x, Visit visit) {
  const std::size_t axes = c.kernel.size();
  Shape shape{c.x[0], c.x[1]};
  for (std::size_t a = 0; a < axes; ++a) {
    const std::int64_t padded = c.x[a + 2] + c.pads[a] + c.pads[axes + a];
    const std::int64_t extent = (c.kernel[a] - 1) * c.dilations[a] + 1;
    std::int64_t size = 0;
    while (true) {
      const std::int64_t begin = size * c.strides[a];
      const bool fits = begin + extent <= padded;
      // With ceil_mode the window that is cut off counts once, if it begins before the end padding.
      const bool cut =
          c.ceil_mode && begin + extent - c.strides[a] < padded && begin < c.x[a + 2] + c.pads[a];
      if (!fits && !cut) break;
      ++size;
    }
    shape.push_back(size);
  }
  Tensor y(DataType::kFloat32, shape);
  for_each_index(shape, [&](const Ints& out) {
    std::vector<float> values;
    std::int64_t padding = 0;
    for_each_index(c.kernel, [&](const Ints& tap) {
      Ints from{out[0], out[1]};
      bool inside = true;
      for (std::size_t a = 0; a < axes; ++a) {
        const std::int64_t position =
            out[a + 2] * c.strides[a] - c.pads[a] + tap[a] * c.dilations[a];
        if (position >= c.x[a + 2] + c.pads[axes + a]) return;  // not even padding
        inside = inside && position >= 0 && position < c.x[a + 2];
        from.push_back(position);
      }
      if (inside) {
        values.push_back(at(x, from));
      } else {
        ++padding;
      }
    });
    y.data<float>()[offset_of(shape, out)] = visit(values, padding);
  });
  return y;
}

NamedAttributes attributes_of(const PoolCase& c) {
  return {{"kernel_shape", c.kernel},
          {"strides", c.strides},
          {"dilations", c.dilations},
          {"pads", c.pads},
          {"ceil_mode", static_cast<std::int64_t>(c.ceil_mode)}};
}

TEST(Pooling, AgreesWithTheDefinition) {
  for (const PoolCase& c : kPools) {
    const Tensor x = random_tensor(c.x, 1);
    const auto largest = run_all(OpKind::kMaxPool, {x}, attributes_of(c));
    ASSERT_TRUE(largest) << c.name << ": " << largest.error().text();
    expect_close((*largest)[0],
                 naive_pool(c, x,
                            [](const std::vector<float>& v, std::int64_t) {
                              return *std::ranges::max_element(v);
                            }),
                 0, c.name + " max");
    auto attributes = attributes_of(c);
    attributes.emplace_back("count_include_pad", static_cast<std::int64_t>(c.include_pad));
    const auto average = run_all(OpKind::kAveragePool, {x}, attributes);
    ASSERT_TRUE(average) << c.name << ": " << average.error().text();
    expect_close(
        (*average)[0],
        naive_pool(c, x,
                   [&](const std::vector<float>& v, std::int64_t padding) {
                     const double count = static_cast<double>(v.size()) +
                                          (c.include_pad ? static_cast<double>(padding) : 0);
                     return static_cast<float>(std::accumulate(v.begin(), v.end(), 0.0) / count);
                   }),
        1e-6, c.name + " average");
    attributes.emplace_back("p", std::int64_t{3});
    const auto norm = run_all(OpKind::kLpPool, {x}, attributes);
    ASSERT_TRUE(norm) << c.name << ": " << norm.error().text();
    expect_close((*norm)[0],
                 naive_pool(c, x,
                            [](const std::vector<float>& v, std::int64_t) {
                              double sum = 0;
                              for (const float value : v) sum += std::pow(std::fabs(value), 3.0);
                              return static_cast<float>(std::cbrt(sum));
                            }),
                 1e-5, c.name + " norm");
  }
}

TEST(Pooling, ChannelsLastAgrees) {
  const Tensor x = random_tensor({2, 5, 8, 7}, 1);
  const auto move = [](const Tensor& tensor, const Ints& order) {
    return std::move((*run_all(OpKind::kTranspose, {tensor}, {{"perm", order}}))[0]);
  };
  const Tensor x_last = move(x, {0, 2, 3, 1});
  for (const OpKind op :
       {OpKind::kMaxPool, OpKind::kAveragePool, OpKind::kLpPool, OpKind::kGlobalAveragePool,
        OpKind::kGlobalMaxPool, OpKind::kGlobalLpPool}) {
    NamedAttributes attributes{
        {"kernel_shape", Ints{3, 2}}, {"strides", Ints{2, 1}}, {"pads", Ints{1, 0, 1, 1}}};
    const auto first = run_all(op, {x}, attributes);
    attributes.emplace_back("quant.channels_last", std::int64_t{1});
    const auto last = run_all(op, {x_last}, attributes);
    ASSERT_TRUE(first && last) << to_string(op);
    expect_close(move((*last)[0], {0, 3, 1, 2}), (*first)[0], 1e-6, to_string(op));
  }
}

TEST(Pooling, IndicesPointAtTheFirstMaximum) {
  // Two equal maxima under the first window.
  const Tensor x = Tensor::from<float>({1, 1, 2, 3}, std::vector<float>{5, 5, 1, 0, 2, 7});
  const auto indices = [&](const Ints& kernel, std::int64_t storage_order) {
    const auto outputs = run_all(OpKind::kMaxPool, {x},
                                 {{"kernel_shape", kernel}, {"storage_order", storage_order}}, 2);
    EXPECT_TRUE(outputs) << outputs.error().text();
    return values<std::int64_t>((*outputs)[1]);
  };
  EXPECT_THAT(indices({2, 2}, 0), ::testing::ElementsAre(0, 5));
  EXPECT_THAT(indices({2, 2}, 1), ::testing::ElementsAre(0, 5));
  // Column-major: element (row, column) is number column·2 + row.
  EXPECT_THAT(indices({2, 1}, 1), ::testing::ElementsAre(0, 2, 5));
}

}  // namespace
}  // namespace quant::test
