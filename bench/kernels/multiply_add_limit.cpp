// SPDX-License-Identifier: MIT
#include "multiply_add_limit.h"

#include <algorithm>
#include <ctime>

#include "quant/kernels/integer/simd_targets.h"

#define QUANT_FOR_CHAINS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "multiply_add_limit.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "quant/kernels/integer/dot_product_simd-inl.h"
#include "quant/kernels/integer/opaque_simd-inl.h"

#if HWY_TARGET != HWY_SCALAR
HWY_BEFORE_NAMESPACE();
namespace quant::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

// Twelve chains hide the latency of the additions. Returns multiply-adds done.
double Work(int rounds, std::int32_t& result) {
  using D32 = hn::ScalableTag<std::int32_t>;
  using D16 = hn::Repartition<std::int16_t, D32>;
  const D32 d32;
  const D16 d16;
  HWY_ALIGN std::int16_t factors[hn::MaxLanes(d16)];
  hn::Store(hn::Iota(d16, 3), d16, factors);
  auto x = hn::Load(d16, factors);
  const auto y = x;
#define QUANT_DECLARE(i) auto sum##i = hn::Set(d32, i), odd##i = hn::Zero(d32);
  QUANT_FOR_CHAINS(QUANT_DECLARE)
#undef QUANT_DECLARE
  for (int round = 0; round < rounds; ++round) {
    // Opaque factors: else the compiler would multiply once for all chains.
#define QUANT_STEP(i)                                                \
  integer::HWY_NAMESPACE::MakeOpaque(x);                             \
  sum##i = hn::ReorderWidenMulAccumulate(d32, x, y, sum##i, odd##i); \
  integer::HWY_NAMESPACE::MakeOpaque(sum##i);
    QUANT_FOR_CHAINS(QUANT_STEP)
#undef QUANT_STEP
  }
  auto total = hn::Zero(d32);
#define QUANT_JOIN(i) total = hn::Add(total, hn::RearrangeToOddPlusEven(sum##i, odd##i));
  QUANT_FOR_CHAINS(QUANT_JOIN)
#undef QUANT_JOIN
  result = hn::GetLane(hn::SumOfLanes(d32, total));
  return 12.0 * rounds * static_cast<double>(hn::Lanes(d16));
}

using WorkFunction = double (*)(int, std::int32_t&);
WorkFunction Worker() { return Work; }

}  // namespace
}  // namespace quant::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // HWY_TARGET != HWY_SCALAR

#if QUANT_HAVE_DOT_PRODUCT
QUANT_BEFORE_DOT_NAMESPACE();
namespace quant::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

double DotWork(int rounds, std::int32_t& result) {
  using D32 = hn::ScalableTag<std::int32_t>;
  using D8 = hn::Repartition<std::uint8_t, D32>;
  using D8s = hn::Repartition<std::int8_t, D32>;
  const D32 d32;
  HWY_ALIGN std::uint8_t factors[hn::MaxLanes(D8())];
  hn::Store(hn::Iota(D8(), 3), D8(), factors);
  auto x = hn::Load(D8(), factors);
  const auto y = hn::BitCast(D8s(), x);
#define QUANT_DECLARE(i) auto sum##i = hn::Set(d32, i);
  QUANT_FOR_CHAINS(QUANT_DECLARE)
#undef QUANT_DECLARE
  for (int round = 0; round < rounds; ++round) {
#define QUANT_STEP(i)                                            \
  integer::HWY_NAMESPACE::MakeOpaque(x);                         \
  sum##i = integer::HWY_NAMESPACE::AddDotProducts(sum##i, x, y); \
  integer::HWY_NAMESPACE::MakeOpaque(sum##i);
    QUANT_FOR_CHAINS(QUANT_STEP)
#undef QUANT_STEP
  }
  auto total = hn::Zero(d32);
#define QUANT_JOIN(i) total = hn::Add(total, sum##i);
  QUANT_FOR_CHAINS(QUANT_JOIN)
#undef QUANT_JOIN
  result = hn::GetLane(hn::SumOfLanes(d32, total));
  return 12.0 * rounds * static_cast<double>(hn::MaxLanes(D8()));
}

double (*DotWorker())(int, std::int32_t&) { return DotWork; }

}  // namespace
}  // namespace quant::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // QUANT_HAVE_DOT_PRODUCT

#if HWY_ONCE
namespace quant {
namespace {

using WorkFunction = double (*)(int, std::int32_t&);
WorkFunction pair_worker(Isa isa) { QUANT_SIMD_SELECT(isa, Worker()); }
WorkFunction dot_worker(Isa isa) { QUANT_SIMD_SELECT_DOT(isa, DotWorker()); }

}  // namespace

double multiply_add_limit(Isa isa) {
  const WorkFunction dots = dot_worker(isa);
  const WorkFunction work = dots != nullptr ? dots : pair_worker(isa);
  if (work == nullptr) return 0;
  double best = 0;
  volatile std::int32_t sink = 0;
  for (int repetition = 0; repetition < 5; ++repetition) {
    std::int32_t result = 0;
    // Processor time: other programs may hold the core for a while.
    const std::clock_t start = std::clock();
    const double done = work(200'000, result);
    const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    sink = result;
    best = std::max(best, done / seconds / 1e9);
  }
  static_cast<void>(sink);
  return best;
}

}  // namespace quant
#endif  // HWY_ONCE
