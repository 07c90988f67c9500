// SPDX-License-Identifier: MIT
// Memory aligned for every vector unit, owned by one object; or memory that
// belongs to somebody else (a video frame), held as long as it is needed.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

namespace quant {

inline constexpr std::size_t kBufferAlignment = 64;

// What new memory holds: zeros, or nothing defined because its owner is about to write all of it.
enum class BufferFill { kZero, kUndefined };

class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  // Throws std::bad_alloc; callers check sizes that come from files before they get here.
  explicit AlignedBuffer(std::size_t bytes, BufferFill fill = BufferFill::kZero);
  // `bytes` at `data`, which `owner` keeps valid. Aligned only as its owner aligned it.
  AlignedBuffer(std::byte* data, std::size_t bytes, std::shared_ptr<const void> owner)
      : data_(data, Free{std::move(owner)}), size_(bytes) {}

  std::byte* data() { return data_.get(); }
  const std::byte* data() const { return data_.get(); }
  std::size_t size() const { return size_; }

 private:
  struct Free {
    std::shared_ptr<const void> owner;  // null: the memory is our own
    void operator()(std::byte* memory) const;
  };
  std::unique_ptr<std::byte[], Free> data_;
  std::size_t size_ = 0;
};

}  // namespace quant
