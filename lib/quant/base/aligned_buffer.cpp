// SPDX-License-Identifier: MIT
#include "quant/base/aligned_buffer.h"

#include <cstring>
#include <new>

#include "quant/base/buffer_cache.h"
#include "quant/base/workspace.h"

namespace quant {

AlignedBuffer::AlignedBuffer(std::size_t bytes, BufferFill fill) : size_(bytes) {
  // At least one byte, so that data() of an empty tensor is a valid pointer for memcpy.
  const std::size_t allocated = bytes == 0 ? 1 : bytes;
  Workspace* const workspace = allocated < Workspace::kSmallest ? nullptr : Workspace::current();
  BufferCache* const cache = allocated < BufferCache::kSmallest ? nullptr : BufferCache::current();
  if (workspace != nullptr || cache != nullptr) {
    const std::shared_ptr<std::byte> block =
        workspace != nullptr ? workspace->take(allocated) : cache->take(allocated);
    data_ = decltype(data_)(block.get(), Free{block});
  } else {
    data_.reset(
        static_cast<std::byte*>(::operator new[](allocated, std::align_val_t{kBufferAlignment})));
  }
  if (fill == BufferFill::kZero) std::memset(data_.get(), 0, allocated);
}

void AlignedBuffer::Free::operator()(std::byte* memory) const {
  if (!owner) ::operator delete[](memory, std::align_val_t{kBufferAlignment});
}

}  // namespace quant
