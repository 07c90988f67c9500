// SPDX-License-Identifier: MIT
#include "quant/base/buffer_cache.h"

#include <new>

#include "quant/base/aligned_buffer.h"

namespace quant {
namespace {

thread_local BufferCache* current_cache = nullptr;

std::byte* allocate(std::size_t bytes) {
  return static_cast<std::byte*>(::operator new[](bytes, std::align_val_t{kBufferAlignment}));
}

void release(std::byte* memory) { ::operator delete[](memory, std::align_val_t{kBufferAlignment}); }

}  // namespace

std::shared_ptr<BufferCache> BufferCache::create() {
  return std::shared_ptr<BufferCache>(new BufferCache);
}

BufferCache::~BufferCache() {
  for (const auto& [bytes, block] : free_) release(block.memory);
}

std::shared_ptr<std::byte> BufferCache::take(std::size_t bytes) {
  std::byte* memory = nullptr;
  {
    const std::lock_guard lock(mutex_);
    const auto fitting = free_.lower_bound(bytes);
    // A block much larger than asked for is kept for whoever needs it.
    if (fitting != free_.end() && fitting->first <= bytes + bytes / 4) {
      bytes = fitting->first;
      memory = fitting->second.memory;
      free_.erase(fitting);
    }
  }
  if (memory == nullptr) memory = allocate(bytes);
  return {memory, [bytes, cache = weak_from_this()](std::byte* block) {
            if (const auto alive = cache.lock()) {
              alive->put_back(block, bytes);
            } else {
              release(block);
            }
          }};
}

void BufferCache::put_back(std::byte* memory, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  free_.emplace(bytes, Block{memory, round_});
}

void BufferCache::trim() {
  const std::lock_guard lock(mutex_);
  std::erase_if(free_, [&](const auto& entry) {
    const bool idle = entry.second.last_round < round_;
    if (idle) release(entry.second.memory);
    return idle;
  });
  ++round_;
}

BufferCache::Scope::Scope(BufferCache& cache) : before_(current_cache) { current_cache = &cache; }
BufferCache::Scope::~Scope() { current_cache = before_; }

BufferCache* BufferCache::current() { return current_cache; }

}  // namespace quant
