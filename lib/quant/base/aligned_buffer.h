// SPDX-License-Identifier: MIT
// Zero-initialised memory aligned for every vector unit, owned by one object.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

namespace quant {

inline constexpr std::size_t kBufferAlignment = 64;

class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  // Throws std::bad_alloc; callers check sizes that come from files before they get here.
  explicit AlignedBuffer(std::size_t bytes);

  std::byte* data() { return data_.get(); }
  const std::byte* data() const { return data_.get(); }
  std::size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(std::byte* memory) const;
  };
  std::unique_ptr<std::byte[], Free> data_;
  std::size_t size_ = 0;
};

}  // namespace quant
