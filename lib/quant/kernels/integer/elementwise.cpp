// SPDX-License-Identifier: MIT
#include "quant/kernels/integer/elementwise.h"

#include "quant/kernels/integer/chunks.h"
#include "quant/kernels/integer/element_types.h"
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
      isa_(spec.a_type == spec.b_type && spec.a_type == spec.output_type ? isa : Isa::kRef) {
  merge_axes(spec_);
}

template <typename A, typename B, typename Out>
void Binary::run_as(const A* a, const B* b, Out* output, ThreadPool& pool) const {
  using Real = RuleReal<A, B, Out>;
  const SpanKernels& kernels = span_kernels(isa_);
  const BinaryRule<Real> rule{
      spec_.op, spec_.a.zero_point, spec_.b.zero_point,
      binary_multipliers<Real>(spec_.op, spec_.a.scale, spec_.b.scale, spec_.output_scale),
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
        binary_span(kernels, rule, a + a_at, static_cast<int>(a_inner), b + b_at,
                    static_cast<int>(b_inner), output + begin, n);
      } else {
        for (std::int64_t i = 0; i < n; ++i) {
          binary_span(kernels, rule, a + a_at + i * a_inner, 0, b + b_at + i * b_inner, 0,
                      output + begin + i, 1);
        }
      }
      begin += n;
    }
  });
}

void Binary::run(const void* a, const void* b, void* output, ThreadPool& pool) const {
  with_elements(
      [&]<typename A, typename B, typename Out>(Element<A>, Element<B>, Element<Out>) {
        run_as(static_cast<const A*>(a), static_cast<const B*>(b), static_cast<Out*>(output), pool);
      },
      spec_.a_type, spec_.b_type, spec_.output_type);
}

PRelu::PRelu(const PReluSpec& spec, Isa isa)
    : spec_(spec), isa_(all_bytes(spec.input_type, spec.output_type) ? isa : Isa::kRef) {
  const bool bytes = all_bytes(spec.input_type, spec.output_type);
  for (const float slope : spec.slopes) {
    if (!bytes) {
      multipliers_.push_back(prelu_multipliers<double>(spec.input.scale, slope, spec.output_scale));
      continue;
    }
    const auto multipliers = prelu_multipliers<float>(spec.input.scale, slope, spec.output_scale);
    LookupTable& table = tables_.emplace_back();
    for (std::int32_t q = 0; q < 256; ++q) {
      const float t = prelu_value(q - spec.input.zero_point, multipliers);
      table.entries.push_back(static_cast<std::uint16_t>(round_to_output(t, spec.output)));
    }
  }
}

void PRelu::run(const void* input, void* output, ThreadPool& pool) const {
  if (!tables_.empty()) {
    return run_bytes(static_cast<const std::uint8_t*>(input), static_cast<std::uint8_t*>(output),
                     pool);
  }
  with_elements(
      [&]<typename In, typename Out>(Element<In>, Element<Out>) {
        run_wide(static_cast<const In*>(input), static_cast<Out*>(output), pool);
      },
      spec_.input_type, spec_.output_type);
}

void PRelu::run_bytes(const std::uint8_t* input, std::uint8_t* output, ThreadPool& pool) const {
  if (tables_.size() == 1) {
    const SpanKernels& kernels = span_kernels(isa_);
    for_chunks(spec_.pixels * spec_.channels, pool, [&](std::int64_t begin, std::int64_t end) {
      lookup_span(kernels, input + begin, output + begin, end - begin, tables_[0]);
    });
    return;
  }
  const std::int64_t channels = spec_.channels;
  for_row_chunks(spec_.pixels, channels, pool, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin * channels; i < end * channels; i += channels) {
      for (std::int64_t c = 0; c < channels; ++c) {
        output[i + c] =
            static_cast<std::uint8_t>(tables_[static_cast<std::size_t>(c)][input[i + c]]);
      }
    }
  });
}

template <typename In, typename Out>
void PRelu::run_wide(const In* input, Out* output, ThreadPool& pool) const {
  const std::int64_t channels = spec_.channels;
  const bool shared = multipliers_.size() == 1;
  for_row_chunks(spec_.pixels, channels, pool, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin * channels; i < end * channels; i += channels) {
      for (std::int64_t c = 0; c < channels; ++c) {
        const double t = prelu_value(input[i + c] - spec_.input.zero_point,
                                     multipliers_[shared ? 0 : static_cast<std::size_t>(c)]);
        output[i + c] = static_cast<Out>(round_to_output(t, spec_.output));
      }
    }
  });
}

}  // namespace quant::integer
