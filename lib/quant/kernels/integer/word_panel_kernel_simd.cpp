// SPDX-License-Identifier: MIT
// WordPanel's micro-kernel, for the CPUs that have 8-bit dot products: products of 16-bit integers
// are made of those of their bytes, exactly.
#include <cstring>

#include "quant/kernels/integer/panel_kernel.h"
#include "quant/kernels/integer/panel_rows.h"
#include "quant/kernels/integer/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/kernels/integer/word_panel_kernel_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "quant/kernels/integer/dot_product_simd-inl.h"
#include "quant/kernels/integer/opaque_simd-inl.h"
#include "quant/kernels/integer/wide_store_simd-inl.h"

#if QUANT_HAVE_DOT_PRODUCT
QUANT_BEFORE_DOT_NAMESPACE();
namespace quant::integer::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using D32 = hn::ScalableTag<std::int32_t>;
using D8 = hn::Repartition<std::uint8_t, D32>;
using D8s = hn::Repartition<std::int8_t, D32>;
using V32 = hn::Vec<D32>;
using V8 = hn::Vec<D8>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(D32()));
constexpr int kTile = 2 * kLanes;
static_assert(kLanes == 2 * kWideLanes);

// Sums of one vector of channels of a row, by the weight of the bytes: 1, 2^8 and 2^16.
struct Sums {
  V32 low, middle, high;
  HWY_INLINE Sums() : low(hn::Zero(D32())), middle(low), high(low) {}

  // An activation is 256·h + l and a weight 256·w_h + w_l, where only w_h has a sign. What a signed
  // byte has to stand for is taken less 128, which the bias makes up for.
  HWY_INLINE void Add(V8 l, V8 h, V8 l_less, V8 h_less, V8 w_l, V8 w_h) {
    const D8s d8s;
    low = AddDotProducts(low, w_l, hn::BitCast(d8s, l_less));
    middle = AddDotProducts(middle, w_l, hn::BitCast(d8s, h_less));
    middle = AddDotProducts(middle, l, hn::BitCast(d8s, w_h));
    high = AddDotProducts(high, h, hn::BitCast(d8s, w_h));
  }
  // A weight of one signed byte.
  HWY_INLINE void Add(V8 l, V8 h, V8 w) {
    const D8s d8s;
    low = AddDotProducts(low, l, hn::BitCast(d8s, w));
    middle = AddDotProducts(middle, h, hn::BitCast(d8s, w));
  }
  HWY_INLINE void Hide() {
    MakeOpaque(low);
    MakeOpaque(middle);
    MakeOpaque(high);
  }

  // Half of the channels as exact doubles.
  template <bool kUpper, bool kHigh>
  HWY_INLINE WideV Half() const {
    const WideD d;
    WideV sum = hn::MulAdd(Promote<kUpper>(middle), hn::Set(d, 256.0), Promote<kUpper>(low));
    if constexpr (kHigh) sum = hn::MulAdd(Promote<kUpper>(high), hn::Set(d, 65536.0), sum);
    return sum;
  }

 private:
  template <bool kUpper>
  static HWY_INLINE WideV Promote(V32 v) {
    const WideD32 half;
    if constexpr (kUpper) return hn::PromoteTo(WideD(), hn::UpperHalf(half, v));
    return hn::PromoteTo(WideD(), hn::LowerHalf(half, v));
  }
};

#define QUANT_FOR_ROWS(X) X(0) X(1) X(2) X(3)
constexpr int kRowsAtOnce = 4;

