// SPDX-License-Identifier: MIT
// Arithmetic of two broadcast inputs.
#include <array>
#include <cmath>

#include "quant/graph/operators/cast.h"
#include "quant/graph/operators/elementwise.h"
#include "quant/graph/operators/families.h"
#include "quant/graph/operators/wrapping.h"

namespace quant {
namespace {

struct Add {
  template <typename T>
  T operator()(T a, T b) const {
    return wrapping_add(a, b);
  }
};

struct Sub {
  template <typename T>
  T operator()(T a, T b) const {
    return wrapping_subtract(a, b);
  }
};

struct Mul {
  template <typename T>
  T operator()(T a, T b) const {
    return wrapping_multiply(a, b);
  }
};

// Integers: toward zero. The lowest value divided by −1 wraps to itself; the processor would trap.
struct Div {
  template <typename T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T> && std::is_signed_v<T>) {
      if (b == T{-1}) return wrapping_subtract<T>(0, a);
    }
    return static_cast<T>(a / b);
  }
};

// The sign of the divisor, as in Python; with fmod the sign of the dividend, as in C.
struct Mod {
  explicit Mod(const Attributes& attributes) : fmod(attributes.integer("fmod", 0) != 0) {}
  template <typename T>
  T operator()(T a, T b) const {
    if constexpr (std::is_floating_point_v<T>) {
      return std::fmod(a, b);
    } else {
      if constexpr (std::is_signed_v<T>) {
        if (b == T{-1}) return T{0};
      }
      const T rest = static_cast<T>(a % b);
      const bool other_sign = rest != 0 && (rest < T{0}) != (b < T{0});
      return !fmod && other_sign ? static_cast<T>(rest + b) : rest;
    }
  }
  bool fmod;
};

struct BitShift {
  explicit BitShift(const Attributes& attributes) : left(attributes.text("direction") == "LEFT") {}
  template <typename T>
  T operator()(T a, T b) const {
    if (b >= static_cast<T>(8 * sizeof(T))) return T{0};
    return static_cast<T>(left ? static_cast<WrapType<T>>(a) << b : a >> b);
  }
  bool left;
};

struct PRelu {
  template <typename T>
  T operator()(T x, T slope) const {
    return x < T{0} ? wrapping_multiply(slope, x) : x;
  }
};

// base^exponent by squaring, wrapping as repeated multiplication would; 0 to a negative power gives
// 0.
template <typename T>
T integer_power(T base, std::int64_t exponent) {
  if (exponent < 0) {
    if (base == T{1}) return base;
    if (base == T{-1}) return exponent % 2 == 0 ? T{1} : base;
    return T{0};
  }
  T result{1};
  for (; exponent > 0; exponent /= 2) {
    if (exponent % 2 == 1) result = wrapping_multiply(result, base);
    base = wrapping_multiply(base, base);
  }
  return result;
}

struct Pow {
  template <typename T, typename Exponent>
  T operator()(T base, Exponent exponent) const {
    if constexpr (std::is_integral_v<T> && std::is_integral_v<Exponent>) {
      return integer_power(base, exponent);
    } else if constexpr (std::is_integral_v<T>) {
      return cast_element<T>(std::pow(static_cast<double>(base), exponent));
    } else {
      return std::pow(base, exponent);
    }
  }
};

struct Square {
  template <typename T>
  T operator()(T x, T) const {
    return x * x;
  }
};

// An integer division by zero would trap.
Status check_divisor(const Tensor& divisor) {
  bool zero = false;
  visit_type(NumericTypes{}, divisor.type(), [&]<typename T>(std::type_identity<T>) {
    if constexpr (std::is_integral_v<T>) {
      const auto values = divisor.data<T>();
      zero = std::find(values.begin(), values.end(), T{0}) != values.end();
    }
  });
  if (zero) return fail(ErrorCode::kInvalidData, "divides an integer by zero");
  return {};
}

template <typename Function>
Status compute_division(const NodeContext& context, std::span<Tensor> outputs) {
  QUANT_TRY(check_divisor(*context.constants[1]));
  return compute_binary<Function, NumericTypes, void>(context, outputs);
}

