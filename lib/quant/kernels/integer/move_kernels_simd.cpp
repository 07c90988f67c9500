// SPDX-License-Identifier: MIT
#include "quant/kernels/integer/move_kernels.h"

#include <algorithm>

#include "quant/kernels/integer/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/kernels/integer/move_kernels_simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#if QUANT_SIMD_TARGET
HWY_BEFORE_NAMESPACE();
namespace quant::integer::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

// Rows are often as short as the channels of a pixel: 16 bytes at a time, the last of them over the
// ones before. Longer vectors would pay in the transpose only, with one more shuffle a stage.
template <typename T>
using Block = hn::CappedTag<T, 16 / sizeof(T)>;
template <typename T>
constexpr std::int64_t kBlock = 16 / sizeof(T);
template <typename T>
using HalfBlock = hn::CappedTag<T, 8 / sizeof(T)>;
template <typename T>
constexpr std::int64_t kHalfBlock = 8 / sizeof(T);

// copy(i) for i = 0, step, …, and once more for the last `step` of n ≥ step.
template <class Copy>
HWY_INLINE void ForOverlapping(std::int64_t n, std::int64_t step, const Copy& copy) {
  std::int64_t i = 0;
  for (; i + step <= n; i += step) copy(i);
  if (i < n) copy(n - step);
}

// Rows that are shorter than half a block, dense in the output. Each store holds more than its row;
// what it spoils, the next rows repair.
template <typename T>
HWY_INLINE void CopyShortRows(const T* in, std::int64_t in_step, T* out, std::int64_t rows,
                              std::int64_t columns) {
  const HalfBlock<T> d;
  const std::int64_t whole = rows - (kHalfBlock<T> - 1) / columns;
  std::int64_t r = 0;
  for (; r < whole; ++r) hn::StoreU(hn::LoadU(d, in + r * in_step), d, out + r * columns);
  for (; r < rows; ++r) {
    for (std::int64_t i = 0; i < columns; ++i) out[r * columns + i] = in[r * in_step + i];
  }
}

template <typename T>
void CopyRows(const T* in, std::int64_t in_step, T* out, std::int64_t out_step, std::int64_t rows,
              std::int64_t columns) {
  if (columns < kHalfBlock<T> && out_step == columns && in_step >= columns)
    return CopyShortRows(in, in_step, out, rows, columns);
  const hn::ScalableTag<T> d;
  constexpr std::int64_t kLanes = hn::MaxLanes(hn::ScalableTag<T>());
  for (std::int64_t r = 0; r < rows; ++r) {
    const T* from = in + r * in_step;
    T* to = out + r * out_step;
    if (columns >= kLanes) {
      ForOverlapping(columns, kLanes, [&](std::int64_t i) HWY_ATTR {
        hn::StoreU(hn::LoadU(d, from + i), d, to + i);
      });
    } else if (columns >= kBlock<T>) {
      ForOverlapping(columns, kBlock<T>, [&](std::int64_t i) HWY_ATTR {
        hn::StoreU(hn::LoadU(Block<T>(), from + i), Block<T>(), to + i);
      });
    } else if (columns >= kHalfBlock<T>) {
      const HalfBlock<T> half;
      hn::StoreU(hn::LoadU(half, from), half, to);
      if (columns > kHalfBlock<T>) {
        const std::int64_t last = columns - kHalfBlock<T>;
        hn::StoreU(hn::LoadU(half, from + last), half, to + last);
      }
    } else {
      for (std::int64_t i = 0; i < columns; ++i) to[i] = from[i];
    }
  }
}

