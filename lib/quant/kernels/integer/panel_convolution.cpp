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
#include "quant/kernels/integer/convolution.h"
#include "quant/kernels/integer/panel_kernel.h"
#include "quant/kernels/integer/tap_geometry.h"

namespace quant::integer {
namespace {

// Activations of one block of panels: small enough to stay in the first-level cache beside a weight
// tile, and large enough that big weights are read from far away only once per several panels.
constexpr std::int64_t kBlockBytes = 24 * 1024;
constexpr std::int64_t kMinBlockPanels = 4;
constexpr std::int64_t kMaxBlockPanels = 16;

// One phase with its weights packed, and the input zero points folded into the bias.
template <typename Panel>
struct PackedPhase {
  TapPhase geometry;
  std::int64_t run_taps = 0;              // neighbouring taps that are copied at once
  std::int64_t k = 0;                     // taps · group_inputs
  std::int64_t steps = 0;                 // k / kDepth, rounded up
  std::vector<std::int64_t> run_offsets;  // of each run, from the tap (0, 0), in elements
  bool direct = false;                    // a pixel's input is its row as it lies
  // (groups, tiles, steps, width of the tile, kDepth)
  std::vector<typename Panel::Weight> weights;
  std::vector<typename Panel::Sum> bias;  // (groups, group_lanes)
  // Outputs whose taps all lie inside the image: rows [first_y, last_y), columns [first_x, last_x).
  std::int64_t first_y = 0, last_y = 0, first_x = 0, last_x = 0;

  std::int64_t row_stride() const { return Panel::kDepth * steps; }
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

// Each pixel is made of the one in its place.
bool pointwise(const Conv2dShape& shape) {
  return shape.kernel_h == 1 && shape.kernel_w == 1 && shape.stride_h == 1 && shape.stride_w == 1 &&
         shape.pad_top == 0 && shape.pad_left == 0 && shape.in_h == shape.out_h &&
         shape.in_w == shape.out_w;
}

// A 1×1 kernel does not see rows: one long row has fewer ends.
Conv2dShape flattened(Conv2dShape shape) {
  if (!pointwise(shape)) return shape;
  shape.in_w = shape.out_w = shape.batch * shape.in_h * shape.in_w;
  shape.batch = shape.in_h = shape.out_h = 1;
  return shape;
}

template <typename Panel>
class PanelConvolution : public ConvolutionImplementation {
 public:
  PanelConvolution(const Convolution& convolution, Isa isa);

  std::size_t scratch_bytes(int threads) const override {
    return static_cast<std::size_t>(threads) * worker_bytes_;
  }
  Isa isa() const override { return kernel_->isa; }
  bool wide() const override { return std::is_same_v<Panel, WidePanel>; }
  void run(const void* input, void* output, std::byte* scratch, ThreadPool& pool) const override;

 private:
  using Widened = typename Panel::Widened;
  using Weight = typename Panel::Weight;
  using Phase = PackedPhase<Panel>;
  struct Block {
    std::int64_t first = 0, count = 0;  // pixels of the phase, over all images
    std::int64_t first_tile = 0, last_tile = 0;
  };

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

