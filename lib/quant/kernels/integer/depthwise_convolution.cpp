// SPDX-License-Identifier: MIT
// Depthwise convolution, plain and transposed: one task per output row, runs of inner pixels in one
// call.
#include <algorithm>
#include <cassert>

#include "quant/base/aligned_buffer.h"
#include "quant/kernels/integer/convolution.h"
#include "quant/kernels/integer/depthwise_kernel.h"
#include "quant/kernels/integer/tap_geometry.h"

namespace quant::integer {
namespace {

struct PackedPhase {
  TapPhase geometry;
  std::int64_t pairs = 0;
  std::vector<std::int16_t> weights;   // block after block
  std::vector<std::int32_t> bias;      // the same; input zero points folded in modulo 2^32
  std::vector<DepthwiseBlock> blocks;  // pointing into these
};

class DepthwiseConvolution : public ConvolutionImplementation {
 public:
  DepthwiseConvolution(const Convolution& convolution, Isa isa);

  std::size_t scratch_bytes(int threads) const override {
    return static_cast<std::size_t>(threads) * worker_bytes_;
  }
  Isa isa() const override { return kernel_->isa; }
  void run(const void* input, void* output, std::byte* scratch, ThreadPool& pool) const override;

 private:
  struct BlockPlace {
    std::int64_t channel = 0, width = 0;
  };
  struct Scratch {
    const std::uint8_t** taps;
    std::uint8_t* staging;  // kDepthwiseNarrow bytes for each tap
  };

  std::vector<BlockPlace> place_blocks() const;
  void pack(const Convolution& convolution, PackedPhase& phase) const;
  void run_row(const PackedPhase& phase, std::int64_t row, const std::uint8_t* input,
               std::uint8_t* output, const Scratch& scratch) const;
  void stage_taps(const std::uint8_t* input_end, std::size_t count, const Scratch& scratch) const;

