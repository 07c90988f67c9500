// SPDX-License-Identifier: MIT
// MatMul and Gemm through oneDNN, Det; Einsum has a file of its own.
#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "quant/graph/operators/batched_matmul.h"
#include "quant/graph/operators/broadcast.h"
#include "quant/graph/operators/einsum.h"
#include "quant/graph/operators/families.h"
#include "quant/graph/operators/float_input.h"
#include "quant/graph/operators/prepared_function.h"

namespace quant {
namespace {

struct Product {
  Shape batch_a;
  Shape batch_b;
  onednn::MatMulShape matrices;
  Shape output;
};

Result<Product> plan_matmul(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* input_a, float_input(context, 0));
  QUANT_TRY_ASSIGN(const TensorType* input_b, float_input(context, 1));
  Shape a = input_a->shape;
  Shape b = input_b->shape;
  if (a.empty() || b.empty()) return fail(ErrorCode::kInvalidData, "an input is a scalar");
  // numpy: a vector is a row on the left, a column on the right, and its axis of size 1 vanishes
  // again.
  const bool row = a.size() == 1;
  const bool column = b.size() == 1;
  if (row) a.insert(a.begin(), 1);
  if (column) b.push_back(1);
  Product product;
  product.matrices.m = a[a.size() - 2];
  product.matrices.k = a.back() >= 0 ? a.back() : b[b.size() - 2];
  product.matrices.n = b.back();
  if (!may_equal(a.back(), b[b.size() - 2])) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("inputs {} and {} do not fit each other", to_string(input_a->shape),
                            to_string(input_b->shape)));
  }
  product.batch_a.assign(a.begin(), a.end() - 2);
  product.batch_b.assign(b.begin(), b.end() - 2);
  QUANT_TRY_ASSIGN(product.output, broadcast_shapes(product.batch_a, product.batch_b));
  if (!row) product.output.push_back(product.matrices.m);
  if (!column) product.output.push_back(product.matrices.n);
  QUANT_TRY_ASSIGN(const TensorType* bias, optional_float_input(context, 2));
  if (bias != nullptr &&
      (bias->shape.size() != 1 || column || !may_equal(bias->shape[0], product.matrices.n))) {
    return fail(ErrorCode::kInvalidData, fmt::format("bias {} does not fit a product of {} columns",
                                                     to_string(bias->shape), product.matrices.n));
  }
  return product;
}

Result<std::vector<TensorType>> infer_matmul(const NodeContext& context) {
  QUANT_TRY_ASSIGN(Product product, plan_matmul(context));
  QUANT_TRY(check_size(product.output));
  return std::vector<TensorType>{{DataType::kFloat32, std::move(product.output)}};
}

void add_bias(Tensor& y, const Tensor& bias) {
  const auto values = y.data<float>();
  const auto addend = bias.data<float>();
  if (addend.empty()) return;
  for (std::size_t row = 0; row < values.size(); row += addend.size()) {
    for (std::size_t column = 0; column < addend.size(); ++column)
      values[row + column] += addend[column];
  }
}

Result<std::unique_ptr<PreparedNode>> prepare_matmul(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const Product product, plan_matmul(context));
  QUANT_TRY(check_size(product.output));
  QUANT_TRY_ASSIGN(BatchedMatMul multiply,
                   BatchedMatMul::create(product.batch_a, product.batch_b, product.matrices));
  return prepared_function(
      [multiply = std::move(multiply), shape = product.output](
          std::span<const Tensor* const> inputs, std::vector<Tensor>& outputs) mutable -> Status {
        outputs.assign(1, Tensor(DataType::kFloat32, shape, BufferFill::kUndefined));
        QUANT_TRY(multiply.run(floats_of(inputs, 0), floats_of(inputs, 1),
                               outputs[0].data<float>().data()));
        if (inputs.size() > 2 && inputs[2] != nullptr) add_bias(outputs[0], *inputs[2]);
        return Status{};
      });
}

Result<onednn::MatMulShape> plan_gemm(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* a, float_input(context, 0));
  QUANT_TRY_ASSIGN(const TensorType* b, float_input(context, 1));
  QUANT_TRY_ASSIGN(const TensorType* c, optional_float_input(context, 2));
  if (a->shape.size() != 2 || b->shape.size() != 2) {
    return fail(ErrorCode::kInvalidData, fmt::format("inputs {} and {} are not both matrices",
                                                     to_string(a->shape), to_string(b->shape)));
  }
  onednn::MatMulShape shape;
  shape.transpose_a = context.node.attributes.integer("transA", 0) != 0;
  shape.transpose_b = context.node.attributes.integer("transB", 0) != 0;
  shape.m = a->shape[shape.transpose_a ? 1 : 0];
  shape.k = a->shape[shape.transpose_a ? 0 : 1];
  shape.n = b->shape[shape.transpose_b ? 0 : 1];
  const std::int64_t k = b->shape[shape.transpose_b ? 1 : 0];
  if (!may_equal(shape.k, k)) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("the inner sizes {} and {} differ", shape.k, k));
  }
  if (c != nullptr) {
    const Shape& addend = c->shape;
    const std::int64_t rows = addend.size() < 2 ? 1 : addend[addend.size() - 2];
    const std::int64_t columns = addend.empty() ? 1 : addend.back();
    if (addend.size() > 2 || !(may_equal(rows, shape.m) || rows == 1) ||
        !(may_equal(columns, shape.n) || columns == 1)) {
      return fail(ErrorCode::kInvalidData, fmt::format("input C {} does not fit a {}x{} product",
                                                       to_string(addend), shape.m, shape.n));
    }
  }
  return shape;
}

