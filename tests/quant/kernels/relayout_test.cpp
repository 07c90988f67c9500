// SPDX-License-Identifier: MIT
// Relayout and Dequantize against index rules and arithmetic written a second time, for every
// order, type, granularity and padding, over odd sizes, at addresses that suit no vector.
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <unordered_map>

#include "oracle.h"
#include "quant/arithmetic/edge.h"
#include "quant/kernels/relayout/dequantize_kernels.h"
#include "quant/kernels/relayout/dequantize_tensor.h"
#include "quant/kernels/relayout/relayout.h"

namespace quant {
namespace {

constexpr std::array kOrders{DeviceOrder::kNhwc, DeviceOrder::kNhcw, DeviceOrder::kNchw,
                             DeviceOrder::kFcr,  DeviceOrder::kF8cr, DeviceOrder::kNhw,
                             DeviceOrder::kNc};

// As the makers of devices write them.
std::int64_t index_of(const DeviceLayout& layout, std::int64_t h, std::int64_t w, std::int64_t c) {
  const std::int64_t height = layout.padded_height;
  const std::int64_t width = layout.padded_width;
  const std::int64_t channels = layout.padded_channels;
  switch (layout.order) {
    case DeviceOrder::kNhwc:
    case DeviceOrder::kFcr:
      return (h * width + w) * channels + c;
    case DeviceOrder::kNhcw:
      return (h * channels + c) * width + w;
    case DeviceOrder::kNchw:
      return (c * height + h) * width + w;
    case DeviceOrder::kF8cr:
      return h * width * channels + c / 8 * 8 * width + w * 8 + c % 8;
    case DeviceOrder::kNhw:
      return h * width + w;
    case DeviceOrder::kNc:
      return c;
  }
  return -1;
}

// Sizes of one frame; the order takes what it can.
struct Size {
  std::int64_t height, width, channels;
};
enum class Padding { kNone, kToEight, kOdd };

DeviceLayout layout_of(DeviceOrder order, DataType type, Size size, Padding padding) {
  if (order == DeviceOrder::kNhw) size.channels = 1;
  if (order == DeviceOrder::kNc) size.height = size.width = 1;
  DeviceLayout layout = dense_layout(order, type, size.height, size.width, size.channels);
  const auto padded = [&](std::int64_t value, std::int64_t odd) {
    if (padding == Padding::kNone) return value;
    return padding == Padding::kToEight ? (value + 7) / 8 * 8 : value + odd;
  };
  if (order != DeviceOrder::kNc) {
    layout.padded_width = padded(size.width, 3);
    if (padding == Padding::kOdd) layout.padded_height += 2;
  }
  if (order == DeviceOrder::kF8cr) {
    if (padding == Padding::kOdd) layout.padded_channels += 8;
  } else if (order != DeviceOrder::kNhw) {
    layout.padded_channels = padded(size.channels, 5);
  }
  return layout;
}

// Elements behind an address that is a multiple of nothing but their own size; the allocation ends
// with them.
class Memory {
 public:
  Memory(const DeviceLayout& layout, oracle::Random& random)
      : size_(size_of(layout.type)),
        bytes_((kShift + static_cast<std::size_t>(padded_element_count(layout))) * size_) {
    for (std::byte& byte : bytes_) byte = static_cast<std::byte>(random.in(0, 255));
  }
  std::byte* data() { return bytes_.data() + kShift * size_; }
  std::uint32_t element(std::int64_t index) const {
    std::uint32_t value = 0;
    std::memcpy(&value, bytes_.data() + (kShift + static_cast<std::size_t>(index)) * size_, size_);
    return value;
  }
  const std::vector<std::byte>& bytes() const { return bytes_; }
  void set(std::int64_t index, std::uint32_t value) {
    std::memcpy(data() + static_cast<std::size_t>(index) * size_, &value, size_);
  }

