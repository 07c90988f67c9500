// SPDX-License-Identifier: MIT
// General convolution, plain and transposed: pixels are gathered in panels of six, widened once,
// and multiplied by all output channels while the panels are in the cache.
#include <algorithm>
#include <type_traits>

#include "quant/base/aligned_buffer.h"
#include "quant/base/round_up.h"
#include "quant/kernels/integer/convolution.h"
#include "quant/kernels/integer/panel_gather.h"
#include "quant/kernels/integer/panel_kernel.h"
#include "quant/kernels/integer/panel_phase.h"
#include "quant/kernels/integer/tap_geometry.h"

namespace quant::integer {
namespace {

// A 1×1 kernel does not see rows: one long row has fewer ends.
Conv2dShape flattened(Conv2dShape shape) {
  const bool pointwise = shape.kernel_h == 1 && shape.kernel_w == 1 && shape.stride_h == 1 &&
                         shape.stride_w == 1 && shape.pad_top == 0 && shape.pad_left == 0 &&
                         shape.in_h == shape.out_h && shape.in_w == shape.out_w;
  if (!pointwise) return shape;
  shape.in_w = shape.out_w = shape.batch * shape.in_h * shape.in_w;
  shape.batch = shape.in_h = shape.out_h = 1;
  return shape;
}

// Pixels in blocks of whole steps, of which no two differ by more than one.
struct Blocks {
  std::int64_t pixels = 0;
  std::int64_t step = 1;  // pixels
  std::int64_t count = 1;

  std::int64_t steps() const { return (pixels + step - 1) / step; }
  std::int64_t first(std::int64_t block) const {
    return std::min(pixels, steps() * block / count * step);
  }
};

template <typename Panel>
class PanelConvolution : public ConvolutionImplementation {
 public:
  PanelConvolution(const Convolution& convolution, Isa isa);

  std::size_t scratch_bytes(int threads) const override {
    return static_cast<std::size_t>(threads) * worker_bytes_;
  }
  Isa isa() const override { return kernel_->isa; }
  bool wide() const override { return std::is_same_v<typename Panel::Real, double>; }
  void run(const void* input, void* output, std::byte* scratch, ThreadPool& pool) const override;

 private:
  using Widened = typename Panel::Widened;
  using Phase = PanelPhase<Panel>;
  struct Block {
    std::int64_t first = 0, count = 0;  // pixels of the phase, over all images
    std::int64_t first_tile = 0, last_tile = 0;
  };
  // Neighbouring pixels of a row of the image.
  struct Strip {
    std::int64_t first = 0, rows = 0;
    const Widened* activations = nullptr;
  };

  bool reads_in_place() const { return kRuns<Panel> && in_size_ == sizeof(Widened); }
  void run_phase(const Phase& phase, const std::byte* input, std::byte* output, std::byte* scratch,
                 ThreadPool& pool) const;
  void run_block(const Phase& phase, const Block& block, std::int64_t group, const std::byte* input,
                 std::byte* output, Widened* panels) const;
  Blocks blocks_of(const Phase& phase, std::int64_t pixels, std::int64_t wanted,
                   std::int64_t threads) const;
  Strip strip_of(const Phase& phase, const std::byte* image, std::int64_t y, std::int64_t x,
                 std::int64_t end, std::int64_t group, const std::byte* input_end) const;

