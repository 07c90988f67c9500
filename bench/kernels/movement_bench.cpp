// SPDX-License-Identifier: MIT
// Kernels that are bound by bytes rather than products: element-wise, look-up, pooling, resize,
// transpose. Bytes per second count output elements.
#include <benchmark/benchmark.h>

#include <vector>

#include "quant/base/aligned_buffer.h"
#include "quant/kernels/integer/elementwise.h"
#include "quant/kernels/integer/find_lookup_rule.h"
#include "quant/kernels/integer/lookup.h"
#include "quant/kernels/integer/normalize.h"
#include "quant/kernels/integer/pool2d.h"
#include "quant/kernels/integer/reduce.h"
#include "quant/kernels/integer/resize2d.h"
#include "quant/kernels/integer/softmax.h"
#include "quant/kernels/integer/strided_copy.h"

namespace quant::integer {
namespace {

constexpr std::int64_t kSize = 80;
constexpr std::int64_t kChannels = 64;
constexpr std::int64_t kElements = kSize * kSize * kChannels;

Isa isa() {
  const auto selected = selected_isa();
  return selected ? *selected : Isa::kRef;
}

struct Data {
  std::vector<std::uint8_t> in, other, out;
  ThreadPool pool{1};
  Data() : in(kElements * 4), other(kElements), out(kElements * 4) {
    for (std::size_t i = 0; i < in.size(); ++i)
      in[i] = static_cast<std::uint8_t>(i * 167 + i / 251);
    for (std::size_t i = 0; i < other.size(); ++i) other[i] = static_cast<std::uint8_t>(i * 59);
  }
};

void finish(benchmark::State& state, std::int64_t elements) {
  state.SetBytesProcessed(state.iterations() * elements);
  state.SetLabel(to_string(isa()));
}

void binary(benchmark::State& state) {
  Data data;
  BinarySpec spec;
  spec.op = static_cast<BinaryOp>(state.range(0));
  spec.out_shape = {kElements};
  spec.a_strides = spec.b_strides = {1};
  spec.a = {0.02F, 128};
  spec.b = {0.03F, 100};
  spec.output_scale = 0.04F;
  spec.output = {120, 0, 255};
  const Binary kernel(spec, isa());
  for (auto _ : state) kernel.run(data.in.data(), data.other.data(), data.out.data(), data.pool);
  finish(state, kElements);
}
BENCHMARK(binary)
    ->Arg(static_cast<int>(BinaryOp::kAdd))
    ->Arg(static_cast<int>(BinaryOp::kMul))
    ->Arg(static_cast<int>(BinaryOp::kDiv));

void look_up(benchmark::State& state) {
  Data data;
  LookupTable table;
  for (std::size_t q = 0; q < 256; ++q) table.entries.push_back(q * 7 % 256);
  for (auto _ : state) {
    lookup(data.in.data(), data.out.data(), kElements, table, isa(), data.pool);
  }
  finish(state, kElements);
}
BENCHMARK(look_up);

// A table of 65536 words that is a requantization: read, and computed by its rule.
void look_up_words(benchmark::State& state) {
  Data data;
  constexpr std::int64_t kWords = kElements / 2;
  const AffineParams from{0.01F, 20000};
  const AffineParams to{0.009F, 1000};
  LookupTable table = make_requantize_table(from, to.scale, {to.zero_point, 0, 65535},
                                            DataType::kUint16, DataType::kUint16);
  if (state.range(0) == 1) table.rule = find_lookup_rule(table, from, to, isa());
  for (auto _ : state) {
    lookup(data.in.data(), data.out.data(), kWords, table, isa(), data.pool);
  }
  finish(state, kWords * 2);
}
BENCHMARK(look_up_words)->DenseRange(0, 1);

void max_pool(benchmark::State& state) {
  Data data;
  MaxPool2dSpec spec;
  spec.shape = {1, kSize, kSize, kChannels, kSize, kSize, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1};
  const MaxPool2d kernel(spec, isa());
  AlignedBuffer scratch(kernel.scratch_bytes(1));
  for (auto _ : state) kernel.run(data.in.data(), data.out.data(), scratch.data(), data.pool);
  finish(state, kElements);
}
BENCHMARK(max_pool);

void average_pool(benchmark::State& state) {
  Data data;
  AveragePool2dSpec spec;
  spec.shape = {1, kSize, kSize, kChannels, kSize, kSize, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1};
  const AveragePool2d kernel(spec, isa());
  AlignedBuffer scratch(kernel.scratch_bytes(1));
  for (auto _ : state) kernel.run(data.in.data(), data.out.data(), scratch.data(), data.pool);
  finish(state, kElements);
}
BENCHMARK(average_pool);

// Bytes count inputs.
void global_average(benchmark::State& state) {
  Data data;
  ReduceSpec spec;
  spec.reduce = kSize * kSize;
  spec.inner = kChannels;
  const Reduce kernel(spec, isa());
  for (auto _ : state) kernel.run(data.in.data(), data.out.data(), data.pool);
  finish(state, kElements);
}
BENCHMARK(global_average);

void resize(benchmark::State& state) {
  Data data;
  ResizeAxisSpec axis;
  axis.in_size = kSize;
  axis.out_size = 2 * kSize;
  axis.scale = 2;
  axis.mode = static_cast<ResizeMode>(state.range(0));
  Resize2dSpec spec;
  spec.channels = kChannels;
  spec.vertical = spec.horizontal = make_resize_axis(axis);
  const Resize2d kernel(spec, isa());
  AlignedBuffer scratch(kernel.scratch_bytes(1));
  for (auto _ : state) kernel.run(data.in.data(), data.out.data(), scratch.data(), data.pool);
  finish(state, 4 * kElements);
}
BENCHMARK(resize)
    ->Arg(static_cast<int>(ResizeMode::kNearest))
    ->Arg(static_cast<int>(ResizeMode::kLinear));

void softmax(benchmark::State& state) {
  Data data;
  SoftmaxSpec spec;
  spec.axis = state.range(0);
  spec.outer = kElements / spec.axis;
  spec.table = make_softmax_table(0.05F);
  spec.output_scale = 1.0F / 256;
  const Softmax kernel(spec, isa());
  for (auto _ : state) kernel.run(data.in.data(), data.out.data(), data.pool);
  finish(state, kElements);
}
BENCHMARK(softmax)->Arg(16)->Arg(512);

void layer_norm(benchmark::State& state) {
  Data data;
  NormalizeSpec spec;
  spec.outer = kElements / 64;
  spec.reduce = 64;
  spec.affine_axis = AffineAxis::kReduce;
  spec.input = {0.02F, 128};
  spec.output_scale = 0.03F;
  spec.output = {128, 0, 255};
  const Normalize kernel(spec, isa());
  for (auto _ : state) kernel.run(data.in.data(), data.out.data(), data.pool);
  finish(state, kElements);
}
BENCHMARK(layer_norm);

void transpose(benchmark::State& state) {
  Data data;
  const std::vector<std::vector<std::int64_t>> shapes = {
      {kSize * kSize, kChannels}, {kSize * kSize, 2, kChannels / 2}, {kSize, kSize, kChannels}};
  const std::vector<std::vector<int>> permutations = {{1, 0}, {0, 2, 1}, {1, 0, 2}};
  const auto index = static_cast<std::size_t>(state.range(0));
  const StridedCopy kernel(transpose_spec(shapes[index], permutations[index]), isa());
  for (auto _ : state) kernel.run(data.in.data(), data.out.data(), data.pool);
  finish(state, kElements);
}
BENCHMARK(transpose)->DenseRange(0, 2);

}  // namespace
}  // namespace quant::integer
