// SPDX-License-Identifier: MIT
#include "quant/vision/class_names.h"

#include <gmock/gmock.h>

#include <fstream>

#include "temporary_folder.h"

namespace quant {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryFolder;

Result<ClassNames> read(const std::string& text) {
  const TemporaryFolder folder;
  std::ofstream(folder / "classes.txt") << text;
  return ClassNames::read(folder / "classes.txt");
}

TEST(ClassNames, LinesAreClassesAndCommasSeparateNamesOfOne) {
  const auto classes = read("person\r\n potted plant , pottedplant\n\ntv\n");
  ASSERT_TRUE(classes) << classes.error().text();
  EXPECT_EQ(classes->size(), 4U);
  EXPECT_EQ(classes->index_of("person"), 0);
  EXPECT_EQ(classes->index_of("potted plant"), 1);
  EXPECT_EQ(classes->index_of("pottedplant"), 1);
  EXPECT_EQ(classes->index_of("tv"), 3);
  EXPECT_EQ(classes->name(1), "potted plant");
  EXPECT_EQ(classes->name(2), "2");  // an empty line has no name
  EXPECT_EQ(classes->name(9), "9");
  EXPECT_EQ(classes->index_of("Person").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(classes->index_of("").error().code, ErrorCode::kNotFound);
}

TEST(ClassNames, AnAmbiguousNameIsAnErrorOnlyWhereItIsUsed) {
  // ImageNet has two cranes.
  const auto classes = read("crane, bird\nswan\ncrane, machine\n");
  ASSERT_TRUE(classes) << classes.error().text();
  EXPECT_EQ(classes->index_of("machine"), 2);
  const auto crane = classes->index_of("crane");
  ASSERT_FALSE(crane);
  EXPECT_EQ(crane.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(crane.error().message, HasSubstr("classes 0 and 2"));
}

TEST(ClassNames, NoNamesAreAnError) {
  for (const char* const text : {"", "\n\n", " , \n"}) {
    const auto classes = read(text);
    ASSERT_FALSE(classes) << text;
    EXPECT_THAT(classes.error().text(), HasSubstr("classes.txt: holds no class name"));
  }
  EXPECT_EQ(ClassNames::read("/nowhere/classes.txt").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace quant
