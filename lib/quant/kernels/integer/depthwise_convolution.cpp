// SPDX-License-Identifier: MIT
// Depthwise convolution, plain and transposed: one task per output row, runs of inner pixels in one
// call.
#include <algorithm>
#include <cassert>
#include <numeric>

#include "quant/base/aligned_buffer.h"
#include "quant/base/round_up.h"
#include "quant/kernels/integer/convolution.h"
#include "quant/kernels/integer/depthwise_kernel.h"
#include "quant/kernels/integer/tap_geometry.h"

namespace quant::integer {
namespace {

constexpr std::int64_t kNoTap = -1;

struct BlockPlace {
  std::int64_t channel = 0, width = 0;
};

// How many channels are computed at a time: those of a pixel, or of several neighbours as one.
struct Form {
  std::int64_t pixels = 1;
  std::int64_t channels = 0;  // of all pixels
  std::vector<BlockPlace> places;
  std::vector<float> multipliers;  // block after block
};

struct PackedBlocks {
  std::vector<std::byte> weights;      // block after block
  std::vector<std::int32_t> bias;      // the same; input zero points folded in modulo 2^32
  std::vector<DepthwiseBlock> blocks;  // pointing into these
};

struct PackedPhase {
  TapPhase geometry;
  std::vector<std::int64_t> slots;  // the tap of each place in the kernel's groups, or kNoTap
  bool columns = false;
  PackedBlocks pixel, several;
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
  struct Scratch {
    const std::uint8_t** taps;
    std::uint8_t* staging;  // a narrow block for each tap
  };

  Form make_form(const Convolution& convolution, std::int64_t pixels) const;
  std::int64_t pixels_as_one() const;
  void place_taps(PackedPhase& phase) const;
  template <typename Weight>
  PackedBlocks pack(const Convolution& convolution, const PackedPhase& phase,
                    const Form& form) const;
  PackedBlocks pack(const Convolution& convolution, const PackedPhase& phase,
                    const Form& form) const {
    return kernel_->depth == 2 ? pack<std::int16_t>(convolution, phase, form)
                               : pack<std::int8_t>(convolution, phase, form);
  }
  void run_row(const PackedPhase& phase, std::int64_t row, const std::uint8_t* input,
               std::uint8_t* output, const Scratch& scratch) const;
  std::int64_t point_at_taps(const PackedPhase& phase, std::int64_t y, std::int64_t x,
                             const std::uint8_t* image, const Scratch& scratch) const;
  std::int64_t keep_inside(const PackedPhase& phase, std::int64_t pixels,
                           const std::uint8_t* input_end, const Scratch& scratch) const;

