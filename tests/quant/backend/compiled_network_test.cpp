// SPDX-License-Identifier: MIT
#include "quant/backend/compiled_network.h"

#include <gmock/gmock.h>

#include <fstream>

#include "quant/hef/hef_builder.h"
#include "quant/hef/hef_reader.h"
#include "real_models.h"
#include "temporary_folder.h"

namespace quant {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::RootSpec;
using testing::StreamSpec;

constexpr std::uint32_t kScalePerFeature = 25;

HefFile per_channel_file(const RootSpec& root = {.extensions = {kScalePerFeature}}) {
  StreamSpec output;
  output.zero_points = {1, 2.5, 3};
  output.scales = {0.25, 0.5, 0.125};
  auto file = read_hef(testing::hef_bytes(testing::root_of_streams({output}, root), 3));
  EXPECT_TRUE(file) << file.error().text();
  return *file;
}

DeviceStream stream(const std::string& name, std::int64_t channels) {
  DeviceStream described;
  described.name = name;
  described.layout = dense_layout(DeviceOrder::kNhwc, DataType::kUint8, 6, 5, channels);
  return described;
}

TEST(CompiledNetwork, KnowsTheScalesThatTheDeviceDoesNotSay) {
  std::vector<DeviceStream> outputs = {stream("net/conv1", 3)};
  complete_params(outputs, per_channel_file());
  ASSERT_TRUE(outputs[0].params);
  EXPECT_THAT(outputs[0].params->scale, ElementsAre(0.25F, 0.5F, 0.125F));
  EXPECT_THAT(outputs[0].params->zero_point, ElementsAre(1.0F, 2.5F, 3.0F));
  EXPECT_EQ(outputs[0].params->axis, 3);
}

TEST(CompiledNetwork, IsNotAskedWhereTheDeviceKnows) {
  std::vector<DeviceStream> outputs = {stream("net/conv1", 3)};
  outputs[0].params = QuantParams{.scale = {7}, .zero_point = {0}};
  complete_params(outputs, per_channel_file());
  EXPECT_THAT(outputs[0].params->scale, ElementsAre(7.0F));
}

TEST(CompiledNetwork, LeavesWhatItDoesNotKnow) {
  std::vector<DeviceStream> outputs = {stream("net/conv2", 3), stream("net/conv1", 4),
                                       stream("net/conv1", 3)};
  outputs[2].is_affine = false;
  complete_params(outputs, per_channel_file());
  for (const DeviceStream& output : outputs) EXPECT_FALSE(output.params);
}

TEST(CompiledNetwork, SaysWhatTheDeviceCannotKnow) {
  const HefFile file = per_channel_file({.architecture = 0, .extensions = {kScalePerFeature}});
  EXPECT_THAT(file_says(DeviceFault::kWrongArchitecture, file),
              AllOf(HasSubstr(file.architecture), HasSubstr("runs on HAILO8")));
  EXPECT_THAT(file_says(DeviceFault::kModelTooNew, file),
              AllOf(HasSubstr("OUTPUT_SCALE_PER_FEATURE"), HasSubstr("3.28.0")));
  EXPECT_EQ(file_says(DeviceFault::kBusy, file), "");
}

TEST(CompiledNetwork, IsReadOnlyWhereItIsOne) {
  const testing::TemporaryFolder folder;
  const std::string path = (folder.path() / "a.hef").string();
  EXPECT_FALSE(read_compiled(path));
  std::ofstream(path) << "seed=1,layout=FCR";
  EXPECT_FALSE(read_compiled(path));
  EXPECT_FALSE(read_compiled("seed=1,layout=FCR"));
  const auto bytes = testing::hef_bytes(testing::root_of_streams({StreamSpec{}}), 1);
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  ASSERT_TRUE(read_compiled(path));
}

TEST(CompiledNetwork, ReadsARealOne) {
  const std::filesystem::path path = testing::data_folder() / "hailo/scrfd_2.5g.hef";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no real HEF at " << path;
  const auto file = read_compiled(path.string());
  ASSERT_TRUE(file);
  EXPECT_THAT(file_says(DeviceFault::kWrongArchitecture, *file), HasSubstr(file->architecture));
}

}  // namespace
}  // namespace quant
