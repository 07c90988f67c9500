// SPDX-License-Identifier: MIT
// Depthwise 3×3 with stride 1: two output rows at a time, from four input rows that are interleaved
// before, zero points beside the image included. There are no borders then, and a row of few
// channels is computed like one of many.
#include <algorithm>
#include <numeric>

#include "quant/base/aligned_buffer.h"
#include "quant/base/round_up.h"
#include "quant/kernels/integer/convolution.h"
#include "quant/kernels/integer/panel_weights.h"
#include "quant/kernels/integer/row_pair_kernel.h"

namespace quant::integer {
namespace {

constexpr std::int64_t kTaps = 3;  // of a row and of a column
// Neighbouring pairs of rows, of which each starts with what the one before has interleaved. Some
// more than threads even out.
constexpr std::int64_t kBandsOfThread = 4;

class RowPairConvolution : public ConvolutionImplementation {
 public:
  RowPairConvolution(const Convolution& convolution, Isa isa);

  std::size_t scratch_bytes(int threads) const override {
    return static_cast<std::size_t>(threads) * worker_bytes_;
  }
  Isa isa() const override { return kernel_->isa; }
  void run(const void* input, void* output, std::byte* scratch, ThreadPool& pool) const override;

 private:
  std::int64_t groups() const { return 4 / kernel_->depth; }
  std::int64_t columns() const { return shape_.out_w + kTaps - 1; }
  std::int64_t pixel_units() const { return shape_.in_c / kRowUnit; }
  template <typename Weight>
  void pack(const Convolution& convolution);
  void run_band(const std::uint8_t* image, std::int64_t first_pair, std::int64_t last_pair,
                std::uint8_t* output, std::uint8_t* rows) const;
  void interleave(const std::uint8_t* image, std::int64_t in_y, std::uint8_t* group) const;