  Phase pack(const Convolution& convolution, const TapPhase& geometry) const;
  void run_phase(const Phase& phase, const std::byte* input, std::byte* output, std::byte* scratch,
                 ThreadPool& pool) const;
  void run_block(const Phase& phase, const Block& block, std::int64_t group, const std::byte* input,
                 std::byte* output, Widened* panels) const;
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
  zero_points_.assign(convolution.zero_points.begin(), convolution.zero_points.end());
  const std::int64_t half = kernel_->tile / 2;
  group_lanes_ = (group_outputs_ + half - 1) / half * half;
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
                                                    phases_.back().row_stride()) +
                               kPanelSlack);
  }
  const std::size_t bytes = elements * sizeof(Widened);
  worker_bytes_ = (bytes + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment;
}

template <typename Panel>
PackedPhase<Panel> PanelConvolution<Panel>::pack(const Convolution& convolution,
                                                 const TapPhase& geometry) const {
  Phase phase;
  phase.geometry = geometry;
  const auto taps = static_cast<std::int64_t>(geometry.taps.size());
  const bool merge = geometry.consecutive && shape_.groups == 1;
  phase.run_taps = merge ? std::max<std::int64_t>(geometry.taps_per_row, 1) : 1;
  phase.k = taps * group_inputs_;
  phase.steps = (phase.k + Panel::kDepth - 1) / Panel::kDepth;
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
  phase.direct =
      std::is_same_v<Panel, BytePanel> && pointwise(shape_) && group_inputs_ % Panel::kDepth == 0;
  phase.weights.assign(static_cast<std::size_t>(shape_.groups * group_lanes_ * phase.row_stride()),
                       0);
  phase.bias.assign(static_cast<std::size_t>(shape_.groups * group_lanes_), 0);
  for (std::int64_t group = 0; group < shape_.groups; ++group) {
    for (std::int64_t lane = 0; lane < group_lanes_; ++lane) {
      const std::int64_t channel = channel_of(lane);
      if (channel >= group_outputs_) continue;
      const std::int64_t o = group * group_outputs_ + channel;
      const std::int64_t tile = lane / kernel_->tile;
      const std::int64_t width = tile_width(tile);
      const std::int64_t within = lane - tile * kernel_->tile;
      Weight* weights =
          phase.weights.data() + (group * group_lanes_ + tile * kernel_->tile) * phase.row_stride();
      std::int64_t bias = convolution.bias[static_cast<std::size_t>(o)];
      for (std::int64_t k = 0; k < phase.k; ++k) {
        const Tap& t = geometry.taps[static_cast<std::size_t>(k / group_inputs_)];
        const std::int64_t c = k % group_inputs_;
        const std::int64_t at =
            ((o * shape_.kernel_h + t.ky) * shape_.kernel_w + t.kx) * group_inputs_ + c;
        const auto weight = static_cast<Weight>(convolution.weights[static_cast<std::size_t>(at)]);
        weights[(k / Panel::kDepth * width + within) * Panel::kDepth + k % Panel::kDepth] = weight;
        bias -= static_cast<std::int64_t>(weight) *
                convolution.zero_points[static_cast<std::size_t>(group * group_inputs_ + c)];
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

template <typename Panel>
void PanelConvolution<Panel>::run_phase(const Phase& phase, const std::byte* input,
                                        std::byte* output, std::byte* scratch,
                                        ThreadPool& pool) const {
  const std::int64_t pixels = shape_.batch * phase.geometry.rows * phase.geometry.columns;
  const std::int64_t panels = (pixels + kPanelRows - 1) / kPanelRows;
  const std::int64_t threads = pool.threads();
  // Several blocks per thread even out; where there are few pixels (a fully connected layer), the
  // tiles are split, too.
  const std::int64_t wanted = threads == 1 ? 1 : 4 * threads;
  const std::int64_t per_block =
      std::clamp<std::int64_t>(panels / wanted, 1, phase.block_panels()) * kPanelRows;
  const std::int64_t block_pixels = threads == 1 ? phase.block_panels() * kPanelRows : per_block;
  const std::int64_t blocks = (pixels + block_pixels - 1) / block_pixels;
  const std::int64_t splits =
      threads == 1 ? 1 : std::clamp<std::int64_t>(wanted / (blocks * shape_.groups), 1, tiles_);
  const std::int64_t split_tiles = (tiles_ + splits - 1) / splits;
  pool.run(blocks * shape_.groups * splits, [&](std::int64_t task, int worker) {
    const std::int64_t split = task % splits;
    const std::int64_t group = task / splits % shape_.groups;
    Block block;
    block.first = task / splits / shape_.groups * block_pixels;
    block.count = std::min(block_pixels, pixels - block.first);
    block.first_tile = std::min(split * split_tiles, tiles_);
    block.last_tile = std::min(block.first_tile + split_tiles, tiles_);
    auto* panel =
        reinterpret_cast<Widened*>(scratch + static_cast<std::size_t>(worker) * worker_bytes_);
    run_block(phase, block, group, input, output, panel);
  });
}

template <typename Panel>
void PanelConvolution<Panel>::run_block(const Phase& phase, const Block& block, std::int64_t group,
                                        const std::byte* input, std::byte* output,
                                        Widened* panels) const {
  std::byte* outputs[kMaxBlockPanels * kPanelRows];
  const std::int64_t stride = phase.row_stride();
  const TapPhase& geometry = phase.geometry;
  const std::int64_t out_step = geometry_.out_step_w * pixel_stride_ * out_size_;
  const std::int64_t first_channel = group * group_outputs_ + block.first_tile * kernel_->tile;
  // Row by row of the image: pixels of one row are gathered together.
  std::int64_t x = block.first % geometry.columns;
  std::int64_t y = block.first / geometry.columns % geometry.rows;
  std::int64_t image = block.first / geometry.columns / geometry.rows;
  for (std::int64_t i = 0; i < block.count;) {
    const std::int64_t count = std::min(geometry.columns - x, block.count - i);
    if (!phase.direct) {
      gather(phase, input + image * shape_.in_h * shape_.in_w * shape_.in_c * in_size_, y, x, count,
             group, panels + i * stride);
    }
    const std::int64_t out_y = geometry.out_y + y * geometry_.out_step_h;
    const std::int64_t out_x = geometry.out_x + x * geometry_.out_step_w;
    const std::int64_t pixel = (image * shape_.out_h + out_y) * shape_.out_w + out_x;
    std::byte* out = output + (pixel * pixel_stride_ + first_channel) * out_size_;
    for (const std::int64_t end = i + count; i < end; ++i) {
      outputs[i] = out;
      out += out_step;
    }
    x = 0;
    if (++y == geometry.rows) {
      y = 0;
      ++image;
    }
  }
  PanelTile<Panel> tile;
  tile.rows = block.count;
  tile.activations = panels;
  tile.outputs = outputs;
  tile.row_stride = stride;
  if constexpr (std::is_same_v<Panel, BytePanel>) {
    if (phase.direct) {
      tile.activations = reinterpret_cast<const std::uint8_t*>(input) + block.first * shape_.in_c +
                         group * group_inputs_;
      tile.row_stride = shape_.in_c;
    }
  }
  tile.steps = phase.steps;
  for (std::int64_t t = block.first_tile; t < block.last_tile; ++t) {
    const std::int64_t first = group * group_lanes_ + t * kernel_->tile;
    tile.weights = phase.weights.data() + first * phase.row_stride();
    tile.bias = phase.bias.data() + first;
    tile.store = store_.from(first);
    tile.width = static_cast<int>(tile_width(t));
    tile.channels =
        static_cast<int>(std::min<std::int64_t>(kernel_->tile, group_outputs_ - t * kernel_->tile));
    kernel_->run(tile);
    for (std::int64_t i = 0; i < block.count; ++i) outputs[i] += kernel_->tile * out_size_;
  }
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
    job.runs = static_cast<std::int64_t>(phase.run_offsets.size());
    job.length = phase.run_taps * group_inputs_;
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
  for (const Tap& tap : phase.geometry.taps) {
    const std::int64_t in_y = y + tap.dy;
    const std::int64_t in_x = x + tap.dx;
    if (in_y < 0 || in_y >= shape_.in_h || in_x < 0 || in_x >= shape_.in_w) {
      std::memcpy(out, zero_points_.data() + first,
                  static_cast<std::size_t>(group_inputs_) * sizeof(Widened));
    } else {
      constexpr std::int64_t kNoOffset = 0;
      const std::byte* source =
          image + ((in_y * shape_.in_w + in_x) * shape_.in_c + first) * in_size_;
      kernel_->widen({source, 1, 0, &kNoOffset, 1, group_inputs_, out, 0});
    }
    out += group_inputs_;
  }
}

}  // namespace

std::unique_ptr<ConvolutionImplementation> make_panel_convolution(const Convolution& convolution,
                                                                  Isa isa) {
  if (convolution.wide) return std::make_unique<PanelConvolution<WidePanel>>(convolution, isa);
  if (panel_kernel<BytePanel>(isa, DataType::kUint8, DataType::kUint8) != nullptr)
    return std::make_unique<PanelConvolution<BytePanel>>(convolution, isa);
  return std::make_unique<PanelConvolution<NarrowPanel>>(convolution, isa);
}

}  // namespace quant::integer
