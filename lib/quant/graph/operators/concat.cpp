// SPDX-License-Identifier: MIT
// Joining along an axis and cutting along one: Concat, Split.
#include <fmt/format.h>

#include <array>
#include <cstring>
#include <numeric>

#include "quant/graph/operators/arguments.h"
#include "quant/graph/operators/computed_node.h"
#include "quant/graph/operators/families.h"
#include "quant/graph/operators/float_input.h"
#include "quant/graph/operators/picked.h"

namespace quant {
namespace {

// Bytes that one step of the outer dimensions holds, from `axis` on.
std::size_t chunk_bytes(const Tensor& tensor, std::size_t axis) {
  const AxisSpan span = axis_span(tensor.shape(), axis);
  return static_cast<std::size_t>(span.size * span.inner) * size_of(tensor.type());
}

// One step of the output along the axis.
struct Pick {
  std::size_t input = 0;
  std::int64_t step = 0;
};

// Precondition: shapes known along the axis.
Result<std::vector<Pick>> read_picks(const NodeContext& context, std::size_t axis) {
  const std::vector<std::int64_t> numbers = context.node.attributes.integers(kPicked);
  std::vector<Pick> picks;
  for (std::size_t i = 0; i + 1 < numbers.size(); i += 2) {
    const std::int64_t input = numbers[i];
    const std::int64_t step = numbers[i + 1];
    if (input < 0 || input >= static_cast<std::int64_t>(context.types.size()) || step < 0 ||
        step >= context.types[static_cast<std::size_t>(input)]->shape[axis]) {
      return fail(ErrorCode::kInternal, "picks what its inputs do not have");
    }
    picks.push_back({static_cast<std::size_t>(input), step});
  }
  return picks;
}

Result<std::vector<TensorType>> infer_concat(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* first, required_type(context, 0));
  if (!context.node.attributes.has("axis")) {
    return fail(ErrorCode::kInvalidData, "the attribute 'axis' is missing");
  }
  Shape shape = first->shape;
  QUANT_TRY_ASSIGN(const std::size_t axis,
                   normalized_axis(context.node.attributes.integer("axis", 0), shape.size()));
  for (std::size_t i = 1; i < context.types.size(); ++i) {
    QUANT_TRY_ASSIGN(const TensorType* next, required_type(context, i));
    QUANT_TRY(check_type(context, i, first->type));
    if (next->shape.size() != shape.size()) {
      return fail(
          ErrorCode::kInvalidData,
          fmt::format("cannot join {} and {}", to_string(first->shape), to_string(next->shape)));
    }
    for (std::size_t dim = 0; dim < shape.size(); ++dim) {
      if (dim != axis) {
        QUANT_TRY_ASSIGN(shape[dim], merged_dimension(shape[dim], next->shape[dim]));
      } else if (shape[dim] < 0 || next->shape[dim] < 0) {
        shape[dim] = -1;
      } else {
        QUANT_TRY_ASSIGN(shape[dim], checked_sum(shape[dim], next->shape[dim]));
      }
    }
  }
  if (context.node.attributes.has(kPicked)) {
    QUANT_TRY_ASSIGN(const std::vector<Pick> picks, read_picks(context, axis));
    shape[axis] = static_cast<std::int64_t>(picks.size());
  }
  return std::vector<TensorType>{{first->type, std::move(shape)}};
}

// Steps of one input that lie side by side there and in the output.
struct Run {
  std::size_t input = 0;
  std::int64_t from = 0;
  std::int64_t to = 0;
  std::int64_t count = 1;
};

std::vector<Run> runs_of(const std::vector<Pick>& picks) {
  std::vector<Run> runs;
  for (std::size_t i = 0; i < picks.size(); ++i) {
    const Pick& pick = picks[i];
    if (!runs.empty() && runs.back().input == pick.input &&
        runs.back().from + runs.back().count == pick.step) {
      ++runs.back().count;
    } else {
      runs.push_back({pick.input, pick.step, static_cast<std::int64_t>(i), 1});
    }
  }
  return runs;
}

// Elements of four bytes, one by one, in the order of the output: what runs of single channels,
// last in memory, cost least with.
class PickedElements final : public PreparedNode {
 public:
  PickedElements(const std::vector<Pick>& picks, const std::vector<std::int64_t>& sizes,
                 TensorType output)
      : output_(std::move(output)), steps_(sizes) {
    for (std::size_t input = 0; input < sizes.size(); ++input) {
      for (std::size_t i = 0; i < picks.size(); ++i) {
        if (picks[i].input != input) continue;
        from_.push_back(static_cast<std::int32_t>(picks[i].step));
        to_.push_back(static_cast<std::int32_t>(i));
      }
      ends_.push_back(from_.size());
    }
  }

