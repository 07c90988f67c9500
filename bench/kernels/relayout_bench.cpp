// SPDX-License-Identifier: MIT
// From a device's memory to float32 and to dense integers, beside memcpy. Bytes per second count
// what is read and what is written, padding left out; copy_bandwidth does the same.
#include <benchmark/benchmark.h>

#include <cstring>
#include <string>

#include "quant/base/aligned_buffer.h"
#include "quant/kernels/relayout/dequantize.h"
#include "quant/kernels/relayout/relayout.h"

namespace quant {
namespace {

constexpr std::int64_t kChannels = 65;

// Square maps of 65 channels whose results take about so many KiB.
std::int64_t side_of(std::int64_t result_kib) {
  std::int64_t side = 1;
  while ((side + 1) * (side + 1) * kChannels * 4 <= result_kib * 1024) ++side;
  return side;
}

Isa isa() {
  const auto selected = selected_isa();
  return selected ? *selected : Isa::kRef;
}

DeviceLayout layout_of(DeviceOrder order, DataType type, std::int64_t side, bool padded) {
  DeviceLayout layout = dense_layout(order, type, side, side, kChannels);
  if (padded) {
    layout.padded_width = (side + 7) / 8 * 8;
    layout.padded_channels = (kChannels + 7) / 8 * 8;
  }
  return layout;
}

QuantParams params_of(DataType type, bool per_channel) {
  QuantParams params;
  params.type = type;
  for (std::int64_t c = 0; c < (per_channel ? kChannels : 1); ++c) {
    params.scale.push_back(0.01F + 0.001F * static_cast<float>(c));
    params.zero_point.push_back(100.25F + static_cast<float>(c));
  }
  return params;
}

void copy_bandwidth(benchmark::State& state) {
  const auto bytes = static_cast<std::size_t>(state.range(0)) * 1024 / 2;
  AlignedBuffer in(bytes);
  AlignedBuffer out(bytes);
  for (auto _ : state) {
    std::memcpy(out.data(), in.data(), bytes);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(2 * bytes));
}

void dequantize(benchmark::State& state, DeviceOrder from, DataType type, bool padded,
                bool per_channel, DenseOrder to) {
  const DeviceLayout layout = layout_of(from, type, side_of(state.range(0)), padded);
  const auto kernel = Dequantize::create(layout, params_of(type, per_channel), to, isa());
  AlignedBuffer in(byte_count(layout));
  const auto elements = static_cast<std::size_t>(element_count(layout));
  AlignedBuffer out(elements * sizeof(float));
  ThreadPool pool(1);
  for (auto _ : state) {
    kernel->run(in.data(), reinterpret_cast<float*>(out.data()), pool);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() *
                          static_cast<std::int64_t>(elements * (size_of(type) + sizeof(float))));
  state.SetLabel(to_string(isa()));
}

void relayout(benchmark::State& state, DeviceOrder from, DataType type, DeviceOrder to) {
  const std::int64_t side = side_of(state.range(0));
  const DeviceLayout source = layout_of(from, type, side, true);
  const DeviceLayout target = layout_of(to, type, side, false);
  const auto kernel = Relayout::create(source, target, isa());
  AlignedBuffer in(byte_count(source));
  AlignedBuffer out(byte_count(target));
  ThreadPool pool(1);
  for (auto _ : state) {
    kernel->run(in.data(), out.data(), pool);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * 2 *
                          static_cast<std::int64_t>(byte_count(
                              dense_layout(DeviceOrder::kNhwc, type, side, side, kChannels))));
  state.SetLabel(to_string(isa()));
}

// KiB of results: inside a core's cache, inside a shared one, beyond any.
constexpr std::int64_t kSizes[] = {256, 2048, 262144};

void with_sizes(benchmark::internal::Benchmark* benchmark) {
  for (const std::int64_t size : kSizes) benchmark->Arg(size);
}

// A whole matrix of orders, types and granularities is a loop, not a list of macros.
[[maybe_unused]] const bool registered = [] {
  with_sizes(benchmark::RegisterBenchmark("copy_bandwidth", copy_bandwidth));
  for (const auto type : {DataType::kUint8, DataType::kUint16}) {
    for (const auto from : {DeviceOrder::kNhwc, DeviceOrder::kFcr, DeviceOrder::kF8cr,
                            DeviceOrder::kNhcw, DeviceOrder::kNchw}) {
      for (const auto to : {DenseOrder::kNhwc, DenseOrder::kNchw}) {
        for (const bool per_channel : {true, false}) {
          // NHWC stands for the dense one, FCR for the same with padding.
          const bool padded = from != DeviceOrder::kNhwc;
          const std::string name = std::string("dequantize/") + to_string(from) + "_" +
                                   to_string(type) + "_to_" +
                                   (to == DenseOrder::kNhwc ? "NHWC" : "NCHW") +
                                   (per_channel ? "_per_channel" : "_per_tensor");
          with_sizes(benchmark::RegisterBenchmark(name.c_str(), dequantize, from, type, padded,
                                                  per_channel, to));
        }
      }
      for (const auto to : {DeviceOrder::kNhwc, DeviceOrder::kNchw}) {
        const std::string name = std::string("relayout/") + to_string(from) + "_" +
                                 to_string(type) + "_to_" + to_string(to);
        with_sizes(benchmark::RegisterBenchmark(name.c_str(), relayout, from, type, to));
      }
    }
  }
  return true;
}();

}  // namespace
}  // namespace quant
