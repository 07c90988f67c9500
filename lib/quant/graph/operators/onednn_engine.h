// SPDX-License-Identifier: MIT
// What all files that call oneDNN share: its engine, its exceptions turned into errors, the number
// of threads. Inner part of onednn.h's implementation.
#pragma once

#include <dnnl.hpp>
#include <functional>

#include "quant/base/result.h"

namespace quant::onednn {

using Dims = dnnl::memory::dims;
using Descriptor = dnnl::memory::desc;
inline constexpr auto kFloat = dnnl::memory::data_type::f32;

const dnnl::engine& cpu();

// Runs `work` with the threads of the current ThreadScope; oneDNN's exceptions stop here.
Status guarded(const std::function<void()>& work);

// A buffer that the caller owns and names anew at every run; oneDNN takes no pointer to const.
void attach(dnnl::memory& memory, const float* data);
dnnl::memory unattached(const Descriptor& descriptor);

// (N, C, spatial…), in memory with the channels second or last.
Descriptor image(std::int64_t batch, std::int64_t channels,
                 const std::vector<std::int64_t>& spatial, bool channels_last);
// Steps along the axes of a dense row-major tensor.
Dims row_major(const Dims& dims);

}  // namespace quant::onednn