// kVectors: 2 for a whole tile, 1 for a half.
template <int kRows, int kVectors, typename Panel, typename Out>
void RunRows(const PanelTile<Panel>& tile, std::int64_t first) {
  constexpr bool kWords = sizeof(typename Panel::Weight) == 2;
  constexpr std::int64_t kPlane = 4 * kVectors * kLanes;
  const D8 d8;
  const std::int64_t stride = 2 * tile.row_stride;
  const auto* HWY_RESTRICT a =
      reinterpret_cast<const std::uint8_t*>(tile.activations) + first * stride;
  const auto* HWY_RESTRICT weights = reinterpret_cast<const std::uint8_t*>(tile.weights);
  [[maybe_unused]] const V8 half = hn::Set(d8, std::uint8_t{128});
#define QUANT_DECLARE(r) [[maybe_unused]] Sums first##r, second##r;
  QUANT_FOR_ROWS(QUANT_DECLARE)
#undef QUANT_DECLARE
  for (std::int64_t step = 0; step < tile.steps; ++step) {
    constexpr std::int64_t kSecond = kVectors == 2 ? 4 * kLanes : 0;
    const V8 low_first = hn::LoadU(d8, weights);
    [[maybe_unused]] const V8 low_second = hn::LoadU(d8, weights + kSecond);
    [[maybe_unused]] const V8 high_first = kWords ? hn::LoadU(d8, weights + kPlane) : low_first;
    [[maybe_unused]] const V8 high_second =
        kWords ? hn::LoadU(d8, weights + kPlane + kSecond) : low_second;
    weights += (kWords ? 2 : 1) * kPlane;
#define QUANT_ACCUMULATE(r)                                                                      \
  if constexpr (r < kRows) {                                                                     \
    const V8 l = LoadFour(a + r * stride);                                                       \
    const V8 h = LoadFour(a + r * stride + 4);                                                   \
    if constexpr (kWords) {                                                                      \
      const V8 l_less = hn::Xor(l, half);                                                        \
      const V8 h_less = hn::Xor(h, half);                                                        \
      first##r.Add(l, h, l_less, h_less, low_first, high_first);                                 \
      if constexpr (kVectors == 2) second##r.Add(l, h, l_less, h_less, low_second, high_second); \
    } else {                                                                                     \
      first##r.Add(l, h, low_first);                                                             \
      if constexpr (kVectors == 2) second##r.Add(l, h, low_second);                              \
    }                                                                                            \
  }
    QUANT_FOR_ROWS(QUANT_ACCUMULATE)
#undef QUANT_ACCUMULATE
    a += 8;
  }
#define QUANT_HIDE(r)        \
  if constexpr (r < kRows) { \
    first##r.Hide();         \
    second##r.Hide();        \
  }
  QUANT_FOR_ROWS(QUANT_HIDE)
#undef QUANT_HIDE
#define QUANT_STORE(vector, part, upper, r)                                          \
  if constexpr (r < kRows) {                                                         \
    store.Store(vector##r.template Half<upper, kWords>(),                            \
                reinterpret_cast<Out*>(tile.outputs[first + r]) + (part)*kWideLanes, \
                tile.channels - (part)*kWideLanes);                                  \
  }
#define QUANT_STORE_PART(vector, part, upper)                        \
  {                                                                  \
    const WideStore store(tile.bias, tile.store, (part)*kWideLanes); \
    QUANT_STORE(vector, part, upper, 0)                              \
    QUANT_STORE(vector, part, upper, 1)                              \
    QUANT_STORE(vector, part, upper, 2)                              \
    QUANT_STORE(vector, part, upper, 3)                              \
  }
  QUANT_STORE_PART(first, 0, false)
  QUANT_STORE_PART(first, 1, true)
  if constexpr (kVectors == 2) {
    QUANT_STORE_PART(second, 2, false)
    QUANT_STORE_PART(second, 3, true)
  }
#undef QUANT_STORE_PART
#undef QUANT_STORE
}

template <int kVectors, typename Panel, typename Out>
void RunPanels(const PanelTile<Panel>& tile) {
  for_rows<kRowsAtOnce>(tile.rows, [&](auto rows, std::int64_t first) HWY_ATTR {
    RunRows<decltype(rows)::value, kVectors, Panel, Out>(tile, first);
  });
}

