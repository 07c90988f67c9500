// SPDX-License-Identifier: MIT
// Memory that goes round: large blocks that one frame's tensors free are taken again by the next
// ones, instead of going back to the system, which would hand out zeroed pages anew for every
// frame.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

namespace quant {

// Thread-safe; blocks may be let go on any thread, and after the cache has gone.
class BufferCache : public std::enable_shared_from_this<BufferCache> {
 public:
  // Smaller blocks are the allocator's own business.
  static constexpr std::size_t kSmallest = std::size_t{1} << 16;

  static std::shared_ptr<BufferCache> create();
  ~BufferCache();
  BufferCache(const BufferCache&) = delete;
  BufferCache& operator=(const BufferCache&) = delete;

  // At least `bytes`, aligned as AlignedBuffer says, contents undefined; comes back here when the
  // last owner lets go. Throws std::bad_alloc.
  std::shared_ptr<std::byte> take(std::size_t bytes);
  // Gives back to the system what nobody has taken since the last call.
  void trim();

  // While it lives, new AlignedBuffers of its thread come from the cache. Scopes nest.
  class Scope {
   public:
    explicit Scope(BufferCache& cache);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    BufferCache* before_;
  };
  // Of the current thread; null where there is no scope.
  static BufferCache* current();

 private:
  struct Block {
    std::byte* memory = nullptr;
    std::uint64_t last_round = 0;
  };
  BufferCache() = default;
  void put_back(std::byte* memory, std::size_t bytes);

  std::mutex mutex_;
  std::multimap<std::size_t, Block> free_;  // by size
  std::uint64_t round_ = 0;                 // counts calls of trim()
};

}  // namespace quant
