// SPDX-License-Identifier: MIT
// Look-ups in tables of 256 bytes. Included once per target, inside each *_simd.cpp.

#if defined(QUANT_LOOKUP_SIMD_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef QUANT_LOOKUP_SIMD_INL_H
#undef QUANT_LOOKUP_SIMD_INL_H
#else
#define QUANT_LOOKUP_SIMD_INL_H
#endif

#include <hwy/highway.h>

#include <cstring>

#include "quant/arithmetic/lookup_table.h"
#include "quant/kernels/integer/dot_product_simd-inl.h"
#include "quant/kernels/integer/simd_targets.h"
#include "quant/kernels/integer/span_loops.h"

#if QUANT_SIMD_TARGET
HWY_BEFORE_NAMESPACE();
namespace quant::integer::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Byte shuffles look up 16 entries and answer 0 where an index is negative. For q < 128, part p of
// the table is asked for q − 16·p, and parts behind q's own answer 0. Those before it do so on Arm,
// too; on x86 they answer at q's low four bits, but with each part XORed by the one before, the
// answers XOR to the entry. The upper half is the same for q − 128; of each q, one half asks with
// negative indices only, which the saturating subtraction keeps so.
class ByteTable {
 public:
  // Bytes of one Run().
  static constexpr std::int64_t kStep = 2 * hn::MaxLanes(hn::ScalableTag<std::uint8_t>());

  HWY_INLINE explicit ByteTable(const LookupTable& table) {
    for (std::size_t i = 0; i < 256; ++i) {
      const bool alone = HWY_ARCH_ARM || i % 128 < 16;
      parts_[i] = static_cast<std::uint8_t>(alone ? table[i] : table[i] ^ table[i - 16]);
    }
  }

  HWY_INLINE void Run(const std::uint8_t* in, std::uint8_t* out) const {
    const D8 d8;
    const auto q0 = hn::LoadU(d8, in);
    const auto q1 = hn::LoadU(d8, in + kStep / 2);
    const auto top = hn::Set(d8, std::uint8_t{0x80});
    auto result0 = hn::Zero(d8);
    auto result1 = hn::Zero(d8);
    Parts<0>(q0, q1, result0, result1);
    Parts<8>(hn::Xor(q0, top), hn::Xor(q1, top), result0, result1);
    hn::StoreU(result0, d8, out);
    hn::StoreU(result1, d8, out + kStep / 2);
  }

 private:
  using D8 = hn::ScalableTag<std::uint8_t>;
  using V8 = hn::Vec<D8>;
  using DSigned = hn::RebindToSigned<D8>;

  template <int kPart>
  HWY_INLINE void Parts(V8 index0, V8 index1, V8& result0, V8& result1) const {
    const D8 d8;
    const DSigned di8;
    const V8 entries = hn::LoadDup128(d8, parts_ + 16 * kPart);
    result0 = hn::Xor(result0, hn::TableLookupBytesOr0(entries, index0));
    result1 = hn::Xor(result1, hn::TableLookupBytesOr0(entries, index1));
    if constexpr (kPart % 8 != 7) {
      const auto part = hn::Set(di8, std::int8_t{16});
      Parts<kPart + 1>(hn::BitCast(d8, hn::SaturatedSub(hn::BitCast(di8, index0), part)),
                       hn::BitCast(d8, hn::SaturatedSub(hn::BitCast(di8, index1), part)), result0,
                       result1);
    }
  }

  HWY_ALIGN std::uint8_t parts_[256];
};

inline void LookupRows(const std::uint8_t* in, std::int64_t in_step, std::uint8_t* out,
                       std::int64_t out_step, std::int64_t rows, std::int64_t n,
                       const LookupTable& table) {
  constexpr std::int64_t kStep = ByteTable::kStep;
  // What it takes to make the table's vectors.
  if (rows * n < 256) return lookup_rows_loop(in, in_step, out, out_step, rows, n, table);
  const ByteTable bytes(table);
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::uint8_t* from = in + r * in_step;
    std::uint8_t* to = out + r * out_step;
    std::int64_t i = 0;
    for (; i + kStep <= n; i += kStep) bytes.Run(from + i, to + i);
    if (i == n) continue;
    HWY_ALIGN std::uint8_t rest[kStep] = {};
    std::memcpy(rest, from + i, static_cast<std::size_t>(n - i));
    bytes.Run(rest, rest);
    std::memcpy(to + i, rest, static_cast<std::size_t>(n - i));
  }
}

}  // namespace quant::integer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_TARGET == HWY_AVX3
QUANT_BEFORE_DOT_NAMESPACE();
namespace quant::integer::HWY_NAMESPACE {

// The same on the CPUs of Isa::kAvx512Vnni, which look up 128 entries at once.
inline void WideLookupRows(const std::uint8_t* in, std::int64_t in_step, std::uint8_t* out,
                           std::int64_t out_step, std::int64_t rows, std::int64_t n,
                           const LookupTable& table) {
  alignas(64) std::uint8_t entries[256];
  for (std::size_t i = 0; i < 256; ++i) entries[i] = static_cast<std::uint8_t>(table[i]);
  const __m512i part0 = _mm512_load_si512(entries);
  const __m512i part1 = _mm512_load_si512(entries + 64);
  const __m512i part2 = _mm512_load_si512(entries + 128);
  const __m512i part3 = _mm512_load_si512(entries + 192);
  const auto look_up = [&](__m512i q) HWY_ATTR {
    const __m512i low = _mm512_permutex2var_epi8(part0, q, part1);
    const __m512i high = _mm512_permutex2var_epi8(part2, q, part3);
    return _mm512_mask_blend_epi8(_mm512_movepi8_mask(q), low, high);
  };
  const __mmask64 rest = (std::uint64_t{1} << (n % 64)) - 1;
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::uint8_t* from = in + r * in_step;
    std::uint8_t* to = out + r * out_step;
    std::int64_t i = 0;
    for (; i + 64 <= n; i += 64) _mm512_storeu_si512(to + i, look_up(_mm512_loadu_si512(from + i)));
    if (i < n)
      _mm512_mask_storeu_epi8(to + i, rest, look_up(_mm512_maskz_loadu_epi8(rest, from + i)));
  }
}

}  // namespace quant::integer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // HWY_TARGET == HWY_AVX3
#endif  // QUANT_SIMD_TARGET

#endif  // QUANT_LOOKUP_SIMD_INL_H