template <typename Panel, typename Out>
void Run(const PanelTile<Panel>& tile) {
  if (tile.width == kTile) return RunPanels<2, Panel, Out>(tile);
  RunPanels<1, Panel, Out>(tile);
}

void ChannelOrder(std::int32_t* order) {
  for (int channel = 0; channel < kTile; ++channel) order[channel] = channel;
}

// Four words become their four low bytes and their four high ones; the last ones may be fewer.
template <int kWidth>
HWY_INLINE void SplitRun(const std::uint8_t* in, std::int64_t words, std::uint8_t* out) {
  const hn::CappedTag<std::uint8_t, kWidth> d8;
  constexpr std::int64_t kStep = hn::MaxLanes(d8);
  alignas(16) static constexpr std::uint8_t kOrder[16] = {0, 2,  4,  6,  1, 3,  5,  7,
                                                          8, 10, 12, 14, 9, 11, 13, 15};
  const std::int64_t bytes = words / 4 * 8;
  if (bytes >= kStep) {
    const auto order = hn::LoadDup128(d8, kOrder);
    for (std::int64_t i = 0; i + kStep < bytes; i += kStep) {
      hn::StoreU(hn::TableLookupBytes(hn::LoadU(d8, in + i), order), d8, out + i);
    }
    const std::int64_t last = bytes - kStep;
    hn::StoreU(hn::TableLookupBytes(hn::LoadU(d8, in + last), order), d8, out + last);
  } else if constexpr (kWidth > 8) {
    return SplitRun<kWidth / 2>(in, words, out);
  }
  for (std::int64_t word = words / 4 * 4; word < words; ++word) {
    out[bytes + word % 4] = in[2 * word];
    out[bytes + 4 + word % 4] = in[2 * word + 1];
  }
}

template <typename Panel>
void Split(const WidenJob<Panel>& job) {
  const WidenJob<Panel> local = job;  // what is stored may alias anything
  const auto* start = static_cast<const std::uint8_t*>(local.source);
  auto* out = reinterpret_cast<std::uint8_t*>(local.out);
  for (std::int64_t pixel = 0; pixel < local.pixels; ++pixel) {
    const std::uint8_t* source = start + 2 * pixel * local.pixel_step;
    std::uint8_t* row = out + 2 * pixel * local.out_stride;
    for (std::int64_t run = 0; run < local.runs; ++run) {
      SplitRun<64>(source + 2 * local.offsets[run], local.length, row);
      row += 2 * local.out_run_stride;
    }
  }
}

template <typename Panel, typename Out>
const PanelKernel<Panel>* KernelOf() {
  static constexpr PanelKernel<Panel> kernel{kDotProductIsa, kTile, ChannelOrder, Split<Panel>,
                                             Run<Panel, Out>};
  return &kernel;
}

template <typename Panel>
const PanelKernel<Panel>* Kernel(DataType output) {
  return output == DataType::kUint16 ? KernelOf<Panel, std::uint16_t>()
                                     : KernelOf<Panel, std::uint8_t>();
}

}  // namespace
}  // namespace quant::integer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // QUANT_HAVE_DOT_PRODUCT

#if HWY_ONCE
namespace quant::integer {

template <>
const PanelKernel<WordPanel<std::int16_t>>* panel_kernel<WordPanel<std::int16_t>>(
    Isa isa, DataType, [[maybe_unused]] DataType output) {
  QUANT_SIMD_SELECT_DOT(isa, Kernel<WordPanel<std::int16_t>>(output));
}
template <>
const PanelKernel<WordPanel<std::int8_t>>* panel_kernel<WordPanel<std::int8_t>>(
    Isa isa, DataType, [[maybe_unused]] DataType output) {
  QUANT_SIMD_SELECT_DOT(isa, Kernel<WordPanel<std::int8_t>>(output));
}

}  // namespace quant::integer
#endif  // HWY_ONCE