 private:
  static constexpr std::size_t kShift = 3;
  std::size_t size_;
  std::vector<std::byte> bytes_;
};

template <typename Visit>
void for_elements(const DeviceLayout& layout, const Visit& visit) {
  for (std::int64_t h = 0; h < layout.height; ++h) {
    for (std::int64_t w = 0; w < layout.width; ++w) {
      for (std::int64_t c = 0; c < layout.channels; ++c) visit(h, w, c);
    }
  }
}

QuantParams random_params(oracle::Random& random, DataType type, std::int64_t channels,
                          bool per_channel) {
  QuantParams params;
  params.type = type;
  params.axis = -7;  // nobody reads it
  const float highest = static_cast<float>(oracle::greatest(type));
  for (std::int64_t c = 0; c < (per_channel ? channels : 1); ++c) {
    params.scale.push_back(random.chance(10) ? 1e-30F : random.real(1e-4F, 3));
    params.zero_point.push_back(random.chance(30) ? static_cast<float>(random.zero_point(type))
                                                  : random.real(-3, highest));
  }
  return params;
}

// Each step rounded once to float32, from exact arithmetic.
float real_of(std::uint32_t q, float scale, float zero_point) {
  const auto difference = static_cast<float>(
      oracle::rounded(oracle::Exact{static_cast<double>(q)} - oracle::Exact{zero_point}, false));
  return static_cast<float>(
      oracle::rounded(oracle::Exact{difference} * oracle::Exact{scale}, false));
}

// real_of for the parameters of one tensor; exact arithmetic is slow, so each level only once.
class Reals {
 public:
  explicit Reals(const QuantParams& params) : params_(params) {}
  float operator()(std::uint32_t q, std::size_t channel) {
    const auto [at, is_new] = known_.try_emplace(channel << 16 | q, 0.0F);
    if (is_new) at->second = real_of(q, params_.scale[channel], params_.zero_point[channel]);
    return at->second;
  }

