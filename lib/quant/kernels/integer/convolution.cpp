// SPDX-License-Identifier: MIT
#include "quant/kernels/integer/convolution.h"

#include <utility>

#include "quant/arithmetic/accumulator.h"
#include "quant/kernels/integer/element_types.h"
#include "quant/kernels/integer/wide_depthwise_kernel.h"
#include "quant/tensor/visit_activation.h"

namespace quant::integer {
namespace {

// All but the weights.
Convolution make_frame(const Conv2dSpec& spec) {
  const Conv2dShape& shape = spec.shape;
  Convolution result;
  result.shape = shape;
  result.input_type = spec.input_type;
  result.output_type = spec.output_type;
  result.weights.resize(static_cast<std::size_t>(shape.out_c * result.kernel_size()));
  result.bias.assign(static_cast<std::size_t>(shape.out_c), 0);
  if (!spec.bias.empty()) result.bias.assign(spec.bias.begin(), spec.bias.end());
  if (spec.input_zero_points.size() == 1) {
    result.zero_points.assign(static_cast<std::size_t>(shape.in_c), spec.input_zero_points[0]);
  } else {
    result.zero_points.assign(spec.input_zero_points.begin(), spec.input_zero_points.end());
  }
  result.requantization = spec.requantization;
  result.pixel_stride = spec.output_pixel_stride == 0 ? shape.out_c : spec.output_pixel_stride;
  return result;
}

// What can hold the sums of every output channel.
void choose_accumulator(Convolution& convolution, DataType weight_type) {
  const std::int64_t inputs = convolution.group_inputs();
  const std::int64_t size = convolution.kernel_size();
  const std::int32_t highest = greatest_activation(convolution.input_type);
  convolution.wide = !all_bytes(convolution.input_type, weight_type, convolution.output_type);
  convolution.fits_float64 = true;
  std::vector<std::int32_t> zero_points(static_cast<std::size_t>(size));
  for (std::int64_t o = 0; o < convolution.shape.out_c; ++o) {
    const std::int64_t first = o / convolution.group_outputs() * inputs;
    for (std::int64_t i = 0; i < size; ++i) {
      zero_points[static_cast<std::size_t>(i)] =
          convolution.zero_points[static_cast<std::size_t>(first + i % inputs)];
    }
    const std::span<const std::int16_t> row(convolution.weights.data() + o * size,
                                            static_cast<std::size_t>(size));
    const std::int64_t bias = convolution.bias[static_cast<std::size_t>(o)];
    convolution.wide = convolution.wide || !accumulator_fits_int32(row, zero_points, highest, bias);
    convolution.fits_float64 =
        convolution.fits_float64 && accumulator_fits_float64(row, highest, bias);
  }
}

std::unique_ptr<ConvolutionImplementation> choose(Convolution convolution, Isa isa) {
  // What 8 bits have no vectors for: a depthwise output with a range for each channel.
  const bool ranges = convolution.depthwise() && convolution.requantization.outputs.size() > 1;
  const bool scalar = convolution.wide ? !convolution.fits_float64 : ranges;
  if (isa == Isa::kRef || scalar) {
    return convolution.transposed ? make_conv_transpose2d_ref(std::move(convolution))
                                  : make_conv2d_ref(std::move(convolution));
  }
  const std::int64_t taps = convolution.shape.kernel_h * convolution.shape.kernel_w;
  if (!convolution.depthwise() || (convolution.wide && taps > kMostWideDepthwiseTaps))
    return make_panel_convolution(convolution, isa);
  if (convolution.wide) return make_wide_depthwise_convolution(convolution, isa);
  if (row_pairs_fit(convolution)) return make_row_pair_convolution(convolution, isa);
  return make_depthwise_convolution(convolution, isa);
}

}  // namespace

bool leaves_room(const Conv2dShape& shape) {
  constexpr std::int64_t kMostMerged = 8;  // outputs of merge_pixels(), on any instruction set
  const bool depthwise = shape.in_c == shape.groups && shape.out_c == shape.groups;
  return !depthwise && shape.out_c > kMostMerged;
}

Convolution make_convolution(const Conv2dSpec& spec) {
  Convolution result = make_frame(spec);
  const std::int64_t inputs = result.group_inputs();
  const std::int64_t taps = spec.shape.kernel_h * spec.shape.kernel_w;
  for (std::int64_t o = 0; o < spec.shape.out_c; ++o) {
    for (std::int64_t c = 0; c < inputs; ++c) {
      for (std::int64_t tap = 0; tap < taps; ++tap) {
        result.weights[static_cast<std::size_t>((o * taps + tap) * inputs + c)] =
            spec.weights[static_cast<std::size_t>((o * inputs + c) * taps + tap)];
      }
    }
  }
  choose_accumulator(result, spec.weight_type);
  return result;
}

Convolution make_convolution(const ConvTranspose2dSpec& spec) {
  Convolution result = make_frame(spec);
  result.transposed = true;
  const std::int64_t inputs = result.group_inputs();
  const std::int64_t outputs = result.group_outputs();
  const std::int64_t taps = spec.shape.kernel_h * spec.shape.kernel_w;
  for (std::int64_t in = 0; in < spec.shape.in_c; ++in) {
    const std::int64_t group = in / inputs;
    for (std::int64_t o = 0; o < outputs; ++o) {
      for (std::int64_t tap = 0; tap < taps; ++tap) {
        const std::int64_t row = (group * outputs + o) * taps + tap;
        result.weights[static_cast<std::size_t>(row * inputs + in % inputs)] =
            spec.weights[static_cast<std::size_t>((in * outputs + o) * taps + tap)];
      }
    }
  }
  choose_accumulator(result, spec.weight_type);
  return result;
}

Conv2d::Conv2d(const Conv2dSpec& spec, Isa isa)
    : implementation_(choose(make_convolution(spec), isa)) {}
Conv2d::~Conv2d() = default;
Conv2d::Conv2d(Conv2d&&) noexcept = default;
Conv2d& Conv2d::operator=(Conv2d&&) noexcept = default;
std::size_t Conv2d::scratch_bytes(int threads) const {
  return implementation_->scratch_bytes(threads);
}
void Conv2d::run(const void* input, void* output, std::byte* scratch, ThreadPool& pool) const {
  implementation_->run(input, output, scratch, pool);
}
Isa Conv2d::isa() const { return implementation_->isa(); }
bool Conv2d::wide() const { return implementation_->wide(); }

ConvTranspose2d::ConvTranspose2d(const ConvTranspose2dSpec& spec, Isa isa)
    : implementation_(choose(make_convolution(spec), isa)) {}
ConvTranspose2d::~ConvTranspose2d() = default;
ConvTranspose2d::ConvTranspose2d(ConvTranspose2d&&) noexcept = default;
ConvTranspose2d& ConvTranspose2d::operator=(ConvTranspose2d&&) noexcept = default;
std::size_t ConvTranspose2d::scratch_bytes(int threads) const {
  return implementation_->scratch_bytes(threads);
}
void ConvTranspose2d::run(const void* input, void* output, std::byte* scratch,
                          ThreadPool& pool) const {
  implementation_->run(input, output, scratch, pool);
}
Isa ConvTranspose2d::isa() const { return implementation_->isa(); }
bool ConvTranspose2d::wide() const { return implementation_->wide(); }

}  // namespace quant::integer
