// SPDX-License-Identifier: MIT
// GStreamer for a whole test executable.
#include <gst/gst.h>
#include <gtest/gtest.h>

namespace {

class GstEnvironment : public ::testing::Environment {
 public:
  void SetUp() override { gst_init(nullptr, nullptr); }
};

const auto* const environment = ::testing::AddGlobalTestEnvironment(new GstEnvironment);

}  // namespace
