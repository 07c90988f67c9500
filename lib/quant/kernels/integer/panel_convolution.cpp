// SPDX-License-Identifier: MIT
// General convolution, plain and transposed: what a rectangle of outputs reads is widened once, or
// read where it lies, and multiplied by all output channels in panels of six neighbouring pixels.
#include <algorithm>
#include <cstdlib>
#include <type_traits>

#include "quant/base/aligned_buffer.h"
#include "quant/base/round_up.h"
#include "quant/kernels/integer/convolution.h"
#include "quant/kernels/integer/panel_kernel.h"
#include "quant/kernels/integer/panel_phase.h"
#include "quant/kernels/integer/panel_window.h"
#include "quant/kernels/integer/tap_geometry.h"

namespace quant::integer {
namespace {

std::int64_t divide_up(std::int64_t value, std::int64_t by) { return (value + by - 1) / by; }

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

// `size` in parts of whole steps, of which no two differ by more than one.
struct Parts {
  std::int64_t size = 0;
  std::int64_t step = 1;
  std::int64_t count = 1;

  std::int64_t steps() const { return divide_up(size, step); }
  std::int64_t first(std::int64_t part) const {
    return std::min(size, steps() * part / count * step);
  }
  std::int64_t length(std::int64_t part) const { return first(part + 1) - first(part); }
  // More of them, if there are enough steps.
  void make_at_least(std::int64_t wanted) {
    count = std::clamp(wanted, count, std::max(count, steps()));
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
  // How a phase becomes tasks.
  struct Cut {
    Parts rows, columns, tiles;
  };
  struct Task {
    std::int64_t image = 0, group = 0;
    OutputRectangle outputs;
    std::int64_t first_tile = 0, last_tile = 0;
  };
  // Where a rectangle's outputs find their first taps, in elements.
  struct View {
    const Widened* first = nullptr;
    std::int64_t row_step = 0, column_step = 0;
  };

  std::vector<Phase> make_phases(const Convolution& convolution) const;
  Cut cut(const Phase& phase, std::int64_t threads) const;
  Task task(const Cut& cut, std::int64_t index) const;
  void run_phase(const Phase& phase, const std::byte* input, std::byte* output, std::byte* scratch,
                 ThreadPool& pool) const;
  void run_task(const Phase& phase, const Task& task, const View& view, std::byte* output) const;
  View view(const Phase& phase, const Task& task, const std::byte* input, Widened* window) const;
  View view_in_place(const Phase& phase, const Task& task, const std::byte* input) const;

  const PanelKernel<Panel>* kernel_;
  Conv2dShape shape_;
  PanelTiling tiling_;
  std::int64_t pixel_stride_;
  std::int64_t in_size_, out_size_;  // of an element, in bytes
  TapGeometry geometry_;
  std::vector<Phase> phases_;
  PanelWidening<Panel> widening_;
  PackedStore<typename Panel::Real> store_;  // (groups, group lanes)
  std::size_t worker_bytes_ = 0;
};

template <typename Panel>
PanelConvolution<Panel>::PanelConvolution(const Convolution& convolution, Isa isa)
    : kernel_(panel_kernel<Panel>(isa, convolution.input_type, convolution.output_type)),
      shape_(flattened(convolution.shape)),
      tiling_(*kernel_, convolution.group_outputs()),
      pixel_stride_(convolution.pixel_stride),
      in_size_(static_cast<std::int64_t>(size_of(convolution.input_type))),
      out_size_(static_cast<std::int64_t>(size_of(convolution.output_type))),
      geometry_(convolution.transposed ? conv_transpose2d_taps(shape_) : conv2d_taps(shape_)),
      phases_(make_phases(convolution)),
      widening_(*kernel_, convolution, shape_) {
  for (std::int64_t group = 0; group < shape_.groups; ++group) {
    for (std::int64_t lane = 0; lane < tiling_.group_lanes(); ++lane) {
      // Lanes that are not stored take the last channel's.
      const std::int64_t channel = std::min(tiling_.channel_of(lane), tiling_.group_outputs - 1);
      store_.add(convolution.requantization, group * tiling_.group_outputs + channel);
    }
  }
  std::int64_t elements = 0;
  for (const Phase& phase : phases_) {
    elements = std::max(elements, phase.window.elements());
    widening_.reserve(phase.window);
  }
  // The last step may reach beyond the end.
  const auto bytes = static_cast<std::size_t>(elements + Panel::kDepth) * sizeof(Widened);
  worker_bytes_ = round_up(bytes, kBufferAlignment);
}

template <typename Panel>
std::vector<PanelPhase<Panel>> PanelConvolution<Panel>::make_phases(
    const Convolution& convolution) const {
  std::vector<Phase> phases;
  for (const TapPhase& phase : geometry_.phases)
    phases.emplace_back(convolution, shape_, geometry_, phase, tiling_);
  return phases;
}

template <typename Panel>
void PanelConvolution<Panel>::run(const void* input, void* output, std::byte* scratch,
                                  ThreadPool& pool) const {
  for (const Phase& phase : phases_) {
    run_phase(phase, static_cast<const std::byte*>(input), static_cast<std::byte*>(output), scratch,
              pool);
  }
}

// More tasks than threads even out. Tasks of some tiles each read the input again, tasks of some
// pixels each the weights: whichever is less.
template <typename Panel>
typename PanelConvolution<Panel>::Cut PanelConvolution<Panel>::cut(const Phase& phase,
                                                                   std::int64_t threads) const {
  const PanelWindow& window = phase.window;
  Cut cut{{phase.geometry.rows}, {phase.geometry.columns, kPanelRows}, {tiling_.tiles()}};
  cut.rows.count = divide_up(cut.rows.size, window.rows);
  if (window.columns < cut.columns.size)
    cut.columns.count = divide_up(cut.columns.steps(), window.columns / kPanelRows);
  const std::int64_t wanted = threads == 1 ? 1 : 2 * threads;
  const std::int64_t inputs = shape_.batch * cut.rows.size * cut.columns.size * phase.steps() *
                              Panel::kDepth * std::int64_t{sizeof(Widened)};
  const std::int64_t weights =
      tiling_.group_lanes() * phase.lane_weights() * std::int64_t{sizeof(typename Panel::Weight)};
  const std::int64_t splits =
      weights > inputs ? std::min(cut.tiles.size, divide_up(wanted, shape_.groups)) : 1;
  const std::int64_t others = shape_.batch * shape_.groups;
  const std::int64_t rectangles = divide_up(divide_up(wanted, splits), others);
  cut.rows.make_at_least(divide_up(rectangles, cut.columns.count));
  cut.columns.make_at_least(divide_up(rectangles, cut.rows.count));
  if (splits == 1) {
    // As many for each thread.
    Parts& longer = cut.rows.size > 1 ? cut.rows : cut.columns;
    longer.make_at_least(round_up(longer.count, threads));
  }
  cut.tiles.make_at_least(divide_up(wanted, others * cut.rows.count * cut.columns.count));
  return cut;
}

template <typename Panel>
typename PanelConvolution<Panel>::Task PanelConvolution<Panel>::task(const Cut& cut,
                                                                     std::int64_t index) const {
  const auto next = [&](std::int64_t count) {
    const std::int64_t part = index % count;
    index /= count;
    return part;
  };
  const std::int64_t tiles = next(cut.tiles.count);
  const std::int64_t group = next(shape_.groups);
  const std::int64_t columns = next(cut.columns.count);
  const std::int64_t rows = next(cut.rows.count);
  return {index,
          group,
          {cut.rows.first(rows), cut.rows.length(rows), cut.columns.first(columns),
           cut.columns.length(columns)},
          cut.tiles.first(tiles),
          cut.tiles.first(tiles + 1)};
}

template <typename Panel>
void PanelConvolution<Panel>::run_phase(const Phase& phase, const std::byte* input,
                                        std::byte* output, std::byte* scratch,
                                        ThreadPool& pool) const {
  const Cut parts = cut(phase, pool.threads());
  const std::int64_t tasks =
      shape_.batch * shape_.groups * parts.rows.count * parts.columns.count * parts.tiles.count;
  pool.run(tasks, [&](std::int64_t index, int worker) {
    auto* window =
        reinterpret_cast<Widened*>(scratch + static_cast<std::size_t>(worker) * worker_bytes_);
    const Task one = task(parts, index);
    run_task(phase, one, view(phase, one, input, window), output);
  });
}

template <typename Panel>
void PanelConvolution<Panel>::run_task(const Phase& phase, const Task& task, const View& view,
                                       std::byte* output) const {
  const TapPhase& geometry = phase.geometry;
  const std::int64_t out_x = geometry.out_x + task.outputs.x * geometry_.out_step_w;
  PanelTile<Panel> tile;
  tile.rows = task.outputs.columns;
  tile.row_stride = view.column_step;
  tile.run_offsets = phase.run_offsets.data();
  tile.runs = phase.runs();
  tile.run_steps = phase.run_steps;
  tile.output_step = geometry_.out_step_w * pixel_stride_ * out_size_;
  for (std::int64_t t = task.first_tile; t < task.last_tile; ++t) {
    const std::int64_t first = task.group * tiling_.group_lanes() + t * tiling_.tile;
    const std::int64_t channel = task.group * tiling_.group_outputs + t * tiling_.tile;
    tile.weights = phase.weights.data() + first * phase.lane_weights();
    tile.bias = phase.bias.data() + first;
    tile.store = store_.from(first);
    tile.width = static_cast<int>(tiling_.width(t));
    tile.channels = static_cast<int>(
        std::min<std::int64_t>(tiling_.tile, tiling_.group_outputs - t * tiling_.tile));
    for (std::int64_t row = 0; row < task.outputs.rows; ++row) {
      const std::int64_t out_y = geometry.out_y + (task.outputs.y + row) * geometry_.out_step_h;
      const std::int64_t pixel = (task.image * shape_.out_h + out_y) * shape_.out_w + out_x;
      tile.activations = view.first + row * view.row_step;
      tile.output = output + (pixel * pixel_stride_ + channel) * out_size_;
      kernel_->run(tile);
    }
  }
}

template <typename Panel>
typename PanelConvolution<Panel>::View PanelConvolution<Panel>::view(const Phase& phase,
                                                                     const Task& task,
                                                                     const std::byte* input,
                                                                     Widened* window) const {
  if (in_size_ == sizeof(Widened) && phase.window.one_tap()) {
    if (const View in_place = view_in_place(phase, task, input); in_place.first != nullptr)
      return in_place;
  }
  const std::int64_t image_bytes = shape_.in_h * shape_.in_w * shape_.in_c * in_size_;
  widening_.fill(phase.window, task.outputs, input + task.image * image_bytes, task.group, window);
  return {window, phase.window.vertical.step * phase.window.row_stride,
          phase.window.horizontal.step * phase.window.pixel};
}

// The input itself, which nothing has to be widened of, where every output has one tap, if all of
// them lie inside the image, and the last step does not reach beyond the input's end.
template <typename Panel>
typename PanelConvolution<Panel>::View PanelConvolution<Panel>::view_in_place(
    const Phase& phase, const Task& task, const std::byte* input) const {
  const WindowAxis& vertical = phase.window.vertical;
  const WindowAxis& horizontal = phase.window.horizontal;
  const std::int64_t y = vertical.input(task.outputs.y);
  const std::int64_t x = horizontal.input(task.outputs.x);
  const std::int64_t last_y = vertical.input(task.outputs.y + task.outputs.rows - 1);
  const std::int64_t last_x = horizontal.input(task.outputs.x + task.outputs.columns - 1);
  if (y < 0 || x < 0 || last_y >= shape_.in_h || last_x >= shape_.in_w) return {};
  const auto at = [&](std::int64_t row, std::int64_t column) {
    const std::int64_t pixel = (task.image * shape_.in_h + row) * shape_.in_w + column;
    return pixel * shape_.in_c + task.group * phase.window.pixel;
  };
  const std::int64_t size = shape_.batch * shape_.in_h * shape_.in_w * shape_.in_c;
  if (at(last_y, last_x) + phase.run_steps * Panel::kDepth > size) return {};
  return {reinterpret_cast<const Widened*>(input) + at(y, x),
          vertical.in_step * shape_.in_w * shape_.in_c, horizontal.in_step * shape_.in_c};
}

template <typename Panel>
bool has_kernel(const Convolution& convolution, Isa isa) {
  return panel_kernel<Panel>(isa, convolution.input_type, convolution.output_type) != nullptr;
}

template <typename Panel>
std::unique_ptr<ConvolutionImplementation> make_panels(const Convolution& convolution, Isa isa) {
  const auto* kernel = panel_kernel<Panel>(isa, convolution.input_type, convolution.output_type);
  return std::make_unique<PanelConvolution<Panel>>(merge_pixels(convolution, kernel->merged), isa);
}

}  // namespace

std::unique_ptr<ConvolutionImplementation> make_panel_convolution(const Convolution& convolution,
                                                                  Isa isa) {
  if (!convolution.wide) {
    if (has_kernel<BytePanel>(convolution, isa)) return make_panels<BytePanel>(convolution, isa);
    return make_panels<NarrowPanel>(convolution, isa);
  }
  using Bytes = WordPanel<std::int8_t>;
  using Words = WordPanel<std::int16_t>;
  const bool biases_fit = std::ranges::all_of(
      convolution.bias, [](std::int64_t bias) { return std::abs(bias) <= kMostWordBias; });
  if (convolution.kernel_size() <= kMostWordProducts && biases_fit) {
    const bool bytes = std::ranges::all_of(
        convolution.weights, [](std::int16_t weight) { return weight >= -128 && weight <= 127; });
    if (bytes && has_kernel<Bytes>(convolution, isa)) return make_panels<Bytes>(convolution, isa);
    if (has_kernel<Words>(convolution, isa)) return make_panels<Words>(convolution, isa);
  }
  return make_panels<WidePanel>(convolution, isa);
}

}  // namespace quant::integer