template <typename T>
void EverySecond(const T* in, std::int64_t in_step, T* out, std::int64_t out_step,
                 std::int64_t rows, std::int64_t columns) {
  const Block<T> d;
  for (std::int64_t r = 0; r < rows; ++r) {
    const T* from = in + r * in_step;
    T* to = out + r * out_step;
    if (columns < kBlock<T>) {
      for (std::int64_t i = 0; i < columns; ++i) to[i] = from[2 * i];
      continue;
    }
    // The upper half starts one element early, so that the last one read is the last one copied.
    const hn::RebindToUnsigned<hn::Repartition<hwy::MakeWide<T>, Block<T>>> wide;
    const auto mask = hn::Set(wide, hwy::LimitsMax<T>());
    ForOverlapping(columns, kBlock<T>, [&](std::int64_t i) HWY_ATTR {
      const auto low = hn::BitCast(wide, hn::LoadU(d, from + 2 * i));
      const auto high = hn::BitCast(wide, hn::LoadU(d, from + 2 * i + kBlock<T> - 1));
      const auto even = hn::And(low, mask);
      const auto odd = hn::ShiftRight<8 * sizeof(T)>(high);
      hn::StoreU(hn::ConcatEven(d, hn::BitCast(d, odd), hn::BitCast(d, even)), d, to + i);
    });
  }
}

// Two rows into one, element by element in turn.
template <typename T>
HWY_INLINE void InterleaveRows(const T* in, std::int64_t in_step, T* out, std::int64_t n) {
  const hn::CappedTag<T, 32 / sizeof(T)> wide;
  constexpr std::int64_t kWide = hn::MaxLanes(hn::CappedTag<T, 32 / sizeof(T)>());
  const T* other = in + in_step;
  const auto vectors = [&](auto d, std::int64_t i) HWY_ATTR {
    hn::StoreInterleaved2(hn::LoadU(d, in + i), hn::LoadU(d, other + i), d, out + 2 * i);
  };
  if (n >= kWide) {
    ForOverlapping(n, kWide, [&](std::int64_t i) HWY_ATTR { vectors(wide, i); });
  } else if (n >= kBlock<T>) {
    ForOverlapping(n, kBlock<T>, [&](std::int64_t i) HWY_ATTR { vectors(Block<T>(), i); });
  } else {
    for (std::int64_t i = 0; i < n; ++i) {
      out[2 * i] = in[i];
      out[2 * i + 1] = other[i];
    }
  }
}

template <typename T>
void Interleave(const T* in, std::int64_t in_step, std::int64_t group_step, T* out,
                std::int64_t out_step, std::int64_t pixels, std::int64_t n) {
  for (std::int64_t p = 0; p < pixels; ++p)
    InterleaveRows(in + p * in_step, group_step, out + p * out_step, n);
}

// Named, not an array: compilers keep arrays of vectors in memory now and then.
#define QUANT_FOR_TILE(X) \
  X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
// Each stage moves one bit of the column's number from the vector's number to the lane's.
#define QUANT_STAGE(to, from)         \
  QUANT_PAIR(to, from, 0, 8, 0, 1)    \
  QUANT_PAIR(to, from, 1, 9, 2, 3)    \
  QUANT_PAIR(to, from, 2, 10, 4, 5)   \
  QUANT_PAIR(to, from, 3, 11, 6, 7)   \
  QUANT_PAIR(to, from, 4, 12, 8, 9)   \
  QUANT_PAIR(to, from, 5, 13, 10, 11) \
  QUANT_PAIR(to, from, 6, 14, 12, 13) \
  QUANT_PAIR(to, from, 7, 15, 14, 15)
#define QUANT_PAIR(to, from, a, b, low, high)                    \
  const auto to##low = hn::InterleaveLower(d, from##a, from##b); \
  const auto to##high = hn::InterleaveUpper(d, from##a, from##b);

constexpr std::int64_t kTileColumns = 16;

// kBlock rows × kTileColumns columns: reads `columns` rows of the input, writes `rows` rows of the
// output, all of them whole.
template <typename T>
HWY_INLINE void TransposeTile(const T* in, std::int64_t in_step, T* out, std::int64_t out_step,
                              std::int64_t rows, std::int64_t columns) {
  const Block<T> d;
#define QUANT_LOAD(i) const auto a##i = i < columns ? hn::LoadU(d, in + i * in_step) : hn::Zero(d);
  QUANT_FOR_TILE(QUANT_LOAD)
#undef QUANT_LOAD
  QUANT_STAGE(b, a)
  QUANT_STAGE(c, b)
  QUANT_STAGE(e, c)
  QUANT_STAGE(f, e)
#define QUANT_STORE(i)                                                                        \
  if (i * kBlock<T> / kTileColumns < rows) {                                                  \
    hn::StoreU(f##i, d,                                                                       \
               out + i * kBlock<T> / kTileColumns * out_step + i * kBlock<T> % kTileColumns); \
  }
  QUANT_FOR_TILE(QUANT_STORE)
#undef QUANT_STORE
}
#undef QUANT_PAIR
#undef QUANT_STAGE
#undef QUANT_FOR_TILE

