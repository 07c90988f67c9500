// SPDX-License-Identifier: MIT
#include "quant/kernels/relayout/relayout.h"

#include <fmt/format.h>

#include <algorithm>

namespace quant {
namespace {

// `blocks` runs of `width` channels from `first` on, of every pixel.
integer::StridedCopySpec copy_spec(const DeviceLayout& from, const DeviceLayout& to,
                                   std::int64_t first, std::int64_t blocks, std::int64_t width) {
  const DeviceStrides source = strides_of(from);
  const DeviceStrides target = strides_of(to);
  // Where a side has no blocks of its own, one run follows the other.
  const auto block_stride = [&](const DeviceStrides& strides) {
    return strides.block == width ? strides.channel_block : width * strides.channel;
  };
  integer::StridedCopySpec spec;
  spec.type = from.type;
  spec.shape = {from.height, from.width, blocks, width};
  spec.in_strides = {source.row, source.column, block_stride(source), source.channel};
  spec.out_strides = {target.row, target.column, block_stride(target), target.channel};
  spec.in_offset = source.offset(0, 0, first);
  spec.out_offset = target.offset(0, 0, first);
  return spec;
}

}  // namespace

Result<Relayout> Relayout::create(const DeviceLayout& from, const DeviceLayout& to, Isa isa) {
  QUANT_TRY(check_layout(from));
  QUANT_TRY(check_layout(to));
  if (from.type != to.type || from.height != to.height || from.width != to.width ||
      from.channels != to.channels) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{} cannot become {}", to_string(from), to_string(to)));
  }
  return Relayout(from, to, isa);
}

Relayout::Relayout(const DeviceLayout& from, const DeviceLayout& to, Isa isa)
    : from_(from), to_(to), isa_(isa) {
  if (isa == Isa::kRef) return;
  const std::int64_t channels = from.channels;
  const std::int64_t block = std::min({strides_of(from).block, strides_of(to).block, channels});
  const std::int64_t whole = channels / block;
  const std::int64_t rest = channels % block;
  copies_.emplace_back(copy_spec(from, to, 0, whole, block), isa);
  if (rest > 0) copies_.emplace_back(copy_spec(from, to, whole * block, 1, rest), isa);
}

void Relayout::run(const void* in, void* out, ThreadPool& pool) const {
  if (isa_ == Isa::kRef) return relayout_ref(in, from_, out, to_);
  for (const integer::StridedCopy& copy : copies_) copy.run(in, out, pool);
}

}  // namespace quant
