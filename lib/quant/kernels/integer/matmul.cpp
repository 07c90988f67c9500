// SPDX-License-Identifier: MIT
// Product of two activation matrices: plain loops, and panels. There the right matrix is packed at
// run time into the form of constant weights; the micro-kernel is that of convolution.
#include "quant/kernels/integer/matmul.h"

#include <algorithm>
#include <type_traits>

#include "quant/arithmetic/accumulator.h"
#include "quant/base/aligned_buffer.h"
#include "quant/base/round_up.h"
#include "quant/kernels/integer/element_types.h"
#include "quant/kernels/integer/panel_kernel.h"
#include "quant/kernels/integer/panel_weights.h"
#include "quant/tensor/visit_activation.h"

namespace quant::integer {

class MatMulImplementation {
 public:
  explicit MatMulImplementation(const MatMulSpec& spec) : spec_(spec) {}
  virtual ~MatMulImplementation() = default;
  virtual std::size_t scratch_bytes(int threads) const = 0;
  virtual void run(const void* a, const void* b, void* output, std::byte* scratch,
                   ThreadPool& pool) const = 0;
  virtual Isa isa() const = 0;
  virtual bool wide() const = 0;

 protected:
  MatMulSpec spec_;
};

namespace {

// The normative scalar loops.
class MatMulRef : public MatMulImplementation {
 public:
  MatMulRef(const MatMulSpec& spec, bool wide) : MatMulImplementation(spec), wide_(wide) {}

  std::size_t scratch_bytes(int) const override { return 0; }
  Isa isa() const override { return Isa::kRef; }
  bool wide() const override { return wide_; }

  void run(const void* a, const void* b, void* output, std::byte*,
           ThreadPool& pool) const override {
    if (!wide_) {
      return run_as<float>(static_cast<const std::uint8_t*>(a), static_cast<const std::uint8_t*>(b),
                           static_cast<std::uint8_t*>(output), pool);
    }
    with_elements(
        [&]<typename A, typename B, typename Out>(Element<A>, Element<B>, Element<Out>) {
          run_as<double>(static_cast<const A*>(a), static_cast<const B*>(b),
                         static_cast<Out*>(output), pool);
        },
        spec_.a_type, spec_.b_type, spec_.output_type);
  }

 private:
  template <typename Real, typename A, typename B, typename Out>
  void run_as(const A* a, const B* b, Out* output, ThreadPool& pool) const {
    const auto batches = static_cast<std::int64_t>(spec_.a_offsets.size());
    pool.run(batches * spec_.m, [&](std::int64_t row, int) {
      const auto batch = static_cast<std::size_t>(row / spec_.m);
      const A* left = a + spec_.a_offsets[batch] + row % spec_.m * spec_.k;
      const B* right = b + spec_.b_offsets[batch];
      for (std::int64_t n = 0; n < spec_.n; ++n) {
        output[row * spec_.n + n] =
            spec_.requantization.apply<Out, Real>(accumulate<Real>(left, right, n), 0);
      }
    });
  }

  template <typename Real, typename A, typename B>
  auto accumulate(const A* a, const B* b, std::int64_t n) const {
    using Accumulator = std::conditional_t<std::is_same_v<Real, float>, std::int32_t, std::int64_t>;
    Accumulator sum = 0;
    for (std::int64_t k = 0; k < spec_.k; ++k) {
      const std::int32_t right = spec_.b_transposed ? b[n * spec_.k + k] : b[k * spec_.n + n];
      sum += static_cast<Accumulator>(a[k] - spec_.a_zero_point) * (right - spec_.b_zero_point);
    }
    return sum;
  }

  bool wide_;
};

template <typename Panel>
class PanelMatMul : public MatMulImplementation {
 public:
  PanelMatMul(const MatMulSpec& spec, Isa isa);

  std::size_t scratch_bytes(int threads) const override {
    return weight_bytes_ + bias_bytes_ + static_cast<std::size_t>(threads) * panel_bytes_;
  }
  Isa isa() const override { return kernel_->isa; }
  bool wide() const override { return std::is_same_v<Panel, WidePanel>; }
  void run(const void* a, const void* b, void* output, std::byte* scratch,
           ThreadPool& pool) const override;

