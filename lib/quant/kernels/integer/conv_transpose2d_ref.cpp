// SPDX-License-Identifier: MIT
// Transposed convolution, normative: each output gathers the inputs that reach it.
#include <type_traits>
#include <utility>

#include "quant/kernels/integer/convolution.h"
#include "quant/kernels/integer/element_types.h"

namespace quant::integer {
namespace {

class ConvTranspose2dRef : public ConvolutionImplementation {
 public:
  explicit ConvTranspose2dRef(Convolution convolution) : convolution_(std::move(convolution)) {}

  std::size_t scratch_bytes(int) const override { return 0; }
  Isa isa() const override { return Isa::kRef; }
  bool wide() const override { return convolution_.wide; }

  void run(const void* input, void* output, std::byte*, ThreadPool& pool) const override {
    if (!convolution_.wide) {
      return run_as<float>(static_cast<const std::uint8_t*>(input),
                           static_cast<std::uint8_t*>(output), pool);
    }
    with_elements(
        [&]<typename In, typename Out>(Element<In>, Element<Out>) {
          run_as<double>(static_cast<const In*>(input), static_cast<Out*>(output), pool);
        },
        convolution_.input_type, convolution_.output_type);
  }

 private:
  template <typename Real, typename In, typename Out>
  void run_as(const In* input, Out* output, ThreadPool& pool) const {
    using Accumulator = std::conditional_t<std::is_same_v<Real, float>, std::int32_t, std::int64_t>;
    const Conv2dShape& s = convolution_.shape;
    pool.run(s.batch * s.out_h, [&](std::int64_t row, int) {
      const In* image = input + row / s.out_h * s.in_h * s.in_w * s.in_c;
      Out* out = output + row * s.out_w * convolution_.pixel_stride;
      for (std::int64_t x = 0; x < s.out_w; ++x) {
        for (std::int64_t o = 0; o < s.out_c; ++o) {
          const auto sum = accumulate<Accumulator>(image, row % s.out_h, x, o);
          out[x * convolution_.pixel_stride + o] =
              convolution_.requantization.apply<Out, Real>(sum, o);
        }
      }
    });
  }

  template <typename Accumulator, typename In>
  Accumulator accumulate(const In* image, std::int64_t y, std::int64_t x, std::int64_t o) const {
    const Conv2dShape& s = convolution_.shape;
    const std::int64_t inputs = convolution_.group_inputs();
    const std::int64_t first = o / convolution_.group_outputs() * inputs;
    const std::int32_t* zero_points = convolution_.zero_points.data() + first;
    const std::int16_t* weights = convolution_.weights.data() + o * convolution_.kernel_size();
    auto sum = static_cast<Accumulator>(convolution_.bias[static_cast<std::size_t>(o)]);
    for (std::int64_t i = 0; i < s.kernel_h; ++i) {
      const std::int64_t scaled_y = y + s.pad_top - i * s.dilation_h;
      if (scaled_y < 0 || scaled_y % s.stride_h != 0 || scaled_y / s.stride_h >= s.in_h) continue;
      for (std::int64_t j = 0; j < s.kernel_w; ++j) {
        const std::int64_t scaled_x = x + s.pad_left - j * s.dilation_w;
        if (scaled_x < 0 || scaled_x % s.stride_w != 0 || scaled_x / s.stride_w >= s.in_w) continue;
        const std::int64_t position = scaled_y / s.stride_h * s.in_w + scaled_x / s.stride_w;
        const In* in = image + position * s.in_c + first;
        const std::int16_t* w = weights + (i * s.kernel_w + j) * inputs;
        // |w| ≤ 2^15 and |q − zp| < 2^16: a product fits int32.
        for (std::int64_t c = 0; c < inputs; ++c) sum += w[c] * (in[c] - zero_points[c]);
      }
    }
    return sum;
  }

  Convolution convolution_;
};

}  // namespace

std::unique_ptr<ConvolutionImplementation> make_conv_transpose2d_ref(Convolution convolution) {
  return std::make_unique<ConvTranspose2dRef>(std::move(convolution));
}

}  // namespace quant::integer