Result<std::vector<TensorType>> infer_mod(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* first, required_type(context, 0));
  if (FloatTypes::contains(first->type) && context.node.attributes.integer("fmod", 0) == 0) {
    return fail(ErrorCode::kInvalidData, "floating-point numbers need the attribute fmod = 1");
  }
  return infer_broadcast<NumericTypes>(context);
}

Result<std::vector<TensorType>> infer_bit_shift(const NodeContext& context) {
  const std::string direction = context.node.attributes.text("direction");
  if (direction != "LEFT" && direction != "RIGHT") {
    return fail(ErrorCode::kInvalidData,
                "direction is '" + direction + "', expected LEFT or RIGHT");
  }
  return infer_broadcast<UnsignedTypes>(context);
}

using PowerTypes = TypeList<float, double, std::int32_t, std::int64_t>;

// The exponent has a type of its own.
Result<std::vector<TensorType>> infer_pow(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* base, required_type<PowerTypes>(context, 0));
  QUANT_TRY(required_type<NumericTypes>(context, 1));
  QUANT_TRY_ASSIGN(Shape shape, broadcast_inputs(context));
  return std::vector<TensorType>{{base->type, std::move(shape)}};
}

Status compute_pow(const NodeContext& context, std::span<Tensor> outputs) {
  const Tensor& base = *context.constants[0];
  const Tensor& given = *context.constants[1];
  // Few pairs of types are compiled: the exponent in the base's type, or for integers the widest of
  // its kind.
  const bool float_base = FloatTypes::contains(base.type());
  const bool float_exponent = FloatTypes::contains(given.type());
  const Tensor exponent = cast(given, float_base       ? base.type()
                                      : float_exponent ? DataType::kFloat64
                                                       : DataType::kInt64);
  visit_type(PowerTypes{}, base.type(), [&]<typename T>(std::type_identity<T>) {
    if constexpr (std::is_floating_point_v<T>) {
      if (exponent.elements() == 1 && exponent.data<T>()[0] == T{2}) {
        map_binary<T, T, T>(base, exponent, outputs[0], Square{});
      } else {
        map_binary<T, T, T>(base, exponent, outputs[0], Pow{});
      }
    } else if (float_exponent) {
      map_binary<T, T, double>(base, exponent, outputs[0], Pow{});
    } else {
      map_binary<T, T, std::int64_t>(base, exponent, outputs[0], Pow{});
    }
  });
  return {};
}

using SlopeTypes =
    TypeList<float, double, std::int32_t, std::uint32_t, std::int64_t, std::uint64_t>;

// The slope broadcasts to the data, never the other way.
Result<std::vector<TensorType>> infer_prelu(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* data, required_type<SlopeTypes>(context, 0));
  QUANT_TRY_ASSIGN(const TensorType* slope, required_type(context, 1));
  QUANT_TRY(check_type(context, 1, data->type));
  if (!broadcasts_to(slope->shape, data->shape)) {
    return fail(ErrorCode::kInvalidData, "a slope of shape " + to_string(slope->shape) +
                                             " does not broadcast to " + to_string(data->shape));
  }
  return std::vector<TensorType>{*data};
}

constexpr std::array kOperators = {
    binary_operator<Add, NumericTypes>(OpKind::kAdd),
    binary_operator<Sub, NumericTypes>(OpKind::kSub),
    binary_operator<Mul, NumericTypes>(OpKind::kMul),
    computed_operator<infer_broadcast<NumericTypes>, compute_division<Div>, BufferFill::kUndefined>(
        OpKind::kDiv, 2, 2),
    computed_operator<infer_mod, compute_division<Mod>>(OpKind::kMod, 2, 2),
    computed_operator<infer_bit_shift, compute_binary<BitShift, UnsignedTypes, void>>(
        OpKind::kBitShift, 2, 2),
    computed_operator<infer_pow, compute_pow, BufferFill::kUndefined>(OpKind::kPow, 2, 2),
    computed_operator<infer_prelu, compute_binary<PRelu, SlopeTypes, void>, BufferFill::kUndefined>(
        OpKind::kPRelu, 2, 2),
};

}  // namespace

std::span<const Operator> binary_operators() { return kOperators; }

}  // namespace quant
