// SPDX-License-Identifier: MIT
// A module that was built with another HailoRT than the one that is installed: the loader does not
// find the file that the module asks for. (LD_LIBRARY_PATH stands for "installed".)
#include <gmock/gmock.h>

#include "quant/device/driver_module.h"

namespace quant {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(HailortModule, NamesTheVersionThatIsMissingAndTheOneThatIsThere) {
  const auto driver = load_driver("hailort");
  ASSERT_FALSE(driver);
  EXPECT_EQ(driver.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(driver.error().message, AllOf(HasSubstr("libhailort.so.5.1.0: cannot open"),
                                            HasSubstr("; installed: libhailort.so.4.23.0;")));
}

}  // namespace
}  // namespace quant
