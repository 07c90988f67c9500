// SPDX-License-Identifier: MIT
// RowPairKernel::run. Included by each kernel's file in its own namespace, once per target, behind
// its `struct Products`: kGroups, Add(sum, odd, activations, weights), and kOdd, whether that adds
// to `odd`, too.

constexpr std::int64_t kLanes = kBytes / 4;
constexpr int kSteps = 3 * Products::kGroups;

// Named, not an array: compilers keep arrays of vectors in memory now and then.
#define QUANT_FOR_VECTORS(X) X(0) X(1) X(2) X(3)

// One plane of kVectors vectors of both output rows, `step` bytes apart, which share their
// constants: rounded, (row, vector, lane).
template <int kVectors>
HWY_INLINE void RunPlane(const std::uint8_t* rows, const std::int64_t* offsets, std::int64_t step,
                         const std::uint8_t* weights, V32 bias, hn::Vec<DF> multipliers,
                         hn::Vec<DF> highest, std::int32_t* levels) {
  const D8 d8;
  const D32 d32;
#define QUANT_DECLARE(v)                                              \
  [[maybe_unused]] V32 upper##v = hn::Zero(d32), lower##v = upper##v; \
  [[maybe_unused]] V32 upper_odd##v = upper##v, lower_odd##v = upper##v;
  QUANT_FOR_VECTORS(QUANT_DECLARE)
#undef QUANT_DECLARE
  for (int index = 0; index < kSteps; ++index) {
    const V8 upper = hn::LoadU(d8, weights);
    const V8 lower = hn::LoadU(d8, weights + kBytes);
    weights += 2 * kBytes;
    const std::uint8_t* activations = rows + offsets[index];
#define QUANT_ACCUMULATE(v)                             \
  if constexpr (v < kVectors) {                         \
    const V8 x = hn::LoadU(d8, activations + v * step); \
    Products::Add(upper##v, upper_odd##v, x, upper);    \
    Products::Add(lower##v, lower_odd##v, x, lower);    \
    MakeOpaque(upper##v);                               \
    MakeOpaque(lower##v);                               \
  }
    QUANT_FOR_VECTORS(QUANT_ACCUMULATE)
#undef QUANT_ACCUMULATE
  }
  const auto round = [&](V32 sum, [[maybe_unused]] V32 odd, int place) HWY_ATTR {
    if constexpr (Products::kOdd) sum = hn::RearrangeToOddPlusEven(sum, odd);
    hn::Store(RoundProducts(hn::Add(sum, bias), multipliers, highest), d32,
              levels + place * kLanes);
  };
#define QUANT_ROUND(v)                           \
  if constexpr (v < kVectors) {                  \
    round(upper##v, upper_odd##v, v);            \
    round(lower##v, lower_odd##v, kVectors + v); \
  }
  QUANT_FOR_VECTORS(QUANT_ROUND)
#undef QUANT_ROUND
}

class RowPairRunner {
 public:
  HWY_INLINE explicit RowPairRunner(const RowPairJob& job)
      : job_(job),
        end_(job.units * kRowUnit),
        step_(job.sets * kBytes),
        highest_(hn::Set(DF(), job.range.highest)),
        zero_point_(hn::Set(D16(), static_cast<std::int16_t>(job.range.zero_point))),
        lowest_(hn::Set(D8(), job.range.lowest_level())) {
    for (int index = 0; index < kSteps; ++index) {
      offsets_[index] = index / Products::kGroups * job.column_bytes +
                        (job.groups[index % Products::kGroups] - job.groups[0]);
    }
  }

  HWY_INLINE void Run() const {
    for (std::int64_t set = 0; set < job_.sets; ++set) {
      std::int64_t at = set * kBytes;
      for (; at + 3 * step_ < end_; at += 4 * step_) RunVectors<4>(set, at);
      for (; at < end_; at += step_) RunVectors<1>(set, at);
    }
  }

 private:
  template <int kVectors>
  HWY_INLINE void RunVectors(std::int64_t set, std::int64_t at) const {
    constexpr std::int64_t kPlaneLevels = 2 * kVectors * kLanes;
    HWY_ALIGN std::int32_t levels[4 * kPlaneLevels];
    for (std::int64_t plane = 0; plane < 4; ++plane) {
      const std::int64_t constants = 4 * set + plane;
      RunPlane<kVectors>(
          job_.groups[0] + plane * job_.plane_bytes + at, offsets_, step_,
          static_cast<const std::uint8_t*>(job_.weights) + constants * 2 * kSteps * kBytes,
          hn::LoadU(D32(), job_.bias + constants * kLanes),
          hn::LoadU(DF(), job_.multipliers + constants * kLanes), highest_,
          levels + plane * kPlaneLevels);
    }
    for (int row = 0; row < 2; ++row) {
      if (job_.outputs[row] == nullptr) return;
      for (int vector = 0; vector < kVectors; ++vector) {
        const std::int32_t* first = levels + (row * kVectors + vector) * kLanes;
        Store(Words(first, first + kPlaneLevels),
              Words(first + 2 * kPlaneLevels, first + 3 * kPlaneLevels), job_.outputs[row],
              at + vector * step_);
      }
    }
  }

  HWY_INLINE V16 Words(const std::int32_t* low, const std::int32_t* high) const {
    const V16 words = hn::ReorderDemote2To(D16(), hn::Load(D32(), low), hn::Load(D32(), high));
    return hn::SaturatedAdd(words, zero_point_);
  }

  HWY_INLINE void Store(V16 low, V16 high, std::uint8_t* row, std::int64_t at) const {
    const D8 d8;
    const V8 bytes = hn::Max(PackBytes(low, high), lowest_);
    if (at + kBytes <= end_) {
      hn::StoreU(bytes, d8, row + at);
    } else {
      HWY_ALIGN std::uint8_t part[kBytes];
      hn::Store(bytes, d8, part);
      std::memcpy(row + at, part, static_cast<std::size_t>(end_ - at));
    }
  }

  const RowPairJob& job_;
  std::int64_t end_, step_;
  hn::Vec<DF> highest_;
  V16 zero_point_;
  V8 lowest_;
  std::int64_t offsets_[kSteps];
};

void Run(const RowPairJob& shared) {
  const RowPairJob job = shared;  // what is stored may alias anything
  RowPairRunner(job).Run();
}

// interleave(d, unit): a vector of d's units from `unit` on.
template <class Interleave>
HWY_INLINE void ForUnits(std::int64_t units, const Interleave& interleave) {
  constexpr std::int64_t kUnits = kBytes / kRowUnit;
  std::int64_t unit = 0;
  for (; unit + kUnits <= units; unit += kUnits) interleave(D8(), unit);
  for (; unit < units; ++unit) interleave(hn::CappedTag<std::uint8_t, kRowUnit>(), unit);
}
