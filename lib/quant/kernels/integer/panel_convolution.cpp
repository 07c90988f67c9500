// SPDX-License-Identifier: MIT
// General convolution, plain and transposed: pixels are gathered in panels of six, widened once,
// and multiplied by all output channels while the panels are in the cache.
#include <algorithm>
#include <cassert>
#include <cstring>
#include <tuple>
#include <type_traits>
#include <utility>

#include "quant/base/aligned_buffer.h"
#include "quant/base/round_up.h"
#include "quant/kernels/integer/convolution.h"
#include "quant/kernels/integer/panel_kernel.h"
#include "quant/kernels/integer/panel_weights.h"
#include "quant/kernels/integer/tap_geometry.h"

namespace quant::integer {
namespace {

// Activations of one block of panels: small enough to stay in the first-level cache beside a weight
// tile, and large enough that big weights are read from far away only once per several panels.
constexpr std::int64_t kBlockBytes = 24 * 1024;
constexpr std::int64_t kMinBlockPanels = 4;
constexpr std::int64_t kMaxBlockPanels = 16;

// Whether activations lie in runs of whole steps: those can be multiplied in place, where they need
// no widening.
template <typename Panel>
inline constexpr bool kRuns = Panel::kDepth == 4;

// One phase with its weights packed, and the input zero points folded into the bias.
template <typename Panel>
struct PackedPhase {
  TapPhase geometry;
  std::int64_t run_taps = 0;              // neighbouring taps that lie together in memory: a run
  std::int64_t run_stride = 0;            // of the runs of a pixel's row; with padding, if any
  std::int64_t steps = 0;                 // of a row: k / kDepth, rounded up
  std::vector<std::int64_t> run_offsets;  // of each run, from the tap (0, 0), in elements
  std::vector<typename Panel::Weight> weights;  // (groups, tiles), each as in panel_weights.h
  std::vector<typename Panel::Sum> bias;        // (groups, group_lanes)
  // Outputs whose taps all lie inside the image: rows [first_y, last_y), columns [first_x, last_x).
  std::int64_t first_y = 0, last_y = 0, first_x = 0, last_x = 0;

  std::int64_t row_stride() const { return Panel::kDepth * steps; }
  std::int64_t lane_weights() const { return weights_of_lane<Panel>(steps); }
  std::int64_t runs() const { return static_cast<std::int64_t>(run_offsets.size()); }
  // Where the first channel of a tap stands in a row.
  std::int64_t place_of(std::int64_t tap, std::int64_t group_inputs) const {
    return tap / run_taps * run_stride + tap % run_taps * group_inputs;
  }
  std::int64_t block_panels() const {
    const std::int64_t panel_bytes = std::max<std::int64_t>(
        1, kPanelRows * row_stride() * std::int64_t{sizeof(typename Panel::Widened)});
    return std::clamp(kBlockBytes / panel_bytes, kMinBlockPanels, kMaxBlockPanels);
  }
};

// The outputs a with 0 ≤ a·step + low and a·step + high < size, cut to [0, count).
std::pair<std::int64_t, std::int64_t> inside(std::int64_t low, std::int64_t high, std::int64_t step,
                                             std::int64_t size, std::int64_t count) {
  const std::int64_t first = low >= 0 ? 0 : (-low + step - 1) / step;
  const std::int64_t last = size - 1 - high < 0 ? 0 : (size - 1 - high) / step + 1;
  return {std::min(first, count), std::min(last, count)};
}

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
  using Weight = typename Panel::Weight;
  using Phase = PackedPhase<Panel>;
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
  // The last tile is half as wide where that is enough.
  std::int64_t tile_width(std::int64_t tile) const {
    return std::min<std::int64_t>(kernel_->tile, group_lanes_ - tile * kernel_->tile);
  }
  // Output channel, inside the group, of a packed lane.
  std::int64_t channel_of(std::int64_t lane) const {
    const std::int64_t tile = lane / kernel_->tile;
    if (tile_width(tile) < kernel_->tile) return lane;
    return tile * kernel_->tile + order_[static_cast<std::size_t>(lane % kernel_->tile)];
  }

