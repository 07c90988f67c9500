// SPDX-License-Identifier: MIT
// The integer graph in all mixtures of 8 and 16 bits: each layer of the emulator against its float
// operator, and what a plan refuses. That kernels are exact to the bit is for their own tests.
#include "quant/engine/integer_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "quant/arithmetic/softmax.h"
#include "quant/engine/integer_network.h"
#include "quant/graph_builder.h"

namespace quant {
namespace {

using testing::attributes;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::IntegerNetwork;
using testing::padded;

constexpr DataType kTypes[] = {DataType::kUint8, DataType::kUint16};

// A feature map (1, 6, 9, 11) of that type.
ValueId feature_map(IntegerNetwork& network, DataType type, DataType weights = DataType::kInt8) {
  return network.convolution(OpKind::kConv, network.frame(), {6, 3, 3, 3}, weights, type,
                             padded(1));
}

void check_everywhere(IntegerNetwork& network, double steps = 0.52) {
  for (const Isa isa : available_isas()) {
    for (const int threads : {1, 3}) network.check(isa, threads, steps);
  }
}

// visit(network, a feature map, the output's type)
template <typename Visit>
void for_type_pairs(const Visit& visit) {
  for (const DataType in : kTypes) {
    for (const DataType out : kTypes) {
      SCOPED_TRACE(std::string(to_string(in)) + " to " + to_string(out));
      IntegerNetwork network({1, 3, 9, 11});
      visit(network, feature_map(network, in), out);
      check_everywhere(network);
    }
  }
}

TEST(IntegerPlan, WeightedLayersInAllTypes) {
  for (const DataType weights : {DataType::kInt8, DataType::kInt16}) {
    for_type_pairs([&](IntegerNetwork& network, ValueId x, DataType type) {
      auto strided = padded(1);
      strided.set("strides", std::vector<std::int64_t>{2, 2});
      auto grouped = padded(0);
      grouped.set("group", std::int64_t{2});
      auto depthwise = padded(1);
      depthwise.set("group", std::int64_t{6});
      network.convolution(OpKind::kConv, x, {5, 6, 3, 3}, weights, type, strided);
      network.convolution(OpKind::kConv, x, {8, 3, 1, 1}, weights, type, grouped);
      network.convolution(OpKind::kConv, x, {6, 1, 3, 3}, weights, type, depthwise);
      network.convolution(OpKind::kConvTranspose, x, {6, 4, 2, 2}, weights, type,
                          attributes({{"strides", std::vector<std::int64_t>{2, 2}}}));
      const ValueId rows = network.move(OpKind::kReshape, {x, network.integers({18, 33})}, 1)[0];
      const ValueId w = network.weights({7, 33}, weights, 0);
      const bool wide =
          weights == DataType::kInt16 || network.graph().value(x).type == DataType::kUint16;
      const ValueId b = network.bias(rows, w, 7, wide ? DataType::kInt64 : DataType::kInt32);
      network.add(OpKind::kGemm, {rows, w, b}, type, attributes({{"transB", std::int64_t{1}}}));
    });
  }
}

TEST(IntegerPlan, OutputParametersPerChannel) {
  for (const DataType type : kTypes) {
    IntegerNetwork map({1, 3, 9, 11});
    map.convolution(OpKind::kConv, feature_map(map, type), {9, 6, 1, 1}, DataType::kInt8, type, {},
                    true);
    check_everywhere(map);

    IntegerNetwork matrix({1, 3, 9, 11});
    const ValueId rows =
        matrix.move(OpKind::kReshape, {feature_map(matrix, type), matrix.integers({18, 33})}, 1)[0];
    const ValueId w = matrix.weights({7, 33}, DataType::kInt8, 0);
    const ValueId b = matrix.bias(rows, w, 7, DataType::kInt32);
    matrix.add(OpKind::kGemm, OpKind::kGemm, {rows, w, b}, type,
               attributes({{"transB", std::int64_t{1}}}), {{}, true, 1});
    check_everywhere(matrix);
  }
}

TEST(IntegerPlan, FunctionsOfOneElement) {
  for_type_pairs([](IntegerNetwork& network, ValueId x, DataType type) {
    network.add(OpKind::kRequantize, OpKind::kIdentity, {x}, type, {}, {});
    // A table for the parameters that the output will have: those of a sigmoid in [0, 1].
    const QuantParams in = network.params(x);
    const bool wide = type == DataType::kUint16;
    const std::int64_t levels = in.type == DataType::kUint16 ? 65536 : 256;
    const double highest = wide ? 65535 : 255;
    Tensor table(type, {levels});
    for (std::int64_t q = 0; q < levels; ++q) {
      const double real = (static_cast<double>(q) - double{in.zero_point[0]}) * in.scale[0];
      const double level = std::nearbyint(highest / (1 + std::exp(-real)));
      if (wide) {
        table.data<std::uint16_t>()[static_cast<std::size_t>(q)] =
            static_cast<std::uint16_t>(level);
      } else {
        table.data<std::uint8_t>()[static_cast<std::size_t>(q)] = static_cast<std::uint8_t>(level);
      }
    }
    const ValueId y = network.add(OpKind::kLookup, OpKind::kSigmoid, {x}, type, {},
                                  {{network.table(table)}, false, 1});
    network.graph().value(y).quant->scale = {static_cast<float>(1 / highest)};
    network.graph().value(y).quant->zero_point = {0};
    // Slopes as ONNX broadcasts them: (C, 1, 1).
    network.add(OpKind::kPRelu, {x, network.floats({6, 1, 1}, -0.5F, 0.5F)}, type);
  });
}

// A table of 16-bit words that is a leaky ReLU, and one that is none: what runs says so.
TEST(IntegerPlan, TablesThatArithmeticMakes) {
  for (const bool odd : {false, true}) {
    IntegerNetwork network({1, 3, 9, 11});
    const ValueId x = feature_map(network, DataType::kUint16);
    const QuantParams in = network.params(x);
    Tensor table(DataType::kUint16, {65536});
    for (std::size_t q = 0; q < 65536; ++q) {
      const float real = (static_cast<float>(q) - in.zero_point[0]) * in.scale[0];
      const float level = std::nearbyint((real < 0 ? 0.1F * real : real) / in.scale[0]) + 900;
      table.data<std::uint16_t>()[q] = static_cast<std::uint16_t>(std::clamp(level, 0.F, 65535.F));
    }
    if (odd) ++table.data<std::uint16_t>()[30000];
    const ValueId y = network.add(OpKind::kLookup, OpKind::kIdentity, {x}, DataType::kUint16, {},
                                  {{network.table(table)}, false, 1});
    network.graph().value(y).quant->scale = in.scale;
    network.graph().value(y).quant->zero_point = {900};
    network.convolution(OpKind::kConv, y, {5, 6, 1, 1}, DataType::kInt8, DataType::kUint16);
    const std::vector<Tensor> wanted = network.run(Isa::kRef, 1, {});
    for (const Isa isa : available_isas()) {
      const bool lines = !odd && isa != Isa::kRef;
      const std::string kernel = lines ? std::string("lines ") + to_string(isa) : "lookup ref";
      EXPECT_THAT(network.steps(isa), Contains("layer1 Lookup: " + kernel));
      const std::vector<Tensor> results = network.run(isa, 1, {});
      EXPECT_TRUE(
          std::ranges::equal(results[0].data<std::uint16_t>(), wanted[0].data<std::uint16_t>()))
          << to_string(isa);
    }
  }
}

TEST(IntegerPlan, ArithmeticOfTwoTensors) {
  for (const DataType a : kTypes) {
    for (const DataType b : kTypes) {
      for (const DataType out : kTypes) {
        IntegerNetwork network({1, 3, 9, 11});
        const ValueId left = feature_map(network, a);
        const ValueId right = feature_map(network, b, DataType::kInt16);
        network.add(OpKind::kAdd, {left, right}, out);
        network.add(OpKind::kSub, {left, right}, out);
        network.add(OpKind::kMul, {left, right}, out);
        network.add(OpKind::kMul, {left, network.activation({6, 1, 1}, b)}, out);
        network.add(OpKind::kAdd, {network.activation({1, 6, 9, 11}, b), left}, out);
        const ValueId third =
            network.move(OpKind::kTranspose, {right}, 1,
                         attributes({{"perm", std::vector<std::int64_t>{0, 1, 3, 2}}}))[0];
        network.add(OpKind::kMatMul, {left, third}, out);
        network.add(OpKind::kConcat, {left, right}, out, attributes({{"axis", std::int64_t{1}}}));
        check_everywhere(network);
      }
    }
  }
}

TEST(IntegerPlan, NeighbourhoodsAndAxes) {
  for_type_pairs([](IntegerNetwork& network, ValueId x, DataType type) {
    auto window = padded(1);
    window.set("kernel_shape", std::vector<std::int64_t>{3, 3});
    network.add(OpKind::kAveragePool, {x}, type, window);
    network.add(OpKind::kGlobalAveragePool, {x}, type);
    network.add(OpKind::kGlobalMaxPool, {x}, type);
    network.add(OpKind::kReduceMean, {x, network.integers({1})}, type);
    network.add(OpKind::kReduceSum, {x, network.integers({2, 3})}, type);
    network.add(OpKind::kReduceMax, {x, network.integers({3})}, type);
    network.add(OpKind::kReduceMin, {x, network.integers({1, 2})}, type);
    for (const char* mode : {"nearest", "linear", "cubic"}) {
      const ValueId scales =
          network.table(Tensor::from<float>({4}, std::vector<float>{1, 1, 2, 3}));
      network.add(OpKind::kResize, {x, kNoValue, scales}, type, attributes({{"mode", mode}}));
    }
    network.add(OpKind::kInstanceNormalization,
                {x, network.floats({6}, 0.5F, 2), network.floats({6}, -1, 1)}, type);
    network.add(OpKind::kLayerNormalization,
                {x, network.floats({11}, 0.5F, 2), network.floats({11}, -1, 1)}, type);
    const QuantParams& in = network.params(x);
    const SoftmaxTable table = make_softmax_table(in.scale[0], in.type);
    const ValueId exponentials = network.table(
        Tensor::from<std::uint32_t>({static_cast<std::int64_t>(table.size())}, table));
    network.add(OpKind::kSoftmax, OpKind::kSoftmax, {x}, type,
                attributes({{"axis", std::int64_t{1}}}), {{exponentials}, false, 1});
  });
}

TEST(IntegerPlan, MovementKeepsTheType) {
  for (const DataType type : kTypes) {
    IntegerNetwork network({1, 3, 9, 11});
    const ValueId x = feature_map(network, type);
    auto window = padded(1);
    window.set("kernel_shape", std::vector<std::int64_t>{3, 3});
    network.move(OpKind::kMaxPool, {x}, 1, window);
    network.move(OpKind::kReshape, {x, network.integers({1, 9, 6, 11})}, 1);
    network.move(OpKind::kTranspose, {x}, 1,
                 attributes({{"perm", std::vector<std::int64_t>{0, 2, 3, 1}}}));
    network.move(OpKind::kSlice,
                 {x, network.integers({1, 8}), network.integers({5, 0}), network.integers({1, 3}),
                  network.integers({2, -1})},
                 1);
    network.move(OpKind::kSplit, {x}, 2,
                 attributes({{"axis", std::int64_t{1}}, {"num_outputs", std::int64_t{2}}}));
    // Steps that are even (up, down, none) and one that is not.
    for (const std::vector<std::int64_t>& indices :
         {std::vector<std::int64_t>{4, 0, 0}, {1, 3, 5}, {-1, 3, 1}, {2, 2}, {5}}) {
      for (const std::int64_t axis : {1, 2, 3})
        network.move(OpKind::kGather, {x, network.integers(indices)}, 1,
                     attributes({{"axis", axis}}));
    }
    const ValueId one = network.table(Tensor::scalar<std::int64_t>(2));
    for (const std::int64_t axis : {0, 1, 2, 3})
      network.move(OpKind::kGather,
                   {x, axis == 0 ? network.table(Tensor::scalar<std::int64_t>(0)) : one}, 1,
                   attributes({{"axis", axis}}));
    network.move(OpKind::kPad, {x, network.integers({0, 1, 2, 0, 0, 0, 1, 3})}, 1);
    network.move(OpKind::kPad, {x, network.integers({0, 0, 2, 1, 0, 0, 1, 3})}, 1,
                 attributes({{"mode", "reflect"}}));
    const ValueId even = network.convolution(OpKind::kConv, x, {8, 6, 2, 2}, DataType::kInt8, type);
    const ValueId wide = network.move(OpKind::kDepthToSpace, {even}, 1,
                                      attributes({{"blocksize", std::int64_t{2}}}))[0];
    network.move(OpKind::kSpaceToDepth, {wide}, 1, attributes({{"blocksize", std::int64_t{2}}}));
    check_everywhere(network);
  }
}

// Slices and look-ups are copied where they are read, and what reads them may be one of them, a
// concatenation, a layer that wants them in place, or several of these.
TEST(IntegerPlan, DeferredCopiesInAllTypes) {
  const auto channels = attributes({{"axis", std::int64_t{1}}});
  const auto halves = attributes({{"axis", std::int64_t{1}}, {"num_outputs", std::int64_t{2}}});
  for_type_pairs([&](IntegerNetwork& network, ValueId x, DataType type) {
    const auto half = network.move(OpKind::kSplit, {x}, 2, halves);
    const auto requantized = [&](ValueId from) {
      return network.add(OpKind::kRequantize, OpKind::kIdentity, {from}, type, {}, {});
    };
    const auto gathered = [&](ValueId from, std::int64_t axis) {
      return network.move(OpKind::kGather, {from, network.integers({0, 2})}, 1,
                          attributes({{"axis", axis}}))[0];
    };
    // A slice of a look-up of a slice, and back.
    const ValueId left = gathered(requantized(half[0]), 1);
    const ValueId right = requantized(gathered(half[1], 1));
    const ValueId joined = network.add(OpKind::kConcat, {left, right, left}, type, channels);
    network.convolution(OpKind::kConv, joined, {4, 6, 1, 1}, DataType::kInt8, type);
    // Read by a layer that wants it in place before and after one that does not.
    const ValueId twice = requantized(half[1]);
    network.add(OpKind::kConcat, {twice, twice}, type, channels);
    network.convolution(OpKind::kConv, twice, {4, 3, 3, 3}, DataType::kInt8, type, padded(1));
    network.add(OpKind::kConcat, {twice, right}, type, channels);
    // Out of a table, in another order.
    const ValueId rows = requantized(gathered(gathered(x, 2), 3));
    network.move(OpKind::kReshape, {rows, network.integers({3, 8})}, 1);
    const ValueId one = network.table(Tensor::scalar<std::int64_t>(1));
    const ValueId column = network.move(OpKind::kGather, {requantized(x), one}, 1,
                                        attributes({{"axis", std::int64_t{3}}}))[0];
    network.move(OpKind::kPad, {column, network.integers({0, 1, 0, 0, 0, 2})}, 1);
  });
}

TEST(IntegerPlan, ConcatenationReadsSlicesAndLookUpsWhereTheyAre) {
  IntegerNetwork network({1, 3, 9, 11});
  const ValueId x = feature_map(network, DataType::kUint8);
  const auto half =
      network.move(OpKind::kSplit, {x}, 2,
                   attributes({{"axis", std::int64_t{1}}, {"num_outputs", std::int64_t{2}}}));
  const ValueId right =
      network.add(OpKind::kRequantize, OpKind::kIdentity, {half[1]}, DataType::kUint8, {}, {});
  network.graph().value(right).quant->scale[0] *= 1.5F;
  const ValueId y = network.add(OpKind::kConcat, {half[0], right}, DataType::kUint8,
                                attributes({{"axis", std::int64_t{1}}}));
  EXPECT_THAT(network.steps(),
              ElementsAre("layer0 Conv: conv2d ref", "layer3 Concat: copy", "layer3 Concat: copy",
                          network.graph().value(y).name + ": output"));
}

// A change of precision between two layers of equal parameters costs nothing.
TEST(IntegerPlan, EqualParametersAreNotRequantized) {
  IntegerNetwork network({1, 3, 9, 11});
  const ValueId x = feature_map(network, DataType::kUint16);
  const ValueId y =
      network.add(OpKind::kRequantize, OpKind::kIdentity, {x}, DataType::kUint16, {}, {});
  network.graph().value(y).quant = network.params(x);
  check_everywhere(network);
}

// What a step writes and what it or a later one still reads.
TEST(IntegerPlan, StepsSayWhatIsAlive) {
  IntegerNetwork network({1, 3, 9, 11});
  const ValueId x = feature_map(network, DataType::kUint8);
  const ValueId y =
      network.convolution(OpKind::kConv, x, {5, 6, 1, 1}, DataType::kInt8, DataType::kUint16, {});
  const ValueId z = network.convolution(OpKind::kConv, y, {6, 5, 1, 1}, DataType::kInt8,
                                        DataType::kUint8, padded(0));
  network.add(OpKind::kAdd, {x, z}, DataType::kUint8);
  constexpr std::size_t kMap = 9 * 11 * 6;
  constexpr std::size_t kWide = 9 * 11 * 5 * 2;
  EXPECT_THAT(network.live_bytes(),
              ElementsAre(kMap, kMap + kWide, 2 * kMap + kWide, 3 * kMap, kMap));
}

// ---- what a plan refuses

// A network of a feature map and one layer behind it, broken by `damage`.
template <typename Build, typename Damage>
std::string error_of(const Build& build, const Damage& damage) {
  IntegerNetwork network({1, 3, 9, 11});
  const ValueId x = feature_map(network, DataType::kUint16);
  const ValueId y = build(network, x);
  damage(network.graph(), x, y);
  return network.plan_error();
}

TEST(IntegerPlan, RefusesParametersThatDoNotFit) {
  const auto pool = [](IntegerNetwork& network, ValueId x) {
    return network.add(OpKind::kGlobalAveragePool, {x}, DataType::kUint16);
  };
  EXPECT_EQ(error_of(pool, [](Graph&, ValueId, ValueId) {}), "");
  EXPECT_THAT(
      error_of(pool, [](Graph& g, ValueId, ValueId y) { g.value(y).quant->zero_point = {70000}; }),
      HasSubstr("zero point 70000 lies outside uint16"));
  EXPECT_THAT(error_of(pool, [](Graph& g, ValueId,
                                ValueId y) { g.value(y).quant->type = DataType::kUint8; }),
              HasSubstr("no uint8 or uint16 tensor"));
  EXPECT_THAT(error_of(pool,
                       [](Graph& g, ValueId, ValueId y) {
                         g.value(y).quant->scale = std::vector<float>(6, 0.1F);
                         g.value(y).quant->zero_point = std::vector<float>(6, 0);
                         g.value(y).quant->axis = 1;
                       }),
              HasSubstr("one scale and an integer zero point"));
}

TEST(IntegerPlan, RefusesScalesPerChannelInside) {
  const auto two_layers = [](IntegerNetwork& network, ValueId x) {
    const ValueId y = network.convolution(OpKind::kConv, x, {6, 6, 1, 1}, DataType::kInt8,
                                          DataType::kUint16, {}, true);
    network.add(OpKind::kGlobalAveragePool, {y}, DataType::kUint16);
    return y;
  };
  EXPECT_THAT(error_of(two_layers, [](Graph&, ValueId, ValueId) {}),
              HasSubstr("no uint8 or uint16 tensor with one scale"));
  const auto one_layer = [](IntegerNetwork& network, ValueId x) {
    return network.convolution(OpKind::kConv, x, {6, 6, 1, 1}, DataType::kInt8, DataType::kUint16,
                               {}, true);
  };
  EXPECT_EQ(error_of(one_layer, [](Graph&, ValueId, ValueId) {}), "");
  EXPECT_THAT(error_of(one_layer, [](Graph& g, ValueId, ValueId y) { g.value(y).quant->axis = 2; }),
              HasSubstr("scales and zero points along axis 1"));
  EXPECT_THAT(error_of(one_layer, [](Graph& g, ValueId,
                                     ValueId y) { g.value(y).quant->zero_point[3] = 0.5F; }),
              HasSubstr("zero point 0.5 is no integer of uint16"));
}

// A feature map with parameters by channel, moved about: (1, 6, 9, 11) → (1, 9, 11, 6) →
// (1, 198, 3) twice → (1, 396, 3). `spoil` changes the values of the network first.
std::string error_of_moved_channels(const std::function<void(Graph&, std::vector<ValueId>)>& spoil,
                                    DataType type = DataType::kUint8, bool check = false) {
  IntegerNetwork network({1, 3, 9, 11});
  const ValueId x = feature_map(network, DataType::kUint8);
  std::vector<ValueId> parts;
  for (int i = 0; i < 2; ++i) {
    const ValueId map =
        network.convolution(OpKind::kConv, x, {6, 6, 1, 1}, DataType::kInt8, type, {}, true);
    QuantParams params = network.params(map);
    for (std::size_t c = 0; c < 6; ++c) {  // the parameters of the output, channel by channel
      params.scale[c] = 0.1F * static_cast<float>(1 + c % 3) / (type == DataType::kUint8 ? 1 : 256);
      params.zero_point[c] = static_cast<float>(100 + c % 3) * (type == DataType::kUint8 ? 1 : 256);
    }
    network.graph().value(map).quant = params;
    const ValueId last =
        network.move(OpKind::kTranspose, {map}, 1,
                     attributes({{"perm", std::vector<std::int64_t>{0, 2, 3, 1}}}))[0];
    network.graph().value(last).quant->axis = 3;
    parts.push_back(network.move(OpKind::kReshape, {last, network.integers({1, 198, 3})}, 1)[0]);
    params.scale.resize(3);
    params.zero_point.resize(3);
    params.axis = 2;
    network.graph().value(parts.back()).quant = params;
  }
  const ValueId joined =
      network.move(OpKind::kConcat, parts, 1, attributes({{"axis", std::int64_t{1}}}))[0];
  parts.push_back(joined);
  spoil(network.graph(), parts);
  if (check) check_everywhere(network, type == DataType::kUint8 ? 0.52 : 0.6);
  return network.plan_error();
}

TEST(IntegerPlan, ChannelsKeepTheirParametersWhereTheyAreMoved) {
  const auto as_it_is = [](Graph&, const std::vector<ValueId>&) {};
  for (const DataType type : kTypes) EXPECT_EQ(error_of_moved_channels(as_it_is, type, true), "");
}

TEST(IntegerPlan, RefusesMovedChannelsWithOtherParameters) {
  const auto error = [](std::size_t value, const std::function<void(QuantParams&)>& change) {
    return error_of_moved_channels([&](Graph& graph, const std::vector<ValueId>& ids) {
      change(*graph.value(ids[value]).quant);
    });
  };
  const auto other = HasSubstr("other quantization parameters than its input");
  for (const std::size_t value : {0, 2}) {  // behind a reshape, behind a concatenation
    EXPECT_THAT(error(value, [](QuantParams& p) { p.scale[1] *= 2; }), other);
    EXPECT_THAT(error(value, [](QuantParams& p) { p.zero_point[2] += 1; }), other);
    EXPECT_THAT(error(value, [](QuantParams& p) { p.axis = 1; }), other);
    EXPECT_THAT(error(value, [](QuantParams& p) { p.axis = -1; }), other);
    EXPECT_THAT(error(value, [](QuantParams& p) { p.scale.resize(2); }), other);
    EXPECT_THAT(error(value,
                      [](QuantParams& p) {
                        p.scale.resize(1);
                        p.zero_point.resize(1);
                      }),
                other);
  }
}

// As a frame its normalization would lie in the weights' scales; here it would be lost.
TEST(IntegerPlan, RefusesWeightsBehindScalesPerChannel) {
  IntegerNetwork network({1, 3, 9, 11});
  const ValueId x = feature_map(network, DataType::kUint16);
  const ValueId y = network.convolution(OpKind::kConv, x, {6, 6, 1, 1}, DataType::kInt8,
                                        DataType::kUint16, {}, true);
  network.convolution(OpKind::kConv, y, {2, 6, 1, 1}, DataType::kInt8, DataType::kUint16);
  network.graph().outputs = {y, static_cast<ValueId>(network.graph().values.size() - 1)};
  EXPECT_THAT(network.plan_error(), HasSubstr("which only the frame may have"));
}

TEST(IntegerPlan, RefusesConstantsOfOtherTypes) {
  const auto convolution = [](DataType input, DataType weights, DataType bias) {
    IntegerNetwork network({1, 3, 9, 11});
    const ValueId x = feature_map(network, input);
    const ValueId w = network.weights({5, 6, 1, 1}, weights, 0);
    const ValueId b = network.bias(x, w, 5, bias);
    network.add(OpKind::kConv, {x, w, b}, DataType::kUint16);
    return network.plan_error();
  };
  using enum DataType;
  EXPECT_EQ(convolution(kUint16, kInt8, kInt64), "");
  EXPECT_EQ(convolution(kUint8, kInt16, kInt64), "");
  EXPECT_EQ(convolution(kUint8, kInt16, kInt32), "");
  EXPECT_THAT(convolution(kUint8, kInt8, kInt64), HasSubstr("its bias is no int32 constant of 5"));

  IntegerNetwork network({1, 3, 9, 11});
  const ValueId x = feature_map(network, kUint16);
  const ValueId w = network.weights({5, 6, 1, 1}, kInt16, 0);
  const ValueId b = network.bias(x, w, 5, kInt64);
  network.add(OpKind::kConv, {x, w, b}, kUint16);
  network.graph().value(b).constant->data<std::int64_t>()[2] = (std::int64_t{1} << 53) + 1;
  EXPECT_THAT(network.plan_error(), HasSubstr("its bias 9007199254740993 lies outside ±2^53"));
}

TEST(IntegerPlan, RefusesTablesOfAnotherSize) {
  IntegerNetwork lookup({1, 3, 9, 11});
  const ValueId x = feature_map(lookup, DataType::kUint16);
  lookup.add(OpKind::kLookup, OpKind::kIdentity, {x}, DataType::kUint8, {},
             {{lookup.table(Tensor(DataType::kUint8, {256}))}, false, 1});
  EXPECT_THAT(lookup.plan_error(), HasSubstr("its table is no uint8 constant of 65536"));

  IntegerNetwork type({1, 3, 9, 11});
  type.add(OpKind::kLookup, OpKind::kIdentity, {type.frame()}, DataType::kUint16, {},
           {{type.table(Tensor(DataType::kUint8, {256}))}, false, 1});
  EXPECT_THAT(type.plan_error(), HasSubstr("its table is no uint16 constant of 256"));

  IntegerNetwork softmax({1, 3, 9, 11});
  const ValueId y = feature_map(softmax, DataType::kUint16);
  softmax.add(OpKind::kSoftmax, OpKind::kSoftmax, {y}, DataType::kUint8, {},
              {{softmax.table(Tensor(DataType::kUint32, {256}))}, false, 1});
  EXPECT_THAT(softmax.plan_error(), HasSubstr("its table is no uint32 constant of 65536"));
}

TEST(IntegerPlan, RefusesMovementThatChangesTheType) {
  auto window = padded(1);
  window.set("kernel_shape", std::vector<std::int64_t>{3, 3});
  const auto pool = [&](IntegerNetwork& network, ValueId x) {
    return network.add(OpKind::kMaxPool, {x}, DataType::kUint8, window);
  };
  EXPECT_THAT(error_of(pool, [](Graph&, ValueId, ValueId) {}),
              HasSubstr("its output has another type than its input"));
  const auto transpose = [&](IntegerNetwork& network, ValueId x) {
    const ValueId y = network.add(OpKind::kTranspose, {x}, DataType::kUint8);
    network.graph().value(y).quant->scale = network.params(x).scale;
    network.graph().value(y).quant->zero_point = {0};
    network.graph().value(x).quant->zero_point = {0};
    return y;
  };
  EXPECT_THAT(error_of(transpose, [](Graph&, ValueId, ValueId) {}),
              HasSubstr("another type or other quantization parameters"));
}

}  // namespace
}  // namespace quant