  const PanelKernel<Panel>* kernel_;
  Conv2dShape shape_;
  PanelTiling tiling_;
  std::int64_t group_inputs_, tiles_;
  std::int64_t pixel_stride_;
  std::int64_t in_size_, out_size_;  // of an element, in bytes
  TapGeometry geometry_;
  PanelGather<Panel> gather_;
  std::vector<Phase> phases_;
  PackedStore<typename Panel::Real> store_;  // (groups, group lanes)
  std::size_t worker_bytes_ = 0;
};

template <typename Panel>
PanelConvolution<Panel>::PanelConvolution(const Convolution& convolution, Isa isa)
    : kernel_(panel_kernel<Panel>(isa, convolution.input_type, convolution.output_type)),
      shape_(flattened(convolution.shape)),
      tiling_(*kernel_, convolution.group_outputs()),
      group_inputs_(convolution.group_inputs()),
      tiles_(tiling_.tiles()),
      pixel_stride_(convolution.pixel_stride),
      in_size_(static_cast<std::int64_t>(size_of(convolution.input_type))),
      out_size_(static_cast<std::int64_t>(size_of(convolution.output_type))),
      geometry_(convolution.transposed ? conv_transpose2d_taps(shape_) : conv2d_taps(shape_)),
      gather_(*kernel_, convolution, shape_, geometry_) {
  for (std::int64_t group = 0; group < shape_.groups; ++group) {
    for (std::int64_t lane = 0; lane < tiling_.group_lanes(); ++lane) {
      // Lanes that are not stored take the last channel's.
      const std::int64_t channel = std::min(tiling_.channel_of(lane), tiling_.group_outputs - 1);
      store_.add(convolution.requantization, group * tiling_.group_outputs + channel);
    }
  }
  std::size_t elements = 0;
  for (const TapPhase& phase : geometry_.phases) {
    phases_.emplace_back(convolution, shape_, geometry_, phase, tiling_);
    elements =
        std::max(elements, static_cast<std::size_t>(phases_.back().block_panels() * kPanelRows *
                                                    phases_.back().row_stride()));
  }
  const std::size_t bytes = (elements + kOverrun) * sizeof(Widened);
  worker_bytes_ = round_up(bytes, kBufferAlignment);
}

template <typename Panel>
void PanelConvolution<Panel>::run(const void* input, void* output, std::byte* scratch,
                                  ThreadPool& pool) const {
  for (const Phase& phase : phases_) {
    run_phase(phase, static_cast<const std::byte*>(input), static_cast<std::byte*>(output), scratch,
              pool);
  }
}

// At least `wanted` blocks, if there are enough panels, and as many for each thread.
template <typename Panel>
Blocks PanelConvolution<Panel>::blocks_of(const Phase& phase, std::int64_t pixels,
                                          std::int64_t wanted, std::int64_t threads) const {
  const std::int64_t columns = phase.geometry.columns;
  Blocks blocks;
  blocks.pixels = pixels;
  blocks.step = kPanelRows;
  const std::int64_t panels = blocks.steps();
  std::int64_t most = std::clamp<std::int64_t>(panels / wanted, 1, phase.block_panels());
  // Whole rows, or equal parts of one: what is not read in place is little then.
  if (reads_in_place()) {
    const std::int64_t parts = (columns + most * kPanelRows - 1) / (most * kPanelRows);
    most = std::max<std::int64_t>(1, most * kPanelRows / columns);
    blocks.step = parts == 1 ? columns : round_up((columns + parts - 1) / parts, kPanelRows);
  }
  const std::int64_t steps = blocks.steps();
  blocks.count = std::min(steps, round_up((steps + most - 1) / most, threads));
  return blocks;
}

template <typename Panel>
void PanelConvolution<Panel>::run_phase(const Phase& phase, const std::byte* input,
                                        std::byte* output, std::byte* scratch,
                                        ThreadPool& pool) const {
  const std::int64_t pixels = shape_.batch * phase.geometry.rows * phase.geometry.columns;
  const std::int64_t threads = pool.threads();
  // More tasks than threads even out. Tasks of some tiles each read the input again, tasks of some
  // pixels each the weights: whichever is less.
  const std::int64_t wanted = threads == 1 ? 1 : 2 * threads;
  const std::int64_t inputs = pixels * phase.row_stride() * std::int64_t{sizeof(Widened)};
  const std::int64_t weights =
      tiling_.group_lanes() * phase.lane_weights() * std::int64_t{sizeof(typename Panel::Weight)};
  const std::int64_t most_splits =
      weights > inputs ? std::min(tiles_, (wanted + shape_.groups - 1) / shape_.groups) : 1;
  const Blocks blocks = blocks_of(phase, pixels, (wanted + most_splits - 1) / most_splits,
                                  most_splits == 1 ? threads : 1);
  const std::int64_t splits = std::clamp<std::int64_t>(
      (wanted + blocks.count * shape_.groups - 1) / (blocks.count * shape_.groups), 1, tiles_);
  pool.run(blocks.count * shape_.groups * splits, [&](std::int64_t task, int worker) {
    const std::int64_t split = task % splits;
    const std::int64_t group = task / splits % shape_.groups;
    const std::int64_t index = task / splits / shape_.groups;
    Block block;
    block.first = blocks.first(index);
    block.count = blocks.first(index + 1) - block.first;
    block.first_tile = tiles_ * split / splits;
    block.last_tile = tiles_ * (split + 1) / splits;
    auto* panel =
        reinterpret_cast<Widened*>(scratch + static_cast<std::size_t>(worker) * worker_bytes_);
    run_block(phase, block, group, input, output, panel);
  });
}

template <typename Panel>
void PanelConvolution<Panel>::run_block(const Phase& phase, const Block& block, std::int64_t group,
                                        const std::byte* input, std::byte* output,
                                        Widened* panels) const {
  // What is multiplied in place, in whole panels, and the pixels that are gathered.
  Strip strips[kMaxBlockPanels];
  std::byte* strip_outputs[kMaxBlockPanels * kPanelRows];
  std::byte* outputs[kMaxBlockPanels * kPanelRows];
  std::int64_t strip_count = 0, in_place = 0, gathered = 0;
  const std::int64_t stride = phase.row_stride();
  const TapPhase& geometry = phase.geometry;
  const std::int64_t out_step = geometry_.out_step_w * pixel_stride_ * out_size_;
  const std::int64_t first_channel =
      group * tiling_.group_outputs + block.first_tile * kernel_->tile;
  const std::int64_t image_bytes = shape_.in_h * shape_.in_w * shape_.in_c * in_size_;
  const std::byte* input_end = input + shape_.batch * image_bytes;
  // Row by row of the image.
  std::int64_t x = block.first % geometry.columns;
  std::int64_t y = block.first / geometry.columns % geometry.rows;
  std::int64_t image = block.first / geometry.columns / geometry.rows;
  for (std::int64_t left = block.count; left > 0;) {
    const std::int64_t end = std::min(geometry.columns, x + left);
    left -= end - x;
    const std::byte* source = input + image * image_bytes;
    const std::int64_t out_y = geometry.out_y + y * geometry_.out_step_h;
    const std::int64_t out_x = geometry.out_x + x * geometry_.out_step_w;
    const std::int64_t pixel = (image * shape_.out_h + out_y) * shape_.out_w + out_x;
    std::byte* out = output + (pixel * pixel_stride_ + first_channel) * out_size_;
    const auto gather_until = [&](std::int64_t last) {
      gather_.gather(phase, source, y, x, last - x, group, panels + gathered * stride);
      for (; x < last; ++x, out += out_step) outputs[gathered++] = out;
    };
    if (reads_in_place()) {
      if (const Strip strip = strip_of(phase, source, y, x, end, group, input_end);
          strip.rows > 0) {
        gather_until(strip.first);
        for (const std::int64_t last = x + strip.rows; x < last; ++x, out += out_step)
          strip_outputs[in_place++] = out;
        strips[strip_count++] = strip;
      }
    }
    gather_until(end);
    x = 0;
    if (++y == geometry.rows) {
      y = 0;
      ++image;
    }
  }
  constexpr std::int64_t kNoOffset = 0;
  PanelTile<Panel> tile;
  tile.steps = phase.steps;
  for (std::int64_t t = block.first_tile; t < block.last_tile; ++t) {
    const std::int64_t first = group * tiling_.group_lanes() + t * kernel_->tile;
    tile.weights = phase.weights.data() + first * phase.lane_weights();
    tile.bias = phase.bias.data() + first;
    tile.store = store_.from(first);
    tile.width = static_cast<int>(tiling_.width(t));
    tile.channels = static_cast<int>(
        std::min<std::int64_t>(kernel_->tile, tiling_.group_outputs - t * kernel_->tile));
    tile.row_stride = geometry_.in_step_w * shape_.in_c;
    tile.run_offsets = phase.run_offsets.data();
    tile.runs = static_cast<std::int64_t>(phase.runs.size());
    tile.run_steps = phase.run_stride / Panel::kDepth;
    tile.outputs = strip_outputs;
    for (std::int64_t i = 0; i < strip_count; ++i) {
      tile.activations = strips[i].activations;
      tile.rows = strips[i].rows;
      kernel_->run(tile);
      tile.outputs += tile.rows;
    }
    if (gathered > 0) {
      tile.activations = panels;
      tile.rows = gathered;
      tile.row_stride = stride;
      tile.run_offsets = &kNoOffset;
      tile.runs = 1;
      tile.run_steps = phase.steps;
      tile.outputs = outputs;
      kernel_->run(tile);
    }
    const std::int64_t advance = kernel_->tile * out_size_;
    for (std::int64_t i = 0; i < in_place; ++i) strip_outputs[i] += advance;
    for (std::int64_t i = 0; i < gathered; ++i) outputs[i] += advance;
  }
}

// Of the pixels x ≤ … < end of row y, as many whole panels as have all their taps inside. Their
// last run may be read beyond its end, but not beyond that of the input.
template <typename Panel>
typename PanelConvolution<Panel>::Strip PanelConvolution<Panel>::strip_of(
    const Phase& phase, const std::byte* image, std::int64_t y, std::int64_t x, std::int64_t end,
    std::int64_t group, const std::byte* input_end) const {
  Strip strip;
  if (y < phase.first_y || y >= phase.last_y || phase.runs.empty()) return strip;
  strip.first = std::clamp(phase.first_x, x, end);
  std::int64_t last = std::clamp(phase.last_x, strip.first, end);
  const std::int64_t pixel =
      y * geometry_.in_step_h * shape_.in_w + strip.first * geometry_.in_step_w;
  strip.activations =
      reinterpret_cast<const Widened*>(image) + pixel * shape_.in_c + group * group_inputs_;
  const std::int64_t room = reinterpret_cast<const Widened*>(input_end) - strip.activations -
                            phase.run_offsets.back() - phase.run_stride;
  if (room < 0) return strip;
  last = std::min(last, strip.first + room / (geometry_.in_step_w * shape_.in_c) + 1);
  strip.rows = std::max<std::int64_t>(0, last - strip.first) / kPanelRows * kPanelRows;
  return strip;
}

template <typename Panel>
std::unique_ptr<ConvolutionImplementation> make_panels(const Convolution& convolution, Isa isa) {
  const auto* kernel = panel_kernel<Panel>(isa, convolution.input_type, convolution.output_type);
  return std::make_unique<PanelConvolution<Panel>>(merge_pixels(convolution, kernel->tile / 2),
                                                   isa);
}

}  // namespace

std::unique_ptr<ConvolutionImplementation> make_panel_convolution(const Convolution& convolution,
                                                                  Isa isa) {
  const bool dot_products =
      panel_kernel<BytePanel>(isa, DataType::kUint8, DataType::kUint8) != nullptr;
  if (!convolution.wide) {
    if (dot_products) return make_panels<BytePanel>(convolution, isa);
    return make_panels<NarrowPanel>(convolution, isa);
  }
  if (dot_products && convolution.kernel_size() <= kMostWordProducts) {
    const bool bytes = std::ranges::all_of(
        convolution.weights, [](std::int16_t weight) { return weight >= -128 && weight <= 127; });
    if (bytes) return make_panels<WordPanel<std::int8_t>>(convolution, isa);
    return make_panels<WordPanel<std::int16_t>>(convolution, isa);
  }
  return make_panels<WidePanel>(convolution, isa);
}

}  // namespace quant::integer
