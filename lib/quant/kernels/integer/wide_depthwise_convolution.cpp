// SPDX-License-Identifier: MIT
// Depthwise convolution, plain and transposed, where a tensor has 16 bits: pixel by pixel.
#include <algorithm>
#include <cassert>

#include "quant/base/aligned_buffer.h"
#include "quant/base/round_up.h"
#include "quant/kernels/integer/convolution.h"
#include "quant/kernels/integer/element_types.h"
#include "quant/kernels/integer/tap_geometry.h"
#include "quant/kernels/integer/wide_depthwise_kernel.h"

namespace quant::integer {
namespace {

// One phase with its weights packed, and the input zero points folded into the bias.
struct PackedPhase {
  TapPhase geometry;
  std::int64_t pairs = 0;             // of taps; the last one's second tap may have no weights
  std::vector<std::int16_t> weights;  // block by block
  std::vector<double> bias;           // lane by lane, as is the store
};

// Channels [first, first + count); its lanes begin at `lane` of all.
struct Channels {
  std::int64_t first = 0, count = 0, width = 0, lane = 0;
};

// Widest first. What is left is one block that begins earlier, as channels may be computed twice.
std::vector<Channels> split(std::int64_t channels, std::int64_t widest) {
  constexpr std::int64_t kNarrowest = 8;
  if (channels < kNarrowest) return {{0, channels, kNarrowest, 0}};
  std::vector<Channels> blocks;
  std::int64_t lane = 0;
  for (std::int64_t first = 0; first < channels;) {
    const std::int64_t left = channels - first;
    std::int64_t width = kNarrowest;
    while (width < left && 2 * width <= std::min(widest, channels)) width *= 2;
    first = std::min(first, channels - width);
    blocks.push_back({first, width, width, lane});
    first += width;
    lane += width;
  }
  return blocks;
}

class WideDepthwiseConvolution : public ConvolutionImplementation {
 public:
  WideDepthwiseConvolution(const Convolution& convolution, Isa isa);

  std::size_t scratch_bytes(int threads) const override {
    return static_cast<std::size_t>(threads) * worker_bytes_;
  }
  Isa isa() const override { return kernel_->isa; }
  bool wide() const override { return true; }
  void run(const void* input, void* output, std::byte* scratch, ThreadPool& pool) const override;

 private:
  PackedPhase pack(const Convolution& convolution, const TapPhase& geometry) const;
  void run_row(const PackedPhase& phase, std::int64_t row, const std::byte* input,
               std::byte* output, const void** taps) const;

