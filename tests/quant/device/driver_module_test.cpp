// SPDX-License-Identifier: MIT
#include "quant/device/driver_module.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "temporary_folder.h"

namespace quant {
namespace {

class DriverModuleTest : public ::testing::Test {
 protected:
  void SetUp() override { look_in("/nowhere:" FIXTURE_FOLDER); }
  void TearDown() override { unsetenv("GST_QUANT_MODULE_PATH"); }
  static void look_in(const std::string& folders) {
    setenv("GST_QUANT_MODULE_PATH", folders.c_str(), 1);
  }
};

TEST_F(DriverModuleTest, GivesItsDriver) {
  const auto driver = load_driver("fixture");
  ASSERT_TRUE(driver) << driver.error().text();
  EXPECT_STREQ((*driver)->name(), "fixture");
  EXPECT_EQ((*driver)->library_version(), "7");
  EXPECT_EQ((*driver)->open({}).error().status, 74);
  EXPECT_EQ(*load_driver("fixture"), *driver);
}

TEST_F(DriverModuleTest, ThatIsNotThereSaysWhatWasLookedFor) {
  const auto driver = load_driver("absent");
  ASSERT_FALSE(driver);
  EXPECT_EQ(driver.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(driver.error().text().find("libgstquant-absent.so"), std::string::npos);
  EXPECT_NE(driver.error().text().find("/nowhere:"), std::string::npos) << driver.error().text();
}

TEST_F(DriverModuleTest, OfAnotherVersionIsRefusedWithBoth) {
  const auto driver = load_driver("old");
  ASSERT_FALSE(driver);
  EXPECT_NE(driver.error().text().find("version 0.0.7"), std::string::npos)
      << driver.error().text();
}

TEST_F(DriverModuleTest, ThatRefusesItselfSaysWhy) {
  const auto driver = load_driver("refusing");
  ASSERT_FALSE(driver);
  EXPECT_EQ(driver.error().text(), "refusing: built for version 7, version 8 is installed");
}

TEST_F(DriverModuleTest, ThatIsNoLibraryIsNamed) {
  const testing::TemporaryFolder folder;
  const std::string file = (folder / "libgstquant-text.so").string();
  std::ofstream(file) << "no library";
  look_in(folder.path());
  const auto driver = load_driver("text");
  ASSERT_FALSE(driver);
  EXPECT_NE(driver.error().text().find(file), std::string::npos) << driver.error().text();
}

}  // namespace
}  // namespace quant
