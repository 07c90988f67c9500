// SPDX-License-Identifier: MIT
#include "quant/tensor/device_layout.h"

#include <gmock/gmock.h>

#include <limits>
#include <set>

namespace quant {
namespace {

using ::testing::HasSubstr;

constexpr DeviceOrder kOrders[] = {DeviceOrder::kNhwc, DeviceOrder::kNhcw, DeviceOrder::kNchw,
                                   DeviceOrder::kFcr,  DeviceOrder::kF8cr, DeviceOrder::kNhw,
                                   DeviceOrder::kNc};

// Odd sizes that the order allows, every padded size one step (F8CR: one block) beyond its own.
DeviceLayout padded_layout(DeviceOrder order) {
  DeviceLayout layout{order, DataType::kUint16, 3, 5, 11, 4, 8, 16};
  if (order == DeviceOrder::kNhw) layout.channels = layout.padded_channels = 1;
  if (order == DeviceOrder::kNc) {
    layout.height = layout.width = layout.padded_height = layout.padded_width = 1;
  }
  return layout;
}

TEST(DeviceLayout, GivesEveryElementAPlaceOfItsOwn) {
  for (const DeviceOrder order : kOrders) {
    const DeviceLayout layout = padded_layout(order);
    SCOPED_TRACE(to_string(layout));
    ASSERT_TRUE(check_layout(layout));
    const DeviceStrides strides = strides_of(layout);
    std::set<std::int64_t> places;
    for (std::int64_t h = 0; h < layout.height; ++h) {
      for (std::int64_t w = 0; w < layout.width; ++w) {
        for (std::int64_t c = 0; c < layout.channels; ++c) places.insert(strides.offset(h, w, c));
      }
    }
    EXPECT_EQ(static_cast<std::int64_t>(places.size()), element_count(layout));
    EXPECT_GE(*places.begin(), 0);
    EXPECT_LT(*places.rbegin(), padded_element_count(layout));
  }
}

// The index rules that Hailo's own transformation code follows, as measured through its library.
TEST(DeviceLayout, LiesAsTheVendorsLibraryReadsIt) {
  const auto at = [](const DeviceLayout& layout, std::int64_t r, std::int64_t c, std::int64_t f) {
    return strides_of(layout).offset(r, c, f);
  };
  const DeviceLayout nhcw{DeviceOrder::kNhcw, DataType::kUint8, 2, 5, 3, 2, 8, 3};
  const DeviceLayout fcr{DeviceOrder::kFcr, DataType::kUint8, 2, 5, 6, 2, 8, 8};
  const DeviceLayout f8cr{DeviceOrder::kF8cr, DataType::kUint8, 2, 5, 11, 2, 5, 16};
  for (std::int64_t r = 0; r < 2; ++r) {
    for (std::int64_t c = 0; c < 5; ++c) {
      for (std::int64_t f = 0; f < 3; ++f) EXPECT_EQ(at(nhcw, r, c, f), r * 3 * 8 + f * 8 + c);
      for (std::int64_t f = 0; f < 6; ++f) EXPECT_EQ(at(fcr, r, c, f), r * 8 * 8 + c * 8 + f);
      for (std::int64_t f = 0; f < 11; ++f) {
        EXPECT_EQ(at(f8cr, r, c, f), r * 5 * 16 + f / 8 * 8 * 5 + c * 8 + f % 8);
      }
    }
  }
}

TEST(DeviceLayout, CountsWhatLiesInMemory) {
  const DeviceLayout layout{DeviceOrder::kFcr, DataType::kUint16, 76, 100, 65, 76, 104, 65};
  EXPECT_EQ(element_count(layout), 76 * 100 * 65);
  EXPECT_EQ(padded_element_count(layout), 76 * 104 * 65);
  EXPECT_EQ(byte_count(layout), 76u * 104 * 65 * 2);
  EXPECT_EQ(to_string(layout), "FCR uint16 76x100x65 in 76x104x65");
}

TEST(DeviceLayout, IsDenseUnlessTheOrderHasBlocks) {
  for (const DeviceOrder order : kOrders) {
    const bool pixels = order != DeviceOrder::kNc;
    const std::int64_t channels = order == DeviceOrder::kNhw ? 1 : 11;
    const DeviceLayout layout =
        dense_layout(order, DataType::kUint8, pixels ? 3 : 1, pixels ? 5 : 1, channels);
    SCOPED_TRACE(to_string(layout));
    EXPECT_TRUE(check_layout(layout));
    EXPECT_EQ(padded_element_count(layout),
              order == DeviceOrder::kF8cr ? 3 * 5 * 16 : element_count(layout));
  }
}

TEST(DeviceLayout, RefusesWhatCannotBe) {
  const auto refused = [](DeviceLayout layout, const char* why) {
    const Status status = check_layout(layout);
    ASSERT_FALSE(status) << to_string(layout);
    EXPECT_THAT(status.error().text(), HasSubstr(why));
  };
  const DeviceLayout good{DeviceOrder::kNhwc, DataType::kUint8, 3, 5, 2, 3, 8, 2};
  DeviceLayout bad = good;
  bad.height = 0;
  refused(bad, "a height of 0");
  bad = good;
  bad.padded_width = 4;
  refused(bad, "a width of 5 in a padded width of 4");
  bad = good;
  bad.padded_height = std::numeric_limits<std::int64_t>::max() / 2;
  refused(bad, "too large");
  bad = good;
  bad.type = DataType::kInt64;
  refused(bad, "elements of type int64");
  bad = good;
  bad.order = DeviceOrder::kNhw;
  refused(bad, "NHW with 2 channels");
  bad.order = DeviceOrder::kNc;
  refused(bad, "NC with 3x8 pixels");
  bad.order = DeviceOrder::kF8cr;
  refused(bad, "no whole blocks of 8");
}

TEST(DeviceLayout, NamesOrders) {
  for (const DeviceOrder order : kOrders) {
    EXPECT_EQ(device_order_from_string(to_string(order)), order);
  }
  EXPECT_FALSE(device_order_from_string("nhwc"));
}

}  // namespace
}  // namespace quant