template <typename T>
void TransposeElements(const T* in, std::int64_t in_step, T* out, std::int64_t out_step,
                       std::int64_t first_row, std::int64_t rows, std::int64_t first_column,
                       std::int64_t columns) {
  for (std::int64_t r = first_row; r < rows; ++r) {
    for (std::int64_t c = first_column; c < columns; ++c)
      out[r * out_step + c] = in[r + c * in_step];
  }
}

template <typename T>
void Transpose(const T* in, std::int64_t in_step, T* out, std::int64_t out_step, std::int64_t rows,
               std::int64_t columns) {
  constexpr std::int64_t kTileRows = kBlock<T>;
  if (columns == 2 && out_step == 2) return InterleaveRows(in, in_step, out, rows);
  if (rows >= kTileRows && columns >= kTileColumns) {
    // Whole cache lines of the output before the next rows, as far as both fit into the cache.
    constexpr std::int64_t kLine = 64;
    for (std::int64_t line = 0; line < columns; line += kLine) {
      const std::int64_t width = std::clamp(columns - line, kTileColumns, kLine);
      const std::int64_t first = std::min(line, columns - width);
      ForOverlapping(rows, kTileRows, [&](std::int64_t r) HWY_ATTR {
        ForOverlapping(width, kTileColumns, [&](std::int64_t c) HWY_ATTR {
          TransposeTile(in + r + (first + c) * in_step, in_step, out + r * out_step + first + c,
                        out_step, kTileRows, kTileColumns);
        });
      });
    }
  } else if (columns >= kTileColumns) {
    // Vectors that hold more than the rows, as long as they end within the input.
    std::int64_t whole = columns - (kTileRows - rows + in_step - 1) / in_step;
    if (whole < kTileColumns) whole = 0;
    if (whole > 0) {
      ForOverlapping(whole, kTileColumns, [&](std::int64_t c) HWY_ATTR {
        TransposeTile(in + c * in_step, in_step, out + c, out_step, rows, kTileColumns);
      });
    }
    TransposeElements(in, in_step, out, out_step, 0, rows, whole, columns);
  } else if (rows >= kTileRows && out_step == columns) {
    // Each store holds more than its row; what it spoils, the next rows repair.
    const std::int64_t whole = rows - (kTileColumns - columns + out_step - 1) / out_step;
    std::int64_t done = 0;
    for (; done + kTileRows <= whole; done += kTileRows)
      TransposeTile(in + done, in_step, out + done * out_step, out_step, kTileRows, columns);
    TransposeElements(in, in_step, out, out_step, done, rows, 0, columns);
  } else {
    TransposeElements(in, in_step, out, out_step, 0, rows, 0, columns);
  }
}

template <typename T>
const MoveKernels<T>* Kernels() {
  static constexpr MoveKernels<T> kernels{isa_of_target(HWY_TARGET), CopyRows<T>, EverySecond<T>,
                                          Transpose<T>, Interleave<T>};
  return &kernels;
}

}  // namespace
}  // namespace quant::integer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // QUANT_SIMD_TARGET

#if HWY_ONCE
namespace quant::integer {

template <>
const MoveKernels<std::uint8_t>* move_kernels(Isa isa) {
  QUANT_SIMD_SELECT(isa, Kernels<std::uint8_t>());
}

template <>
const MoveKernels<std::uint16_t>* move_kernels(Isa isa) {
  QUANT_SIMD_SELECT(isa, Kernels<std::uint16_t>());
}

template <>
const MoveKernels<std::uint32_t>* move_kernels(Isa isa) {
  QUANT_SIMD_SELECT(isa, Kernels<std::uint32_t>());
}

}  // namespace quant::integer
#endif  // HWY_ONCE
