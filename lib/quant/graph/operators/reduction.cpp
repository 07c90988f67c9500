// SPDX-License-Identifier: MIT
// Reduce*: one value from all elements along some axes. Sums of floats are taken in double.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "quant/graph/operators/arguments.h"
#include "quant/graph/operators/cast.h"
#include "quant/graph/operators/computed_node.h"
#include "quant/graph/operators/extreme_values.h"
#include "quant/graph/operators/families.h"
#include "quant/graph/operators/strided_loop.h"

namespace quant {
namespace {

using ReduceTypes =
    TypeList<float, double, std::int32_t, std::int64_t, std::uint32_t, std::uint64_t>;

// Sums and products: double for floats; integers wrap, as unsigned ones do.
template <typename T>
using Wide = std::conditional_t<std::is_floating_point_v<T>, double, std::uint64_t>;

// The value of an integer sum of elements of type T.
template <typename T>
double sum_value(Wide<T> sum) {
  if constexpr (std::is_floating_point_v<T> || std::is_unsigned_v<T>)
    return static_cast<double>(sum);
  else
    return static_cast<double>(static_cast<std::int64_t>(sum));
}

// Each reducer: the accumulator's start, how an element and how another accumulator join it, and
// the result from the accumulator of `count` elements.
struct Sum {
  template <typename T>
  using Accumulator = Wide<T>;
  template <typename T>
  static Wide<T> initial() {
    return 0;
  }
  template <typename T>
  static void add(Wide<T>& sum, T x) {
    sum += static_cast<Wide<T>>(x);
  }
  template <typename T>
  static void merge(Wide<T>& sum, Wide<T> other) {
    sum += other;
  }
  template <typename T>
  static T finish(Wide<T> sum, std::int64_t) {
    return static_cast<T>(sum);
  }
};

struct Mean : Sum {
  template <typename T>
  static T finish(Wide<T> sum, std::int64_t count) {
    if constexpr (std::is_floating_point_v<T>)
      return static_cast<T>(sum / static_cast<double>(count));
    else if constexpr (std::is_signed_v<T>)
      return static_cast<T>(static_cast<std::int64_t>(sum) / count);
    else
      return static_cast<T>(sum / static_cast<std::uint64_t>(count));
  }
};

struct LogSum : Sum {
  template <typename T>
  static T finish(Wide<T> sum, std::int64_t) {
    return cast_element<T>(std::log(sum_value<T>(sum)));
  }
};

struct SumOfMagnitudes : Sum {
  template <typename T>
  static void add(Wide<T>& sum, T x) {
    if constexpr (std::is_floating_point_v<T>)
      sum += std::abs(static_cast<double>(x));
    else
      sum += x < T{0} ? Wide<T>{0} - static_cast<Wide<T>>(x) : static_cast<Wide<T>>(x);
  }
};

struct SumOfSquares : Sum {
  template <typename T>
  static void add(Wide<T>& sum, T x) {
    sum += static_cast<Wide<T>>(x) * static_cast<Wide<T>>(x);
  }
};

struct Norm : SumOfSquares {
  template <typename T>
  static T finish(Wide<T> sum, std::int64_t) {
    return cast_element<T>(std::sqrt(sum_value<T>(sum)));
  }
};

struct Product : Sum {
  template <typename T>
  static Wide<T> initial() {
    return 1;
  }
  template <typename T>
  static void add(Wide<T>& product, T x) {
    product *= static_cast<Wide<T>>(x);
  }
  template <typename T>
  static void merge(Wide<T>& product, Wide<T> other) {
    product *= other;
  }
};

template <typename T>
bool is_nan(T x) {
  if constexpr (std::is_floating_point_v<T>)
    return std::isnan(x);
  else
    return false;
}

// A NaN anywhere is the result.
struct Largest {
  template <typename T>
  using Accumulator = T;
  template <typename T>
  static T initial() {
    return lowest_value<T>();
  }
  template <typename T>
  static void add(T& best, T x) {
    if (x > best || is_nan(x)) best = x;
  }
  template <typename T>
  static void merge(T& best, T other) {
    add(best, other);
  }
  template <typename T>
  static T finish(T best, std::int64_t) {
    return best;
  }
};

struct Smallest : Largest {
  template <typename T>
  static T initial() {
    return highest_value<T>();
  }
  template <typename T>
  static void add(T& best, T x) {
    if (x < best || is_nan(x)) best = x;
  }
  template <typename T>
  static void merge(T& best, T other) {
    add(best, other);
  }
};

struct ReducedAxes {
  bool known = true;
  bool identity = false;      // noop_with_empty_axes
  std::int64_t count = 0;     // where not known: how many; -1 if that is not known either
  std::vector<bool> reduced;  // per dimension, where known
};

Result<ReducedAxes> reduced_axes(const NodeContext& context, std::size_t rank) {
  QUANT_TRY_ASSIGN(const IntegerList axes, integer_list(context, 1));
  ReducedAxes result;
  if (!axes.present || axes.length == 0) {
    result.identity = context.node.attributes.integer("noop_with_empty_axes", 0) != 0;
    result.reduced.assign(rank, !result.identity);
    return result;
  }
  if (!axes.values) {
    result.known = false;
    result.count = axes.length;
    return result;
  }
  QUANT_TRY_ASSIGN(const std::vector<std::size_t> list, normalized_axes(*axes.values, rank));
  result.reduced.assign(rank, false);
  for (const std::size_t axis : list) result.reduced[axis] = true;
  return result;
}

// Inputs: data, axes.
template <typename Types>
Result<std::vector<TensorType>> infer_reduce(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* data, required_type<Types>(context, 0));
  const Shape& shape = data->shape;
  const bool keep = context.node.attributes.integer("keepdims", 1) != 0;
  QUANT_TRY_ASSIGN(const ReducedAxes axes, reduced_axes(context, shape.size()));
  TensorType result{data->type, {}};
  if (axes.known) {
    for (std::size_t i = 0; i < shape.size(); ++i) {
      if (!axes.reduced[i])
        result.shape.push_back(shape[i]);
      else if (keep)
        result.shape.push_back(1);
    }
  } else if (keep) {
    result.shape.assign(shape.size(), -1);
  } else if (axes.count >= 0 && axes.count <= static_cast<std::int64_t>(shape.size())) {
    result.shape.assign(shape.size() - static_cast<std::size_t>(axes.count), -1);
  } else {
    return fail(ErrorCode::kUnsupported, "the number of axes is only known at run time");
  }
  return std::vector<TensorType>{std::move(result)};
}

// The input beside the output, whose steps are 0 along the reduced axes.
StridedLoop<2> reduction_loop(const Shape& shape, const std::vector<bool>& reduced) {
  std::vector<std::int64_t> steps(shape.size(), 0);
  std::int64_t step = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    if (reduced[i]) continue;
    steps[i] = step;
    step *= shape[i];
  }
  return {shape, {row_major_strides(shape), steps}};
}