 private:
  const QuantParams& params_;
  std::unordered_map<std::size_t, float> known_;
};

std::uint32_t bits(float value) {
  std::uint32_t result = 0;
  std::memcpy(&result, &value, sizeof(result));
  return result;
}

void check_dequantize(const DeviceLayout& layout, bool per_channel, std::uint32_t seed,
                      const std::vector<int>& thread_counts = {1},
                      const std::vector<Isa>& isas = available_isas()) {
  oracle::Random random(seed);
  Memory memory(layout, random);
  const QuantParams params = random_params(random, layout.type, layout.channels, per_channel);
  Reals real(params);
  for (const DenseOrder order : {DenseOrder::kNhwc, DenseOrder::kNchw}) {
    const auto at = [&](std::int64_t h, std::int64_t w, std::int64_t c) {
      return static_cast<std::size_t>(order == DenseOrder::kNhwc
                                          ? (h * layout.width + w) * layout.channels + c
                                          : (c * layout.height + h) * layout.width + w);
    };
    std::vector<float> want(static_cast<std::size_t>(element_count(layout)));
    for_elements(layout, [&](std::int64_t h, std::int64_t w, std::int64_t c) {
      const auto channel = static_cast<std::size_t>(per_channel ? c : 0);
      want[at(h, w, c)] = real(memory.element(index_of(layout, h, w, c)), channel);
    });
    const auto expect_equal = [&](const float* values, const std::string& who) {
      for (std::size_t i = 0; i < want.size(); ++i) {
        ASSERT_EQ(bits(values[i]), bits(want[i]))
            << who << ", " << to_string(layout) << (per_channel ? " per channel" : "") << " to "
            << (order == DenseOrder::kNhwc ? "NHWC" : "NCHW") << " at " << i << ": " << values[i]
            << ", expected " << want[i];
      }
    };
    std::vector<float> out(want.size() + 1, -1.0F);
    dequantize_ref(memory.data(), layout, params, order, out.data() + 1);
    expect_equal(out.data() + 1, "reference");
    for (const Isa isa : isas) {
      const auto kernel = Dequantize::create(layout, params, order, isa);
      ASSERT_TRUE(kernel) << kernel.error().text();
      for (const int threads : thread_counts) {
        ThreadPool pool(threads);
        // One float before the data, none behind it: sanitizers see what is written too far.
        std::vector<float> result(want.size() + 1, -1.0F);
        kernel->run(memory.data(), result.data() + 1, pool);
        EXPECT_EQ(result[0], -1.0F);
        expect_equal(result.data() + 1, to_string(isa));
      }
    }
  }
}

template <typename T>
class DequantizeRows : public ::testing::Test {};
using Activations = ::testing::Types<std::uint8_t, std::uint16_t>;
TYPED_TEST_SUITE(DequantizeRows, Activations);

constexpr std::array<Size, 16> kSizes{{{1, 1, 1},
                                       {1, 1, 3},
                                       {1, 1, 300},
                                       {1, 2, 2},
                                       {2, 5, 3},
                                       {3, 1, 7},
                                       {3, 7, 1},
                                       {5, 17, 8},
                                       {4, 9, 11},
                                       {2, 33, 16},
                                       {3, 20, 17},
                                       {7, 13, 31},
                                       {2, 40, 65},
                                       {9, 65, 4},
                                       {2, 70, 260},
                                       {3, 35, 523}}};

TEST(Dequantize, EveryOrderTypeGranularityAndPadding) {
  std::uint32_t seed = 0;
  for (const DeviceOrder order : kOrders) {
    for (const Size& size : kSizes) {
      for (const DataType type : {DataType::kUint8, DataType::kUint16}) {
        for (const Padding padding : {Padding::kNone, Padding::kToEight, Padding::kOdd}) {
          for (const bool per_channel : {true, false}) {
            ++seed;
            check_dequantize(layout_of(order, type, size, padding), per_channel, seed,
                             seed % 5 == 0 ? std::vector<int>{1, 3} : std::vector<int>{1});
            if (HasFatalFailure()) return;
          }
        }
      }
    }
  }
}

// Rows from every address on, stored both ways, beside elements that nothing may touch.
TYPED_TEST(DequantizeRows, FromEveryAddressOn) {
  using T = TypeParam;
  constexpr std::int64_t kRows = 3;
  oracle::Random random(17);
  QuantParams params = random_params(random, DataTypeOf<T>::value, kParamStep, true);
  for (const auto k : {&params.scale, &params.zero_point}) {
    const std::vector<float> period = *k;
    k->insert(k->end(), period.begin(), period.end());
  }
  for (const Isa isa : available_isas()) {
    const DequantizeKernels<T>* kernels = dequantize_kernels<T>(isa);
    if (kernels == nullptr) continue;
    for (const std::int64_t columns : {1, 3, 4, 5, 15, 16, 17, 31, 63, 64, 65, 130, 200, 333}) {
      const std::int64_t out_step = columns + 2;
      const auto in = random.vector<T>(kRows * columns, 0, oracle::greatest(params.type));
      for (std::int64_t shift = 0; shift < 17; ++shift) {
        for (const Store store : {Store::kCached, Store::kStreamed}) {
          for (const bool by_column : {true, false}) {
            std::vector<float> out(static_cast<std::size_t>(shift + kRows * out_step), -1.0F);
            (by_column ? kernels->by_column : kernels->by_row)(
                in.data(), columns, out.data() + shift, out_step, kRows, columns,
                params.scale.data(), params.zero_point.data(), by_column ? kParamStep : 1, store);
            for (std::int64_t i = 0; i < kRows * out_step + shift; ++i) {
              const std::int64_t row = (i - shift) / out_step;
              const std::int64_t column = (i - shift) % out_step;
              const float actual = out[static_cast<std::size_t>(i)];
              if (i < shift || column >= columns) {
                ASSERT_EQ(actual, -1.0F) << columns << " from " << shift << " on, at " << i;
                continue;
              }
              const auto k = static_cast<std::size_t>(by_column ? column % kParamStep : row);
              const T q = in[static_cast<std::size_t>(row * columns + column)];
              ASSERT_EQ(bits(actual),
                        bits((static_cast<float>(q) - params.zero_point[k]) * params.scale[k]))
                  << to_string(isa) << ": " << columns << " from " << shift << " on, at " << i;
            }
          }
        }
      }
    }
  }
}

// More than 32 MiB: stored past the caches.
TEST(Dequantize, ResultsThatFitIntoNoCache) {
  const DeviceLayout layout =
      layout_of(DeviceOrder::kFcr, DataType::kUint8, {363, 363, 65}, Padding::kToEight);
  check_dequantize(layout, true, 7, {2}, {available_isas().front()});
}

TEST(Dequantize, RefusesWhatDoesNotFit) {
  QuantParams params;
  params.scale = {1, 2};
  params.zero_point = {0, 0};
  const auto error_of = [&](const DeviceLayout& layout) {
    const auto kernel = Dequantize::create(layout, params, DenseOrder::kNhwc, Isa::kRef);
    return kernel ? std::string() : to_string(kernel.error().code);
  };
  EXPECT_EQ(error_of(dense_layout(DeviceOrder::kNhwc, DataType::kUint8, 2, 2, 2)), "");
  EXPECT_EQ(error_of(dense_layout(DeviceOrder::kNhwc, DataType::kUint8, 2, 2, 3)),
            "InvalidArgument");
  EXPECT_EQ(error_of(dense_layout(DeviceOrder::kNhwc, DataType::kFloat32, 2, 2, 2)),
            "InvalidArgument");
  EXPECT_EQ(error_of(dense_layout(DeviceOrder::kNhw, DataType::kUint8, 2, 2, 2)), "InvalidData");
  params.zero_point = {0};
  EXPECT_EQ(error_of(dense_layout(DeviceOrder::kNhwc, DataType::kUint8, 2, 2, 2)),
            "InvalidArgument");
  params = {};
  EXPECT_EQ(error_of(dense_layout(DeviceOrder::kNhwc, DataType::kUint8, 2, 2, 1)),
            "InvalidArgument");
}

void check_relayout(const DeviceLayout& from, const DeviceLayout& to, std::uint32_t seed) {
  oracle::Random random(seed);
  Memory in(from, random);
  const Memory before(to, random);
  Memory want = before;  // padding stays as it was
  for_elements(from, [&](std::int64_t h, std::int64_t w, std::int64_t c) {
    want.set(index_of(to, h, w, c), in.element(index_of(from, h, w, c)));
  });
  for (const Isa isa : available_isas()) {
    const auto kernel = Relayout::create(from, to, isa);
    ASSERT_TRUE(kernel) << kernel.error().text();
    for (const int threads : seed % 5 == 0 ? std::vector{1, 3} : std::vector{1}) {
      ThreadPool pool(threads);
      Memory out = before;
      kernel->run(in.data(), out.data(), pool);
      ASSERT_TRUE(out.bytes() == want.bytes())
          << to_string(isa) << ": " << to_string(from) << " to " << to_string(to);
    }
  }
}

TEST(Relayout, BetweenEveryTwoOrders) {
  std::uint32_t seed = 0;
  for (const DataType type : {DataType::kUint8, DataType::kUint16, DataType::kFloat32}) {
    for (const Size& size : kSizes) {
      for (const DeviceOrder order : kOrders) {
        const auto padding = static_cast<Padding>(++seed % 3);
        const DeviceLayout device = layout_of(order, type, size, padding);
        const Size same{device.height, device.width, device.channels};
        for (const DeviceOrder other :
             {DeviceOrder::kNhwc, DeviceOrder::kNchw, DeviceOrder::kF8cr}) {
          const DeviceLayout dense = layout_of(other, type, same, Padding::kNone);
          check_relayout(device, dense, seed);
          check_relayout(dense, device, seed);
          if (HasFatalFailure()) return;
        }
        check_relayout(device, layout_of(order, type, same, Padding::kOdd), seed);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST(Relayout, RefusesAnotherFrame) {
  const DeviceLayout layout = dense_layout(DeviceOrder::kNhwc, DataType::kUint8, 2, 3, 4);
  for (const DeviceLayout& other : {dense_layout(DeviceOrder::kNchw, DataType::kUint16, 2, 3, 4),
                                    dense_layout(DeviceOrder::kNchw, DataType::kUint8, 3, 2, 4),
                                    dense_layout(DeviceOrder::kNchw, DataType::kUint8, 2, 3, 5)}) {
    const auto kernel = Relayout::create(layout, other, Isa::kRef);
    ASSERT_FALSE(kernel) << to_string(other);
    EXPECT_EQ(kernel.error().code, ErrorCode::kInvalidArgument);
  }
}

// Quantized, laid out as a device has it, and back: what quantization alone loses, and nothing
// more.
TEST(Dequantize, RoundTrips) {
  std::uint32_t seed = 9000;
  for (const DeviceOrder order : kOrders) {
    for (const Size& size : kSizes) {
      for (const DataType type : {DataType::kUint8, DataType::kUint16}) {
        for (const bool per_channel : {true, false}) {
          oracle::Random random(++seed);
          const DeviceLayout device = layout_of(order, type, size, static_cast<Padding>(seed % 3));
          const DeviceLayout dense =
              layout_of(DeviceOrder::kNhwc, type, {device.height, device.width, device.channels},
                        Padding::kNone);
          QuantParams params = random_params(random, type, device.channels, per_channel);
          for (float& scale : params.scale) scale = std::max(scale, 1e-3F);
          Memory integers(dense, random);
          std::vector<float> values;
          for_elements(dense, [&](std::int64_t, std::int64_t, std::int64_t c) {
            const auto channel = static_cast<std::size_t>(per_channel ? c : 0);
            const EdgeParams edge{params.scale[channel], params.zero_point[channel]};
            const auto highest = static_cast<float>(oracle::greatest(type));
            const float value = random.real(-edge.zero_point * edge.scale,
                                            (highest - edge.zero_point) * edge.scale);
            integers.set(static_cast<std::int64_t>(values.size()), type == DataType::kUint8
                                                                       ? quantize_u8(value, edge)
                                                                       : quantize_u16(value, edge));
            values.push_back(value);
          });
          Tensor memory(type, {padded_element_count(device)});
          ThreadPool pool(1);
          const auto to_device = Relayout::create(dense, device, *selected_isa());
          ASSERT_TRUE(to_device);
          to_device->run(integers.data(), memory.raw(), pool);
          const auto back =
              dequantize_tensor(DeviceTensor{device, memory}, params, DenseOrder::kNhwc);
          ASSERT_TRUE(back) << back.error().text();
          ASSERT_EQ(back->shape(), (Shape{1, device.height, device.width, device.channels}));
          const auto reals = back->data<float>();
          for (std::size_t i = 0; i < values.size(); ++i) {
            const std::size_t channel = per_channel ? i % params.scale.size() : 0;
            const EdgeParams edge{params.scale[channel], params.zero_point[channel]};
            ASSERT_EQ(reals[i], dequantize(static_cast<std::int32_t>(
                                               integers.element(static_cast<std::int64_t>(i))),
                                           edge));
            // Half a step, and rounding in float32 of numbers that zero points make large.
            ASSERT_NEAR(reals[i], values[i], edge.scale * 0.51F) << to_string(device);
          }
        }
      }
    }
  }
}

TEST(DequantizeTensor, AlongEveryAxis) {
  oracle::Random random(3);
  const Shape shape{2, 3, 5, 7};
  const auto strides = row_major_strides(shape);
  for (const DataType type : {DataType::kUint8, DataType::kUint16}) {
    const auto levels = random.vector<std::uint16_t>(210, 0, oracle::greatest(type));
    Tensor integers(type, shape);
    for (std::size_t i = 0; i < levels.size(); ++i) {
      if (type == DataType::kUint8) {
        integers.data<std::uint8_t>()[i] = static_cast<std::uint8_t>(levels[i]);
      } else {
        integers.data<std::uint16_t>()[i] = levels[i];
      }
    }
    for (int axis = -1; axis < 4; ++axis) {
      const auto position = static_cast<std::size_t>(std::max(axis, 0));
      QuantParams params = random_params(random, type, shape[position], axis >= 0);
      params.axis = static_cast<int>(position);
      const auto real = dequantize_tensor(integers, params);
      ASSERT_TRUE(real) << real.error().text();
      ASSERT_EQ(real->shape(), shape);
      for (std::size_t i = 0; i < levels.size(); ++i) {
        const auto channel = static_cast<std::size_t>(
            axis < 0 ? 0 : static_cast<std::int64_t>(i) / strides[position] % shape[position]);
        ASSERT_EQ(bits(real->data<float>()[i]),
                  bits(real_of(levels[i], params.scale[channel], params.zero_point[channel])))
            << "axis " << axis << " at " << i;
      }
    }
  }
  QuantParams wrong = random_params(random, DataType::kUint8, 4, true);
  wrong.axis = 1;
  EXPECT_FALSE(dequantize_tensor(Tensor(DataType::kUint8, shape), wrong));
  wrong.axis = 9;
  EXPECT_FALSE(dequantize_tensor(Tensor(DataType::kUint8, shape), wrong));
  EXPECT_FALSE(dequantize_tensor(Tensor(DataType::kUint8, shape), QuantParams()));
  EXPECT_FALSE(dequantize_tensor(Tensor(DataType::kFloat32, shape),
                                 random_params(random, DataType::kUint8, 1, false)));
}

TEST(DequantizeTensor, FloatsOfADeviceAreOnlyMoved) {
  const DeviceLayout layout =
      layout_of(DeviceOrder::kNhcw, DataType::kFloat32, {2, 5, 3}, Padding::kToEight);
  Tensor memory(DataType::kFloat32, {padded_element_count(layout)});
  for (std::size_t i = 0; i < memory.data<float>().size(); ++i)
    memory.data<float>()[i] = static_cast<float>(i) * 0.5F;
  const auto real = dequantize_tensor(DeviceTensor{layout, memory}, {}, DenseOrder::kNchw);
  ASSERT_TRUE(real);
  ASSERT_EQ(real->shape(), (Shape{1, 3, 2, 5}));
  for_elements(layout, [&](std::int64_t h, std::int64_t w, std::int64_t c) {
    EXPECT_EQ(real->data<float>()[static_cast<std::size_t>((c * 2 + h) * 5 + w)],
              static_cast<float>(index_of(layout, h, w, c)) * 0.5F);
  });
  DeviceTensor small{layout, Tensor(DataType::kFloat32, {3})};
  EXPECT_EQ(dequantize_tensor(small, {}, DenseOrder::kNchw).error().code,
            ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace quant
