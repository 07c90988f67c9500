// SPDX-License-Identifier: MIT
// One stretch of memory for what lives only while a network runs. A buffer gets the lowest place
// that is free, so that the next tensor lies where one that has just been read dies: in the cache.
#pragma once

#include <cstddef>
#include <map>
#include <memory>

namespace quant {

// One thread at a time. Buffers may outlive it.
class Workspace : public std::enable_shared_from_this<Workspace> {
 public:
  // Smaller buffers are the allocator's own business.
  static constexpr std::size_t kSmallest = std::size_t{1} << 12;

  static std::shared_ptr<Workspace> create();
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  // `bytes`, aligned as AlignedBuffer says, contents undefined, until the last owner lets go. What
  // the workspace is too small for as yet comes from the system. Throws std::bad_alloc.
  std::shared_ptr<std::byte> take(std::size_t bytes);
  // Makes room for all that was asked for at once so far. To be called between runs: does nothing
  // while a buffer lives. Throws std::bad_alloc.
  void grow();
  bool owns(const std::byte* memory) const;
  std::size_t bytes() const { return bytes_; }

  // While it lives, new AlignedBuffers of its thread come from `workspace`, or from none where that
  // is null. Scopes nest.
  class Scope {
   public:
    explicit Scope(Workspace* workspace);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Workspace* before_;
  };
  // Of the current thread; null where there is no scope.
  static Workspace* current();

 private:
  Workspace() = default;

  std::byte* memory_ = nullptr;
  std::size_t bytes_ = 0;
  // The end of each place in use, by its beginning. Places go on beyond the memory: what is there
  // lies elsewhere, but shows how much is missing.
  std::map<std::size_t, std::size_t> taken_;
  std::size_t wanted_ = 0;  // the highest end so far
};

}  // namespace quant
