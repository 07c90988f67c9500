// SPDX-License-Identifier: MIT
// Concatenations: which pieces are made in place, and that all tensors are right whichever are.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "quant/engine/integer_network.h"
#include "quant/graph_builder.h"

namespace quant {
namespace {

using testing::attributes;
using ::testing::ElementsAre;
using testing::IntegerNetwork;
using testing::padded;

Attributes along(std::int64_t axis) { return attributes({{"axis", axis}}); }

// Layers whose outputs all have the parameters of the frame, so that they are joined as they are.
class Maps {
 public:
  explicit Maps(IntegerNetwork& network, DataType type = DataType::kUint8)
      : network_(network), type_(type) {}

  ValueId convolution(ValueId x, std::int64_t outputs, std::int64_t kernel = 1) {
    const std::int64_t inputs = shape(x)[1];
    return with_params(network_.convolution(OpKind::kConv, x, {outputs, inputs, kernel, kernel},
                                            DataType::kInt8, type_, padded(kernel / 2)));
  }
  ValueId depthwise(ValueId x) {
    Attributes all = padded(1);
    all.set("group", shape(x)[1]);
    return with_params(network_.convolution(OpKind::kConv, x, {shape(x)[1], 1, 3, 3},
                                            DataType::kInt8, type_, all));
  }
  ValueId pool(ValueId x) {
    return with_params(network_.add(OpKind::kMaxPool, {x}, type_,
                                    attributes({{"kernel_shape", std::vector<std::int64_t>{3, 3}},
                                                {"pads", std::vector<std::int64_t>{1, 1, 1, 1}}})));
  }
  ValueId sum(ValueId x, ValueId y) {
    return with_params(network_.add(OpKind::kAdd, {x, y}, type_));
  }
  ValueId concat(const std::vector<ValueId>& parts, std::int64_t axis) {
    pieces_ += static_cast<std::int64_t>(parts.size());
    return with_params(network_.add(OpKind::kConcat, parts, type_, along(axis)));
  }
  // With other parameters.
  ValueId rescaled(ValueId id) {
    network_.graph().value(id).quant->scale[0] *= 1.25F;
    return id;
  }
  std::int64_t pieces() const { return pieces_; }  // of all concatenations
  const Shape& shape(ValueId id) { return network_.graph().value(id).shape; }

 private:
  ValueId with_params(ValueId id) {
    QuantParams& params = *network_.graph().value(id).quant;
    const float levels = type_ == DataType::kUint16 ? 65536 : 256;
    params.scale = {4 / levels};
    params.zero_point = {levels / 2};
    return id;
  }

