// SPDX-License-Identifier: MIT
// The edge between host and device: float32 tensors in and out of quantized ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace quant {

// At the edges zero points may have fractions (the mean of a folded normalization).
struct EdgeParams {
  float scale = 1;
  float zero_point = 0;
};

// q = rint(clip(x, (qmin − zp)·scale, (qmax − zp)·scale) / scale + zp), every step in float32, then
// held inside [qmin, qmax] (the sum may round past an end where zp has a fraction). NaN becomes
// qmin.
std::uint8_t quantize_u8(float value, const EdgeParams& params);
std::uint16_t quantize_u16(float value, const EdgeParams& params);
// (float(q) − zp) · scale in float32.
float dequantize(std::int32_t q, const EdgeParams& params);

// Element by element; equal sizes; in and out may not overlap.
void quantize_u8(std::span<const float> values, const EdgeParams& params,
                 std::span<std::uint8_t> out);
void quantize_u16(std::span<const float> values, const EdgeParams& params,
                  std::span<std::uint16_t> out);
void dequantize(std::span<const std::uint8_t> q, const EdgeParams& params, std::span<float> out);
void dequantize(std::span<const std::uint16_t> q, const EdgeParams& params, std::span<float> out);

}  // namespace quant