  const RowPairKernel* kernel_;
  Conv2dShape shape_;
  std::int64_t sets_ = 0;
  std::vector<std::byte> weights_;
  std::vector<std::int32_t> bias_;  // input zero points folded in modulo 2^32
  std::vector<float> multipliers_;
  StoreRange range_;
  std::vector<std::uint8_t> zero_row_;  // the input zero points: what lies beside the image
  std::int64_t plane_bytes_ = 0;
  std::size_t worker_bytes_ = 0;
};

const RowPairKernel* best_kernel(Isa isa) {
  const RowPairKernel* bytes = byte_row_pair_kernel(isa);
  return bytes != nullptr ? bytes : row_pair_kernel(isa);
}

RowPairConvolution::RowPairConvolution(const Convolution& convolution, Isa isa)
    : kernel_(best_kernel(isa)),
      shape_(convolution.shape),
      range_(convolution.requantization.output(0)) {
  sets_ = std::lcm(pixel_units(), kernel_->units) / kernel_->units;
  if (kernel_->depth == 2) {
    pack<std::int16_t>(convolution);
  } else {
    pack<std::int8_t>(convolution);
  }
  zero_row_.resize(static_cast<std::size_t>(std::max(shape_.in_w, columns()) * shape_.in_c));
  for (std::size_t i = 0; i < zero_row_.size(); ++i)
    zero_row_[i] =
        static_cast<std::uint8_t>(convolution.zero_points[i % convolution.zero_points.size()]);
  plane_bytes_ = columns() * shape_.in_c;
  const std::int64_t bytes = 4 * groups() * plane_bytes_ + kernel_->units * kRowUnit;
  worker_bytes_ = round_up(static_cast<std::size_t>(bytes), kBufferAlignment);
}

template <typename Weight>
void RowPairConvolution::pack(const Convolution& convolution) {
  const std::int64_t depth = kernel_->depth;
  const std::int64_t lanes = 4 * kernel_->units;
  std::vector<Weight> packed;
  for (std::int64_t i = 0; i < sets_ * 4 * lanes; ++i) {
    const std::int64_t plane = i / lanes % 4;
    const std::int64_t lane = i % lanes;
    const std::int64_t unit = (i / lanes / 4 * kernel_->units + lane / 4) % pixel_units();
    const std::int64_t c = unit * kRowUnit + 4 * plane + lane % 4;
    const std::int16_t* weights = convolution.weights.data() + c * kTaps * kTaps;
    std::int64_t bias = convolution.bias[static_cast<std::size_t>(c)];
    const std::int32_t zero_point = convolution.zero_points[static_cast<std::size_t>(c)];
    for (std::int64_t tap = 0; tap < kTaps * kTaps; ++tap)
      bias -= std::int64_t{weights[tap]} * (zero_point - kernel_->offset);
    bias_.push_back(folded_bias<std::int32_t>(bias));
    multipliers_.push_back(convolution.requantization.multiplier<float>(c));
    if (lane == 0) packed.resize(packed.size() + static_cast<std::size_t>(kTaps * 8 * lanes));
    Weight* out = packed.data() + i / lanes * kTaps * 8 * lanes;
    for (std::int64_t column = 0; column < kTaps; ++column) {
      for (std::int64_t row = 0; row < 4; ++row) {
        for (std::int64_t output = 0; output < 2; ++output) {
          const std::int64_t tap = row - output;
          if (tap < 0 || tap >= kTaps) continue;
          const std::int64_t vector = (column * groups() + row / depth) * 2 + output;
          out[(vector * lanes + lane) * depth + row % depth] =
              static_cast<Weight>(weights[tap * kTaps + column]);
        }
      }
    }
  }
  const auto* bytes = reinterpret_cast<const std::byte*>(packed.data());
  weights_.assign(bytes, bytes + packed.size() * sizeof(Weight));
}

void RowPairConvolution::run(const void* input, void* output, std::byte* scratch,
                             ThreadPool& pool) const {
  const std::int64_t pairs = (shape_.out_h + 1) / 2;
  const std::int64_t bands =
      pool.threads() == 1 ? 1 : std::min<std::int64_t>(pairs, kBandsOfThread * pool.threads());
  pool.run(shape_.batch * bands, [&](std::int64_t task, int worker) {
    const std::int64_t image = task / bands;
    const std::int64_t band = task % bands;
    run_band(
        static_cast<const std::uint8_t*>(input) + image * shape_.in_h * shape_.in_w * shape_.in_c,
        pairs * band / bands, pairs * (band + 1) / bands,
        static_cast<std::uint8_t*>(output) + image * shape_.out_h * shape_.out_w * shape_.out_c,
        reinterpret_cast<std::uint8_t*>(scratch) +
            static_cast<std::size_t>(worker) * worker_bytes_);
  });
}

void RowPairConvolution::run_band(const std::uint8_t* image, std::int64_t first_pair,
                                  std::int64_t last_pair, std::uint8_t* output,
                                  std::uint8_t* rows) const {
  const std::int64_t row_bytes = shape_.out_w * shape_.out_c;
  RowPairJob job;
  job.plane_bytes = plane_bytes_;
  job.column_bytes = shape_.in_c;
  job.units = shape_.out_w * pixel_units();
  job.sets = sets_;
  job.weights = weights_.data();
  job.bias = bias_.data();
  job.multipliers = multipliers_.data();
  job.range = range_;
  for (std::int64_t pair = first_pair; pair < last_pair; ++pair) {
    const std::int64_t y = 2 * pair;
    for (std::int64_t group = 0; group < groups(); ++group) {
      // The second of two groups is the next pair's first.
      std::uint8_t* place = rows + (pair + group) % groups() * 4 * plane_bytes_;
      const bool is_there = pair > first_pair && group + 1 < groups();
      if (!is_there) interleave(image, y - shape_.pad_top + group * kernel_->depth, place);
      job.groups[group] = place;
    }
    job.outputs[0] = output + y * row_bytes;
    job.outputs[1] = y + 1 < shape_.out_h ? job.outputs[0] + row_bytes : nullptr;
    kernel_->run(job);
  }
}

// The group whose first row is in_y: all columns that any tap reads.
void RowPairConvolution::interleave(const std::uint8_t* image, std::int64_t in_y,
                                    std::uint8_t* group) const {
  const std::int64_t left = std::min(shape_.pad_left, columns());
  const std::int64_t inner = std::min(shape_.in_w, columns() - left);
  InterleaveJob beside;
  beside.plane_bytes = plane_bytes_;
  std::ranges::fill(beside.rows, zero_row_.data());
  InterleaveJob inside = beside;
  for (std::int64_t i = 0; i < kernel_->depth; ++i) {
    const std::int64_t y = in_y + i;
    if (y >= 0 && y < shape_.in_h) inside.rows[i] = image + y * shape_.in_w * shape_.in_c;
  }
  const auto put = [&](InterleaveJob& job, std::int64_t first, std::int64_t count) {
    job.units = count * pixel_units();
    job.out = group + first * shape_.in_c;
    kernel_->interleave(job);
  };
  put(beside, 0, left);
  put(inside, left, inner);
  put(beside, left + inner, columns() - left - inner);
}

}  // namespace

bool row_pairs_fit(const Convolution& convolution) {
  const Conv2dShape& s = convolution.shape;
  return convolution.depthwise() && !convolution.transposed && s.kernel_h == kTaps &&
         s.kernel_w == kTaps && s.stride_h == 1 && s.stride_w == 1 && s.dilation_h == 1 &&
         s.dilation_w == 1 && s.in_c % kRowUnit == 0 && convolution.pixel_stride == s.out_c;
}

std::unique_ptr<ConvolutionImplementation> make_row_pair_convolution(const Convolution& convolution,
                                                                     Isa isa) {
  return std::make_unique<RowPairConvolution>(convolution, isa);
}

}  // namespace quant::integer
