// SPDX-License-Identifier: MIT
#include "quant/device/output_pool.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

namespace quant {
namespace {

TEST(OutputPool, EveryOutputHasPagesOfItsOwn) {
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto pool = OutputPool::create({1, 0, page, page + 1});
  const auto block = pool->take();
  const auto outputs = block->outputs();
  ASSERT_EQ(outputs.size(), 4U);
  EXPECT_EQ(outputs[3].size(), page + 1);
  for (const auto& output : outputs) {
    const auto address = reinterpret_cast<std::uintptr_t>(output.data());
    EXPECT_EQ(address % page, 0U);
    // A device may write to the end of the last page.
    std::memset(output.data(), 1, (output.size() + page - 1) / page * page);
  }
  EXPECT_EQ(outputs[2].data() - outputs[0].data(), static_cast<std::ptrdiff_t>(page));
}

TEST(OutputPool, TakesAgainWhatWasLetGo) {
  const auto pool = OutputPool::create({100});
  const std::byte* first = pool->take()->outputs()[0].data();
  EXPECT_EQ(pool->take()->outputs()[0].data(), first);
  EXPECT_EQ(pool->made(), 1U);
  const auto held = pool->take();
  const auto other = pool->take();
  EXPECT_NE(held->outputs()[0].data(), other->outputs()[0].data());
  EXPECT_EQ(pool->made(), 2U);
}

TEST(OutputPool, BlocksOutliveTheirPool) {
  auto pool = OutputPool::create({100});
  const auto block = pool->take();
  pool.reset();
  std::memset(block->outputs()[0].data(), 1, 100);
}

}  // namespace
}  // namespace quant
