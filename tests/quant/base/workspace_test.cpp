// SPDX-License-Identifier: MIT
// Places in one stretch of memory: which is taken next, when it grows, who may outlive whom.
#include "quant/base/workspace.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "quant/base/aligned_buffer.h"

namespace quant {
namespace {

constexpr std::size_t kBlock = Workspace::kSmallest;

// With room for `blocks` at once.
std::shared_ptr<Workspace> workspace_for(std::size_t blocks) {
  auto workspace = Workspace::create();
  workspace->take(blocks * kBlock);
  workspace->grow();
  return workspace;
}

TEST(Workspace, GrowsBetweenRunsToWhatWasNeededAtOnce) {
  const auto workspace = Workspace::create();
  {
    const auto a = workspace->take(kBlock);
    const auto b = workspace->take(kBlock);
    EXPECT_FALSE(workspace->owns(a.get()));
    workspace->grow();
    EXPECT_EQ(workspace->bytes(), 0U) << "in use";
  }
  workspace->grow();
  const std::size_t bytes = workspace->bytes();
  EXPECT_GE(bytes, 2 * kBlock);
  for (int run = 0; run < 3; ++run) {
    const auto a = workspace->take(kBlock);
    const auto b = workspace->take(kBlock);
    EXPECT_TRUE(workspace->owns(a.get()));
    EXPECT_TRUE(workspace->owns(b.get()));
  }
  workspace->grow();
  EXPECT_EQ(workspace->bytes(), bytes);
}

TEST(Workspace, TakesTheLowestPlaceThatIsWideEnough) {
  const auto workspace = workspace_for(8);
  auto a = workspace->take(kBlock);
  auto b = workspace->take(2 * kBlock);
  const auto c = workspace->take(kBlock);
  auto d = workspace->take(3 * kBlock);
  const std::byte* const first = a.get();
  const std::byte* const second = b.get();
  const std::byte* const last = d.get();
  a.reset();
  d.reset();
  EXPECT_EQ(workspace->take(kBlock).get(), first);
  EXPECT_EQ(workspace->take(2 * kBlock).get(), last);
  b.reset();
  EXPECT_EQ(workspace->take(3 * kBlock).get(), first) << "two places side by side are one";
  const auto e = workspace->take(1);
  EXPECT_EQ(e.get(), first);
  EXPECT_EQ(workspace->take(2 * kBlock).get(), first + kBufferAlignment);
  EXPECT_EQ(second, first + kBlock);
}

TEST(Workspace, PlacesInUseNeverOverlap) {
  const auto workspace = workspace_for(40);
  std::vector<std::pair<std::shared_ptr<std::byte>, std::size_t>> blocks;
  std::uint32_t state = 1;
  const auto next = [&state] { return (state = state * 1664525U + 1013904223U) >> 8; };
  for (unsigned round = 0; round < 2000; ++round) {
    if (blocks.size() > 12 || (!blocks.empty() && next() % 3 == 0)) {
      const std::size_t gone = next() % blocks.size();
      const std::byte* const memory = blocks[gone].first.get();
      for (std::size_t i = 0; i < blocks[gone].second; ++i) {
        ASSERT_EQ(memory[i], memory[0]) << "somebody else wrote here";
      }
      blocks.erase(blocks.begin() + static_cast<std::ptrdiff_t>(gone));
    }
    const std::size_t bytes = 1 + next() % (4 * kBlock);
    const auto block = workspace->take(bytes);
    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(block.get()) % kBufferAlignment, 0U);
    std::memset(block.get(), static_cast<int>(round % 251), bytes);
    blocks.emplace_back(block, bytes);
  }
}

TEST(Workspace, BuffersOfTheScopeComeFromItAndMayOutliveIt) {
  auto workspace = workspace_for(4);
  const AlignedBuffer before(kBlock);
  const Workspace::Scope scope(workspace.get());
  AlignedBuffer inside(kBlock);
  EXPECT_FALSE(workspace->owns(before.data()));
  EXPECT_TRUE(workspace->owns(inside.data()));
  EXPECT_FALSE(workspace->owns(AlignedBuffer(kBlock - 1).data())) << "too small to care";
  {
    const Workspace::Scope none(nullptr);
    EXPECT_FALSE(workspace->owns(AlignedBuffer(kBlock).data()));
  }
  workspace.reset();
  std::memset(inside.data(), 1, inside.size());
}

}  // namespace
}  // namespace quant