Result<std::vector<TensorType>> infer_gemm(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const onednn::MatMulShape shape, plan_gemm(context));
  Shape output{shape.m, shape.n};
  QUANT_TRY(check_size(output));
  return std::vector<TensorType>{{DataType::kFloat32, std::move(output)}};
}

// y = alpha·y + beta·c, c stretched to y's rows and columns.
void scale_and_add(Tensor& y, float alpha, const Tensor* c, float beta) {
  const std::int64_t rows = y.shape()[0];
  const std::int64_t columns = y.shape()[1];
  float* values = y.data<float>().data();
  if (c == nullptr) {
    if (alpha == 1.0F) return;
    for (std::int64_t i = 0; i < rows * columns; ++i) values[i] *= alpha;
    return;
  }
  const float* addend = c->data<float>().data();
  const std::int64_t step_column = c->rank() >= 1 && c->shape().back() != 1 ? 1 : 0;
  const std::int64_t step_row = c->rank() == 2 && c->shape()[0] != 1 ? c->shape()[1] : 0;
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t column = 0; column < columns; ++column) {
      float& value = values[row * columns + column];
      value = alpha * value + beta * addend[row * step_row + column * step_column];
    }
  }
}

Result<std::unique_ptr<PreparedNode>> prepare_gemm(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const onednn::MatMulShape shape, plan_gemm(context));
  const Shape output{shape.m, shape.n};
  QUANT_TRY(check_size(output));
  QUANT_TRY_ASSIGN(BatchedMatMul multiply, BatchedMatMul::create({}, {}, shape));
  const float alpha = context.node.attributes.number("alpha", 1.0F);
  const float beta = context.node.attributes.number("beta", 1.0F);
  return prepared_function(
      [multiply = std::move(multiply), output, alpha, beta](
          std::span<const Tensor* const> inputs, std::vector<Tensor>& outputs) mutable -> Status {
        outputs.assign(1, Tensor(DataType::kFloat32, output, BufferFill::kUndefined));
        QUANT_TRY(multiply.run(floats_of(inputs, 0), floats_of(inputs, 1),
                               outputs[0].data<float>().data()));
        scale_and_add(outputs[0], alpha, inputs.size() > 2 ? inputs[2] : nullptr, beta);
        return Status{};
      });
}

Result<std::vector<TensorType>> infer_det(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const TensorType* x, float_input(context, 0));
  const Shape& shape = x->shape;
  if (shape.size() < 2 || !may_equal(shape.back(), shape[shape.size() - 2])) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("input {} does not end in square matrices", to_string(shape)));
  }
  return std::vector<TensorType>{{DataType::kFloat32, Shape(shape.begin(), shape.end() - 2)}};
}

// By Gaussian elimination with row pivoting, in double. Destroys `matrix`.
double determinant(std::vector<double>& matrix, std::size_t size) {
  double result = 1;
  for (std::size_t column = 0; column < size; ++column) {
    std::size_t pivot = column;
    for (std::size_t row = column + 1; row < size; ++row) {
      if (std::fabs(matrix[row * size + column]) > std::fabs(matrix[pivot * size + column]))
        pivot = row;
    }
    const double head = matrix[pivot * size + column];
    if (head == 0) return 0;
    if (pivot != column) {
      for (std::size_t i = 0; i < size; ++i)
        std::swap(matrix[pivot * size + i], matrix[column * size + i]);
      result = -result;
    }
    result *= head;
    for (std::size_t row = column + 1; row < size; ++row) {
      const double factor = matrix[row * size + column] / head;
      for (std::size_t i = column; i < size; ++i) {
        matrix[row * size + i] -= factor * matrix[column * size + i];
      }
    }
  }
  return result;
}

Result<std::unique_ptr<PreparedNode>> prepare_det(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const std::vector<TensorType> output, infer_det(context));
  const auto size = static_cast<std::size_t>(context.types[0]->shape.back());
  return prepared_function([size, shape = output[0].shape](std::span<const Tensor* const> inputs,
                                                           std::vector<Tensor>& outputs) {
    outputs.assign(1, Tensor(DataType::kFloat32, shape, BufferFill::kUndefined));
    const float* source = floats_of(inputs, 0);
    for (float& value : outputs[0].data<float>()) {
      std::vector<double> matrix(source, source + size * size);
      value = static_cast<float>(determinant(matrix, size));
      source += size * size;
    }
    return Status{};
  });
}

constexpr Operator kOperators[] = {
    // ONNX has two inputs; a third is the bias that passes fold, one a column.
    {OpKind::kMatMul, 2, 3, infer_matmul, prepare_matmul},
    {OpKind::kGemm, 2, 3, infer_gemm, prepare_gemm},
    {OpKind::kEinsum, 1, -1, infer_einsum, prepare_einsum},
    {OpKind::kDet, 1, 1, infer_det, prepare_det},
};

}  // namespace

std::span<const Operator> matmul_operators() { return kOperators; }

}  // namespace quant