  const DepthwiseKernel* kernel_;
  Conv2dShape shape_;
  std::int64_t pixel_stride_;
  TapGeometry geometry_;
  std::vector<BlockPlace> places_;
  std::vector<PackedPhase> phases_;
  std::vector<float> multipliers_;        // block after block
  std::vector<std::uint8_t> zero_pixel_;  // the input zero points: what a tap outside reads
  StoreRange range_;
  std::size_t taps_bytes_ = 0;
  std::size_t worker_bytes_ = 0;
};

std::size_t aligned(std::size_t bytes) {
  return (bytes + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment;
}

DepthwiseConvolution::DepthwiseConvolution(const Convolution& convolution, Isa isa)
    : kernel_(depthwise_kernel(isa)),
      shape_(convolution.shape),
      pixel_stride_(convolution.pixel_stride),
      geometry_(convolution.transposed ? conv_transpose2d_taps(shape_) : conv2d_taps(shape_)),
      places_(place_blocks()),
      zero_pixel_(convolution.zero_points.begin(), convolution.zero_points.end()),
      range_(convolution.requantization.output(0)) {
  assert(kernel_ != nullptr);
  zero_pixel_.resize(std::max<std::size_t>(zero_pixel_.size(), kDepthwiseNarrow), 0);
  for (const BlockPlace& place : places_) {
    for (std::int64_t i = 0; i < place.width; ++i) {
      const std::int64_t channel = place.channel + depthwise_channel(place.width, i);
      multipliers_.push_back(
          channel < shape_.out_c ? convolution.requantization.multiplier<float>(channel) : 0.0F);
    }
  }
  std::int64_t pairs = 0;
  phases_.resize(geometry_.phases.size());
  for (std::size_t i = 0; i < phases_.size(); ++i) {
    phases_[i].geometry = geometry_.phases[i];
    pack(convolution, phases_[i]);
    pairs = std::max(pairs, phases_[i].pairs);
  }
  const auto taps = static_cast<std::size_t>(2 * pairs);
  taps_bytes_ = aligned(taps * sizeof(const std::uint8_t*));
  worker_bytes_ = taps_bytes_ + aligned(taps * kDepthwiseNarrow);
}

// Wide blocks as far as they go, then one more, wide or narrow, that ends with the last channel.
std::vector<DepthwiseConvolution::BlockPlace> DepthwiseConvolution::place_blocks() const {
  const std::int64_t wide = kernel_->wide;
  const std::int64_t channels = shape_.out_c;
  std::vector<BlockPlace> places;
  std::int64_t done = 0;
  for (; done + wide <= channels; done += wide) places.push_back({done, wide});
  const std::int64_t rest = channels - done;
  if (rest > kDepthwiseNarrow && channels >= wide) {
    places.push_back({channels - wide, wide});
    return places;
  }
  for (; done + kDepthwiseNarrow <= channels; done += kDepthwiseNarrow) {
    places.push_back({done, kDepthwiseNarrow});
  }
  if (done < channels) {
    places.push_back({std::max<std::int64_t>(0, channels - kDepthwiseNarrow), kDepthwiseNarrow});
  }
  return places;
}

void DepthwiseConvolution::pack(const Convolution& convolution, PackedPhase& phase) const {
  const std::vector<Tap>& taps = phase.geometry.taps;
  const std::int64_t kernel_taps = shape_.kernel_h * shape_.kernel_w;
  phase.pairs = (static_cast<std::int64_t>(taps.size()) + 1) / 2;
  std::int64_t lanes = 0;
  for (const BlockPlace& place : places_) lanes += place.width;
  phase.weights.assign(static_cast<std::size_t>(lanes * phase.pairs * 2), 0);
  phase.bias.assign(static_cast<std::size_t>(lanes), 0);
  std::int64_t first = 0;
  for (const BlockPlace& place : places_) {
    std::int16_t* weights = phase.weights.data() + first * phase.pairs * 2;
    for (std::int64_t i = 0; i < place.width; ++i) {
      const std::int64_t channel = place.channel + depthwise_channel(place.width, i);
      if (channel >= shape_.out_c) continue;
      const auto c = static_cast<std::size_t>(channel);
      std::int64_t bias = convolution.bias[c];
      for (std::size_t tap = 0; tap < taps.size(); ++tap) {
        const std::int64_t at =
            channel * kernel_taps + taps[tap].ky * shape_.kernel_w + taps[tap].kx;
        const std::int16_t weight = convolution.weights[static_cast<std::size_t>(at)];
        const auto pair = static_cast<std::int64_t>(tap / 2);
        weights[(pair * place.width + i) * 2 + static_cast<std::int64_t>(tap % 2)] = weight;
        bias -= std::int64_t{weight} * convolution.zero_points[c];
      }
      phase.bias[static_cast<std::size_t>(first + i)] =
          static_cast<std::int32_t>(static_cast<std::uint64_t>(bias));
    }
    phase.blocks.push_back({place.channel, place.width, weights, phase.bias.data() + first,
                            multipliers_.data() + first});
    first += place.width;
  }
}

void DepthwiseConvolution::run(const void* input, void* output, std::byte* scratch,
                               ThreadPool& pool) const {
  for (const PackedPhase& phase : phases_) {
    pool.run(shape_.batch * phase.geometry.rows, [&](std::int64_t row, int worker) {
      std::byte* own = scratch + static_cast<std::size_t>(worker) * worker_bytes_;
      run_row(phase, row, static_cast<const std::uint8_t*>(input),
              static_cast<std::uint8_t*>(output),
              {reinterpret_cast<const std::uint8_t**>(own),
               reinterpret_cast<std::uint8_t*>(own + taps_bytes_)});
    });
  }
}

void DepthwiseConvolution::run_row(const PackedPhase& phase, std::int64_t row,
                                   const std::uint8_t* input, std::uint8_t* output,
                                   const Scratch& scratch) const {
  const TapPhase& geometry = phase.geometry;
  const std::int64_t y = row % geometry.rows;
  const std::int64_t image = row / geometry.rows;
  const std::int64_t image_bytes = shape_.in_h * shape_.in_w * shape_.in_c;
  const std::uint8_t* in = input + image * image_bytes;
  const std::uint8_t* input_end = input + shape_.batch * image_bytes;
  const std::int64_t out_y = geometry.out_y + y * geometry_.out_step_h;
  std::uint8_t* out =
      output + ((image * shape_.out_h + out_y) * shape_.out_w + geometry.out_x) * pixel_stride_;
  DepthwiseRun run;
  run.channels = shape_.out_c;
  run.taps = scratch.taps;
  run.pairs = phase.pairs;
  run.in_step = geometry_.in_step_w * shape_.in_c;
  run.blocks = phase.blocks.data();
  run.block_count = static_cast<std::int64_t>(phase.blocks.size());
  run.range = range_;
  run.out_step = geometry_.out_step_w * pixel_stride_;
  const auto count = geometry.taps.size();
  std::int64_t x = 0;
  while (x < geometry.columns) {
    // As many pixels as keep every tap inside; one where a tap is outside. A pixel of few channels
    // is read beyond its end: as many as keep that inside the input, or one that is staged.
    run.pixels = geometry.columns - x;
    bool staged = false;
    for (std::size_t t = 0; t < count; ++t) {
      const std::int64_t in_y = y * geometry_.in_step_h + geometry.taps[t].dy;
      const std::int64_t in_x = x * geometry_.in_step_w + geometry.taps[t].dx;
      if (in_y < 0 || in_y >= shape_.in_h || in_x < 0 || in_x >= shape_.in_w) {
        scratch.taps[t] = zero_pixel_.data();
        run.pixels = 1;
        continue;
      }
      const std::uint8_t* tap = in + (in_y * shape_.in_w + in_x) * shape_.in_c;
      scratch.taps[t] = tap;
      std::int64_t reach = (shape_.in_w - 1 - in_x) / geometry_.in_step_w + 1;
      if (shape_.in_c < kDepthwiseNarrow) {
        const std::int64_t beyond = input_end - tap - kDepthwiseNarrow;
        staged = staged || beyond < 0;
        reach = std::min(reach, std::max<std::int64_t>(beyond, 0) / run.in_step + 1);
      }
      run.pixels = std::min(run.pixels, reach);
    }
    if (staged) {
      stage_taps(input_end, count, scratch);
      run.pixels = 1;
    }
    if (count % 2 != 0) scratch.taps[count] = scratch.taps[count - 1];  // its weights are 0
    run.output = out + x * run.out_step;
    kernel_->run(run);
    x += run.pixels;
  }
}

// Copies the taps that lie too near to the end of the input to a place where whole vectors can be
// read.
void DepthwiseConvolution::stage_taps(const std::uint8_t* input_end, std::size_t count,
                                      const Scratch& scratch) const {
  for (std::size_t t = 0; t < count; ++t) {
    const std::uint8_t* tap = scratch.taps[t];
    if (tap == zero_pixel_.data() || input_end - tap >= kDepthwiseNarrow) continue;
    std::uint8_t* copy = scratch.staging + t * kDepthwiseNarrow;
    std::fill_n(copy, kDepthwiseNarrow, std::uint8_t{0});
    std::copy_n(tap, shape_.in_c, copy);
    scratch.taps[t] = copy;
  }
}

}  // namespace

std::unique_ptr<ConvolutionImplementation> make_depthwise_convolution(
    const Convolution& convolution, Isa isa) {
  return std::make_unique<DepthwiseConvolution>(convolution, isa);
}

}  // namespace quant::integer
