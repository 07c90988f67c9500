// SPDX-License-Identifier: MIT
// Convolutions of real networks on the selected instruction set, one thread: GMAC/s, and the share
// of what the multiply-add units could do, measured just before and after.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <ctime>
#include <random>
#include <string>

#include "multiply_add_limit.h"
#include "quant/base/aligned_buffer.h"
#include "quant/kernels/integer/conv2d.h"
#include "quant/kernels/integer/conv_transpose2d.h"
#include "quant/kernels/integer/matmul.h"
#include "quant/tensor/visit_activation.h"

namespace quant::integer {
namespace {

struct Layer {
  const char* name;
  std::int64_t height, width, in_c, out_c, kernel, stride, groups;
};

// Inputs of layers of face_rfb320, mobilenetv2, yolov8n and xfeat.
constexpr Layer kLayers[] = {
    {"first_3x3s2_3x16_240x320", 240, 320, 3, 16, 3, 2, 1},
    {"first_3x3_1x4_480x640", 480, 640, 1, 4, 3, 1, 1},
    {"pointwise_16x32_120x160", 120, 160, 16, 32, 1, 1, 1},
    {"pointwise_32x32_60x80", 60, 80, 32, 32, 1, 1, 1},
    {"pointwise_64x64_30x40", 30, 40, 64, 64, 1, 1, 1},
    {"pointwise_128x128_15x20", 15, 20, 128, 128, 1, 1, 1},
    {"pointwise_256x256_8x10", 8, 10, 256, 256, 1, 1, 1},
    {"pointwise_96x24_56x56", 56, 56, 96, 24, 1, 1, 1},
    {"pointwise_320x1280_7x7", 7, 7, 320, 1280, 1, 1, 1},
    {"conv3x3_64x64_40x40", 40, 40, 64, 64, 3, 1, 1},
    {"conv3x3_32x32_80x80", 80, 80, 32, 32, 3, 1, 1},
    {"conv3x3_256x8_8x10", 8, 10, 256, 8, 3, 1, 1},
    {"conv3x3s2_128x256_20x20", 20, 20, 128, 256, 3, 2, 1},
    {"depthwise3x3_16_120x160", 120, 160, 16, 16, 3, 1, 16},
    {"depthwise3x3s2_32_60x80", 60, 80, 32, 32, 3, 2, 32},
    {"depthwise3x3_64_30x40", 30, 40, 64, 64, 3, 1, 64},
    {"depthwise3x3_256_8x10", 8, 10, 256, 256, 3, 1, 256},
    {"depthwise5x5_96_44x44", 44, 44, 96, 96, 5, 1, 96},
    {"fully_connected_1280x1000", 1, 1, 1280, 1000, 1, 1, 1},
};

Conv2dShape shape_of(const Layer& layer) {
  Conv2dShape shape;
  shape.in_h = layer.height;
  shape.in_w = layer.width;
  shape.in_c = layer.in_c;
  shape.out_h = (layer.height - 1) / layer.stride + 1;
  shape.out_w = (layer.width - 1) / layer.stride + 1;
  shape.out_c = layer.out_c;
  shape.kernel_h = shape.kernel_w = layer.kernel;
  shape.stride_h = shape.stride_w = layer.stride;
  shape.pad_top = shape.pad_left = layer.kernel / 2;
  shape.groups = layer.groups;
  return shape;
}

template <typename T>
std::vector<T> random_values(std::int64_t count, int low, int high) {
  std::mt19937 engine(7);
  std::uniform_int_distribution<int> distribution(low, high);
  std::vector<T> values(static_cast<std::size_t>(count));
  for (T& value : values) value = static_cast<T>(distribution(engine));
  return values;
}

// Bytes enough for 16-bit activations, too.
template <typename Kernel>
void measure(benchmark::State& state, const Kernel& kernel, const Conv2dShape& shape) {
  ThreadPool pool(1);
  AlignedBuffer scratch(kernel.scratch_bytes(1));
  const auto input =
      random_values<std::uint8_t>(2 * shape.batch * shape.in_h * shape.in_w * shape.in_c, 0, 255);
  std::vector<std::uint8_t> output(
      static_cast<std::size_t>(2 * shape.batch * shape.out_h * shape.out_w * shape.out_c));
  double limit = multiply_add_limit(kernel.isa());
  const std::clock_t start = std::clock();
  for (auto _ : state) {
    kernel.run(input.data(), output.data(), scratch.data(), pool);
    benchmark::ClobberMemory();
  }
  const double elapsed = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  limit = std::max(limit, multiply_add_limit(kernel.isa()));
  const double rate = static_cast<double>(shape.multiply_adds()) *
                      static_cast<double>(state.iterations()) / elapsed / 1e9;
  state.counters["GMAC/s"] = rate;
  if (limit > 0) state.counters["limit_GMAC/s"] = limit;
  if (limit > 0) state.counters["share_%"] = 100 * rate / limit;
  state.SetLabel(to_string(kernel.isa()));
}

struct Precision {
  const char* name;
  DataType activations, weights;
};

constexpr Precision kBytes = {"a8_w8", DataType::kUint8, DataType::kInt8};
constexpr Precision kPrecisions[] = {kBytes,
                                     {"a16_w8", DataType::kUint16, DataType::kInt8},
                                     {"a16_w16", DataType::kUint16, DataType::kInt16}};

void bench_layer(benchmark::State& state, const Layer& layer, const Precision& precision, Isa isa) {
  const Conv2dShape shape = shape_of(layer);
  const bool bytes = precision.weights == DataType::kInt8;
  const auto weights = random_values<std::int16_t>(
      shape.out_c * (shape.in_c / shape.groups) * shape.kernel_h * shape.kernel_w,
      bytes ? -128 : -32767, bytes ? 127 : 32767);
  const std::int32_t zero_point = 128;
  const float weight_scale = 0.01F;
  Conv2dSpec spec;
  spec.shape = shape;
  spec.input_type = spec.output_type = precision.activations;
  spec.weight_type = precision.weights;
  spec.weights = weights;
  spec.input_zero_points = {&zero_point, 1};
  spec.requantization = make_requantization(0.02F, {&weight_scale, 1}, 0.05F,
                                            {10, 10, greatest_activation(precision.activations)});
  measure(state, Conv2d(spec, isa), shape);
}

void bench_transposed(benchmark::State& state, Isa isa) {
  Conv2dShape shape;
  shape.in_h = shape.in_w = 40;
  shape.in_c = 24;
  shape.out_c = 24;
  shape.out_h = shape.out_w = 80;
  shape.kernel_h = shape.kernel_w = shape.stride_h = shape.stride_w = 2;
  const auto weights = random_values<std::int16_t>(24 * 24 * 4, -128, 127);
  const std::int32_t zero_point = 128;
  const float weight_scale = 0.01F;
  ConvTranspose2dSpec spec;
  spec.shape = shape;
  spec.weights = weights;
  spec.input_zero_points = {&zero_point, 1};
  spec.requantization = make_requantization(0.02F, {&weight_scale, 1}, 0.05F, {10, 10, 255});
  // Each input meets each weight once.
  Conv2dShape counted = shape;
  counted.out_h = counted.out_w = 40;
  const ConvTranspose2d kernel(spec, isa);
  ThreadPool pool(1);
  AlignedBuffer scratch(kernel.scratch_bytes(1));
  const auto input = random_values<std::uint8_t>(40 * 40 * 24, 0, 255);
  std::vector<std::uint8_t> output(80 * 80 * 24);
  for (auto _ : state) {
    kernel.run(input.data(), output.data(), scratch.data(), pool);
    benchmark::ClobberMemory();
  }
  state.counters["GMAC/s"] = benchmark::Counter(static_cast<double>(counted.multiply_adds()) / 1e9,
                                                benchmark::Counter::kIsIterationInvariantRate);
  state.SetLabel(to_string(kernel.isa()));
}

void bench_matmul(benchmark::State& state, Isa isa) {
  constexpr std::int64_t kRows = 512;
  constexpr std::int64_t kDepth = 64;
  MatMulSpec spec;
  spec.m = spec.n = kRows;
  spec.k = kDepth;
  spec.a_zero_point = spec.b_zero_point = 128;
  spec.b_transposed = true;
  const float scale = 0.01F;
  spec.requantization = make_requantization(0.02F, {&scale, 1}, 0.05F, {128, 0, 255});
  const MatMul kernel(spec, isa);
  ThreadPool pool(1);
  AlignedBuffer scratch(kernel.scratch_bytes(1));
  const auto a = random_values<std::uint8_t>(kRows * kDepth, 0, 255);
  std::vector<std::uint8_t> output(kRows * kRows);
  for (auto _ : state) {
    kernel.run(a.data(), a.data(), output.data(), scratch.data(), pool);
    benchmark::ClobberMemory();
  }
  state.counters["GMAC/s"] = benchmark::Counter(static_cast<double>(kRows * kRows * kDepth) / 1e9,
                                                benchmark::Counter::kIsIterationInvariantRate);
  state.SetLabel(to_string(kernel.isa()));
}

[[maybe_unused]] const bool kRegistered = [] {
  const auto selected = selected_isa();
  const Isa isa = selected ? *selected : Isa::kRef;
  for (const Layer& layer : kLayers) {
    benchmark::RegisterBenchmark(
        (std::string("conv2d/") + layer.name).c_str(),
        [layer, isa](benchmark::State& state) { bench_layer(state, layer, kBytes, isa); })
        ->Unit(benchmark::kMicrosecond);
  }
  for (const Layer& layer : {Layer{"conv3x3_64x64_60x80", 60, 80, 64, 64, 3, 1, 1},
                             Layer{"depthwise3x3_64_60x80", 60, 80, 64, 64, 3, 1, 64}}) {
    for (const Precision& precision : kPrecisions) {
      benchmark::RegisterBenchmark(
          (std::string("precision/") + layer.name + "_" + precision.name).c_str(),
          [layer, precision, isa](benchmark::State& state) {
            bench_layer(state, layer, precision, isa);
          })
          ->Unit(benchmark::kMicrosecond);
    }
  }
  benchmark::RegisterBenchmark("conv_transpose2d/2x2s2_24x24_40x40", [isa](
                                                                         benchmark::State& state) {
    bench_transposed(state, isa);
  })->Unit(benchmark::kMicrosecond);
  benchmark::RegisterBenchmark("matmul/512x64x512_transposed", [isa](benchmark::State& state) {
    bench_matmul(state, isa);
  })->Unit(benchmark::kMicrosecond);
  return true;
}();

}  // namespace
}  // namespace quant::integer
