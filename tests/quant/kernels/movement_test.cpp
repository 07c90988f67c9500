// SPDX-License-Identifier: MIT
// StridedCopy and IndexedCopy against element-by-element loops.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "oracle.h"
#include "quant/kernels/integer/indexed_copy.h"
#include "quant/kernels/integer/strided_copy.h"

namespace quant::integer {
namespace {

using oracle::Levels;
using ::testing::ElementsAre;

std::int64_t product(const std::vector<std::int64_t>& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

// visit(multi-index) for every index of the shape.
template <typename Visit>
void for_indices(const std::vector<std::int64_t>& shape, const Visit& visit) {
  std::vector<std::int64_t> index(shape.size(), 0);
  for (std::int64_t i = 0; i < product(shape); ++i) {
    visit(index);
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      if (++index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
}

void check(const StridedCopySpec& spec, const Levels& in, std::int64_t out_count) {
  Levels want(static_cast<std::size_t>(out_count), oracle::Elements::kFill);
  for_indices(spec.shape, [&](const std::vector<std::int64_t>& index) {
    std::int64_t from = spec.in_offset;
    std::int64_t to = spec.out_offset;
    for (std::size_t axis = 0; axis < index.size(); ++axis) {
      from += index[axis] * spec.in_strides[axis];
      to += index[axis] * spec.out_strides[axis];
    }
    const std::int32_t q = in[static_cast<std::size_t>(from)];
    want[static_cast<std::size_t>(to)] =
        spec.table ? (*spec.table)[static_cast<std::size_t>(q)] : q;
  });
  for (const Isa isa : available_isas()) {
    const StridedCopy kernel(spec, isa);
    for (const int threads : {1, 2, 3}) {
      ThreadPool pool(threads);
      oracle::Elements source(spec.type, in);
      oracle::Elements out(spec.table ? spec.table->output : spec.type, out_count);
      kernel.run(source.data(), out.data(), pool);
      EXPECT_EQ(oracle::difference(out.levels(), want), "") << to_string(isa);
    }
  }
}

LookupTable random_table(oracle::Random& random, DataType input) {
  LookupTable table{input, random.activation(), {}};
  table.entries =
      random.vector<std::uint16_t>(oracle::greatest(input) + 1, 0, oracle::greatest(table.output));
  return table;
}

TEST(StridedCopy, TransposesOfEveryRank) {
  for (std::uint32_t seed = 0; seed < 150; ++seed) {
    SCOPED_TRACE(seed);
    oracle::Random random(seed);
    const auto rank = static_cast<std::size_t>(random.in(1, 6));
    std::vector<std::int64_t> shape;
    for (std::size_t axis = 0; axis < rank; ++axis) {
      shape.push_back(random.in(1, axis + 2 >= rank && random.chance(40) ? 70 : 5));
    }
    std::vector<int> permutation(rank);
    std::iota(permutation.begin(), permutation.end(), 0);
    std::shuffle(permutation.begin(), permutation.end(), random.engine());
    StridedCopySpec spec = transpose_spec(shape, permutation);
    spec.type = random.activation();
    if (random.chance(30)) spec.table = random_table(random, spec.type);
    check(spec, random.activations(product(shape), spec.type), product(shape));
  }
}

TEST(StridedCopy, SlicesExpandsAndReverses) {
  for (std::uint32_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    oracle::Random random(500 + seed);
    const std::vector<std::int64_t> in_shape = {random.in(1, 4), random.in(1, 6), random.in(1, 60)};
    const std::vector<std::int64_t> in_strides = {in_shape[1] * in_shape[2], in_shape[2], 1};
    StridedCopySpec spec;
    spec.type = random.activation();
    for (std::size_t axis = 0; axis < 3; ++axis) {
      const auto kind = random.in(0, 3);
      const std::int64_t size = in_shape[axis];
      if (kind == 0) {  // broadcast its first index
        spec.shape.push_back(random.in(1, 5));
        spec.in_strides.push_back(0);
      } else if (kind == 1) {  // backwards
        spec.shape.push_back(size);
        spec.in_strides.push_back(-in_strides[axis]);
        spec.in_offset += (size - 1) * in_strides[axis];
      } else {  // every step-th
        const std::int64_t step = random.in(1, 3);
        spec.shape.push_back((size + step - 1) / step);
        spec.in_strides.push_back(step * in_strides[axis]);
      }
    }
    spec.out_strides = {spec.shape[1] * spec.shape[2], spec.shape[2], 1};
    check(spec, random.activations(product(in_shape), spec.type), product(spec.shape));
  }
}

TEST(StridedCopy, ConcatenationLeavesTheRestAlone) {
  oracle::Random random(1);
  for (const DataType type : {DataType::kUint8, DataType::kUint16}) {
    for (const std::int64_t width : {1, 5, 15, 16, 17, 33, 63, 64, 65, 130, 200}) {
      StridedCopySpec spec = concat_spec(50, width, width + 19, 7);
      spec.type = type;
      check(spec, random.activations(50 * width, type), 50 * (width + 19));
      spec.table = random_table(random, type);
      check(spec, random.activations(50 * width, type), 50 * (width + 19));
    }
  }
}

TEST(StridedCopy, DepthToSpaceAndLargeMaps) {
  oracle::Random random(2);
  // NHWC depth to space by 2: (h, w, 2, 2, c) → (h, 2, w, 2, c).
  check(transpose_spec({6, 7, 2, 2, 9}, {0, 2, 1, 3, 4}),
        random.vector<std::int32_t>(6 * 7 * 4 * 9, 0, 255), 6 * 7 * 4 * 9);
  // Large enough for several tasks.
  check(transpose_spec({200, 300}, {1, 0}), random.vector<std::int32_t>(60000, 0, 255), 60000);
  check(transpose_spec({3, 100, 400}, {1, 2, 0}), random.vector<std::int32_t>(120000, 0, 255),
        120000);
  // With a table, in several pieces both ways.
  for (const std::int64_t columns : {257, 300, 530}) {
    StridedCopySpec spec = transpose_spec({columns, 40}, {1, 0});
    spec.table = random_table(random, DataType::kUint8);
    check(spec, random.activations(columns * 40), columns * 40);
    spec.table->output = DataType::kUint8;
    for (std::uint16_t& entry : spec.table->entries) entry &= 255;
    check(spec, random.activations(columns * 40), columns * 40);
  }
}

// Widths around every length of vector, both halves, up to the last element of the allocation.
TEST(StridedCopy, EverySecondChannel) {
  oracle::Random random(3);
  for (const DataType type : {DataType::kUint8, DataType::kUint16}) {
    for (std::int64_t width = 1; width <= 70; ++width) {
      SCOPED_TRACE(width);
      StridedCopySpec spec;
      spec.type = type;
      spec.shape = {5, width};
      spec.in_strides = {2 * width, 2};
      spec.out_strides = {width + 3, 1};
      for (spec.in_offset = 0; spec.in_offset < 2; ++spec.in_offset)
        check(spec, random.activations(5 * 2 * width, type), 5 * (width + 3));
      spec.in_offset = 1;
      spec.table = random_table(random, type);
      check(spec, random.activations(5 * 2 * width, type), 5 * (width + 3));
    }
  }
}

// As networks shuffle channels: (pixels, groups, channels) → (pixels, channels, groups).
TEST(StridedCopy, ChannelShuffles) {
  oracle::Random random(4);
  for (const DataType type : {DataType::kUint8, DataType::kUint16}) {
    for (const std::int64_t groups : {2, 3, 4, 8}) {
      for (const std::int64_t channels : {1, 7, 8, 9, 15, 16, 17, 24, 58, 129}) {
        StridedCopySpec spec = transpose_spec({3, groups, channels}, {0, 2, 1});
        spec.type = type;
        check(spec, random.activations(3 * groups * channels, type), 3 * groups * channels);
        spec.table = random_table(random, type);
        check(spec, random.activations(3 * groups * channels, type), 3 * groups * channels);
        if (groups != 2) continue;
        // Many pixels, apart on both sides.
        spec.table.reset();
        spec.shape[0] = 90;
        spec.in_strides[0] += 3;
        spec.out_strides[0] += 5;
        spec.in_offset = 1;
        spec.out_offset = 2;
        const std::int64_t size = groups * channels;
        check(spec, random.activations(90 * (size + 3), type), 90 * (size + 5));
      }
    }
  }
}

// Fewer rows or columns than a tile has, or a few more; dense and with gaps on either side, which
// nothing may touch.
TEST(StridedCopy, NarrowTransposes) {
  oracle::Random random(5);
  for (const std::int64_t rows : {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 70}) {
    for (const std::int64_t columns : {1, 2, 3, 4, 7, 9, 15, 16, 18, 40, 65, 79, 81, 140}) {
      StridedCopySpec spec;
      spec.type = random.activation();
      spec.shape = {rows, columns};
      for (const std::int64_t in_gap : {0, 1, 30}) {
        for (const std::int64_t out_gap : {0, 17}) {
          SCOPED_TRACE(testing::Message()
                       << rows << "×" << columns << " gaps " << in_gap << ", " << out_gap);
          spec.in_strides = {1, rows + in_gap};
          spec.out_strides = {columns + out_gap, 1};
          spec.in_offset = random.in(0, 3);
          spec.out_offset = random.in(0, 3);
          const std::int64_t last_in = spec.in_offset + rows + (columns - 1) * spec.in_strides[1];
          const std::int64_t last_out =
              spec.out_offset + columns + (rows - 1) * spec.out_strides[0];
          spec.table.reset();
          if (random.chance(30)) spec.table = random_table(random, spec.type);
          check(spec, random.activations(last_in, spec.type), last_out);
        }
      }
    }
  }
}

void check(const IndexedCopySpec& spec, const Levels& in) {
  std::vector<std::int64_t> out_shape;
  for (const auto& table : spec.indices)
    out_shape.push_back(static_cast<std::int64_t>(table.size()));
  Levels want;
  for_indices(out_shape, [&](const std::vector<std::int64_t>& index) {
    std::int64_t at = 0;
    bool outside = false;
    for (std::size_t axis = 0; axis < index.size(); ++axis) {
      const std::int64_t source = spec.indices[axis][static_cast<std::size_t>(index[axis])];
      outside = outside || source < 0;
      at = at * spec.in_shape[axis] + source;
    }
    want.push_back(outside ? spec.constant : in[static_cast<std::size_t>(at)]);
  });
  for (const int threads : {1, 3}) {
    ThreadPool pool(threads);
    oracle::Elements source(spec.type, in);
    oracle::Elements out(spec.type, static_cast<std::int64_t>(want.size()));
    IndexedCopy(spec).run(source.data(), out.data(), pool);
    EXPECT_EQ(oracle::difference(out.levels(), want), "");
  }
}

TEST(IndexedCopy, PadsOfEveryMode) {
  for (std::uint32_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    oracle::Random random(seed);
    IndexedCopySpec spec;
    spec.type = random.activation();
    spec.constant = static_cast<std::uint16_t>(random.zero_point(spec.type));
    const auto rank = random.in(1, 5);
    for (std::int64_t axis = 0; axis < rank; ++axis) {
      const std::int64_t size = random.in(1, 9);
      spec.in_shape.push_back(size);
      const std::int64_t before = random.in(random.chance(30) ? -(size - 1) : 0, 4);
      const std::int64_t after = random.in(0, 4);
      spec.indices.push_back(random.chance(40)
                                 ? pad_axis(size, 0, 0, PadMode::kConstant)
                                 : pad_axis(size, before, after, static_cast<PadMode>(seed % 4)));
    }
    check(spec, random.activations(product(spec.in_shape), spec.type));
  }
}

TEST(IndexedCopy, GathersAndScalars) {
  for (const DataType type : {DataType::kUint8, DataType::kUint16}) {
    check(
        {type, {4, 6}, {{3, 0, 0}, {5, 5, 1, 2}}, 0},
        {0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 20, 21, 22, 23, 24, 25, 30, 31, 32, 33, 34, 35});
    check({type, {}, {}, 0}, {42});
  }
}

// Numpy's pad: reflect does not repeat the edge, and runs back and forth past one period.
TEST(PadAxis, Modes) {
  EXPECT_THAT(pad_axis(3, 2, 1, PadMode::kConstant), ElementsAre(-1, -1, 0, 1, 2, -1));
  EXPECT_THAT(pad_axis(3, 2, 1, PadMode::kEdge), ElementsAre(0, 0, 0, 1, 2, 2));
  EXPECT_THAT(pad_axis(3, 5, 2, PadMode::kReflect), ElementsAre(1, 0, 1, 2, 1, 0, 1, 2, 1, 0));
  EXPECT_THAT(pad_axis(3, 2, 2, PadMode::kWrap), ElementsAre(1, 2, 0, 1, 2, 0, 1));
  EXPECT_THAT(pad_axis(3, -1, -1, PadMode::kConstant), ElementsAre(1));
  EXPECT_THAT(pad_axis(1, 1, 1, PadMode::kReflect), ElementsAre(0, 0, 0));
}

}  // namespace
}  // namespace quant::integer