 private:
  using Widened = typename Panel::Widened;
  using Weight = typename Panel::Weight;
  using Sum = typename Panel::Sum;

  std::int64_t depth() const { return Panel::kDepth * steps_; }
  template <typename B>
  void pack_tile(const B* b, std::int64_t tile, Weight* weights, Sum* bias) const;
  void run_panel(const std::byte* a, std::int64_t first, const Weight* weights, const Sum* bias,
                 std::byte* output, Widened* panel) const;

  const PanelKernel<Panel>* kernel_;
  std::int64_t tiles_, steps_, a_size_, b_size_, out_size_;
  std::vector<std::int32_t> order_;
  PackedStore<typename Panel::Real> store_;  // tile
  // Scratch: packed right matrix, its bias, then one panel per worker.
  std::size_t weight_bytes_, bias_bytes_, panel_bytes_;
};

template <typename Panel>
PanelMatMul<Panel>::PanelMatMul(const MatMulSpec& spec, Isa isa)
    : MatMulImplementation(spec),
      kernel_(panel_kernel<Panel>(isa, spec.a_type, spec.output_type)),
      tiles_((spec.n + kernel_->tile - 1) / kernel_->tile),
      steps_((spec.k + Panel::kDepth - 1) / Panel::kDepth),
      a_size_(static_cast<std::int64_t>(size_of(spec.a_type))),
      b_size_(static_cast<std::int64_t>(size_of(spec.b_type))),
      out_size_(static_cast<std::int64_t>(size_of(spec.output_type))),
      order_(static_cast<std::size_t>(kernel_->tile)) {
  kernel_->channel_order(order_.data());
  for (int lane = 0; lane < kernel_->tile; ++lane) store_.add(spec.requantization, 0);
  const auto lanes = static_cast<std::size_t>(tiles_ * kernel_->tile);
  weight_bytes_ =
      round_up(lanes * static_cast<std::size_t>(depth()) * sizeof(Weight), kBufferAlignment);
  bias_bytes_ = round_up(lanes * sizeof(Sum), kBufferAlignment);
  panel_bytes_ =
      round_up(kPanelRows * static_cast<std::size_t>(depth()) * sizeof(Widened), kBufferAlignment);
}

// One tile of columns: b − zp_b as weights; −zp_a·Σ(b − zp_b) as bias, modulo 2^32 in int32.
template <typename Panel>
template <typename B>
void PanelMatMul<Panel>::pack_tile(const B* b, std::int64_t tile, Weight* weights,
                                   Sum* bias) const {
  const std::int64_t width = kernel_->tile;
  for (std::int64_t lane = 0; lane < width; ++lane) {
    const std::int64_t n = tile * width + order_[static_cast<std::size_t>(lane)];
    const bool real = n < spec_.n;
    const B* column = b + (real ? n : 0) * (spec_.b_transposed ? spec_.k : 1);
    const std::int64_t step = spec_.b_transposed ? 1 : spec_.n;
    std::int64_t sum = 0;
    for (std::int64_t k = 0; k < depth(); ++k) {
      std::int32_t weight = 0;
      if (real && k < spec_.k) weight = column[k * step] - spec_.b_zero_point;
      weights[(k / Panel::kDepth * width + lane) * Panel::kDepth + k % Panel::kDepth] =
          static_cast<Weight>(weight);
      sum += weight;
    }
    bias[lane] = folded_bias<Sum>(-spec_.a_zero_point * sum);
  }
}

template <typename Panel>
void PanelMatMul<Panel>::run_panel(const std::byte* a, std::int64_t first, const Weight* weights,
                                   const Sum* bias, std::byte* output, Widened* panel) const {
  const std::int64_t rows = std::min<std::int64_t>(kPanelRows, spec_.m - first);
  constexpr std::int64_t kNoOffset = 0;
  kernel_->widen({a + first * spec_.k * a_size_, rows, spec_.k, spec_.k, panel, depth()});
  PanelTile<Panel> tile;
  tile.rows = rows;
  tile.activations = panel;
  tile.row_stride = depth();
  tile.run_offsets = &kNoOffset;
  tile.runs = 1;
  tile.run_steps = steps_;
  tile.store = store_.from(0);
  tile.output = output + first * spec_.n * out_size_;
  tile.output_step = spec_.n * out_size_;
  tile.width = kernel_->tile;
  for (std::int64_t t = 0; t < tiles_; ++t) {
    tile.weights = weights + t * depth() * kernel_->tile;
    tile.bias = bias + t * kernel_->tile;
    tile.channels =
        static_cast<int>(std::min<std::int64_t>(kernel_->tile, spec_.n - t * kernel_->tile));
    kernel_->run(tile);
    tile.output += kernel_->tile * out_size_;
  }
}

template <typename Panel>
void PanelMatMul<Panel>::run(const void* a, const void* b, void* output, std::byte* scratch,
                             ThreadPool& pool) const {
  auto* weights = reinterpret_cast<Weight*>(scratch);
  auto* bias = reinterpret_cast<Sum*>(scratch + weight_bytes_);
  std::byte* panels = scratch + weight_bytes_ + bias_bytes_;
  for (std::size_t batch = 0; batch < spec_.a_offsets.size(); ++batch) {
    const auto* left = static_cast<const std::byte*>(a) + spec_.a_offsets[batch] * a_size_;
    const auto* right = static_cast<const std::byte*>(b) + spec_.b_offsets[batch] * b_size_;
    auto* out = static_cast<std::byte*>(output) +
                static_cast<std::int64_t>(batch) * spec_.m * spec_.n * out_size_;
    with_elements(
        [&]<typename B>(Element<B>) {
          pool.run(tiles_, [&](std::int64_t t, int) {
            pack_tile(reinterpret_cast<const B*>(right), t, weights + t * depth() * kernel_->tile,
                      bias + t * kernel_->tile);
          });
        },
        spec_.b_type);
    pool.run((spec_.m + kPanelRows - 1) / kPanelRows, [&](std::int64_t block, int worker) {
      auto* panel =
          reinterpret_cast<Widened*>(panels + static_cast<std::size_t>(worker) * panel_bytes_);
      run_panel(left, block * kPanelRows, weights, bias, out, panel);
    });
  }
}

std::unique_ptr<MatMulImplementation> choose(const MatMulSpec& spec, Isa isa) {
  const std::int64_t a = greatest_activation(spec.a_type);
  const std::int64_t b = greatest_activation(spec.b_type);
  const bool wide =
      !all_bytes(spec.a_type, spec.b_type, spec.output_type) || !sum_fits_int32(spec.k, a * b);
  // Twice: the products of a, and those of its zero point in the bias.
  if (isa == Isa::kRef || (wide && !sum_fits_float64(spec.k, 2 * a * b)))
    return std::make_unique<MatMulRef>(spec, wide);
  if (wide) return std::make_unique<PanelMatMul<WidePanel>>(spec, isa);
  return std::make_unique<PanelMatMul<NarrowPanel>>(spec, isa);
}

}  // namespace

MatMul::MatMul(const MatMulSpec& spec, Isa isa) : implementation_(choose(spec, isa)) {}
MatMul::~MatMul() = default;
MatMul::MatMul(MatMul&&) noexcept = default;
MatMul& MatMul::operator=(MatMul&&) noexcept = default;
std::size_t MatMul::scratch_bytes(int threads) const {
  return implementation_->scratch_bytes(threads);
}
void MatMul::run(const void* a, const void* b, void* output, std::byte* scratch,
                 ThreadPool& pool) const {
  implementation_->run(a, b, output, scratch, pool);
}
Isa MatMul::isa() const { return implementation_->isa(); }
bool MatMul::wide() const { return implementation_->wide(); }

}  // namespace quant::integer
