// SPDX-License-Identifier: MIT
#include "quant/kernels/integer/span_kernels.h"

namespace quant::integer {
namespace {

constexpr SpanKernels kRefKernels{Isa::kRef,           lookup_rows_loop,     binary_loop,
                                  maximum_loop,        maximum_windows_loop, add_rows_loop,
                                  sum_windows_loop,    sum_columns_loop,     sum_loop,
                                  sum_of_squares_loop, weigh_elements_loop,  weigh_reals_loop};

}  // namespace

const SpanKernels& span_kernels_ref() { return kRefKernels; }

}  // namespace quant::integer
