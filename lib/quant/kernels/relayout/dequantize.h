// SPDX-License-Identifier: MIT
// From a device's memory to real values in one pass: (q − zero_point) · scale in float32, dense
// NHWC or NCHW.
#pragma once

#include <memory>

#include "quant/base/aligned_buffer.h"
#include "quant/base/result.h"
#include "quant/base/thread_pool.h"
#include "quant/kernels/integer/isa.h"
#include "quant/tensor/device_layout.h"
#include "quant/tensor/quant_params.h"

namespace quant {

enum class DenseOrder { kNhwc, kNchw };

// What Dequantize does, element by element; normative: dequantize() of arithmetic/edge.h with the
// parameters of the tensor or of the channel. Preconditions: as checked by Dequantize::create;
// padded_element_count elements at `in`, element_count at `out`, aligned for their type, without
// overlap.
void dequantize_ref(const void* in, const DeviceLayout& layout, const QuantParams& params,
                    DenseOrder order, float* out);

// Constant; reentrant.
class Dequantize {
 public:
  // uint8 or uint16. `params`: one scale, or one for each channel (their axis is not read).
  // InvalidData as check_layout; InvalidArgument where the type is another or the parameters do not
  // fit the channels.
  static Result<Dequantize> create(const DeviceLayout& layout, const QuantParams& params,
                                   DenseOrder order, Isa isa);

  // As dequantize_ref, bit for bit, whatever the number of threads.
  void run(const void* in, float* out, ThreadPool& pool) const;

 private:
  // What a vector's parameters are loaded from: those of the channels over and over, so that a
  // vector may begin at any of them.
  struct Table {
    std::int64_t period = 0;  // a multiple of the channels
    std::shared_ptr<AlignedBuffer> values;
    float* scales = nullptr;
    float* zero_points = nullptr;
  };

  Dequantize(const DeviceLayout& layout, const QuantParams& params, DenseOrder order, Isa isa);
  template <typename T>
  void run_as(const T* in, float* out, ThreadPool& pool) const;

  DeviceLayout layout_;
  QuantParams params_;
  DenseOrder order_;
  Isa isa_;
  Table table_;
};

}  // namespace quant