  Status run(std::span<const Tensor* const> inputs, std::vector<Tensor>& outputs) override {
    Tensor result(output_.type, output_.shape, BufferFill::kUndefined);
    std::vector<const std::uint32_t*> sources;
    for (const Tensor* input : inputs)
      sources.push_back(reinterpret_cast<const std::uint32_t*>(input->raw()));
    auto* target = reinterpret_cast<std::uint32_t*>(result.raw());
    const std::int64_t width = output_.shape.back();
    const std::int64_t rows = result.elements() / width;
    for (std::int64_t row = 0; row < rows; ++row, target += width) {
      std::size_t i = 0;
      for (std::size_t input = 0; input < sources.size(); ++input) {
        const std::uint32_t* const source = sources[input];
        for (; i < ends_[input]; ++i) target[to_[i]] = source[from_[i]];
        sources[input] += steps_[input];
      }
    }
    outputs.assign(1, result);
    return {};
  }

 private:
  TensorType output_;
  std::vector<std::int64_t> steps_;  // from one row to the next, per input
  std::vector<std::int32_t> from_;   // by input
  std::vector<std::int32_t> to_;
  std::vector<std::size_t> ends_;  // in those lists, per input
};

class PickedRuns final : public PreparedNode {
 public:
  PickedRuns(std::vector<Run> runs, std::size_t axis, TensorType output)
      : runs_(std::move(runs)), axis_(axis), output_(std::move(output)) {}

  Status run(std::span<const Tensor* const> inputs, std::vector<Tensor>& outputs) override {
    Tensor result(output_.type, output_.shape, BufferFill::kUndefined);
    const AxisSpan span = axis_span(output_.shape, axis_);
    const std::size_t step = static_cast<std::size_t>(span.inner) * size_of(output_.type);
    for (std::int64_t outer = 0; outer < span.outer; ++outer) {
      std::byte* const target = result.raw() + static_cast<std::size_t>(outer * span.size) * step;
      for (const Run& each : runs_) {
        const Tensor& input = *inputs[each.input];
        const std::int64_t first = outer * input.shape()[axis_] + each.from;
        std::memcpy(target + static_cast<std::size_t>(each.to) * step,
                    input.raw() + static_cast<std::size_t>(first) * step,
                    static_cast<std::size_t>(each.count) * step);
      }
    }
    outputs.assign(1, result);
    return {};
  }

