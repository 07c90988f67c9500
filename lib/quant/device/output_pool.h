// SPDX-License-Identifier: MIT
// Memory for what a device writes. Every output begins on a page and owns its last one whole: a
// device's DMA may write up to there.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace quant {

// One frame's outputs; contents undefined.
class OutputBlock {
 public:
  explicit OutputBlock(std::span<const std::size_t> sizes);
  std::span<const std::span<std::byte>> outputs() const { return outputs_; }

 private:
  struct Free {
    void operator()(std::byte* memory) const;
  };
  std::unique_ptr<std::byte[], Free> memory_;
  std::vector<std::span<std::byte>> outputs_;
};

// Thread-safe. A block goes back when its last owner lets go of it, on any thread, also after the
// pool's other owners have gone.
class OutputPool : public std::enable_shared_from_this<OutputPool> {
 public:
  // Bytes of each output.
  static std::shared_ptr<OutputPool> create(std::vector<std::size_t> sizes);
  // Throws std::bad_alloc.
  std::shared_ptr<const OutputBlock> take();
  // Blocks made so far.
  std::size_t made() const;

 private:
  explicit OutputPool(std::vector<std::size_t> sizes) : sizes_(std::move(sizes)) {}

  const std::vector<std::size_t> sizes_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<OutputBlock>> free_;
  std::size_t made_ = 0;
};

}  // namespace quant
