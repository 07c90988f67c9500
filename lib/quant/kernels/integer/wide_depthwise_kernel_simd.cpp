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

template <typename In, typename Out>
void Run(const WideDepthwisePixel& pixel) {
  const WideD d;
  Out* output = static_cast<Out*>(pixel.output);
  for (std::int64_t c = 0; c < pixel.channels; c += kWideLanes) {
    const std::int64_t count = pixel.channels - c;
    WideV sum = hn::Zero(d);
    for (std::int64_t t = 0; t < pixel.tap_count; ++t) {
      const WideV x = LoadSome(static_cast<const In*>(pixel.taps[t]) + c, count);
      const float* weights = pixel.weights + t * pixel.stride + c;
      sum = hn::MulAdd(x, hn::PromoteTo(d, hn::LoadU(WideDF(), weights)), sum);
    }
    WideStore(pixel.bias, pixel.store, c).Store(sum, output + c, count);
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
