// SPDX-License-Identifier: MIT
// What the oracles of the heavy operators are made of: tensors by index, and convolutions that
// follow the ONNX text element by element, in double.
#pragma once

#include <gmock/gmock.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "quant/graph/run_operator.h"

namespace quant::test {

using Ints = std::vector<std::int64_t>;

inline Tensor random_tensor(const Shape& shape, std::uint32_t seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<float> distribution(-1, 1);
  Tensor tensor(DataType::kFloat32, shape);
  for (float& value : tensor.data<float>()) value = distribution(generator);
  return tensor;
}

inline void expect_close(const Tensor& actual, const Tensor& expected, double tolerance,
                         const std::string& what) {
  ASSERT_EQ(actual.shape(), expected.shape()) << what;
  const auto a = actual.data<float>();
  const auto e = expected.data<float>();
  for (std::size_t i = 0; i < e.size(); ++i) {
    ASSERT_NEAR(a[i], e[i], tolerance * (1 + std::fabs(e[i]))) << what << ", element " << i;
  }
}

// Calls visit(index) for every index of a shape, in row-major order.
template <typename Visit>
void for_each_index(const Shape& shape, Visit visit) {
  if (element_count(shape) == 0) return;
  Ints index(shape.size(), 0);
  for (;;) {
    visit(static_cast<const Ints&>(index));
    std::size_t axis = shape.size();
    while (axis > 0 && ++index[axis - 1] == shape[axis - 1]) index[--axis] = 0;
    if (axis == 0) return;
  }
}

inline std::size_t offset_of(const Shape& shape, const Ints& index) {
  std::int64_t offset = 0;
  for (std::size_t axis = 0; axis < shape.size(); ++axis)
    offset = offset * shape[axis] + index[axis];
  return static_cast<std::size_t>(offset);
}

inline float at(const Tensor& tensor, const Ints& index) {
  return tensor.data<float>()[offset_of(tensor.shape(), index)];
}

// A convolution and its sizes; shared with the quantized one.
struct ConvolutionCase {
  std::string name;
  Shape x;
  Shape w;
  std::int64_t group = 1;
  Ints strides;
  Ints dilations;
  Ints pads;
  Ints output_padding;  // ConvTranspose
};

inline NamedAttributes attributes_of(const ConvolutionCase& c) {
  NamedAttributes attributes{
      {"group", c.group}, {"strides", c.strides}, {"dilations", c.dilations}, {"pads", c.pads}};
  if (!c.output_padding.empty()) attributes.emplace_back("output_padding", c.output_padding);
  return attributes;
}

inline Shape spatial_of(const Shape& shape) { return {shape.begin() + 2, shape.end()}; }

inline Tensor naive_convolution(const ConvolutionCase& c, const Tensor& x, const Tensor& w,
                                const Tensor& bias) {
  const std::size_t axes = c.strides.size();
  Shape shape{c.x[0], c.w[0]};
  for (std::size_t a = 0; a < axes; ++a) {
    const std::int64_t extent = (c.w[a + 2] - 1) * c.dilations[a] + 1;
    shape.push_back((c.x[a + 2] + c.pads[a] + c.pads[axes + a] - extent) / c.strides[a] + 1);
  }
  Tensor y(DataType::kFloat32, shape);
  for_each_index(shape, [&](const Ints& out) {
    double sum = bias.data<float>()[static_cast<std::size_t>(out[1])];
    const std::int64_t group = out[1] / (c.w[0] / c.group);
    for_each_index(spatial_of(c.w), [&](const Ints& tap) {
      Ints from{out[0], 0};
      for (std::size_t a = 0; a < axes; ++a) {
        const std::int64_t position =
            out[a + 2] * c.strides[a] - c.pads[a] + tap[a] * c.dilations[a];
        if (position < 0 || position >= c.x[a + 2]) return;
        from.push_back(position);
      }
      for (std::int64_t i = 0; i < c.w[1]; ++i) {
        from[1] = group * c.w[1] + i;
        Ints weight{out[1], i};
        weight.insert(weight.end(), tap.begin(), tap.end());
        sum += static_cast<double>(at(x, from)) * at(w, weight);
      }
    });
    y.data<float>()[offset_of(shape, out)] = static_cast<float>(sum);
  });
  return y;
}

inline Tensor naive_transposed(const ConvolutionCase& c, const Tensor& x, const Tensor& w,
                               const Tensor& bias) {
  const std::size_t axes = c.strides.size();
  Shape shape{c.x[0], c.w[1] * c.group};
  for (std::size_t a = 0; a < axes; ++a) {
    const std::int64_t extra = c.output_padding.empty() ? 0 : c.output_padding[a];
    shape.push_back((c.x[a + 2] - 1) * c.strides[a] + extra + (c.w[a + 2] - 1) * c.dilations[a] +
                    1 - c.pads[a] - c.pads[axes + a]);
  }
  std::vector<double> sums(static_cast<std::size_t>(element_count(shape)));
  for_each_index(shape, [&](const Ints& out) {
    sums[offset_of(shape, out)] = bias.data<float>()[static_cast<std::size_t>(out[1])];
  });
  for_each_index(c.x, [&](const Ints& in) {
    const std::int64_t group = in[1] / (c.w[0] / c.group);
    for_each_index(Shape(c.w.begin() + 1, c.w.end()), [&](const Ints& tap) {
      Ints to{in[0], group * c.w[1] + tap[0]};
      for (std::size_t a = 0; a < axes; ++a) {
        const std::int64_t position =
            in[a + 2] * c.strides[a] - c.pads[a] + tap[a + 1] * c.dilations[a];
        if (position < 0 || position >= shape[a + 2]) return;
        to.push_back(position);
      }
      Ints weight{in[1]};
      weight.insert(weight.end(), tap.begin(), tap.end());
      sums[offset_of(shape, to)] += static_cast<double>(at(x, in)) * at(w, weight);
    });
  });
  Tensor y(DataType::kFloat32, shape);
  std::ranges::transform(sums, y.data<float>().begin(),
                         [](double sum) { return static_cast<float>(sum); });
  return y;
}

inline const ConvolutionCase kConvolutions[] = {
    {"1D", {2, 3, 17}, {5, 3, 4}, 1, {3}, {1}, {2, 0}, {}},
    {"1x1", {1, 7, 5, 9}, {11, 7, 1, 1}, 1, {1, 1}, {1, 1}, {0, 0, 0, 0}, {}},
    {"odd channels", {2, 5, 11, 7}, {3, 5, 3, 3}, 1, {1, 1}, {1, 1}, {1, 1, 1, 1}, {}},
    {"asymmetric pads", {1, 3, 9, 8}, {8, 3, 3, 2}, 1, {2, 3}, {1, 1}, {0, 2, 3, 1}, {}},
    {"pads larger than the kernel",
     {1, 2, 3, 3},
     {4, 2, 2, 2},
     1,
     {1, 1},
     {1, 1},
     {5, 4, 4, 5},
     {}},
    {"depthwise", {1, 13, 9, 9}, {13, 1, 3, 3}, 13, {1, 1}, {1, 1}, {1, 1, 1, 1}, {}},
    {"depthwise, stride 2", {2, 16, 10, 7}, {16, 1, 5, 5}, 16, {2, 2}, {1, 1}, {2, 2, 2, 2}, {}},
    {"depthwise multiplier", {1, 4, 6, 6}, {12, 1, 3, 3}, 4, {1, 1}, {1, 1}, {1, 1, 1, 1}, {}},
    {"groups", {1, 6, 7, 7}, {9, 2, 3, 3}, 3, {1, 2}, {1, 1}, {1, 0, 1, 0}, {}},
    {"groups of 16", {1, 32, 6, 5}, {48, 16, 3, 3}, 2, {1, 1}, {1, 1}, {1, 1, 1, 1}, {}},
    {"dilated", {1, 3, 15, 14}, {4, 3, 3, 3}, 1, {1, 2}, {5, 2}, {5, 2, 5, 2}, {}},
    {"one pixel", {3, 4, 1, 1}, {5, 4, 1, 1}, 1, {1, 1}, {1, 1}, {0, 0, 0, 0}, {}},
    {"3D", {1, 3, 5, 6, 7}, {4, 3, 2, 3, 3}, 1, {1, 2, 1}, {2, 1, 1}, {1, 0, 1, 0, 1, 1}, {}},
    {"3D groups",
     {1, 4, 3, 5, 5},
     {4, 2, 3, 1, 3},
     2,
     {1, 1, 2},
     {1, 1, 1},
     {1, 0, 1, 1, 0, 1},
     {}},
    {"large kernel", {1, 1, 40, 33}, {2, 1, 31, 29}, 1, {1, 1}, {1, 1}, {0, 0, 0, 0}, {}},
};

}  // namespace quant::test