  const DepthwiseKernel* kernel_;
  Conv2dShape shape_;
  std::int64_t pixel_stride_;
  TapGeometry geometry_;
  Form pixel_;    // one
  Form several_;  // pixels == 1: not used
  std::vector<PackedPhase> phases_;
  std::vector<std::uint8_t> zero_row_;  // the input zero points: what taps outside read
  StoreRange range_;
  std::size_t taps_bytes_ = 0;
  std::size_t worker_bytes_ = 0;
};

const DepthwiseKernel* best_kernel(Isa isa) {
  const DepthwiseKernel* bytes = byte_depthwise_kernel(isa);
  return bytes != nullptr ? bytes : depthwise_kernel(isa);
}

// Wide blocks as far as they go, then one more, wide or narrow, that ends with the last channel.
std::vector<BlockPlace> place_blocks(std::int64_t channels, const DepthwiseKernel& kernel) {
  std::vector<BlockPlace> places;
  std::int64_t done = 0;
  for (; done + kernel.wide <= channels; done += kernel.wide) places.push_back({done, kernel.wide});
  const std::int64_t rest = channels - done;
  if (rest > kernel.narrow && channels >= kernel.wide) {
    places.push_back({channels - kernel.wide, kernel.wide});
    return places;
  }
  for (; done + kernel.narrow <= channels; done += kernel.narrow) {
    places.push_back({done, kernel.narrow});
  }
  if (done < channels) {
    places.push_back({std::max<std::int64_t>(0, channels - kernel.narrow), kernel.narrow});
  }
  return places;
}

DepthwiseConvolution::DepthwiseConvolution(const Convolution& convolution, Isa isa)
    : kernel_(best_kernel(isa)),
      shape_(convolution.shape),
      pixel_stride_(convolution.pixel_stride),
      geometry_(convolution.transposed ? conv_transpose2d_taps(shape_) : conv2d_taps(shape_)),
      pixel_(make_form(convolution, 1)),
      several_(make_form(convolution, pixels_as_one())),
      range_(convolution.requantization.output(0)) {
  assert(kernel_ != nullptr);
  std::size_t slots = 0;
  std::int64_t columns = 1;
  phases_.resize(geometry_.phases.size());
  for (std::size_t i = 0; i < phases_.size(); ++i) {
    PackedPhase& phase = phases_[i];
    phase.geometry = geometry_.phases[i];
    place_taps(phase);
    phase.pixel = pack(convolution, phase, pixel_);
    if (several_.pixels > 1) phase.several = pack(convolution, phase, several_);
    slots = std::max(slots, phase.slots.size());
    columns = std::max(columns, phase.geometry.columns);
  }
  const std::int64_t zeros =
      (columns - 1) * geometry_.in_step_w * shape_.in_c + std::max(shape_.in_c, kernel_->narrow);
  zero_row_.resize(static_cast<std::size_t>(zeros));
  for (std::size_t i = 0; i < zero_row_.size(); ++i)
    zero_row_[i] =
        static_cast<std::uint8_t>(convolution.zero_points[i % convolution.zero_points.size()]);
  taps_bytes_ = round_up(slots * sizeof(const std::uint8_t*), kBufferAlignment);
  worker_bytes_ =
      taps_bytes_ + round_up(slots * static_cast<std::size_t>(kernel_->narrow), kBufferAlignment);
}

// Neighbours lie side by side in input and output: few channels fill whole vectors together.
std::int64_t DepthwiseConvolution::pixels_as_one() const {
  const bool neighbours =
      geometry_.in_step_w == 1 && geometry_.out_step_w == 1 && pixel_stride_ == shape_.out_c;
  if (!neighbours || shape_.out_c > kernel_->wide / 2) return 1;
  return std::lcm(shape_.out_c, kernel_->wide) / shape_.out_c;
}

Form DepthwiseConvolution::make_form(const Convolution& convolution, std::int64_t pixels) const {
  Form form;
  form.pixels = pixels;
  form.channels = pixels * shape_.out_c;
  form.places = place_blocks(form.channels, *kernel_);
  for (const BlockPlace& place : form.places) {
    for (std::int64_t i = 0; i < place.width; ++i) {
      const std::int64_t channel = place.channel + depthwise_channel(place.width, i);
      form.multipliers.push_back(
          channel < form.channels
              ? convolution.requantization.multiplier<float>(channel % shape_.out_c)
              : 0.0F);
    }
  }
  return form;
}

void DepthwiseConvolution::place_taps(PackedPhase& phase) const {
  const TapPhase& geometry = phase.geometry;
  const auto taps = static_cast<std::int64_t>(geometry.taps.size());
  phase.columns = kernel_->depth == 4 && taps == 9 && geometry.taps_per_row == 3;
  if (phase.columns) {
    for (std::int64_t column = 0; column < 3; ++column)
      phase.slots.insert(phase.slots.end(), {column, column + 3, column + 6, kNoTap});
    return;
  }
  for (std::int64_t tap = 0; tap < taps || tap % kernel_->depth != 0; ++tap)
    phase.slots.push_back(tap < taps ? tap : kNoTap);
}

template <typename Weight>
PackedBlocks DepthwiseConvolution::pack(const Convolution& convolution, const PackedPhase& phase,
                                        const Form& form) const {
  const std::int64_t depth = kernel_->depth;
  const auto slots = static_cast<std::int64_t>(phase.slots.size());
  std::int64_t lanes = 0;
  for (const BlockPlace& place : form.places) lanes += place.width;
  PackedBlocks packed;
  packed.weights.assign(static_cast<std::size_t>(lanes * slots) * sizeof(Weight), std::byte{0});
  packed.bias.assign(static_cast<std::size_t>(lanes), 0);
  std::int64_t first = 0;
  for (const BlockPlace& place : form.places) {
    auto* weights = reinterpret_cast<Weight*>(packed.weights.data()) + first * slots;
    for (std::int64_t i = 0; i < place.width; ++i) {
      const std::int64_t lane = place.channel + depthwise_channel(place.width, i);
      if (lane >= form.channels) continue;
      const std::int64_t channel = lane % shape_.out_c;
      const auto c = static_cast<std::size_t>(channel);
      std::int64_t bias = convolution.bias[c];
      for (std::int64_t slot = 0; slot < slots; ++slot) {
        const std::int64_t index = phase.slots[static_cast<std::size_t>(slot)];
        if (index == kNoTap) continue;
        const Tap& tap = phase.geometry.taps[static_cast<std::size_t>(index)];
        const std::int64_t at = (channel * shape_.kernel_h + tap.ky) * shape_.kernel_w + tap.kx;
        const auto weight = static_cast<Weight>(convolution.weights[static_cast<std::size_t>(at)]);
        weights[(slot / depth * place.width + i) * depth + slot % depth] = weight;
        bias -= std::int64_t{weight} * (convolution.zero_points[c] - kernel_->offset);
      }
      packed.bias[static_cast<std::size_t>(first + i)] =
          static_cast<std::int32_t>(static_cast<std::uint64_t>(bias));
    }
    packed.blocks.push_back({place.channel, place.width, weights, packed.bias.data() + first,
                             form.multipliers.data() + first});
    first += place.width;
  }
  return packed;
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
  const std::int64_t out_y = geometry.out_y + y * geometry_.out_step_h;
  std::uint8_t* out =
      output + ((image * shape_.out_h + out_y) * shape_.out_w + geometry.out_x) * pixel_stride_;
  const std::int64_t in_step = geometry_.in_step_w * shape_.in_c;
  const std::int64_t out_step = geometry_.out_step_w * pixel_stride_;
  DepthwiseRun run;
  run.taps = scratch.taps;
  run.groups = static_cast<std::int64_t>(phase.slots.size()) / kernel_->depth;
  run.columns = phase.columns;
  if (phase.columns) run.column_step = (geometry.taps[1].dx - geometry.taps[0].dx) * shape_.in_c;
  run.range = range_;
  for (std::int64_t x = 0; x < geometry.columns;) {
    std::int64_t pixels = point_at_taps(phase, y, x, in, scratch);
    const bool together = several_.pixels > 1 && pixels >= several_.pixels;
    if (!together) {
      pixels = keep_inside(phase, pixels, input + shape_.batch * image_bytes, scratch);
    }
    const Form& form = together ? several_ : pixel_;
    const std::vector<DepthwiseBlock>& blocks =
        together ? phase.several.blocks : phase.pixel.blocks;
    run.pixels = pixels / form.pixels;
    run.channels = form.channels;
    run.in_step = form.pixels * in_step;
    run.out_step = form.pixels * out_step;
    run.blocks = blocks.data();
    run.block_count = static_cast<std::int64_t>(blocks.size());
    run.output = out + x * out_step;
    kernel_->run(run);
    x += run.pixels * form.pixels;
  }
}

// Fills scratch.taps for the pixel (y, x). Returns how many pixels from there on keep their taps
// inside; 1 where a tap is beside the image.
std::int64_t DepthwiseConvolution::point_at_taps(const PackedPhase& phase, std::int64_t y,
                                                 std::int64_t x, const std::uint8_t* image,
                                                 const Scratch& scratch) const {
  const TapPhase& geometry = phase.geometry;
  std::int64_t pixels = geometry.columns - x;
  for (std::size_t slot = 0; slot < phase.slots.size(); ++slot) {
    scratch.taps[slot] = zero_row_.data();
    if (phase.slots[slot] == kNoTap) continue;
    const Tap& tap = geometry.taps[static_cast<std::size_t>(phase.slots[slot])];
    const std::int64_t in_y = y * geometry_.in_step_h + tap.dy;
    const std::int64_t in_x = x * geometry_.in_step_w + tap.dx;
    if (in_y < 0 || in_y >= shape_.in_h) continue;
    if (in_x < 0 || in_x >= shape_.in_w) {
      pixels = 1;
      continue;
    }
    scratch.taps[slot] = image + (in_y * shape_.in_w + in_x) * shape_.in_c;
    pixels = std::min(pixels, (shape_.in_w - 1 - in_x) / geometry_.in_step_w + 1);
  }
  return pixels;
}

// A pixel of few channels is read beyond its end: returns as many as keep that inside the input, or
// 1, the taps of which are copied to a place where whole vectors can be read.
std::int64_t DepthwiseConvolution::keep_inside(const PackedPhase& phase, std::int64_t pixels,
                                               const std::uint8_t* input_end,
                                               const Scratch& scratch) const {
  const std::int64_t narrow = kernel_->narrow;
  if (shape_.in_c >= narrow) return pixels;
  const auto is_zero = [this](const std::uint8_t* tap) { return tap == zero_row_.data(); };
  bool staged = false;
  for (std::size_t slot = 0; slot < phase.slots.size(); ++slot) {
    if (is_zero(scratch.taps[slot])) continue;
    const std::int64_t beyond = input_end - scratch.taps[slot] - narrow;
    staged = staged || beyond < 0;
    const std::int64_t in_step = geometry_.in_step_w * shape_.in_c;
    pixels = std::min(pixels, std::max<std::int64_t>(beyond, 0) / in_step + 1);
  }
  if (!staged) return pixels;
  for (std::size_t slot = 0; slot < phase.slots.size(); ++slot) {
    const std::uint8_t* tap = scratch.taps[slot];
    if (is_zero(tap) || input_end - tap >= narrow) continue;
    std::uint8_t* copy = scratch.staging + static_cast<std::int64_t>(slot) * narrow;
    std::fill_n(copy, narrow, std::uint8_t{0});
    std::copy_n(tap, shape_.in_c, copy);
    scratch.taps[slot] = copy;
  }
  return 1;
}

}  // namespace

std::unique_ptr<ConvolutionImplementation> make_depthwise_convolution(
    const Convolution& convolution, Isa isa) {
  return std::make_unique<DepthwiseConvolution>(convolution, isa);
}

}  // namespace quant::integer
