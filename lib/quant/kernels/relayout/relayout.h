// SPDX-License-Identifier: MIT
// Moves the elements of one frame from one layout to another without changing them: from a device's
// memory to dense NHWC or NCHW, and back.
#pragma once

#include <vector>

#include "quant/base/result.h"
#include "quant/base/thread_pool.h"
#include "quant/kernels/integer/isa.h"
#include "quant/kernels/integer/strided_copy.h"
#include "quant/tensor/device_layout.h"

namespace quant {

// What Relayout does, element by element; normative. Preconditions: check_layout passed for both,
// which have the same type, height, width and channels; padded_element_count elements at `in` and
// `out`, aligned for their type, without overlap. Padding of `out` is left as it is.
void relayout_ref(const void* in, const DeviceLayout& from, void* out, const DeviceLayout& to);

// Reentrant.
class Relayout {
 public:
  // InvalidData as check_layout; InvalidArgument where the two differ in type, height, width or
  // channels.
  static Result<Relayout> create(const DeviceLayout& from, const DeviceLayout& to, Isa isa);

  // As relayout_ref, whatever the number of threads.
  void run(const void* in, void* out, ThreadPool& pool) const;

 private:
  Relayout(const DeviceLayout& from, const DeviceLayout& to, Isa isa);

  DeviceLayout from_, to_;
  Isa isa_;
  std::vector<integer::StridedCopy> copies_;  // empty: by relayout_ref
};

}  // namespace quant
