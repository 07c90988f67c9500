// SPDX-License-Identifier: MIT
// Activation functions. Formulas: ONNX operator specification, opset 21.
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "quant/graph/operators/elementwise.h"
#include "quant/graph/operators/families.h"
#include "quant/graph/operators/float_input.h"
#include "quant/graph/operators/onednn.h"
#include "quant/graph/operators/prepared_function.h"

namespace quant {
namespace {

template <typename T>
T sigmoid(T x) {
  return T{1} / (T{1} + std::exp(-x));
}

// log(1 + e^x) without overflow.
template <typename T>
T softplus(T x) {
  return std::max(x, T{0}) + std::log1p(std::exp(-std::abs(x)));
}

struct Relu {
  template <typename T>
  T operator()(T x) const {
    return x < T{0} ? T{0} : x;  // keeps a NaN
  }
};

struct LeakyRelu {
  explicit LeakyRelu(const Attributes& attributes) : alpha(attributes.number("alpha", 0.01F)) {}
  template <typename T>
  T operator()(T x) const {
    return x < T{0} ? static_cast<T>(alpha) * x : x;
  }
  float alpha;
};

struct ThresholdedRelu {
  explicit ThresholdedRelu(const Attributes& attributes)
      : alpha(attributes.number("alpha", 1.0F)) {}
  template <typename T>
  T operator()(T x) const {
    return x > static_cast<T>(alpha) ? x : T{0};
  }
  float alpha;
};

struct Elu {
  explicit Elu(const Attributes& attributes) : alpha(attributes.number("alpha", 1.0F)) {}
  template <typename T>
  T operator()(T x) const {
    return x < T{0} ? static_cast<T>(alpha) * std::expm1(x) : x;
  }
  float alpha;
};

struct Celu {
  explicit Celu(const Attributes& attributes) : alpha(attributes.number("alpha", 1.0F)) {}
  template <typename T>
  T operator()(T x) const {
    const T a = static_cast<T>(alpha);
    return std::max(T{0}, x) + std::min(T{0}, a * std::expm1(x / a));
  }
  float alpha;
};

struct Selu {
  explicit Selu(const Attributes& attributes)
      : alpha(attributes.number("alpha", 1.67326319217681884765625F)),
        gamma(attributes.number("gamma", 1.05070102214813232421875F)) {}
  template <typename T>
  T operator()(T x) const {
    return static_cast<T>(gamma) * (x > T{0} ? x : static_cast<T>(alpha) * std::expm1(x));
  }
  float alpha;
  float gamma;
};

struct Sigmoid {
  template <typename T>
  T operator()(T x) const {
    return sigmoid(x);
  }
};

struct Silu {
  template <typename T>
  T operator()(T x) const {
    return x * sigmoid(x);
  }
};

struct Softplus {
  template <typename T>
  T operator()(T x) const {
    return softplus(x);
  }
};

struct Softsign {
  template <typename T>
  T operator()(T x) const {
    return x / (T{1} + std::abs(x));
  }
};

// x · tanh(log(1 + e^x)), where the hyperbolic tangent of a logarithm is a quotient of powers of
// e^x.
struct Mish {
  template <typename T>
  T operator()(T x) const {
    if (x > T{20}) return x;
    const T e = std::exp(x);
    const T n = e * (e + T{2});
    return x * (n / (n + T{2}));
  }
};

struct Gelu {
  explicit Gelu(const Attributes& attributes)
      : tanh_form(attributes.text("approximate", "none") == "tanh") {}
  template <typename T>
  T operator()(T x) const {
    const T half = x / T{2};
    if (tanh_form) {
      const T root = static_cast<T>(std::numbers::sqrt2 * std::numbers::inv_sqrtpi);  // √(2/π)
      return half * (T{1} + std::tanh(root * (x + static_cast<T>(0.044715) * x * x * x)));
    }
    return half * (T{1} + std::erf(x / std::numbers::sqrt2_v<T>));
  }
  bool tanh_form;
};

struct HardSigmoid {
  explicit HardSigmoid(const Attributes& attributes)
      : alpha(attributes.number("alpha", 0.2F)), beta(attributes.number("beta", 0.5F)) {}
  template <typename T>
  T operator()(T x) const {
    return std::clamp(static_cast<T>(alpha) * x + static_cast<T>(beta), T{0}, T{1});
  }
  float alpha;
  float beta;
};

struct HardSwish {
  template <typename T>
  T operator()(T x) const {
    return x * std::clamp(x / T{6} + T{0.5}, T{0}, T{1});
  }
};

struct Shrink {
  explicit Shrink(const Attributes& attributes)
      : lambd(attributes.number("lambd", 0.5F)), bias(attributes.number("bias", 0.0F)) {}
  template <typename T>
  T operator()(T x) const {
    const T edge = static_cast<T>(lambd);
    if (x < -edge) return x + static_cast<T>(bias);
    return x > edge ? x - static_cast<T>(bias) : T{0};
  }
  float lambd;
  float bias;
};

// A sigmoid of many floats is oneDNN's; building its kernel for a few would cost more than it
// saves.
template <typename Scalar, onednn::Function kFunction>
Result<std::unique_ptr<PreparedNode>> prepare_vectorized(const NodeContext& context) {
  constexpr std::int64_t kMany = 4096;
  QUANT_TRY_ASSIGN(std::vector<TensorType> types, infer_broadcast<FloatTypes>(context));
  const Shape shape = std::move(types[0].shape);
  QUANT_TRY_ASSIGN(const std::int64_t count, checked_element_count(shape));
  if (types[0].type != DataType::kFloat32 || count < kMany) {
    return prepare_computed<infer_broadcast<FloatTypes>, compute_unary<Scalar, FloatTypes, void>,
                            BufferFill::kUndefined>(context);
  }
  QUANT_TRY_ASSIGN(onednn::Elementwise function, onednn::Elementwise::create(kFunction, count));
  return prepared_function(
      [shape, function = std::move(function)](std::span<const Tensor* const> inputs,
                                              std::vector<Tensor>& outputs) mutable {
        outputs.assign(1, Tensor(DataType::kFloat32, shape, BufferFill::kUndefined));
        return function.run(floats_of(inputs, 0), outputs[0].data<float>().data());
      });
}

Result<std::vector<TensorType>> infer_gelu(const NodeContext& context) {
  const std::string form = context.node.attributes.text("approximate", "none");
  if (form != "none" && form != "tanh") {
    return fail(ErrorCode::kInvalidData, "approximate is '" + form + "', expected none or tanh");
  }
  return infer_broadcast<FloatTypes>(context);
}

// Celu divides by alpha.
Result<std::vector<TensorType>> infer_celu(const NodeContext& context) {
  if (context.node.attributes.number("alpha", 1.0F) == 0.0F) {
    return fail(ErrorCode::kInvalidData, "alpha is 0");
  }
  return infer_broadcast<FloatTypes>(context);
}

constexpr std::array kOperators = {
    computed_operator<infer_celu, compute_unary<Celu, FloatTypes, void>, BufferFill::kUndefined>(
        OpKind::kCelu, 1, 1),
    unary_operator<Elu, FloatTypes>(OpKind::kElu),
    computed_operator<infer_gelu, compute_unary<Gelu, FloatTypes, void>, BufferFill::kUndefined>(
        OpKind::kGelu, 1, 1),
    unary_operator<HardSigmoid, FloatTypes>(OpKind::kHardSigmoid),
    unary_operator<HardSwish, FloatTypes>(OpKind::kHardSwish),
    unary_operator<LeakyRelu, FloatTypes>(OpKind::kLeakyRelu),
    unary_operator<Mish, FloatTypes>(OpKind::kMish),
    unary_operator<Relu, SignedTypes>(OpKind::kRelu),
    unary_operator<Selu, FloatTypes>(OpKind::kSelu),
    unary_operator<Shrink, FloatTypes>(OpKind::kShrink),
    Operator{OpKind::kSigmoid, 1, 1, infer_broadcast<FloatTypes>,
             prepare_vectorized<Sigmoid, onednn::Function::kSigmoid>},
    Operator{OpKind::kSilu, 1, 1, infer_broadcast<FloatTypes>,
             prepare_vectorized<Silu, onednn::Function::kSilu>},
    unary_operator<Softplus, FloatTypes>(OpKind::kSoftplus),
    unary_operator<Softsign, FloatTypes>(OpKind::kSoftsign),
    unary_operator<ThresholdedRelu, FloatTypes>(OpKind::kThresholdedRelu),
};

}  // namespace

std::span<const Operator> activation_operators() { return kOperators; }

}  // namespace quant
