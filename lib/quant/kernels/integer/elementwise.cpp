// SPDX-License-Identifier: MIT
#include "quant/kernels/integer/elementwise.h"

#include "quant/kernels/integer/chunks.h"
#include "quant/kernels/integer/span_kernels.h"

namespace quant::integer {
namespace {

// Drops axes of size 1 and joins neighbours along which both operands advance evenly.
void merge_axes(BinarySpec& spec) {
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> a;
  std::vector<std::int64_t> b;
  for (std::size_t axis = 0; axis < spec.out_shape.size(); ++axis) {
    const std::int64_t size = spec.out_shape[axis];
    if (size == 1) continue;
    const std::int64_t a_stride = spec.a_strides[axis];
    const std::int64_t b_stride = spec.b_strides[axis];
    if (!shape.empty() && a.back() == a_stride * size && b.back() == b_stride * size) {
      shape.back() *= size;
      a.back() = a_stride;
      b.back() = b_stride;
    } else {
      shape.push_back(size);
      a.push_back(a_stride);
      b.push_back(b_stride);
    }
  }
  if (shape.empty()) {
    shape.push_back(1);
    a.push_back(1);
    b.push_back(1);
  }
  spec.out_shape = std::move(shape);
  spec.a_strides = std::move(a);
  spec.b_strides = std::move(b);
}

}  // namespace

Binary::Binary(const BinarySpec& spec, Isa isa)
    : spec_(spec),
      multipliers_(binary_multipliers(spec.op, spec.a.scale, spec.b.scale, spec.output_scale)),
      isa_(isa) {
  merge_axes(spec_);
}

void Binary::run(const std::uint8_t* a, const std::uint8_t* b, std::uint8_t* output,
                 ThreadPool& pool) const {
  const SpanKernels& kernels = span_kernels(isa_);
  const BinaryRule rule{spec_.op, spec_.a.zero_point, spec_.b.zero_point, multipliers_,
                        spec_.output};
  const std::size_t last = spec_.out_shape.size() - 1;
  const std::int64_t inner = spec_.out_shape[last];
  const std::int64_t a_inner = spec_.a_strides[last];
  const std::int64_t b_inner = spec_.b_strides[last];
  const bool spans = (a_inner == 0 || a_inner == 1) && (b_inner == 0 || b_inner == 1);
  std::int64_t count = 1;
  for (const std::int64_t size : spec_.out_shape) count *= size;
  for_chunks(count, pool, [&](std::int64_t begin, std::int64_t end) {
    while (begin < end) {
      const std::int64_t first = begin % inner;
      const std::int64_t n = std::min(inner - first, end - begin);
      std::int64_t outer = begin / inner;
      std::int64_t a_at = first * a_inner;
      std::int64_t b_at = first * b_inner;
      for (std::size_t axis = last; axis-- > 0;) {
        const std::int64_t index = outer % spec_.out_shape[axis];
        outer /= spec_.out_shape[axis];
        a_at += index * spec_.a_strides[axis];
        b_at += index * spec_.b_strides[axis];
      }
      if (spans) {
        kernels.binary(rule, a + a_at, static_cast<int>(a_inner), b + b_at,
                       static_cast<int>(b_inner), output + begin, n);
      } else {
        for (std::int64_t i = 0; i < n; ++i) {
          kernels.binary(rule, a + a_at + i * a_inner, 0, b + b_at + i * b_inner, 0,
                         output + begin + i, 1);
        }
      }
      begin += n;
    }
  });
}

PRelu::PRelu(const PReluSpec& spec, Isa isa)
    : pixels_(spec.pixels), channels_(spec.channels), isa_(isa) {
  for (const float slope : spec.slopes) {
    const PReluMultipliers multipliers =
        prelu_multipliers(spec.input.scale, slope, spec.output_scale);
    LookupTable& table = tables_.emplace_back();
    for (std::int32_t q = 0; q < 256; ++q) {
      const float t = prelu_value(q - spec.input.zero_point, multipliers);
      table[static_cast<std::size_t>(q)] =
          static_cast<std::uint8_t>(round_to_output(t, spec.output));
    }
  }
}

void PRelu::run(const std::uint8_t* input, std::uint8_t* output, ThreadPool& pool) const {
  if (tables_.size() == 1) {
    const SpanKernels& kernels = span_kernels(isa_);
    for_chunks(pixels_ * channels_, pool, [&](std::int64_t begin, std::int64_t end) {
      kernels.lookup(input + begin, output + begin, end - begin, tables_[0]);
    });
    return;
  }
  for_row_chunks(pixels_, channels_, pool, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin * channels_; i < end * channels_; i += channels_) {
      for (std::int64_t c = 0; c < channels_; ++c) {
        output[i + c] = tables_[static_cast<std::size_t>(c)][input[i + c]];
      }
    }
  });
}

}  // namespace quant::integer
