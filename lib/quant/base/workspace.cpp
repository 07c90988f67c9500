// SPDX-License-Identifier: MIT
#include "quant/base/workspace.h"

#ifdef __linux__
#include <sys/mman.h>
#endif

#include <algorithm>
#include <functional>
#include <new>
#include <utility>

#include "quant/base/aligned_buffer.h"
#include "quant/base/round_up.h"

namespace quant {
namespace {

thread_local Workspace* current_workspace = nullptr;

// Of x86-64 and of AArch64 with pages of 4 KiB.
constexpr std::size_t kHugePage = std::size_t{1} << 21;

std::byte* allocate(std::size_t bytes, std::size_t alignment) {
  return static_cast<std::byte*>(::operator new[](bytes, std::align_val_t{alignment}));
}

void release(std::byte* memory, std::size_t alignment) {
  ::operator delete[](memory, std::align_val_t{alignment});
}

}  // namespace

std::shared_ptr<Workspace> Workspace::create() { return std::shared_ptr<Workspace>(new Workspace); }

Workspace::~Workspace() { release(memory_, kHugePage); }

std::shared_ptr<std::byte> Workspace::take(std::size_t bytes) {
  const std::size_t size = round_up(std::max<std::size_t>(bytes, 1), kBufferAlignment);
  std::size_t place = 0;
  auto next = taken_.begin();
  for (; next != taken_.end() && next->first - place < size; ++next) place = next->second;
  const std::size_t end = place + size;
  const bool fits = end <= bytes_;
  std::byte* const memory = fits ? memory_ + place : allocate(size, kBufferAlignment);
  taken_.emplace_hint(next, place, end);
  wanted_ = std::max(wanted_, end);
  return {memory, [place, fits, self = shared_from_this()](std::byte* block) {
            if (!fits) release(block, kBufferAlignment);
            self->taken_.erase(place);
          }};
}

void Workspace::grow() {
  if (!taken_.empty() || wanted_ <= bytes_) return;
  release(std::exchange(memory_, nullptr), kHugePage);
  bytes_ = 0;
  const std::size_t bytes = round_up(wanted_, kHugePage);
  memory_ = allocate(bytes, kHugePage);
  bytes_ = bytes;
#ifdef __linux__
  // Measured: up to a tenth of a network's time goes to looking up pages of 4 KiB. Where the system
  // has no huge ones it stays with those; a small workspace would make one whole one its own.
  if (wanted_ >= kHugePage) madvise(memory_, bytes_, MADV_HUGEPAGE);
#endif
}

bool Workspace::owns(const std::byte* memory) const {
  return std::less_equal<>()(memory_, memory) && std::less<>()(memory, memory_ + bytes_);
}

Workspace::Scope::Scope(Workspace* workspace) : before_(current_workspace) {
  current_workspace = workspace;
}
Workspace::Scope::~Scope() { current_workspace = before_; }

Workspace* Workspace::current() { return current_workspace; }

}  // namespace quant
