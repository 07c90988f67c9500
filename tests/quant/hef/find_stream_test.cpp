// SPDX-License-Identifier: MIT
#include "quant/hef/find_stream.h"

#include <gmock/gmock.h>

namespace quant {
namespace {

using ::testing::HasSubstr;

HefStream stream(const std::string& name, const std::vector<std::string>& original_names,
                 HefDirection direction = HefDirection::kOutput) {
  HefStream result;
  result.name = name;
  result.direction = direction;
  result.content = HefContent::kTensor;
  result.original_names = original_names;
  return result;
}

HefFile file() {
  HefStream mux = stream("net/mux", {"Concat_9"});
  mux.content = HefContent::kMux;
  mux.parts = {stream("net/conv3", {"Conv_3"}), stream("net/conv4", {"Conv_4", "Shared"})};
  HefStream taken = stream("net/conv5", {"Conv_5"});
  taken.host_operation = "boxes_op";
  HefGroup group;
  group.streams = {stream("net/input", {"images"}, HefDirection::kInput),
                   stream("net/conv1", {"Conv_1", "Shared"}), mux, taken};
  HefFile file;
  file.groups.push_back(group);
  return file;
}

TEST(FindStream, ByItsName) {
  const HefFile hef = file();
  const auto found = find_stream(hef, HefDirection::kOutput, "net/conv1");
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, &hef.groups[0].streams[1]);
  EXPECT_EQ((*find_stream(hef, HefDirection::kInput, "net/input"))->name, "net/input");
}

TEST(FindStream, PartsOfAMuxButNotTheMux) {
  const HefFile hef = file();
  EXPECT_EQ(*find_stream(hef, HefDirection::kOutput, "net/conv4"),
            &hef.groups[0].streams[2].parts[1]);
  EXPECT_EQ(find_stream(hef, HefDirection::kOutput, "net/mux").error().code, ErrorCode::kNotFound);
}

TEST(FindStream, ByAnOriginalNameThatIsNotAmbiguous) {
  const HefFile hef = file();
  EXPECT_EQ((*find_stream(hef, HefDirection::kOutput, "Conv_3"))->name, "net/conv3");
  const auto shared = find_stream(hef, HefDirection::kOutput, "Shared");
  ASSERT_FALSE(shared);
  EXPECT_EQ(shared.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(shared.error().message, HasSubstr("net/conv1, net/conv4"));
}

TEST(FindStream, NamesWhatThereIs) {
  const HefFile hef = file();
  const auto none = find_stream(hef, HefDirection::kOutput, "net/input");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(none.error().text(),
              HasSubstr("net/input: there is no output of this name; there are net/conv1"));
}

TEST(FindStream, WhatTheHostTakesIsNotSeen) {
  const auto taken = find_stream(file(), HefDirection::kOutput, "Conv_5");
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(taken.error().text(), HasSubstr("boxes_op"));
}

}  // namespace
}  // namespace quant
