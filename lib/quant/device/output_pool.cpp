// SPDX-License-Identifier: MIT
#include "quant/device/output_pool.h"

#include <unistd.h>

#include <cstdlib>
#include <new>
#include <utility>

#include "quant/base/round_up.h"

namespace quant {
namespace {

std::size_t page_size() {
  static const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return size;
}

}  // namespace

void OutputBlock::Free::operator()(std::byte* memory) const { std::free(memory); }

OutputBlock::OutputBlock(std::span<const std::size_t> sizes) {
  std::size_t total = 0;
  for (const std::size_t size : sizes) total += round_up(size, page_size());
  if (total == 0) return;
  memory_.reset(static_cast<std::byte*>(std::aligned_alloc(page_size(), total)));
  if (!memory_) throw std::bad_alloc();
  std::byte* next = memory_.get();
  for (const std::size_t size : sizes) {
    outputs_.emplace_back(next, size);
    next += round_up(size, page_size());
  }
}

std::shared_ptr<OutputPool> OutputPool::create(std::vector<std::size_t> sizes) {
  return std::shared_ptr<OutputPool>(new OutputPool(std::move(sizes)));
}

std::shared_ptr<const OutputBlock> OutputPool::take() {
  std::unique_ptr<OutputBlock> block;
  {
    const std::lock_guard lock(mutex_);
    if (!free_.empty()) {
      block = std::move(free_.back());
      free_.pop_back();
    } else {
      ++made_;
      // Coming back must not need memory.
      free_.reserve(made_);
    }
  }
  if (!block) block = std::make_unique<OutputBlock>(sizes_);
  const auto put_back = [pool = shared_from_this()](OutputBlock* returned) {
    const std::lock_guard lock(pool->mutex_);
    pool->free_.emplace_back(returned);
  };
  return {block.release(), put_back};
}

std::size_t OutputPool::made() const {
  const std::lock_guard lock(mutex_);
  return made_;
}

}  // namespace quant
