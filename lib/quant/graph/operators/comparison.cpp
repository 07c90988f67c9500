// SPDX-License-Identifier: MIT
// Comparisons, logic and tests of single numbers. bool elements are bytes; any but 0 counts as
// true.
#include <array>
#include <cmath>

#include "quant/graph/operators/elementwise.h"
#include "quant/graph/operators/families.h"

namespace quant {
namespace {

#define QUANT_PREDICATE(name, expression) \
  struct name {                           \
    template <typename T>                 \
    bool operator()(T a, T b) const {     \
      return expression;                  \
    }                                     \
  };
QUANT_PREDICATE(Equal, a == b)
QUANT_PREDICATE(Greater, a > b)
QUANT_PREDICATE(GreaterOrEqual, a >= b)
QUANT_PREDICATE(Less, a < b)
QUANT_PREDICATE(LessOrEqual, a <= b)
QUANT_PREDICATE(And, (a != 0) && (b != 0))
QUANT_PREDICATE(Or, (a != 0) || (b != 0))
QUANT_PREDICATE(Xor, (a != 0) != (b != 0))
#undef QUANT_PREDICATE

struct Not {
  template <typename T>
  bool operator()(T x) const {
    return x == 0;
  }
};

struct IsNaN {
  template <typename T>
  bool operator()(T x) const {
    return std::isnan(x);
  }
};

struct IsInf {
  explicit IsInf(const Attributes& attributes)
      : positive(attributes.integer("detect_positive", 1) != 0),
        negative(attributes.integer("detect_negative", 1) != 0) {}
  template <typename T>
  bool operator()(T x) const {
    return std::isinf(x) && (x > T{0} ? positive : negative);
  }
  bool positive;
  bool negative;
};

constexpr std::array kOperators = {
    binary_predicate<Equal, AnyTypes>(OpKind::kEqual),
    binary_predicate<Greater, NumericTypes>(OpKind::kGreater),
    binary_predicate<GreaterOrEqual, NumericTypes>(OpKind::kGreaterOrEqual),
    binary_predicate<Less, NumericTypes>(OpKind::kLess),
    binary_predicate<LessOrEqual, NumericTypes>(OpKind::kLessOrEqual),
    binary_predicate<And, BoolType>(OpKind::kAnd),
    binary_predicate<Or, BoolType>(OpKind::kOr),
    binary_predicate<Xor, BoolType>(OpKind::kXor),
    unary_predicate<Not, BoolType>(OpKind::kNot),
    unary_predicate<IsNaN, FloatTypes>(OpKind::kIsNaN),
    unary_predicate<IsInf, FloatTypes>(OpKind::kIsInf),
};

}  // namespace

std::span<const Operator> comparison_operators() { return kOperators; }

}  // namespace quant
