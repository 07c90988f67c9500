// SPDX-License-Identifier: MIT
// Functions of one element without parameters, and what passes its input on.
#include <array>
#include <cmath>

#include "quant/graph/operators/cast.h"
#include "quant/graph/operators/elementwise.h"
#include "quant/graph/operators/families.h"
#include "quant/graph/operators/wrapping.h"

namespace quant {
namespace {

struct Abs {
  template <typename T>
  T operator()(T x) const {
    if constexpr (std::is_floating_point_v<T>)
      return std::abs(x);
    else if constexpr (std::is_signed_v<T>)
      return x < 0 ? wrapping_subtract<T>(0, x) : x;
    else
      return x;
  }
};

struct Neg {
  template <typename T>
  T operator()(T x) const {
    if constexpr (std::is_floating_point_v<T>)
      return -x;
    else
      return wrapping_subtract<T>(0, x);
  }
};

struct Sign {
  template <typename T>
  T operator()(T x) const {
    if constexpr (std::is_floating_point_v<T>) {
      if (std::isnan(x)) return x;
    }
    return static_cast<T>((x > T{0}) - (x < T{0}));
  }
};

#define QUANT_FLOAT_FUNCTION(name, expression) \
  struct name {                                \
    template <typename T>                      \
    T operator()(T x) const {                  \
      return expression;                       \
    }                                          \
  };
QUANT_FLOAT_FUNCTION(Acos, std::acos(x))
QUANT_FLOAT_FUNCTION(Acosh, std::acosh(x))
QUANT_FLOAT_FUNCTION(Asin, std::asin(x))
QUANT_FLOAT_FUNCTION(Asinh, std::asinh(x))
QUANT_FLOAT_FUNCTION(Atan, std::atan(x))
QUANT_FLOAT_FUNCTION(Atanh, std::atanh(x))
QUANT_FLOAT_FUNCTION(Ceil, std::ceil(x))
QUANT_FLOAT_FUNCTION(Cos, std::cos(x))
QUANT_FLOAT_FUNCTION(Cosh, std::cosh(x))
QUANT_FLOAT_FUNCTION(Erf, std::erf(x))
QUANT_FLOAT_FUNCTION(Exp, std::exp(x))
QUANT_FLOAT_FUNCTION(Floor, std::floor(x))
QUANT_FLOAT_FUNCTION(Log, std::log(x))
QUANT_FLOAT_FUNCTION(Reciprocal, T{1} / x)
QUANT_FLOAT_FUNCTION(Round, std::nearbyint(x))  // halves to even
QUANT_FLOAT_FUNCTION(Sin, std::sin(x))
QUANT_FLOAT_FUNCTION(Sinh, std::sinh(x))
QUANT_FLOAT_FUNCTION(Sqrt, std::sqrt(x))
QUANT_FLOAT_FUNCTION(Tan, std::tan(x))
QUANT_FLOAT_FUNCTION(Tanh, std::tanh(x))
#undef QUANT_FLOAT_FUNCTION

// Inputs: data, ratio, training_mode. Only inference has a result that can be compared.
Result<std::vector<TensorType>> infer_dropout(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* data, required_type<FloatTypes>(context, 0));
  QUANT_TRY(check_single(context, 1));
  QUANT_TRY(check_single(context, 2));
  QUANT_TRY(check_type(context, 2, DataType::kBool));
  const TensorType* ratio_type = optional_type(context, 1);
  if (ratio_type != nullptr && !FloatTypes::contains(ratio_type->type)) {
    return unsupported_type(ratio_type->type, 1);
  }
  const Tensor* training = constant_input(context, 2);
  const Tensor* ratio = constant_input(context, 1);
  const bool drops = ratio == nullptr || cast(*ratio, DataType::kFloat64).data<double>()[0] != 0;
  if (training != nullptr && training->data<std::uint8_t>()[0] != 0 && drops) {
    return fail(ErrorCode::kUnsupported, "training mode is not supported");
  }
  return std::vector<TensorType>{*data, {DataType::kBool, data->shape}};
}

Status compute_dropout(const NodeContext& context, std::span<Tensor> outputs) {
  outputs[0] = *context.constants[0];
  const auto mask = outputs[1].data<std::uint8_t>();
  std::fill(mask.begin(), mask.end(), std::uint8_t{1});
  return {};
}

constexpr std::array kOperators = {
    unary_operator<Abs, NumericTypes>(OpKind::kAbs),
    unary_operator<Acos, FloatTypes>(OpKind::kAcos),
    unary_operator<Acosh, FloatTypes>(OpKind::kAcosh),
    unary_operator<Asin, FloatTypes>(OpKind::kAsin),
    unary_operator<Asinh, FloatTypes>(OpKind::kAsinh),
    unary_operator<Atan, FloatTypes>(OpKind::kAtan),
    unary_operator<Atanh, FloatTypes>(OpKind::kAtanh),
    unary_operator<Ceil, FloatTypes>(OpKind::kCeil),
    unary_operator<Cos, FloatTypes>(OpKind::kCos),
    unary_operator<Cosh, FloatTypes>(OpKind::kCosh),
    unary_operator<Erf, FloatTypes>(OpKind::kErf),
    unary_operator<Exp, FloatTypes>(OpKind::kExp),
    unary_operator<Floor, FloatTypes>(OpKind::kFloor),
    unary_operator<Log, FloatTypes>(OpKind::kLog),
    unary_operator<Neg, SignedTypes>(OpKind::kNeg),
    unary_operator<Reciprocal, FloatTypes>(OpKind::kReciprocal),
    unary_operator<Round, FloatTypes>(OpKind::kRound),
    unary_operator<Sign, NumericTypes>(OpKind::kSign),
    unary_operator<Sin, FloatTypes>(OpKind::kSin),
    unary_operator<Sinh, FloatTypes>(OpKind::kSinh),
    unary_operator<Sqrt, FloatTypes>(OpKind::kSqrt),
    unary_operator<Tan, FloatTypes>(OpKind::kTan),
    unary_operator<Tanh, FloatTypes>(OpKind::kTanh),
    computed_operator<infer_broadcast<AnyTypes>, nullptr>(OpKind::kIdentity, 1, 1),
    computed_operator<infer_dropout, compute_dropout>(OpKind::kDropout, 1, 3),
};

}  // namespace

std::span<const Operator> unary_operators() { return kOperators; }

}  // namespace quant