  void widen_zero_points(const Convolution& convolution);
  Phase pack(const Convolution& convolution, const TapPhase& geometry) const;
  void run_phase(const Phase& phase, const std::byte* input, std::byte* output, std::byte* scratch,
                 ThreadPool& pool) const;
  void run_block(const Phase& phase, const Block& block, std::int64_t group, const std::byte* input,
                 std::byte* output, Widened* panels) const;
  Blocks blocks_of(const Phase& phase, std::int64_t pixels, std::int64_t wanted,
                   std::int64_t threads) const;
  Strip strip_of(const Phase& phase, const std::byte* image, std::int64_t y, std::int64_t x,
                 std::int64_t end, std::int64_t group, const std::byte* input_end) const;
  void gather(const Phase& phase, const std::byte* image, std::int64_t y, std::int64_t x,
              std::int64_t count, std::int64_t group, Widened* out) const;
  void gather_border(const Phase& phase, const std::byte* image, std::int64_t y, std::int64_t x,
                     std::int64_t group, Widened* out) const;

  const PanelKernel<Panel>* kernel_;
  Conv2dShape shape_;
  std::int64_t group_inputs_, group_outputs_, tiles_;
  std::int64_t group_lanes_ = 0;  // output channels of a group, rounded up to what the tiles hold
  std::int64_t pixel_stride_;
  std::int64_t in_size_, out_size_;  // of an element, in bytes
  TapGeometry geometry_;
  std::vector<Phase> phases_;
  PackedStore<typename Panel::Real> store_;  // (groups, group_lanes)
  std::vector<Widened> zero_points_;         // in_c
  std::vector<std::int32_t> order_;
  std::size_t worker_bytes_ = 0;
};

template <typename Panel>
PanelConvolution<Panel>::PanelConvolution(const Convolution& convolution, Isa isa)
    : kernel_(panel_kernel<Panel>(isa, convolution.input_type, convolution.output_type)),
      shape_(flattened(convolution.shape)),
      group_inputs_(convolution.group_inputs()),
      group_outputs_(convolution.group_outputs()),
      pixel_stride_(convolution.pixel_stride),
      in_size_(static_cast<std::int64_t>(size_of(convolution.input_type))),
      out_size_(static_cast<std::int64_t>(size_of(convolution.output_type))),
      geometry_(convolution.transposed ? conv_transpose2d_taps(shape_) : conv2d_taps(shape_)) {
  assert(kernel_ != nullptr);
  tiles_ = (group_outputs_ + kernel_->tile - 1) / kernel_->tile;
  order_.resize(static_cast<std::size_t>(kernel_->tile));
  kernel_->channel_order(order_.data());
  widen_zero_points(convolution);
  group_lanes_ = round_up(group_outputs_, kernel_->tile / 2);
  for (std::int64_t group = 0; group < shape_.groups; ++group) {
    for (std::int64_t lane = 0; lane < group_lanes_; ++lane) {
      // Lanes that are not stored take the last channel's.
      const std::int64_t channel = std::min(channel_of(lane), group_outputs_ - 1);
      store_.add(convolution.requantization, group * group_outputs_ + channel);
    }
  }
  std::size_t elements = 0;
  for (const TapPhase& phase : geometry_.phases) {
    phases_.push_back(pack(convolution, phase));
    elements =
        std::max(elements, static_cast<std::size_t>(phases_.back().block_panels() * kPanelRows *
                                                    phases_.back().row_stride()));
  }
  const std::size_t bytes = elements * sizeof(Widened);
  worker_bytes_ = round_up(bytes, kBufferAlignment);
}

template <typename Panel>
void PanelConvolution<Panel>::widen_zero_points(const Convolution& convolution) {
  zero_points_.resize(static_cast<std::size_t>(shape_.in_c));
  const auto widen = [&]<typename In>(In) {
    const std::vector<In> levels(convolution.zero_points.begin(), convolution.zero_points.end());
    constexpr std::int64_t kNoOffset = 0;
    kernel_->widen({levels.data(), shape_.groups, group_inputs_, &kNoOffset, 1, group_inputs_, 0,
                    zero_points_.data(), group_inputs_});
  };
  if (convolution.input_type == DataType::kUint8) return widen(std::uint8_t{});
  widen(std::uint16_t{});
}

template <typename Panel>
PackedPhase<Panel> PanelConvolution<Panel>::pack(const Convolution& convolution,
                                                 const TapPhase& geometry) const {
  Phase phase;
  phase.geometry = geometry;
  const auto taps = static_cast<std::int64_t>(geometry.taps.size());
  const bool merge = geometry.consecutive && shape_.groups == 1;
  phase.run_taps = merge ? std::max<std::int64_t>(geometry.taps_per_row, 1) : 1;
  const std::int64_t length = phase.run_taps * group_inputs_;
  phase.run_stride = kRuns<Panel> ? round_up(length, Panel::kDepth) : length;
  const std::int64_t row = taps / phase.run_taps * phase.run_stride;
  phase.steps = round_up(row, Panel::kDepth) / Panel::kDepth;
  for (std::int64_t tap = 0; tap < taps; tap += phase.run_taps) {
    const Tap& t = geometry.taps[static_cast<std::size_t>(tap)];
    phase.run_offsets.push_back((t.dy * shape_.in_w + t.dx) * shape_.in_c);
  }
  if (taps > 0) {
    const Tap& low = geometry.taps.front();
    const Tap& high = geometry.taps.back();
    std::tie(phase.first_y, phase.last_y) =
        inside(low.dy, high.dy, geometry_.in_step_h, shape_.in_h, geometry.rows);
    std::tie(phase.first_x, phase.last_x) =
        inside(low.dx, high.dx, geometry_.in_step_w, shape_.in_w, geometry.columns);
  }
  phase.weights.assign(
      static_cast<std::size_t>(shape_.groups * group_lanes_ * phase.lane_weights()), 0);
  phase.bias.assign(static_cast<std::size_t>(shape_.groups * group_lanes_), 0);
  for (std::int64_t group = 0; group < shape_.groups; ++group) {
    for (std::int64_t lane = 0; lane < group_lanes_; ++lane) {
      const std::int64_t channel = channel_of(lane);
      if (channel >= group_outputs_) continue;
      const std::int64_t o = group * group_outputs_ + channel;
      const std::int64_t tile = lane / kernel_->tile;
      const std::int64_t width = tile_width(tile);
      const std::int64_t within = lane - tile * kernel_->tile;
      Weight* weights = phase.weights.data() +
                        (group * group_lanes_ + tile * kernel_->tile) * phase.lane_weights();
      std::int64_t bias = convolution.bias[static_cast<std::size_t>(o)];
      for (std::int64_t tap = 0; tap < taps; ++tap) {
        const Tap& t = geometry.taps[static_cast<std::size_t>(tap)];
        const std::int64_t from =
            ((o * shape_.kernel_h + t.ky) * shape_.kernel_w + t.kx) * group_inputs_;
        for (std::int64_t c = 0; c < group_inputs_; ++c) {
          const std::int16_t weight = convolution.weights[static_cast<std::size_t>(from + c)];
          put_weight<Panel>(weights, width, within, phase.place_of(tap, group_inputs_) + c, weight);
          bias += weight_bias<Panel>(weight);
          bias -= std::int64_t{weight} *
                  convolution.zero_points[static_cast<std::size_t>(group * group_inputs_ + c)];
        }
      }
      phase.bias[static_cast<std::size_t>(group * group_lanes_ + lane)] =
          folded_bias<typename Panel::Sum>(bias);
    }
  }
  return phase;
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
      group_lanes_ * phase.lane_weights() * std::int64_t{sizeof(typename Panel::Weight)};
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
  const std::int64_t first_channel = group * group_outputs_ + block.first_tile * kernel_->tile;
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
      gather(phase, source, y, x, last - x, group, panels + gathered * stride);
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
    const std::int64_t first = group * group_lanes_ + t * kernel_->tile;
    tile.weights = phase.weights.data() + first * phase.lane_weights();
    tile.bias = phase.bias.data() + first;
    tile.store = store_.from(first);
    tile.width = static_cast<int>(tile_width(t));
    tile.channels =
        static_cast<int>(std::min<std::int64_t>(kernel_->tile, group_outputs_ - t * kernel_->tile));
    tile.row_stride = geometry_.in_step_w * shape_.in_c;
    tile.run_offsets = phase.run_offsets.data();
    tile.runs = phase.runs();
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
  if (y < phase.first_y || y >= phase.last_y || phase.runs() == 0) return strip;
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

// `count` pixels of row y from x on.
template <typename Panel>
void PanelConvolution<Panel>::gather(const Phase& phase, const std::byte* image, std::int64_t y,
                                     std::int64_t x, std::int64_t count, std::int64_t group,
                                     Widened* out) const {
  const std::int64_t stride = phase.row_stride();
  const std::int64_t in_y = y * geometry_.in_step_h;
  const bool row_inside = y >= phase.first_y && y < phase.last_y;
  const std::int64_t end = x + count;
  const std::int64_t first = row_inside ? std::clamp(phase.first_x, x, end) : end;
  const std::int64_t last = row_inside ? std::clamp(phase.last_x, first, end) : end;
  for (; x < first; ++x, out += stride) {
    gather_border(phase, image, in_y, x * geometry_.in_step_w, group, out);
  }
  if (x < last) {
    const std::int64_t pixel = in_y * shape_.in_w + x * geometry_.in_step_w;
    WidenJob<Panel> job;
    job.source = image + (pixel * shape_.in_c + group * group_inputs_) * in_size_;
    job.pixels = last - x;
    job.pixel_step = geometry_.in_step_w * shape_.in_c;
    job.offsets = phase.run_offsets.data();
    job.runs = phase.runs();
    job.length = phase.run_taps * group_inputs_;
    job.out_run_stride = phase.run_stride;
    job.out = out;
    job.out_stride = stride;
    kernel_->widen(job);
    out += job.pixels * stride;
    x = last;
  }
  for (; x < end; ++x, out += stride) {
    gather_border(phase, image, in_y, x * geometry_.in_step_w, group, out);
  }
}

template <typename Panel>
void PanelConvolution<Panel>::gather_border(const Phase& phase, const std::byte* image,
                                            std::int64_t y, std::int64_t x, std::int64_t group,
                                            Widened* out) const {
  const std::int64_t first = group * group_inputs_;
  for (std::size_t t = 0; t < phase.geometry.taps.size(); ++t) {
    const Tap& tap = phase.geometry.taps[t];
    Widened* place = out + phase.place_of(static_cast<std::int64_t>(t), group_inputs_);
    const std::int64_t in_y = y + tap.dy;
    const std::int64_t in_x = x + tap.dx;
    if (in_y < 0 || in_y >= shape_.in_h || in_x < 0 || in_x >= shape_.in_w) {
      std::memcpy(place, zero_points_.data() + first,
                  static_cast<std::size_t>(group_inputs_) * sizeof(Widened));
    } else {
      constexpr std::int64_t kNoOffset = 0;
      const std::byte* source =
          image + ((in_y * shape_.in_w + in_x) * shape_.in_c + first) * in_size_;
      kernel_->widen({source, 1, 0, &kNoOffset, 1, group_inputs_, 0, place, 0});
    }
  }
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
