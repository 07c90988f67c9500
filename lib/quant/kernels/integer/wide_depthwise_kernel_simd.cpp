// SPDX-License-Identifier: MIT
#include "quant/kernels/integer/wide_depthwise_kernel.h"

#include <algorithm>

#include "quant/kernels/integer/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/kernels/integer/wide_depthwise_kernel_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "quant/kernels/integer/wide_store_simd-inl.h"

#if HWY_TARGET != HWY_SCALAR
HWY_BEFORE_NAMESPACE();
namespace quant::integer::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

static_assert(kWideLanes <= kWideDepthwisePad);

// Fewer channels than a vector has are read one by one.
template <typename In>
HWY_INLINE WideV LoadSome(const In* in, std::int64_t count) {
  if (count >= kWideLanes) return LoadWide(in);
  HWY_ALIGN double some[kWideLanes] = {};
  for (std::int64_t i = 0; i < count; ++i) some[i] = in[i];
  return hn::Load(WideD(), some);
}

// One vector of channels, which may be less than full, two or four: the more, the less they wait
// for one another's sums.
template <int kVectors, typename In, typename Out>
HWY_INLINE void RunVectors(const WideDepthwiseRun& run, std::int64_t at, std::int64_t c,
                           Out* output) {
  const WideD d;
  const std::int64_t count = run.channels - c;
  WideV sum0 = hn::Zero(d);
  [[maybe_unused]] WideV sum1 = sum0, sum2 = sum0, sum3 = sum0;
  for (std::int64_t t = 0; t < run.tap_count; ++t) {
    const In* in = static_cast<const In*>(run.taps[t]) + at + c;
    const float* weights = run.weights + t * run.stride + c;
    const auto weight = [&](int vector) HWY_ATTR {
      return hn::PromoteTo(WideD(), hn::LoadU(WideDF(), weights + vector * kWideLanes));
    };
    sum0 = hn::MulAdd(LoadSome(in, count), weight(0), sum0);
    if constexpr (kVectors >= 2) {
      sum1 = hn::MulAdd(LoadWide(in + kWideLanes), weight(1), sum1);
    }
    if constexpr (kVectors == 4) {
      sum2 = hn::MulAdd(LoadWide(in + 2 * kWideLanes), weight(2), sum2);
      sum3 = hn::MulAdd(LoadWide(in + 3 * kWideLanes), weight(3), sum3);
    }
  }
  const auto store = [&](int vector, WideV sum) HWY_ATTR {
    const std::int64_t first = c + vector * kWideLanes;
    WideStore(run.bias, run.store, first).Store(sum, output + first, run.channels - first);
  };
  store(0, sum0);
  if constexpr (kVectors >= 2) store(1, sum1);
  if constexpr (kVectors == 4) {
    store(2, sum2);
    store(3, sum3);
  }
}

template <typename In, typename Out>
void Run(const WideDepthwiseRun& run) {
  Out* output = static_cast<Out*>(run.output);
  for (std::int64_t pixel = 0; pixel < run.pixels; ++pixel) {
    std::int64_t c = 0;
    for (; c + 4 * kWideLanes <= run.channels; c += 4 * kWideLanes)
      RunVectors<4, In>(run, pixel * run.in_step, c, output);
    for (; c + 2 * kWideLanes <= run.channels; c += 2 * kWideLanes)
      RunVectors<2, In>(run, pixel * run.in_step, c, output);
    for (; c < run.channels; c += kWideLanes)
      RunVectors<1, In>(run, pixel * run.in_step, c, output);
    output += run.out_step;
  }
}

template <typename In, typename Out>
const WideDepthwiseKernel* KernelOf() {
  static constexpr WideDepthwiseKernel kernel{isa_of_target(HWY_TARGET), Run<In, Out>};
  return &kernel;
}

const WideDepthwiseKernel* Kernel(DataType input, DataType output) {
  if (input == DataType::kUint16) {
    return output == DataType::kUint16 ? KernelOf<std::uint16_t, std::uint16_t>()
                                       : KernelOf<std::uint16_t, std::uint8_t>();
  }
  return output == DataType::kUint16 ? KernelOf<std::uint8_t, std::uint16_t>()
                                     : KernelOf<std::uint8_t, std::uint8_t>();
}

}  // namespace
}  // namespace quant::integer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // HWY_TARGET != HWY_SCALAR

#if HWY_ONCE
namespace quant::integer {

const WideDepthwiseKernel* wide_depthwise_kernel(Isa isa, DataType input, DataType output) {
  QUANT_SIMD_SELECT(isa, Kernel(input, output));
}

}  // namespace quant::integer
#endif  // HWY_ONCE