// One row into one accumulator; eight independent ones let the processor overlap the additions.
template <typename Reducer, typename Accumulator, typename T>
void reduce_row(Accumulator& total, const T* row, std::int64_t count) {
  constexpr std::int64_t kLanes = 8;
  std::int64_t i = 0;
  if (count >= 2 * kLanes) {
    std::array<Accumulator, kLanes> lanes;
    lanes.fill(Reducer::template initial<T>());
    for (; i + kLanes <= count; i += kLanes) {
      for (std::int64_t lane = 0; lane < kLanes; ++lane) {
        Reducer::template add<T>(lanes[static_cast<std::size_t>(lane)], row[i + lane]);
      }
    }
    for (const Accumulator& lane : lanes) Reducer::template merge<T>(total, lane);
  }
  for (; i < count; ++i) Reducer::template add<T>(total, row[i]);
}

template <typename Reducer, typename T>
auto accumulate(const Tensor& input, const std::vector<bool>& reduced, std::int64_t results) {
  using Accumulator = typename Reducer::template Accumulator<T>;
  std::vector<Accumulator> totals(static_cast<std::size_t>(results),
                                  Reducer::template initial<T>());
  const T* const from = input.data<T>().data();
  const StridedLoop<2> loop = reduction_loop(input.shape(), reduced);
  const std::int64_t count = loop.row_size();
  const bool along_row = loop.row_step()[1] == 0;
  loop.for_each_row([&](const auto& offset) {
    const T* const row = from + offset[0];
    Accumulator* const total = totals.data() + offset[1];
    if (along_row) {
      reduce_row<Reducer>(*total, row, count);
    } else {
      for (std::int64_t i = 0; i < count; ++i) Reducer::template add<T>(total[i], row[i]);
    }
  });
  return totals;
}

