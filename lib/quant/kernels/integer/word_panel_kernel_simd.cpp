// SPDX-License-Identifier: MIT
// WordPanel's micro-kernel, for the CPUs that have dot products of bytes and of words: sums of
// products of 16-bit integers, exactly, in two int32 each.
#include "quant/kernels/integer/panel_kernel.h"
#include "quant/kernels/integer/panel_rows.h"
#include "quant/kernels/integer/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/kernels/integer/word_panel_kernel_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "quant/kernels/integer/copy_runs_simd-inl.h"
#include "quant/kernels/integer/dot_product_simd-inl.h"
#include "quant/kernels/integer/opaque_simd-inl.h"
#include "quant/kernels/integer/tile_width_simd-inl.h"
#include "quant/kernels/integer/word_sums_simd-inl.h"

#if QUANT_HAVE_DOT_PRODUCT
QUANT_BEFORE_DOT_NAMESPACE();
namespace quant::integer::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int kTile = 2 * kSumLanes;

// As many sums as registers hold: kRowsOfTile · 2 vectors · 2, or twice the rows of one vector.
constexpr int kRowsOfTile = HWY_TARGET == HWY_AVX2 ? 3 : 6;
#define QUANT_FOR_ROWS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)

// kWidth: of the tile; the first kSumLanes channels are one vector, those behind them another.
// Inlined into a loop, GCC spills sums.
template <int kRows, int kWidth, typename Panel, typename Out>
HWY_NOINLINE void RunRows(const PanelTile<Panel>& tile, std::int64_t first) {
  constexpr bool kWords = sizeof(typename Panel::Weight) == 2;
  constexpr int kFirst = TileWidth<kWidth>::kFirst;
  constexpr bool kTwo = TileWidth<kWidth>::kTwo;
  constexpr std::int64_t kSecond = kTwo ? 4 * kFirst : 0;  // bytes from the first one's weights
  using DFirst = typename TileWidth<kWidth>::First;
  using DSecond = typename TileWidth<kWidth>::Second;
  const std::int64_t stride = 2 * tile.row_stride;
  const auto* rows = reinterpret_cast<const std::uint8_t*>(tile.activations) + first * stride;
  const auto* HWY_RESTRICT weights = reinterpret_cast<const std::int8_t*>(tile.weights);
#define QUANT_DECLARE(r)                           \
  [[maybe_unused]] SumsOf<Panel, DFirst> first##r; \
  [[maybe_unused]] SumsOf<Panel, DSecond> second##r;
  QUANT_FOR_ROWS(QUANT_DECLARE)
#undef QUANT_DECLARE
#define QUANT_CARRY(r)                                 \
  if constexpr (r < kRows) {                           \
    first##r.Carry(start_first);                       \
    if constexpr (kTwo) second##r.Carry(start_second); \
  }
#define QUANT_CARRY_ALL()                                                            \
  const auto start_first = hn::BitCast(DFirst(), hn::LoadU(D8s<DFirst>(), weights)); \
  [[maybe_unused]] const auto start_second =                                         \
      hn::BitCast(DSecond(), hn::LoadU(D8s<DSecond>(), weights + kSecond));          \
  weights += 4 * kWidth;                                                             \
  QUANT_FOR_ROWS(QUANT_CARRY)
  [[maybe_unused]] std::int64_t until_carry = kCarrySteps;
  if constexpr (kWords) {
    QUANT_CARRY_ALL()
  }
  for (std::int64_t run = 0; run < tile.runs; ++run) {
    const std::uint8_t* HWY_RESTRICT a0 = rows + 2 * tile.run_offsets[run];
    const std::uint8_t* HWY_RESTRICT a6 = a0 + 6 * stride;
    for (std::int64_t left = tile.run_steps; left > 0;) {
      std::int64_t steps = left;
      if constexpr (kWords) {
        if (until_carry == 0) {
          QUANT_CARRY_ALL()
          until_carry = kCarrySteps;
        }
        steps = std::min(steps, until_carry);
        until_carry -= steps;
      }
      left -= steps;
      for (; steps > 0; --steps) {
#define QUANT_AT(r) (r < 6 ? a0 + r * stride : a6 + (r - 6) * stride)
        if constexpr (kWords) {
          const auto sign = hn::Set(D16<DFirst>(), std::int16_t{-32768});
          for (int pair = 0; pair < 2; ++pair) {
            const auto w_first = hn::BitCast(D16<DFirst>(), hn::LoadU(D8s<DFirst>(), weights));
            [[maybe_unused]] const auto w_second =
                hn::BitCast(D16<DSecond>(), hn::LoadU(D8s<DSecond>(), weights + kSecond));
            weights += 4 * kWidth;
#define QUANT_ADD_PAIRS(r)                                                                  \
  if constexpr (r < kRows) {                                                                \
    const auto four = LoadFour(D8<DFirst>(), QUANT_AT(r) + 4 * pair);                       \
    const auto x = hn::Xor(hn::BitCast(D16<DFirst>(), four), sign);                         \
    first##r.low = AddPairProducts(first##r.low, x, w_first);                               \
    if constexpr (kTwo)                                                                     \
      second##r.low = AddPairProducts(second##r.low, FirstOf(D16<DSecond>(), x), w_second); \
  }
            QUANT_FOR_ROWS(QUANT_ADD_PAIRS)
#undef QUANT_ADD_PAIRS
          }
        }
        const auto w_first = hn::LoadU(D8s<DFirst>(), weights);
        [[maybe_unused]] const auto w_second = hn::LoadU(D8s<DSecond>(), weights + kSecond);
        weights += 4 * kWidth;
#define QUANT_ADD_BYTES(r)                                                                  \
  if constexpr (r < kRows) {                                                                \
    const auto x = AsFactors(LoadEight(D8<DFirst>(), QUANT_AT(r)));                         \
    const auto h = EveryOther<1>(x);                                                        \
    first##r.high = AddDotProducts(first##r.high, h, w_first);                              \
    if constexpr (kTwo)                                                                     \
      second##r.high = AddDotProducts(second##r.high, FirstOf(D8<DSecond>(), h), w_second); \
    if constexpr (!kWords) {                                                                \
      const auto l = EveryOther<0>(x);                                                      \
      first##r.low = AddDotProducts(first##r.low, l, w_first);                              \
      if constexpr (kTwo)                                                                   \
        second##r.low = AddDotProducts(second##r.low, FirstOf(D8<DSecond>(), l), w_second); \
    }                                                                                       \
  }
        QUANT_FOR_ROWS(QUANT_ADD_BYTES)
#undef QUANT_ADD_BYTES
#undef QUANT_AT
        a0 += 8;
        a6 += 8;
      }
    }
  }
#undef QUANT_CARRY_ALL
#undef QUANT_CARRY
#define QUANT_FINISH(r)                     \
  if constexpr (r < kRows) {                \
    MakeOpaque(first##r.low);               \
    MakeOpaque(first##r.high);              \
    MakeOpaque(second##r.low);              \
    MakeOpaque(second##r.high);             \
    first##r.Finish();                      \
    if constexpr (kTwo) second##r.Finish(); \
  }
  QUANT_FOR_ROWS(QUANT_FINISH)
#undef QUANT_FINISH
  std::byte* const output = tile.output + first * tile.output_step;
#define QUANT_STORE(vector, from, r)                                                       \
  if constexpr (r < kRows)                                                                 \
    store.Store(vector##r, reinterpret_cast<Out*>(output + r * tile.output_step) + (from), \
                tile.channels - (from));
#define QUANT_STORE_FIRST(r) QUANT_STORE(first, 0, r)
#define QUANT_STORE_SECOND(r) QUANT_STORE(second, kFirst, r)
  {
    const WordStore<DFirst> store(tile.bias, tile.store, 0);
    QUANT_FOR_ROWS(QUANT_STORE_FIRST)
  }
  if constexpr (kTwo) {
    const WordStore<DSecond> store(tile.bias, tile.store, kFirst);
    QUANT_FOR_ROWS(QUANT_STORE_SECOND)
  }
#undef QUANT_STORE_SECOND
#undef QUANT_STORE_FIRST
#undef QUANT_STORE
}

template <int kWidth, typename Panel, typename Out>
void RunWidth(const PanelTile<Panel>& tile) {
  if constexpr (kWidth > kTileStep) {
    if (tile.width < kWidth) return RunWidth<kWidth - kTileStep, Panel, Out>(tile);
  }
  constexpr int kMostRows = TileWidth<kWidth>::kTwo ? kRowsOfTile : 2 * kRowsOfTile;
  for_rows<kMostRows>(tile.rows, [&](auto rows, std::int64_t first) HWY_ATTR {
    RunRows<decltype(rows)::value, kWidth, Panel, Out>(tile, first);
  });
}

void ChannelOrder(std::int32_t* order) {
  for (int channel = 0; channel < kTile; ++channel) order[channel] = channel;
}

// Bytes become words; as in CopyRun, vectors overlap at the end.
template <int kWidth>
HWY_INLINE void WidenRun(const std::uint8_t* in, std::int64_t length, std::uint16_t* out) {
  const hn::CappedTag<std::uint16_t, kWidth> d;
  const hn::Rebind<std::uint8_t, decltype(d)> bytes;
  constexpr std::int64_t kStep = hn::MaxLanes(d);
  const auto widen = [&](std::int64_t i) HWY_ATTR {
    hn::StoreU(hn::PromoteTo(d, hn::LoadU(bytes, in + i)), d, out + i);
  };
  if (length >= kStep) {
    for (std::int64_t i = 0; i + kStep < length; i += kStep) widen(i);
    return widen(length - kStep);
  }
  if constexpr (kWidth > 2) {
    WidenRun<kWidth / 2>(in, length, out);
  } else {
    for (std::int64_t i = 0; i < length; ++i) out[i] = in[i];
  }
}

template <typename Panel>
void WidenRuns(const WidenJob<Panel>& job) {
  const WidenJob<Panel> local = job;  // what is stored may alias anything
  const auto* source = static_cast<const std::uint8_t*>(local.source);
  if (local.dense()) return WidenRun<32>(source, local.pixels * local.length, local.out);
  for (std::int64_t pixel = 0; pixel < local.pixels; ++pixel) {
    WidenRun<32>(source + pixel * local.pixel_step, local.length,
                 local.out + pixel * local.out_step);
  }
}

template <typename Panel, typename In, typename Out>
const PanelKernel<Panel>* KernelOf() {
  static constexpr PanelKernel<Panel> kernel{
      .isa = kDotProductIsa,
      .tile = kTile,
      .step = kTileStep,
      .merged = kTileStep,
      .channel_order = ChannelOrder,
      .widen = sizeof(In) == 1 ? WidenRuns<Panel> : CopyRuns<Panel>,
      .run = RunWidth<kTile, Panel, Out>,
      .offset = SumsOf<Panel, hn::ScalableTag<std::int32_t>>::kOffset,
  };
  return &kernel;
}

template <typename Panel, typename In>
const PanelKernel<Panel>* KernelFor(DataType output) {
  return output == DataType::kUint16 ? KernelOf<Panel, In, std::uint16_t>()
                                     : KernelOf<Panel, In, std::uint8_t>();
}

template <typename Panel>
const PanelKernel<Panel>* Kernel(DataType input, DataType output) {
  if constexpr (kHasPairProducts || sizeof(typename Panel::Weight) == 1) {
    return input == DataType::kUint16 ? KernelFor<Panel, std::uint16_t>(output)
                                      : KernelFor<Panel, std::uint8_t>(output);
  }
  return nullptr;
}

}  // namespace
}  // namespace quant::integer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // QUANT_HAVE_DOT_PRODUCT

#if HWY_ONCE
namespace quant::integer {

template <>
const PanelKernel<WordPanel<std::int16_t>>* panel_kernel<WordPanel<std::int16_t>>(
    Isa isa, [[maybe_unused]] DataType input, [[maybe_unused]] DataType output) {
  QUANT_SIMD_SELECT_DOT(isa, Kernel<WordPanel<std::int16_t>>(input, output));
}
template <>
const PanelKernel<WordPanel<std::int8_t>>* panel_kernel<WordPanel<std::int8_t>>(
    Isa isa, [[maybe_unused]] DataType input, [[maybe_unused]] DataType output) {
  QUANT_SIMD_SELECT_DOT(isa, Kernel<WordPanel<std::int8_t>>(input, output));
}

}  // namespace quant::integer
#endif  // HWY_ONCE