  IntegerNetwork& network_;
  DataType type_;
  std::int64_t pieces_ = 0;
};

std::int64_t copies(const std::vector<std::string>& steps) {
  return std::ranges::count_if(steps,
                               [](const std::string& step) { return step.ends_with("copy"); });
}

std::vector<std::uint8_t> bytes_of(const Tensor& tensor) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(tensor.raw());
  return {data, data + tensor.bytes()};
}

std::vector<std::string> kernels(IntegerNetwork& network) {
  std::vector<std::string> steps = network.steps();
  for (std::string& step : steps) step = step.substr(step.find(": ") + 2);
  return steps;
}

TEST(IntegerPlanConcat, ConvolutionsLeaveRoomForEachOther) {
  IntegerNetwork network({1, 3, 9, 11});
  Maps maps(network);
  const ValueId left = maps.convolution(network.frame(), 12, 3);
  const ValueId right = maps.convolution(network.frame(), 19);
  maps.concat({left, right}, 1);
  EXPECT_THAT(kernels(network), ElementsAre("conv2d ref", "conv2d ref", "output"));
}

TEST(IntegerPlanConcat, AnyLayerWritesWhereItsPieceIsDense) {
  IntegerNetwork network({1, 3, 9, 11});
  Maps maps(network);
  const ValueId x = maps.convolution(network.frame(), 5);
  const ValueId top = maps.concat({maps.pool(x), maps.depthwise(x)}, 2);
  maps.concat({top, maps.sum(x, x)}, -2);  // a concatenation in a concatenation
  EXPECT_THAT(kernels(network),
              ElementsAre("conv2d ref", "maxpool", "conv2d ref", "binary ref", "output"));
}

TEST(IntegerPlanConcat, WhatCannotBeInPlaceIsCopied) {
  IntegerNetwork network({1, 3, 9, 11});
  Maps maps(network);
  const ValueId x = maps.convolution(network.frame(), 12);  // is read elsewhere, too
  const ValueId few = maps.convolution(x, 8);               // is faster where pixels are dense
  const ValueId other = maps.rescaled(maps.convolution(x, 12));
  const ValueId twice = maps.convolution(x, 12);
  const ValueId placed = maps.convolution(x, 12);
  maps.concat({x, few, maps.depthwise(x), maps.pool(x), other, twice, placed, twice}, 1);
  EXPECT_EQ(copies(network.steps()), 7);
}

// The output lies as the first piece in place does, and others must lie so, too.
TEST(IntegerPlanConcat, PiecesOfAnotherOrderAreCopied) {
  IntegerNetwork network({1, 3, 9, 11});
  Maps maps(network);
  const ValueId rows = maps.convolution(network.frame(), 12);
  const ValueId matrix =
      network.move(OpKind::kReshape, {rows, network.integers({1, 12, 99})}, 1)[0];
  const ValueId squares = maps.sum(matrix, matrix);
  const ValueId maps_again =
      network.move(OpKind::kReshape, {squares, network.integers({1, 12, 9, 11})}, 1)[0];
  maps.concat({maps_again, maps.convolution(network.frame(), 12)}, 1);
  EXPECT_EQ(copies(network.steps()), 1);
  for (const Isa isa : available_isas()) network.check(isa, 1);
}

TEST(IntegerPlanConcat, AllOfTheOutputIsAliveFromItsFirstPieceOn) {
  IntegerNetwork network({1, 3, 9, 11});
  Maps maps(network);
  const ValueId left = maps.convolution(network.frame(), 12);
  const ValueId right = maps.convolution(network.frame(), 19);
  maps.concat({left, right}, 1);
  constexpr std::size_t kMap = 9 * 11;
  EXPECT_THAT(network.live_bytes(), ElementsAre(31 * kMap, 31 * kMap, 31 * kMap));
}

std::size_t below(std::size_t count, std::mt19937& random) { return random() % count; }

// A layer that keeps the height and width, with that many outputs if it can choose.
ValueId random_layer(Maps& maps, ValueId x, std::int64_t outputs, std::mt19937& random) {
  switch (below(6, random)) {
    case 0:
      return maps.depthwise(x);
    case 1:
      return maps.pool(x);
    case 2:
      return maps.sum(x, x);
    default:
      return maps.convolution(x, outputs, below(2, random) == 0 ? 1 : 3);
  }
}

// Of layers behind `x`, some of which are added to `all` for others to read, and of maps from
// `all`.
ValueId random_concat(Maps& maps, ValueId x, std::vector<ValueId>& all, std::mt19937& random) {
  const std::size_t axis = 1 + below(3, random);
  std::vector<ValueId> parts;
  for (std::size_t count = 2 + below(3, random); parts.size() < count;) {
    const ValueId old = all[below(all.size(), random)];
    Shape shape = maps.shape(old);
    shape[axis] = maps.shape(x)[axis];
    if (shape == maps.shape(x) && below(2, random) == 0) {
      parts.push_back(old);
      continue;
    }
    const std::int64_t outputs =
        axis == 1 ? 1 + static_cast<std::int64_t>(below(40, random)) : maps.shape(x)[1];
    parts.push_back(random_layer(maps, x, outputs, random));
    if (below(6, random) == 0) maps.rescaled(parts.back());
    if (below(3, random) == 0) all.push_back(parts.back());
  }
  return maps.concat(parts, static_cast<std::int64_t>(axis));
}

TEST(IntegerPlanConcat, RandomGraphsAreTheSameEverywhere) {
  std::int64_t in_place = 0;
  for (std::uint32_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const auto size = [&] { return 1 + static_cast<std::int64_t>(random() % 12); };
    IntegerNetwork network({1, 3, size(), size()});
    Maps maps(network, seed % 3 == 2 ? DataType::kUint16 : DataType::kUint8);
    std::vector<ValueId> all = {maps.convolution(network.frame(), 12)};
    for (int i = 0; i < 5; ++i) {
      const ValueId x = all[below(all.size(), random)];
      if (element_count(maps.shape(x)) < 6000) all.push_back(random_concat(maps, x, all, random));
    }
    in_place += maps.pieces() - copies(network.steps());
    const std::vector<ValueId> taps = network.inner_values();
    const std::vector<Tensor> wanted = network.run(Isa::kRef, 1, taps);
    // Against the float operators, which have not the digits for sums of 16 bits.
    if (seed % 3 != 2) network.check(Isa::kRef, 1);
    for (const Isa isa : available_isas()) {
      for (const int threads : {1, 2}) {
        const std::vector<Tensor> results = network.run(isa, threads, taps);
        ASSERT_EQ(results.size(), wanted.size());
        for (std::size_t i = 0; i < wanted.size(); ++i)
          ASSERT_EQ(bytes_of(results[i]), bytes_of(wanted[i]))
              << to_string(isa) << ", tensor " << i;
        // Where nobody taps, memory is used again.
        ASSERT_EQ(bytes_of(network.run(isa, threads, {})[0]), bytes_of(wanted[0]))
            << to_string(isa);
      }
    }
  }
  EXPECT_GT(in_place, 100);
}

}  // namespace
}  // namespace quant
