// SPDX-License-Identifier: MIT
// Convolution, pooling, matrix products and Resize against oracles that follow the ONNX text
// element by element, in double, over odd sizes, groups, dilations and pads; and what hostile
// models get to hear.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "quant/graph/operator.h"

namespace quant {
namespace {

using Ints = std::vector<std::int64_t>;
using testing::HasSubstr;

Tensor random_tensor(const Shape& shape, std::uint32_t seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<float> distribution(-1, 1);
  Tensor tensor(DataType::kFloat32, shape);
  for (float& value : tensor.data<float>()) value = distribution(generator);
  return tensor;
}

Node node_of(OpKind op, const std::map<std::string, Attribute>& attributes,
             std::size_t outputs = 1) {
  Node node;
  node.op = op;
  node.name = "tested";
  for (const auto& [name, value] : attributes) node.attributes.set(name, value);
  for (std::size_t i = 0; i < outputs; ++i) node.outputs.push_back(static_cast<ValueId>(i));
  return node;
}

Result<std::vector<Tensor>> evaluate(Node node, const std::vector<const Tensor*>& inputs) {
  node.inputs.assign(inputs.size(), 0);
  return evaluate_node(node, inputs);
}

void expect_close(const Tensor& actual, const Tensor& expected, double tolerance,
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

std::size_t offset_of(const Shape& shape, const Ints& index) {
  std::int64_t offset = 0;
  for (std::size_t axis = 0; axis < shape.size(); ++axis)
    offset = offset * shape[axis] + index[axis];
  return static_cast<std::size_t>(offset);
}

float at(const Tensor& tensor, const Ints& index) {
  return tensor.data<float>()[offset_of(tensor.shape(), index)];
}

struct Case {
  std::string name;
  Shape x;
  Shape w;
  std::int64_t group = 1;
  Ints strides;
  Ints dilations;
  Ints pads;
  Ints output_padding;  // ConvTranspose
};

std::map<std::string, Attribute> attributes_of(const Case& c) {
  std::map<std::string, Attribute> attributes{
      {"group", c.group}, {"strides", c.strides}, {"dilations", c.dilations}, {"pads", c.pads}};
  if (!c.output_padding.empty()) attributes["output_padding"] = c.output_padding;
  return attributes;
}

Shape spatial_of(const Shape& shape) { return {shape.begin() + 2, shape.end()}; }

Tensor naive_convolution(const Case& c, const Tensor& x, const Tensor& w, const Tensor& bias) {
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

Tensor naive_transposed(const Case& c, const Tensor& x, const Tensor& w, const Tensor& bias) {
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

const Case kConvolutions[] = {
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

TEST(Convolution, AgreesWithTheDefinition) {
  for (const Case& c : kConvolutions) {
    const Tensor x = random_tensor(c.x, 1);
    const Tensor w = random_tensor(c.w, 2);
    const Tensor bias = random_tensor({c.w[0]}, 3);
    const Tensor zeros(DataType::kFloat32, Shape{c.w[0]});
    const auto with_bias = evaluate(node_of(OpKind::kConv, attributes_of(c)), {&x, &w, &bias});
    ASSERT_TRUE(with_bias) << c.name << ": " << with_bias.error().text();
    expect_close((*with_bias)[0], naive_convolution(c, x, w, bias), 1e-5, c.name);
    const auto without = evaluate(node_of(OpKind::kConv, attributes_of(c)), {&x, &w});
    ASSERT_TRUE(without) << c.name << ": " << without.error().text();
    expect_close((*without)[0], naive_convolution(c, x, w, zeros), 1e-5, c.name + " without bias");
  }
}

const Case kTransposed[] = {
    {"1D", {2, 3, 7}, {3, 5, 4}, 1, {3}, {1}, {1, 2}, {}},
    {"2x2 stride 2", {1, 6, 5, 4}, {6, 7, 2, 2}, 1, {2, 2}, {1, 1}, {0, 0, 0, 0}, {}},
    {"4x4 stride 2", {1, 16, 5, 6}, {16, 8, 4, 4}, 1, {2, 2}, {1, 1}, {1, 1, 1, 1}, {}},
    {"output padding inside the padding",
     {1, 3, 5, 5},
     {3, 4, 3, 3},
     1,
     {2, 2},
     {1, 1},
     {1, 1, 1, 1},
     {1, 1}},
    // The last rows and columns are reached by no input: bias alone.
    {"output padding beyond it",
     {2, 3, 4, 5},
     {3, 4, 2, 2},
     1,
     {3, 3},
     {1, 1},
     {0, 0, 0, 0},
     {2, 1}},
    {"groups", {1, 6, 4, 5}, {6, 2, 3, 3}, 3, {2, 1}, {1, 1}, {0, 1, 1, 0}, {}},
    {"depthwise", {1, 9, 4, 4}, {9, 1, 4, 4}, 9, {2, 2}, {1, 1}, {1, 1, 1, 1}, {}},
    {"dilated", {1, 2, 5, 4}, {2, 3, 3, 2}, 1, {1, 2}, {2, 3}, {1, 0, 2, 1}, {}},
    {"3D", {1, 2, 3, 4, 3}, {2, 3, 2, 3, 2}, 1, {2, 1, 2}, {1, 1, 1}, {0, 1, 0, 1, 0, 0}, {}},
};

TEST(TransposedConvolution, AgreesWithTheDefinition) {
  for (const Case& c : kTransposed) {
    const Tensor x = random_tensor(c.x, 1);
    const Tensor w = random_tensor(c.w, 2);
    const Tensor bias = random_tensor({c.w[1] * c.group}, 3);
    const auto result =
        evaluate(node_of(OpKind::kConvTranspose, attributes_of(c)), {&x, &w, &bias});
    ASSERT_TRUE(result) << c.name << ": " << result.error().text();
    expect_close((*result)[0], naive_transposed(c, x, w, bias), 1e-5, c.name);
  }
}

TEST(TransposedConvolution, OutputShapeDecidesThePadding) {
  // Total padding (5−1)·2 + 3 − 10 = 1: at the beginning, except with SAME_UPPER.
  const Tensor x = random_tensor({1, 2, 5}, 1);
  const Tensor w = random_tensor({2, 3, 3}, 2);
  const Tensor zeros(DataType::kFloat32, Shape{3});
  for (const bool upper : {false, true}) {
    std::map<std::string, Attribute> attributes{{"strides", Ints{2}}, {"output_shape", Ints{10}}};
    if (upper) attributes["auto_pad"] = std::string("SAME_UPPER");
    const auto result = evaluate(node_of(OpKind::kConvTranspose, attributes), {&x, &w});
    ASSERT_TRUE(result) << result.error().text();
    const Case c{"", {1, 2, 5}, {2, 3, 3}, 1, {2}, {1}, upper ? Ints{0, 1} : Ints{1, 0}, {}};
    expect_close((*result)[0], naive_transposed(c, x, w, zeros), 1e-5, upper ? "upper" : "lower");
  }
}

TEST(Convolution, AutoPadKeepsTheSizeDividedByTheStride) {
  const Tensor x = random_tensor({1, 2, 7, 7}, 1);
  const Tensor w = random_tensor({3, 2, 4, 4}, 2);
  const Tensor zeros(DataType::kFloat32, Shape{3});
  for (const std::string mode : {"SAME_UPPER", "SAME_LOWER", "VALID"}) {
    const auto result =
        evaluate(node_of(OpKind::kConv, {{"auto_pad", mode}, {"strides", Ints{2, 2}}}), {&x, &w});
    ASSERT_TRUE(result) << result.error().text();
    // 4 outputs need (4−1)·2 + 4 − 7 = 3 elements of padding.
    const Ints pads = mode == "SAME_UPPER"   ? Ints{1, 1, 2, 2}
                      : mode == "SAME_LOWER" ? Ints{2, 2, 1, 1}
                                             : Ints{0, 0, 0, 0};
    const Case c{"", x.shape(), w.shape(), 1, {2, 2}, {1, 1}, pads, {}};
    expect_close((*result)[0], naive_convolution(c, x, w, zeros), 1e-5, mode);
  }
}

// The engine's own forms of a convolution: channels last, with an addition and an activation fused.
TEST(Convolution, ChannelsLastAndFusedFormsAgree) {
  const Case c{"", {2, 5, 9, 7}, {6, 5, 3, 3}, 1, {2, 1}, {1, 1}, {1, 1, 1, 1}, {}};
  const Tensor x = random_tensor(c.x, 1);
  const Tensor w = random_tensor(c.w, 2);
  const Tensor bias = random_tensor({c.w[0]}, 3);
  const Tensor plain = naive_convolution(c, x, w, bias);
  const Tensor addend = random_tensor(plain.shape(), 4);
  const auto last = [](const Tensor& tensor) {
    return std::move(
        (*evaluate(node_of(OpKind::kTranspose, {{"perm", Ints{0, 2, 3, 1}}}), {&tensor}))[0]);
  };
  Tensor expected(DataType::kFloat32, plain.shape());
  for (std::size_t i = 0; i < expected.data<float>().size(); ++i) {
    expected.data<float>()[i] = std::max(0.0F, plain.data<float>()[i] + addend.data<float>()[i]);
  }
  std::map<std::string, Attribute> attributes = attributes_of(c);
  attributes["quant.addend"] = std::int64_t{1};
  attributes["quant.activation"] = std::string("Relu");
  const auto first = evaluate(node_of(OpKind::kConv, attributes), {&x, &w, &bias, &addend});
  ASSERT_TRUE(first) << first.error().text();
  expect_close((*first)[0], expected, 1e-5, "ONNX order");
  attributes["quant.channels_last"] = std::int64_t{1};
  const Tensor x_last = last(x);
  const Tensor addend_last = last(addend);
  const auto second =
      evaluate(node_of(OpKind::kConv, attributes), {&x_last, &w, &bias, &addend_last});
  ASSERT_TRUE(second) << second.error().text();
  expect_close((*second)[0], last(expected), 1e-5, "channels last");
}

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

std::map<std::string, Attribute> attributes_of(const PoolCase& c) {
  return {{"kernel_shape", c.kernel},
          {"strides", c.strides},
          {"dilations", c.dilations},
          {"pads", c.pads},
          {"ceil_mode", static_cast<std::int64_t>(c.ceil_mode)}};
}

TEST(Pooling, AgreesWithTheDefinition) {
  for (const PoolCase& c : kPools) {
    const Tensor x = random_tensor(c.x, 1);
    const auto largest = evaluate(node_of(OpKind::kMaxPool, attributes_of(c)), {&x});
    ASSERT_TRUE(largest) << c.name << ": " << largest.error().text();
    expect_close((*largest)[0],
                 naive_pool(c, x,
                            [](const std::vector<float>& v, std::int64_t) {
                              return *std::ranges::max_element(v);
                            }),
                 0, c.name + " max");
    auto attributes = attributes_of(c);
    attributes["count_include_pad"] = static_cast<std::int64_t>(c.include_pad);
    const auto average = evaluate(node_of(OpKind::kAveragePool, attributes), {&x});
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
    attributes["p"] = std::int64_t{3};
    const auto norm = evaluate(node_of(OpKind::kLpPool, attributes), {&x});
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
    return std::move((*evaluate(node_of(OpKind::kTranspose, {{"perm", order}}), {&tensor}))[0]);
  };
  const Tensor x_last = move(x, {0, 2, 3, 1});
  for (const OpKind op :
       {OpKind::kMaxPool, OpKind::kAveragePool, OpKind::kLpPool, OpKind::kGlobalAveragePool,
        OpKind::kGlobalMaxPool, OpKind::kGlobalLpPool}) {
    std::map<std::string, Attribute> attributes{
        {"kernel_shape", Ints{3, 2}}, {"strides", Ints{2, 1}}, {"pads", Ints{1, 0, 1, 1}}};
    const auto first = evaluate(node_of(op, attributes), {&x});
    attributes["quant.channels_last"] = std::int64_t{1};
    const auto last = evaluate(node_of(op, attributes), {&x_last});
    ASSERT_TRUE(first && last) << to_string(op);
    expect_close(move((*last)[0], {0, 3, 1, 2}), (*first)[0], 1e-6, to_string(op));
  }
}

TEST(Pooling, IndicesPointAtTheFirstMaximum) {
  // Two equal maxima under the first window.
  const Tensor x = Tensor::from<float>({1, 1, 2, 3}, std::vector<float>{5, 5, 1, 0, 2, 7});
  auto node = node_of(OpKind::kMaxPool, {{"kernel_shape", Ints{2, 2}}}, 2);
  const auto rows = evaluate(node, {&x});
  ASSERT_TRUE(rows) << rows.error().text();
  EXPECT_THAT((*rows)[1].data<std::int64_t>(), testing::ElementsAre(0, 5));
  node.attributes.set("storage_order", std::int64_t{1});
  const auto columns = evaluate(node, {&x});
  ASSERT_TRUE(columns) << columns.error().text();
  EXPECT_THAT((*columns)[1].data<std::int64_t>(), testing::ElementsAre(0, 5));
  node.attributes.set("kernel_shape", Ints{2, 1});
  const auto narrow = evaluate(node, {&x});
  ASSERT_TRUE(narrow) << narrow.error().text();
  // Column-major: element (row, column) is number column·2 + row.
  EXPECT_THAT((*narrow)[1].data<std::int64_t>(), testing::ElementsAre(0, 2, 5));
}

Tensor naive_matmul(const Tensor& a, const Tensor& b) {
  const std::size_t rank = std::max(a.rank(), b.rank());
  Shape shape(rank, 1);
  for (std::size_t i = 3; i <= rank; ++i) {
    const std::int64_t size_a = i <= a.rank() ? a.shape()[a.rank() - i] : 1;
    const std::int64_t size_b = i <= b.rank() ? b.shape()[b.rank() - i] : 1;
    shape[rank - i] = size_a == 1 ? size_b : size_a;
  }
  shape[rank - 2] = a.shape()[a.rank() - 2];
  shape[rank - 1] = b.shape().back();
  Tensor c(DataType::kFloat32, shape);
  for_each_index(shape, [&](const Ints& out) {
    const auto operand = [&](const Tensor& tensor, std::int64_t row, std::int64_t column) {
      Ints index(tensor.rank());
      for (std::size_t i = 3; i <= tensor.rank(); ++i) {
        const std::size_t axis = tensor.rank() - i;
        index[axis] = tensor.shape()[axis] == 1 ? 0 : out[rank - i];
      }
      index[tensor.rank() - 2] = row;
      index[tensor.rank() - 1] = column;
      return static_cast<double>(at(tensor, index));
    };
    double sum = 0;
    for (std::int64_t k = 0; k < a.shape().back(); ++k) {
      sum += operand(a, out[rank - 2], k) * operand(b, k, out[rank - 1]);
    }
    c.data<float>()[offset_of(shape, out)] = static_cast<float>(sum);
  });
  return c;
}

TEST(MatMul, AgreesWithTheDefinition) {
  const std::pair<Shape, Shape> cases[] = {
      {{3, 5}, {5, 7}},
      {{1, 1}, {1, 1}},
      {{4, 3, 5}, {5, 7}},
      {{3, 5}, {4, 5, 7}},
      {{2, 3, 4, 5}, {2, 3, 5, 6}},
      {{2, 1, 4, 5}, {3, 5, 6}},
      {{2, 3, 1, 5}, {1, 1, 5, 1}},
      {{33, 65}, {65, 17}},
      {{0, 5}, {5, 3}},
      {{3, 0}, {0, 4}},
  };
  for (const auto& [shape_a, shape_b] : cases) {
    const Tensor a = random_tensor(shape_a, 1);
    const Tensor b = random_tensor(shape_b, 2);
    const auto result = evaluate(node_of(OpKind::kMatMul, {}), {&a, &b});
    const std::string name = to_string(shape_a) + " by " + to_string(shape_b);
    ASSERT_TRUE(result) << name << ": " << result.error().text();
    expect_close((*result)[0], naive_matmul(a, b), 1e-5, name);
  }
}

TEST(MatMul, VectorsLoseTheirAxis) {
  const Tensor row = random_tensor({5}, 1);
  const Tensor matrix = random_tensor({5, 3}, 2);
  const Tensor tall = random_tensor({4, 3, 5}, 3);
  EXPECT_EQ((*evaluate(node_of(OpKind::kMatMul, {}), {&row, &matrix}))[0].shape(), (Shape{3}));
  EXPECT_EQ((*evaluate(node_of(OpKind::kMatMul, {}), {&tall, &row}))[0].shape(), (Shape{4, 3}));
  EXPECT_EQ((*evaluate(node_of(OpKind::kMatMul, {}), {&row, &row}))[0].shape(), Shape{});
}

TEST(Gemm, AgreesWithTheDefinition) {
  for (const bool transpose_a : {false, true}) {
    for (const bool transpose_b : {false, true}) {
      for (const Shape& shape_c :
           {Shape{}, Shape{1}, Shape{6}, Shape{1, 6}, Shape{5, 1}, Shape{5, 6}}) {
        const Tensor a = random_tensor(transpose_a ? Shape{7, 5} : Shape{5, 7}, 1);
        const Tensor b = random_tensor(transpose_b ? Shape{6, 7} : Shape{7, 6}, 2);
        const Tensor c = random_tensor(shape_c, 3);
        const auto result =
            evaluate(node_of(OpKind::kGemm, {{"transA", static_cast<std::int64_t>(transpose_a)},
                                             {"transB", static_cast<std::int64_t>(transpose_b)},
                                             {"alpha", 0.5F},
                                             {"beta", 2.0F}}),
                     {&a, &b, &c});
        ASSERT_TRUE(result) << result.error().text();
        ASSERT_EQ((*result)[0].shape(), (Shape{5, 6}));
        for_each_index({5, 6}, [&](const Ints& out) {
          double sum = 0;
          for (std::int64_t k = 0; k < 7; ++k) {
            sum += static_cast<double>(at(a, transpose_a ? Ints{k, out[0]} : Ints{out[0], k})) *
                   at(b, transpose_b ? Ints{out[1], k} : Ints{k, out[1]});
          }
          Ints index;
          for (std::size_t i = 0; i < shape_c.size(); ++i) {
            index.push_back(shape_c[i] == 1 ? 0 : out[2 - shape_c.size() + i]);
          }
          EXPECT_NEAR(at((*result)[0], out), 0.5 * sum + 2 * at(c, index), 1e-5);
        });
      }
    }
  }
}

TEST(Einsum, AgreesWithTheDefinition) {
  // Letters in order of the sizes below; the oracle walks all index combinations.
  const std::map<char, std::int64_t> sizes{{'a', 2}, {'b', 3}, {'c', 4}, {'d', 5}, {'e', 3}};
  const std::string equations[] = {
      "ab,bc->ac", "abc,acd->abd", "abcd,abed->abce", "a,b->ab",      "ab->ba",
      "ab->a",     "ab->",         "ab,ab->",         "ab,bc,cd->da", "abc,cb->ba",
      "bb->b",     "bbd,bd->d",    "ab,cd->cadb",     "abc,d->cab",   "ab,ab,ab->b"};
  for (const std::string& equation : equations) {
    const std::size_t arrow = equation.find("->");
    std::vector<std::string> terms(1);
    for (const char letter : equation.substr(0, arrow)) {
      if (letter == ',') {
        terms.emplace_back();
      } else {
        terms.back() += letter;
      }
    }
    const std::string output = equation.substr(arrow + 2);
    std::string letters;
    std::vector<Tensor> operands;
    for (const std::string& term : terms) {
      Shape shape;
      for (const char letter : term) {
        shape.push_back(sizes.at(letter));
        if (letters.find(letter) == std::string::npos) letters += letter;
      }
      operands.push_back(random_tensor(shape, static_cast<std::uint32_t>(operands.size() + 1)));
    }
    Shape all;
    for (const char letter : letters) all.push_back(sizes.at(letter));
    Shape shape;
    for (const char letter : output) shape.push_back(sizes.at(letter));
    std::vector<double> sums(static_cast<std::size_t>(element_count(shape)));
    for_each_index(all, [&](const Ints& index) {
      const auto pick = [&](const std::string& term) {
        Ints result;
        for (const char letter : term) result.push_back(index[letters.find(letter)]);
        return result;
      };
      double product = 1;
      for (std::size_t i = 0; i < terms.size(); ++i) product *= at(operands[i], pick(terms[i]));
      sums[offset_of(shape, pick(output))] += product;
    });
    std::vector<const Tensor*> inputs;
    for (const Tensor& operand : operands) inputs.push_back(&operand);
    const auto result = evaluate(node_of(OpKind::kEinsum, {{"equation", equation}}), inputs);
    ASSERT_TRUE(result) << equation << ": " << result.error().text();
    ASSERT_EQ((*result)[0].shape(), shape) << equation;
    for (std::size_t i = 0; i < sums.size(); ++i) {
      EXPECT_NEAR((*result)[0].data<float>()[i], sums[i], 1e-5) << equation;
    }
  }
}

TEST(Einsum, EllipsisStretches) {
  const Tensor a = random_tensor({2, 1, 3, 4}, 1);
  const Tensor b = random_tensor({5, 4, 3}, 2);
  const auto result = evaluate(
      node_of(OpKind::kEinsum, {{"equation", std::string("...ij, ...jk -> ...ik")}}), {&a, &b});
  ASSERT_TRUE(result) << result.error().text();
  expect_close((*result)[0], naive_matmul(a, b), 1e-5, "ellipsis");
}

template <typename T>
Tensor random_integers(const Shape& shape, std::uint32_t seed) {
  std::mt19937 generator(seed);
  std::uniform_int_distribution<int> distribution(std::numeric_limits<T>::lowest(), std::numeric_limits<T>::max());
  Tensor tensor(DataTypeOf<T>::value, shape);
  for (T& value : tensor.data<T>()) value = static_cast<T>(distribution(generator));
  return tensor;
}

// float32(accumulator) times the combined scale, half to even, saturated: with equality.
template <typename T>
T requantized(std::int64_t accumulator, float multiplier, int zero_point) {
  const float value = std::nearbyint(static_cast<float>(accumulator) * multiplier) + static_cast<float>(zero_point);
  return static_cast<T>(std::clamp(value, static_cast<float>(std::numeric_limits<T>::lowest()),
                                   static_cast<float>(std::numeric_limits<T>::max())));
}

TEST(QLinearConv, AgreesWithTheDefinition) {
  for (const Case& c : kConvolutions) {
    const Tensor x = random_integers<std::uint8_t>(c.x, 1);
    const Tensor w = random_integers<std::int8_t>(c.w, 2);
    const std::int64_t channels = c.w[0];
    Tensor w_scale = random_tensor({channels}, 3);
    for (float& value : w_scale.data<float>()) value = 0.01F + 0.005F * std::fabs(value);
    Tensor w_zero(DataType::kInt8, Shape{channels});
    w_zero.data<std::int8_t>()[0] = 3;
    Tensor bias(DataType::kInt32, Shape{channels});
    for (std::int64_t i = 0; i < channels; ++i) bias.data<std::int32_t>()[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(100 * i - 250);
    const Tensor x_scale = Tensor::scalar(0.02F);
    const Tensor x_zero = Tensor::scalar<std::uint8_t>(117);
    const Tensor y_scale = Tensor::scalar(0.6F);
    const Tensor y_zero = Tensor::scalar<std::uint8_t>(120);
    const auto result = evaluate(node_of(OpKind::kQLinearConv, attributes_of(c)),
                                 {&x, &x_scale, &x_zero, &w, &w_scale, &w_zero, &y_scale, &y_zero, &bias});
    ASSERT_TRUE(result) << c.name << ": " << result.error().text();
    // The same convolution on the integers' values: exact in double.
    Tensor x_real(DataType::kFloat32, c.x);
    Tensor w_real(DataType::kFloat32, c.w);
    const std::size_t per_channel = w.data<std::int8_t>().size() / static_cast<std::size_t>(channels);
    for (std::size_t i = 0; i < x_real.data<float>().size(); ++i) {
      x_real.data<float>()[i] = static_cast<float>(x.data<std::uint8_t>()[i]) - 117;
    }
    for (std::size_t i = 0; i < w_real.data<float>().size(); ++i) {
      w_real.data<float>()[i] = static_cast<float>(w.data<std::int8_t>()[i] - w_zero.data<std::int8_t>()[i / per_channel]);
    }
    Tensor bias_real(DataType::kFloat32, Shape{channels});
    std::ranges::copy(bias.data<std::int32_t>(), bias_real.data<float>().begin());
    const Tensor sums = naive_convolution(c, x_real, w_real, bias_real);
    ASSERT_EQ((*result)[0].shape(), sums.shape()) << c.name;
    const std::size_t pixels = static_cast<std::size_t>(element_count(spatial_of(sums.shape())));
    for (std::size_t i = 0; i < sums.data<float>().size(); ++i) {
      const float scale = 0.02F * w_scale.data<float>()[i / pixels % static_cast<std::size_t>(channels)] / 0.6F;
      ASSERT_EQ((*result)[0].data<std::uint8_t>()[i],
                requantized<std::uint8_t>(static_cast<std::int64_t>(sums.data<float>()[i]), scale, 120))
          << c.name << ", element " << i;
    }
  }
}

TEST(QLinearMatMul, AgreesWithTheDefinition) {
  const Tensor a = random_integers<std::int8_t>({2, 1, 5, 33}, 1);
  const Tensor b = random_integers<std::uint8_t>({3, 33, 7}, 2);
  const Tensor a_scale = Tensor::scalar(0.01F);
  const Tensor a_zero = Tensor::scalar<std::int8_t>(-4);
  Tensor b_scale = random_tensor({7}, 3);
  for (float& value : b_scale.data<float>()) value = 0.01F + 0.01F * std::fabs(value);
  const Tensor b_zero = random_integers<std::uint8_t>({7}, 4);
  const Tensor y_scale = Tensor::scalar(0.3F);
  const Tensor y_zero = Tensor::scalar<std::int8_t>(5);
  const auto result = evaluate(node_of(OpKind::kQLinearMatMul, {}),
                               {&a, &a_scale, &a_zero, &b, &b_scale, &b_zero, &y_scale, &y_zero});
  ASSERT_TRUE(result) << result.error().text();
  ASSERT_EQ((*result)[0].shape(), (Shape{2, 3, 5, 7}));
  for_each_index({2, 3, 5, 7}, [&](const Ints& out) {
    std::int64_t sum = 0;
    for (std::int64_t k = 0; k < 33; ++k) {
      const int left = a.data<std::int8_t>()[offset_of(a.shape(), {out[0], 0, out[2], k})] + 4;
      const int right = b.data<std::uint8_t>()[offset_of(b.shape(), {out[1], k, out[3]})] -
                        b_zero.data<std::uint8_t>()[static_cast<std::size_t>(out[3])];
      sum += left * right;
    }
    const float scale = 0.01F * b_scale.data<float>()[static_cast<std::size_t>(out[3])] / 0.3F;
    EXPECT_EQ((*result)[0].data<std::int8_t>()[offset_of({2, 3, 5, 7}, out)], requantized<std::int8_t>(sum, scale, 5));
  });
}

TEST(QuantizeLinear, RoundsHalfToEvenAndSaturates) {
  const Tensor x = Tensor::from<float>({6}, std::vector<float>{0.5F, 1.5F, 2.5F, -0.5F, 1e9F, -1e9F});
  const Tensor scale = Tensor::scalar(1.0F);
  const Tensor zero = Tensor::scalar<std::uint8_t>(10);
  const auto bytes = evaluate(node_of(OpKind::kQuantizeLinear, {}), {&x, &scale, &zero});
  ASSERT_TRUE(bytes) << bytes.error().text();
  EXPECT_THAT((*bytes)[0].data<std::uint8_t>(), testing::ElementsAre(10, 12, 12, 10, 255, 0));
  const auto words = evaluate(node_of(OpKind::kQuantizeLinear, {{"output_dtype", std::int64_t{5}}}), {&x, &scale});
  ASSERT_TRUE(words) << words.error().text();
  EXPECT_THAT((*words)[0].data<std::int16_t>(), testing::ElementsAre(0, 2, 2, 0, 32767, -32768));
}

TEST(DequantizeLinear, TakesOneScalePerIndexOrBlock) {
  const Tensor x = Tensor::from<std::int32_t>({2, 4}, std::vector<std::int32_t>{1, 2, 3, 4, 5, 6, 7, 8});
  const Tensor columns = Tensor::from<float>({4}, std::vector<float>{1, 10, 100, 1000});
  const auto each = evaluate(node_of(OpKind::kDequantizeLinear, {}), {&x, &columns});
  ASSERT_TRUE(each) << each.error().text();
  EXPECT_THAT((*each)[0].data<float>(), testing::ElementsAre(1, 20, 300, 4000, 5, 60, 700, 8000));
  const Tensor blocks = Tensor::from<float>({2, 2}, std::vector<float>{1, 10, 100, 1000});
  const auto blocked = evaluate(node_of(OpKind::kDequantizeLinear, {{"block_size", std::int64_t{2}}}), {&x, &blocks});
  ASSERT_TRUE(blocked) << blocked.error().text();
  EXPECT_THAT((*blocked)[0].data<float>(), testing::ElementsAre(1, 2, 30, 40, 500, 600, 7000, 8000));
  const Tensor wrong = Tensor::from<float>({3}, std::vector<float>{1, 2, 3});
  EXPECT_FALSE(evaluate(node_of(OpKind::kDequantizeLinear, {}), {&x, &wrong}));
}

// What each hostile node must be told; none may crash, hang or allocate much.
TEST(HostileNodes, AreRefusedWithAReason) {
  const Tensor x = random_tensor({1, 4, 8, 8}, 1);
  const Tensor w = random_tensor({4, 4, 3, 3}, 2);
  const Tensor empty(DataType::kFloat32, Shape{4, 0, 3, 3});
  const Tensor vector = random_tensor({4}, 3);
  const Tensor long_bias = random_tensor({5}, 3);
  const Tensor bytes(DataType::kUint8, Shape{1, 4, 8, 8});
  const Tensor huge_scales = Tensor::from<float>({4}, std::vector<float>{1, 1, 1e30F, 1});
  const Tensor zero_scales = Tensor::from<float>({4}, std::vector<float>{1, 1, 0, 1});
  const Tensor nan_scales = Tensor::from<float>({4}, std::vector<float>{1, 1, std::nanf(""), 1});
  const Tensor negative_sizes =
      Tensor::from<std::int64_t>({4}, std::vector<std::int64_t>{1, 4, -8, 8});
  constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
  struct Hostile {
    OpKind op;
    std::map<std::string, Attribute> attributes;
    std::vector<const Tensor*> inputs;
    std::string message;
  };
  const Hostile cases[] = {
      {OpKind::kConv, {{"strides", Ints{0, 1}}}, {&x, &w}, "strides"},
      {OpKind::kConv, {{"strides", Ints{kHuge, 1}}}, {&x, &w}, "strides"},
      {OpKind::kConv, {{"strides", Ints{1}}}, {&x, &w}, "strides has 1 values"},
      {OpKind::kConv, {{"dilations", Ints{-1, 1}}}, {&x, &w}, "dilations"},
      {OpKind::kConv, {{"dilations", Ints{65536, 1}}}, {&x, &w}, "does not fit"},
      {OpKind::kConv, {{"pads", Ints{-1, 0, 0, 0}}}, {&x, &w}, "pads"},
      {OpKind::kConv, {{"pads", Ints{kHuge, 0, 0, 0}}}, {&x, &w}, "pads"},
      {OpKind::kConv, {{"pads", Ints{0, 0}}}, {&x, &w}, "pads has 2 values"},
      {OpKind::kConv, {{"kernel_shape", Ints{5, 5}}}, {&x, &w}, "kernel_shape"},
      {OpKind::kConv, {{"group", std::int64_t{0}}}, {&x, &w}, "group"},
      {OpKind::kConv, {{"group", std::int64_t{3}}}, {&x, &w}, "do not fit"},
      {OpKind::kConv, {{"group", kHuge}}, {&x, &w}, "group"},
      {OpKind::kConv, {{"auto_pad", std::string("ROUND")}}, {&x, &w}, "auto_pad"},
      {OpKind::kConv, {}, {&x, &empty}, "empty"},
      {OpKind::kConv, {}, {&x, &vector}, "do not fit"},
      {OpKind::kConv, {}, {&x, &w, &long_bias}, "bias"},
      {OpKind::kConv, {}, {&bytes, &w}, "uint8"},
      {OpKind::kConv, {}, {&x, &w, &vector, &x}, "4 inputs"},
      {OpKind::kConv, {}, {&x}, "inputs"},
      {OpKind::kConvTranspose, {{"output_shape", Ints{-4, 4}}}, {&x, &w}, "output_shape"},
      {OpKind::kConvTranspose, {{"output_shape", Ints{kHuge, 4}}}, {&x, &w}, "too large"},
      {OpKind::kConvTranspose, {{"pads", Ints{6, 6, 6, 6}}}, {&x, &w}, "nothing"},
      {OpKind::kMaxPool, {}, {&x}, "kernel_shape is missing"},
      {OpKind::kMaxPool, {{"kernel_shape", Ints{0, 2}}}, {&x}, "kernel_shape"},
      {OpKind::kMaxPool, {{"kernel_shape", Ints{kHuge, 2}}}, {&x}, "kernel_shape"},
      {OpKind::kMaxPool, {{"kernel_shape", Ints{9, 9}}}, {&x}, "does not fit"},
      {OpKind::kMatMul, {}, {&x, &w}, "do not fit"},
      {OpKind::kEinsum, {{"equation", std::string("ij->k")}}, {&x}, "does not fit"},
      {OpKind::kEinsum, {{"equation", std::string("abcd->e")}}, {&x}, "output"},
      {OpKind::kEinsum, {{"equation", std::string("ab$d->a")}}, {&x}, "cannot read"},
      {OpKind::kEinsum, {}, {&x, &w}, "for 1 inputs"},
      {OpKind::kResize, {}, {&x, nullptr, &huge_scales}, "input 2 has the value"},
      {OpKind::kResize, {}, {&x, nullptr, &zero_scales}, "input 2 has the value"},
      {OpKind::kResize, {}, {&x, nullptr, &nan_scales}, "input 2 has the value"},
      {OpKind::kResize, {}, {&x, nullptr, nullptr, &negative_sizes}, "cannot resize"},
      {OpKind::kResize, {}, {&x}, "scales and sizes"},
      {OpKind::kResize, {{"mode", std::string("magic")}}, {&x, nullptr, &huge_scales}, "mode"},
      {OpKind::kBatchNormalization, {}, {&x, &vector, &vector, &vector, &long_bias}, "4 channels"},
      {OpKind::kSoftmax, {{"axis", std::int64_t{4}}}, {&x}, "axis"},
  };
  for (const Hostile& hostile : cases) {
    Node node = node_of(hostile.op, hostile.attributes);
    for (const Tensor* input : hostile.inputs)
      node.inputs.push_back(input == nullptr ? kNoValue : 0);
    const auto result = evaluate_node(node, hostile.inputs);
    ASSERT_FALSE(result) << to_string(hostile.op) << " should say '" << hostile.message << "'";
    EXPECT_THAT(result.error().text(), HasSubstr(hostile.message));
  }
}

}  // namespace
}  // namespace quant
