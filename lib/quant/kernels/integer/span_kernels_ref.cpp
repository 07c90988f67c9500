// SPDX-License-Identifier: MIT
#include "quant/kernels/integer/span_kernels.h"

namespace quant::integer {
namespace {

template <typename T>
constexpr ElementKernels<T> kElements{binary_loop,     maximum_loop,        maximum_windows_loop,
                                      sum_loop,        sum_of_squares_loop, weigh_elements_loop,
                                      weigh_reals_loop};

constexpr SpanKernels kRefKernels{
    Isa::kRef,        kElements<std::uint8_t>, kElements<std::uint16_t>,
    lookup_rows_loop, add_rows_loop,           sum_windows_loop,
    sum_columns_loop, normalize_loop,          nullptr};

}  // namespace

const SpanKernels& span_kernels_ref() { return kRefKernels; }

}  // namespace quant::integer