 private:
  std::vector<Run> runs_;
  std::size_t axis_;
  TensorType output_;
};

Status compute_concat(const NodeContext& context, std::span<Tensor> outputs) {
  Tensor& out = outputs[0];
  QUANT_TRY_ASSIGN(const std::size_t axis,
                   normalized_axis(context.node.attributes.integer("axis", 0), out.rank()));
  const std::int64_t outer = axis_span(out.shape(), axis).outer;
  const std::size_t out_chunk = chunk_bytes(out, axis);
  std::byte* to = out.raw();
  for (const Tensor* input : context.constants) {
    const std::size_t chunk = chunk_bytes(*input, axis);
    const std::byte* from = input->raw();
    for (std::int64_t i = 0; i < outer; ++i) {
      std::memcpy(to + static_cast<std::size_t>(i) * out_chunk, from, chunk);
      from += chunk;
    }
    to += chunk;
  }
  return {};
}

Result<std::unique_ptr<PreparedNode>> prepare_concat(const NodeContext& context) {
  if (!context.node.attributes.has(kPicked)) {
    return prepare_computed<infer_concat, compute_concat, BufferFill::kUndefined>(context);
  }
  QUANT_TRY_ASSIGN(std::vector<TensorType> types, infer_concat(context));
  TensorType& output = types[0];
  QUANT_TRY(check_size(output.shape));
  QUANT_TRY_ASSIGN(
      const std::size_t axis,
      normalized_axis(context.node.attributes.integer("axis", 0), output.shape.size()));
  QUANT_TRY_ASSIGN(const std::vector<Pick> picks, read_picks(context, axis));
  std::vector<Run> runs = runs_of(picks);
  // Measured: from about eight elements on, copying a run beats copying its elements.
  const bool scattered = picks.size() < 8 * runs.size();
  if (scattered && axis + 1 == output.shape.size() && size_of(output.type) == 4) {
    std::vector<std::int64_t> sizes;
    for (const TensorType* type : context.types) sizes.push_back(type->shape[axis]);
    return std::make_unique<PickedElements>(picks, sizes, std::move(output));
  }
  return std::make_unique<PickedRuns>(std::move(runs), axis, std::move(output));
}

// The sizes that `parts` outputs get of an axis of `size`; nothing where they come at run time.
Result<std::optional<std::vector<std::int64_t>>> split_sizes(const NodeContext& context,
                                                             std::int64_t size) {
  const auto parts = static_cast<std::int64_t>(context.node.outputs.size());
  QUANT_TRY_ASSIGN(const IntegerList given, integer_list(context, 1));
  const Attributes& attributes = context.node.attributes;
  if (given.present) {
    if (attributes.has("num_outputs")) {
      return fail(ErrorCode::kInvalidData, "has both the input split and num_outputs");
    }
    if (given.length >= 0 && given.length != parts) {
      return fail(ErrorCode::kInvalidData,
                  fmt::format("splits into {} but has {} outputs", given.length, parts));
    }
    if (!given.values) return std::nullopt;
    std::int64_t rest = size;
    for (const std::int64_t part : *given.values) {
      if (part < 0 || (size >= 0 && part > rest)) {
        return fail(ErrorCode::kInvalidData,
                    fmt::format("cannot split {} into {}", size, fmt::join(*given.values, " + ")));
      }
      rest -= size >= 0 ? part : 0;
    }
    if (size >= 0 && rest != 0) {
      return fail(ErrorCode::kInvalidData,
                  fmt::format("cannot split {} into {}", size, fmt::join(*given.values, " + ")));
    }
    return given.values;
  }
  if (attributes.integer("num_outputs", parts) != parts) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("num_outputs is {} but has {} outputs",
                            attributes.integer("num_outputs", parts), parts));
  }
  if (size < 0) return std::nullopt;
  // Only num_outputs allows a smaller last part.
  const std::int64_t part = (size + parts - 1) / parts;
  const std::int64_t last = size - part * (parts - 1);
  if (last < 0 || (last != part && !attributes.has("num_outputs"))) {
    return fail(ErrorCode::kInvalidData, fmt::format("cannot split {} into {} parts", size, parts));
  }
  std::vector<std::int64_t> sizes(static_cast<std::size_t>(parts), part);
  sizes.back() = last;
  return sizes;
}

// Inputs: data, split.
Result<std::vector<TensorType>> infer_split(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* data, required_type(context, 0));
  QUANT_TRY_ASSIGN(const std::size_t axis,
                   normalized_axis(context.node.attributes.integer("axis", 0), data->shape.size()));
  if (context.node.outputs.empty()) return fail(ErrorCode::kInvalidData, "has no outputs");
  QUANT_TRY_ASSIGN(const auto sizes, split_sizes(context, data->shape[axis]));
  std::vector<TensorType> types(context.node.outputs.size(), *data);
  for (std::size_t i = 0; i < types.size(); ++i) types[i].shape[axis] = sizes ? (*sizes)[i] : -1;
  return types;
}

Status compute_split(const NodeContext& context, std::span<Tensor> outputs) {
  const Tensor& input = *context.constants[0];
  QUANT_TRY_ASSIGN(const std::size_t axis,
                   normalized_axis(context.node.attributes.integer("axis", 0), input.rank()));
  const std::int64_t outer = axis_span(input.shape(), axis).outer;
  const std::size_t in_chunk = chunk_bytes(input, axis);
  const std::byte* from = input.raw();
  for (Tensor& output : outputs) {
    const std::size_t chunk = chunk_bytes(output, axis);
    std::byte* to = output.raw();
    for (std::int64_t i = 0; i < outer; ++i) {
      std::memcpy(to, from + static_cast<std::size_t>(i) * in_chunk, chunk);
      to += chunk;
    }
    from += chunk;
  }
  return {};
}

constexpr Operator kOperators[] = {
    {OpKind::kConcat, 1, -1, infer_concat, prepare_concat},
    computed_operator<infer_split, compute_split, BufferFill::kUndefined>(OpKind::kSplit, 1, 2),
};

}  // namespace

std::span<const Operator> concat_operators() { return kOperators; }

}  // namespace quant
