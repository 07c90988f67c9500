// SPDX-License-Identifier: MIT
// Product of two activation matrices. The right one is packed at run time into the form of constant
// weights; the micro-kernel is that of convolution.
#include "quant/kernels/integer/matmul.h"

#include <algorithm>

#include "quant/arithmetic/accumulator.h"
#include "quant/base/aligned_buffer.h"
#include "quant/kernels/integer/panel_kernel.h"

namespace quant::integer {
namespace {

std::size_t aligned(std::size_t bytes) {
  return (bytes + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment;
}

}  // namespace

struct MatMul::Plan {
  MatMulSpec spec;
  Isa isa = Isa::kRef;
  bool wide = false;
  const PanelKernel* kernel = nullptr;  // null: scalar
  std::int64_t tiles = 0, pairs = 0;
  std::vector<std::int32_t> order;
  std::vector<float> multipliers;  // tile
  // Scratch: packed right matrix, its bias, then one panel per worker.
  std::size_t weight_bytes = 0, bias_bytes = 0, panel_bytes = 0;

  template <typename Accumulator>
  Accumulator accumulate(const std::uint8_t* a, const std::uint8_t* b, std::int64_t n) const {
    Accumulator sum = 0;
    for (std::int64_t k = 0; k < spec.k; ++k) {
      const std::int32_t right = spec.b_transposed ? b[n * spec.k + k] : b[k * spec.n + n];
      sum += (a[k] - spec.a_zero_point) * (right - spec.b_zero_point);
    }
    return sum;
  }

  void run_ref(const std::uint8_t* a, const std::uint8_t* b, std::uint8_t* output,
               ThreadPool& pool) const {
    pool.run(spec.m, [&](std::int64_t row, int) {
      const std::uint8_t* left = a + row * spec.k;
      for (std::int64_t n = 0; n < spec.n; ++n) {
        output[row * spec.n + n] =
            wide ? requantize_u8(accumulate<std::int64_t>(left, b, n),
                                 spec.requantization.wide_multiplier(0), spec.requantization.output)
                 : requantize_u8(accumulate<std::int32_t>(left, b, n),
                                 spec.requantization.multiplier(0), spec.requantization.output);
      }
    });
  }

  // One tile of columns: b − zp_b as weights; −zp_a·Σ(b − zp_b), modulo 2^32, as bias.
  void pack_tile(const std::uint8_t* b, std::int64_t tile, std::int16_t* weights,
                 std::int32_t* bias) const {
    const std::int64_t width = kernel->tile;
    for (std::int64_t lane = 0; lane < width; ++lane) {
      const std::int64_t n = tile * width + order[static_cast<std::size_t>(lane)];
      const bool real = n < spec.n;
      const std::uint8_t* column = b + (real ? n : 0) * (spec.b_transposed ? spec.k : 1);
      const std::int64_t step = spec.b_transposed ? 1 : spec.n;
      std::int64_t sum = 0;
      for (std::int64_t k = 0; k < 2 * pairs; ++k) {
        std::int32_t weight = 0;
        if (real && k < spec.k) weight = column[k * step] - spec.b_zero_point;
        weights[(k / 2 * width + lane) * 2 + k % 2] = static_cast<std::int16_t>(weight);
        sum += weight;
      }
      bias[lane] = static_cast<std::int32_t>(static_cast<std::uint64_t>(-spec.a_zero_point * sum));
    }
  }

  void run_panel(const std::uint8_t* a, std::int64_t first, const std::int16_t* weights,
                 const std::int32_t* bias, std::uint8_t* output, std::int16_t* panel) const {
    const std::int64_t rows = std::min<std::int64_t>(kPanelRows, spec.m - first);
    std::uint8_t* outputs[kPanelRows];
    constexpr std::int64_t kNoOffset = 0;
    kernel->widen({a + first * spec.k, rows, spec.k, &kNoOffset, 1, spec.k, panel, 2 * pairs});
    for (std::int64_t r = 0; r < rows; ++r) {
      if (spec.k % 2 != 0) panel[r * 2 * pairs + spec.k] = 0;
      outputs[r] = output + (first + r) * spec.n;
    }
    PanelTile tile;
    tile.rows = rows;
    tile.activations = panel;
    tile.row_stride = 2 * pairs;
    tile.pairs = pairs;
    tile.multipliers = multipliers.data();
    tile.range = StoreRange(spec.requantization.output);
    tile.outputs = outputs;
    tile.width = kernel->tile;
    for (std::int64_t t = 0; t < tiles; ++t) {
      tile.weights = weights + t * pairs * kernel->tile * 2;
      tile.bias = bias + t * kernel->tile;
      tile.channels =
          static_cast<int>(std::min<std::int64_t>(kernel->tile, spec.n - t * kernel->tile));
      kernel->run(tile);
      for (std::int64_t r = 0; r < rows; ++r) outputs[r] += kernel->tile;
    }
  }