  const WideDepthwiseKernel* kernel_;
  Conv2dShape shape_;
  std::vector<Channels> blocks_;
  std::int64_t pixel_stride_;
  std::int64_t in_size_, out_size_;  // of an element, in bytes
  TapGeometry geometry_;
  std::vector<PackedPhase> phases_;
  PackedStore<double> store_;
  std::vector<std::uint8_t> zero_bytes_;  // the input zero points, in the input's type: what a tap
  std::vector<std::uint16_t> zero_wide_;  // outside reads
  std::size_t worker_bytes_ = 0;
};

WideDepthwiseConvolution::WideDepthwiseConvolution(const Convolution& convolution, Isa isa)
    : kernel_(wide_depthwise_kernel(isa, convolution.input_type, convolution.output_type)),
      shape_(convolution.shape),
      blocks_(split(shape_.out_c, kernel_->widest)),
      pixel_stride_(convolution.pixel_stride),
      in_size_(static_cast<std::int64_t>(size_of(convolution.input_type))),
      out_size_(static_cast<std::int64_t>(size_of(convolution.output_type))),
      geometry_(convolution.transposed ? conv_transpose2d_taps(shape_) : conv2d_taps(shape_)) {
  assert(kernel_ != nullptr);
  if (in_size_ == 1) {
    zero_bytes_.assign(convolution.zero_points.begin(), convolution.zero_points.end());
  } else {
    zero_wide_.assign(convolution.zero_points.begin(), convolution.zero_points.end());
  }
  for (const Channels& block : blocks_) {
    for (std::int64_t lane = 0; lane < block.width; ++lane) {
      const std::int64_t channel = block.first + wide_depthwise_channel(block.width, lane);
      store_.add(convolution.requantization, std::min(channel, shape_.out_c - 1));
    }
  }
  std::size_t taps = 0;
  for (const TapPhase& phase : geometry_.phases) {
    phases_.push_back(pack(convolution, phase));
    taps = std::max(taps, round_up(phase.taps.size(), std::size_t{2}));
  }
  const std::size_t bytes = taps * sizeof(const void*);
  worker_bytes_ = round_up(bytes, kBufferAlignment);
}

PackedPhase WideDepthwiseConvolution::pack(const Convolution& convolution,
                                           const TapPhase& geometry) const {
  PackedPhase phase;
  phase.geometry = geometry;
  phase.pairs = static_cast<std::int64_t>(geometry.taps.size() + 1) / 2;
  const std::int64_t lanes = blocks_.back().lane + blocks_.back().width;
  phase.weights.assign(static_cast<std::size_t>(2 * phase.pairs * lanes), 0);
  phase.bias.assign(static_cast<std::size_t>(lanes), 0);
  for (const Channels& block : blocks_) {
    std::int16_t* weights = phase.weights.data() + 2 * phase.pairs * block.lane;
    for (std::int64_t lane = 0; lane < block.width; ++lane) {
      const std::int64_t within = wide_depthwise_channel(block.width, lane);
      if (within >= block.count) continue;
      const auto channel = static_cast<std::size_t>(block.first + within);
      std::int64_t bias = convolution.bias[channel];
      for (std::size_t t = 0; t < geometry.taps.size(); ++t) {
        const Tap& tap = geometry.taps[t];
        const std::int64_t at =
            ((block.first + within) * shape_.kernel_h + tap.ky) * shape_.kernel_w + tap.kx;
        const std::int16_t weight = convolution.weights[static_cast<std::size_t>(at)];
        const auto pair = static_cast<std::int64_t>(t / 2);
        weights[(pair * block.width + lane) * 2 + static_cast<std::int64_t>(t % 2)] = weight;
        bias -= std::int64_t{weight} * convolution.zero_points[channel];
      }
      phase.bias[static_cast<std::size_t>(block.lane + lane)] = static_cast<double>(bias);
    }
  }
  return phase;
}

void WideDepthwiseConvolution::run(const void* input, void* output, std::byte* scratch,
                                   ThreadPool& pool) const {
  for (const PackedPhase& phase : phases_) {
    pool.run(shape_.batch * phase.geometry.rows, [&](std::int64_t row, int worker) {
      run_row(phase, row, static_cast<const std::byte*>(input), static_cast<std::byte*>(output),
              reinterpret_cast<const void**>(scratch +
                                             static_cast<std::size_t>(worker) * worker_bytes_));
    });
  }
}

void WideDepthwiseConvolution::run_row(const PackedPhase& phase, std::int64_t row,
                                       const std::byte* input, std::byte* output,
                                       const void** taps) const {
  const TapPhase& geometry = phase.geometry;
  const std::int64_t y = row % geometry.rows;
  const std::int64_t image = row / geometry.rows;
  const std::int64_t pixel_bytes = shape_.in_c * in_size_;
  const std::byte* in = input + image * shape_.in_h * shape_.in_w * pixel_bytes;
  const std::int64_t out_y = geometry.out_y + y * geometry_.out_step_h;
  const std::int64_t first = (image * shape_.out_h + out_y) * shape_.out_w + geometry.out_x;
  const void* outside = in_size_ == 1 ? static_cast<const void*>(zero_bytes_.data())
                                      : static_cast<const void*>(zero_wide_.data());
  WideDepthwiseRun run;
  run.taps = taps;
  run.in_step = geometry_.in_step_w * shape_.in_c;
  run.pairs = phase.pairs;
  run.out_step = geometry_.out_step_w * pixel_stride_;
  for (std::int64_t x = 0; x < geometry.columns; x += run.pixels) {
    // As many pixels as keep every tap inside; one where a tap is outside.
    run.pixels = geometry.columns - x;
    for (std::size_t t = 0; t < geometry.taps.size(); ++t) {
      const std::int64_t in_y = y * geometry_.in_step_h + geometry.taps[t].dy;
      const std::int64_t in_x = x * geometry_.in_step_w + geometry.taps[t].dx;
      const bool inside = in_y >= 0 && in_y < shape_.in_h && in_x >= 0 && in_x < shape_.in_w;
      taps[t] = inside ? in + (in_y * shape_.in_w + in_x) * pixel_bytes : outside;
      run.pixels =
          std::min(run.pixels, inside ? (shape_.in_w - 1 - in_x) / geometry_.in_step_w + 1 : 1);
    }
    if (geometry.taps.size() % 2 == 1) taps[geometry.taps.size()] = taps[geometry.taps.size() - 1];
    run.output = output + (first + x * geometry_.out_step_w) * pixel_stride_ * out_size_;
    for (const Channels& block : blocks_) {
      kernel_->run(run, {block.first, block.width, block.count,
                         phase.weights.data() + 2 * phase.pairs * block.lane,
                         phase.bias.data() + block.lane, store_.from(block.lane)});
    }
  }
}

}  // namespace

std::unique_ptr<ConvolutionImplementation> make_wide_depthwise_convolution(
    const Convolution& convolution, Isa isa) {
  return std::make_unique<WideDepthwiseConvolution>(convolution, isa);
}

}  // namespace quant::integer