template <typename Reducer, typename Types>
Status compute_reduce(const NodeContext& context, std::span<Tensor> outputs) {
  const Tensor& input = *context.constants[0];
  QUANT_TRY_ASSIGN(const ReducedAxes axes, reduced_axes(context, input.rank()));
  if (axes.identity) {
    outputs[0] = input;
    return {};
  }
  const std::int64_t results = outputs[0].elements();
  const std::int64_t count = input.elements() / results;
  const bool unbounded = std::is_same_v<Reducer, Mean> ? !FloatTypes::contains(input.type())
                                                       : input.type() == DataType::kBool;
  if (count == 0 && unbounded) {
    return fail(ErrorCode::kInvalidData, fmt::format("there is no such value of no elements of {}",
                                                     to_string(input.type())));
  }
  constexpr bool kKeepsOne = std::is_same_v<Reducer, Mean> || std::is_same_v<Reducer, Sum> ||
                             std::is_same_v<Reducer, Product> || std::is_same_v<Reducer, Largest> ||
                             std::is_same_v<Reducer, Smallest>;
  if (kKeepsOne && count == 1) {
    outputs[0] = input.reshaped(outputs[0].shape());
    return {};
  }
  visit_type(Types{}, input.type(), [&]<typename T>(std::type_identity<T>) {
    const auto totals = accumulate<Reducer, T>(input, axes.reduced, results);
    T* const to = outputs[0].data<T>().data();
    for (std::size_t i = 0; i < totals.size(); ++i) {
      to[i] = Reducer::template finish<T>(totals[i], count);
    }
  });
  return {};
}

// log Σ e^x as m + log Σ e^(x−m), m the largest: nothing overflows.
Status compute_log_sum_exp(const NodeContext& context, std::span<Tensor> outputs) {
  const Tensor& input = *context.constants[0];
  QUANT_TRY_ASSIGN(const ReducedAxes axes, reduced_axes(context, input.rank()));
  if (axes.identity) {
    outputs[0] = input;
    return {};
  }
  const std::int64_t results = outputs[0].elements();
  visit_type(ReduceTypes{}, input.type(), [&]<typename T>(std::type_identity<T>) {
    const auto largest = accumulate<Largest, T>(input, axes.reduced, results);
    const T* const from = input.data<T>().data();
    std::vector<double> sums(static_cast<std::size_t>(results), 0.0);
    const auto shift = [&](std::int64_t result) {
      const double value = static_cast<double>(largest[static_cast<std::size_t>(result)]);
      return std::isinf(value) ? 0.0 : value;
    };
    const StridedLoop<2> loop = reduction_loop(input.shape(), axes.reduced);
    const std::int64_t step = loop.row_step()[1];
    loop.for_each_row([&](const auto& offset) {
      for (std::int64_t i = 0; i < loop.row_size(); ++i) {
        const std::int64_t result = offset[1] + i * step;
        sums[static_cast<std::size_t>(result)] +=
            std::exp(static_cast<double>(from[offset[0] + i]) - shift(result));
      }
    });
    T* const to = outputs[0].data<T>().data();
    for (std::int64_t i = 0; i < results; ++i) {
      to[i] = cast_element<T>(std::log(sums[static_cast<std::size_t>(i)]) + shift(i));
    }
  });
  return {};
}

template <typename Reducer, typename Types = ReduceTypes>
constexpr Operator reduce_operator(OpKind kind) {
  return computed_operator<infer_reduce<Types>, compute_reduce<Reducer, Types>,
                           BufferFill::kUndefined>(kind, 1, 2);
}

constexpr std::array kOperators = {
    reduce_operator<SumOfMagnitudes>(OpKind::kReduceL1),
    reduce_operator<Norm>(OpKind::kReduceL2),
    reduce_operator<LogSum>(OpKind::kReduceLogSum),
    computed_operator<infer_reduce<ReduceTypes>, compute_log_sum_exp, BufferFill::kUndefined>(
        OpKind::kReduceLogSumExp, 1, 2),
    reduce_operator<Largest, AnyTypes>(OpKind::kReduceMax),
    reduce_operator<Mean>(OpKind::kReduceMean),
    reduce_operator<Smallest, AnyTypes>(OpKind::kReduceMin),
    reduce_operator<Product>(OpKind::kReduceProd),
    reduce_operator<Sum>(OpKind::kReduceSum),
    reduce_operator<SumOfSquares>(OpKind::kReduceSumSquare),
};

}  // namespace

std::span<const Operator> reduction_operators() { return kOperators; }

}  // namespace quant