  void run_panels(const std::uint8_t* a, const std::uint8_t* b, std::uint8_t* output,
                  std::byte* scratch, ThreadPool& pool) const {
    auto* weights = reinterpret_cast<std::int16_t*>(scratch);
    auto* bias = reinterpret_cast<std::int32_t*>(scratch + weight_bytes);
    std::byte* panels = scratch + weight_bytes + bias_bytes;
    pool.run(tiles, [&](std::int64_t t, int) {
      pack_tile(b, t, weights + t * pairs * kernel->tile * 2, bias + t * kernel->tile);
    });
    pool.run((spec.m + kPanelRows - 1) / kPanelRows, [&](std::int64_t block, int worker) {
      auto* panel =
          reinterpret_cast<std::int16_t*>(panels + static_cast<std::size_t>(worker) * panel_bytes);
      run_panel(a, block * kPanelRows, weights, bias, output, panel);
    });
  }
};

MatMul::MatMul(const MatMulSpec& spec, Isa isa) : plan_(std::make_unique<Plan>()) {
  plan_->spec = spec;
  plan_->wide = !sum_fits_int32(spec.k, 255 * 255);
  plan_->kernel = plan_->wide ? nullptr : panel_kernel(isa);
  if (plan_->kernel == nullptr) return;
  plan_->isa = plan_->kernel->isa;
  const std::int64_t tile = plan_->kernel->tile;
  plan_->tiles = (spec.n + tile - 1) / tile;
  plan_->pairs = (spec.k + 1) / 2;
  plan_->order.resize(static_cast<std::size_t>(tile));
  plan_->kernel->channel_order(plan_->order.data());
  plan_->multipliers.assign(static_cast<std::size_t>(tile), spec.requantization.multiplier(0));
  const auto lanes = static_cast<std::size_t>(plan_->tiles * tile);
  const auto pairs = static_cast<std::size_t>(plan_->pairs);
  plan_->weight_bytes = aligned(lanes * pairs * 2 * sizeof(std::int16_t));
  plan_->bias_bytes = aligned(lanes * sizeof(std::int32_t));
  plan_->panel_bytes = aligned(kPanelRows * pairs * 2 * sizeof(std::int16_t));
}
MatMul::~MatMul() = default;
MatMul::MatMul(MatMul&&) noexcept = default;
MatMul& MatMul::operator=(MatMul&&) noexcept = default;

std::size_t MatMul::scratch_bytes(int threads) const {
  return plan_->weight_bytes + plan_->bias_bytes +
         static_cast<std::size_t>(threads) * plan_->panel_bytes;
}

void MatMul::run(const std::uint8_t* a, const std::uint8_t* b, std::uint8_t* output,
                 std::byte* scratch, ThreadPool& pool) const {
  const MatMulSpec& spec = plan_->spec;
  for (std::size_t i = 0; i < spec.a_offsets.size(); ++i) {
    const std::uint8_t* left = a + spec.a_offsets[i];
    const std::uint8_t* right = b + spec.b_offsets[i];
    std::uint8_t* out = output + static_cast<std::int64_t>(i) * spec.m * spec.n;
    if (plan_->kernel == nullptr) {
      plan_->run_ref(left, right, out, pool);
    } else {
      plan_->run_panels(left, right, out, scratch, pool);
    }
  }
}

Isa MatMul::isa() const { return plan_->isa; }
bool MatMul::wide_accumulator() const { return plan_->wide; }

}  // namespace quant::integer
