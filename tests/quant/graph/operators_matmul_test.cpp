// SPDX-License-Identifier: MIT
// MatMul, Gemm and Einsum against sums over all indices.
#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "quant/graph/naive_oracle.h"

namespace quant::test {
namespace {

Tensor naive_matmul(const Tensor& a, const Tensor& b) {
  const std::size_t rank = std::max(a.rank(), b.rank());
  Shape shape(rank, 1);
  for (std::size_t i = 3; i <= rank; ++i) {
    const std::int64_t size_a = i <= a.rank() ? a.shape()[a.rank() - i] : 1;
    const std::int64_t size_b = i <= b.rank() ? b.shape()[b.rank() - i] : 1;
    shape[rank - i] = size_a == 1 ? size_b : size_a;
  }
  shape[rank - 2] = a.shape()[a.rank() - 2];
  shape[rank - 1] = b.shape().back();
  Tensor c(DataType::kFloat32, shape);
  for_each_index(shape, [&](const Ints& out) {
    const auto operand = [&](const Tensor& tensor, std::int64_t row, std::int64_t column) {
      Ints index(tensor.rank());
      for (std::size_t i = 3; i <= tensor.rank(); ++i) {
        const std::size_t axis = tensor.rank() - i;
        index[axis] = tensor.shape()[axis] == 1 ? 0 : out[rank - i];
      }
      index[tensor.rank() - 2] = row;
      index[tensor.rank() - 1] = column;
      return static_cast<double>(at(tensor, index));
    };
    double sum = 0;
    for (std::int64_t k = 0; k < a.shape().back(); ++k) {
      sum += operand(a, out[rank - 2], k) * operand(b, k, out[rank - 1]);
    }
    c.data<float>()[offset_of(shape, out)] = static_cast<float>(sum);
  });
  return c;
}

TEST(MatMul, AgreesWithTheDefinition) {
  const std::pair<Shape, Shape> cases[] = {
      {{3, 5}, {5, 7}},
      {{1, 1}, {1, 1}},
      {{4, 3, 5}, {5, 7}},
      {{3, 5}, {4, 5, 7}},
      {{2, 3, 4, 5}, {2, 3, 5, 6}},
      {{2, 1, 4, 5}, {3, 5, 6}},
      {{2, 3, 1, 5}, {1, 1, 5, 1}},
      {{33, 65}, {65, 17}},
      {{0, 5}, {5, 3}},
      {{3, 0}, {0, 4}},
  };
  for (const auto& [shape_a, shape_b] : cases) {
    const Tensor a = random_tensor(shape_a, 1);
    const Tensor b = random_tensor(shape_b, 2);
    const auto result = run_all(OpKind::kMatMul, {a, b});
    const std::string name = to_string(shape_a) + " by " + to_string(shape_b);
    ASSERT_TRUE(result) << name << ": " << result.error().text();
    expect_close((*result)[0], naive_matmul(a, b), 1e-5, name);
  }
}

TEST(MatMul, VectorsLoseTheirAxis) {
  const Tensor row = random_tensor({5}, 1);
  const Tensor matrix = random_tensor({5, 3}, 2);
  const Tensor tall = random_tensor({4, 3, 5}, 3);
  EXPECT_EQ((*run_all(OpKind::kMatMul, {row, matrix}))[0].shape(), (Shape{3}));
  EXPECT_EQ((*run_all(OpKind::kMatMul, {tall, row}))[0].shape(), (Shape{4, 3}));
  EXPECT_EQ((*run_all(OpKind::kMatMul, {row, row}))[0].shape(), Shape{});
}

TEST(Gemm, AgreesWithTheDefinition) {
  for (const bool transpose_a : {false, true}) {
    for (const bool transpose_b : {false, true}) {
      for (const Shape& shape_c :
           {Shape{}, Shape{1}, Shape{6}, Shape{1, 6}, Shape{5, 1}, Shape{5, 6}}) {
        const Tensor a = random_tensor(transpose_a ? Shape{7, 5} : Shape{5, 7}, 1);
        const Tensor b = random_tensor(transpose_b ? Shape{6, 7} : Shape{7, 6}, 2);
        const Tensor c = random_tensor(shape_c, 3);
        const auto result = run_all(OpKind::kGemm, {a, b, c},
                                    {{"transA", static_cast<std::int64_t>(transpose_a)},
                                     {"transB", static_cast<std::int64_t>(transpose_b)},
                                     {"alpha", 0.5F},
                                     {"beta", 2.0F}});
        ASSERT_TRUE(result) << result.error().text();
        ASSERT_EQ((*result)[0].shape(), (Shape{5, 6}));
        for_each_index({5, 6}, [&](const Ints& out) {
          double sum = 0;
          for (std::int64_t k = 0; k < 7; ++k) {
            sum += static_cast<double>(at(a, transpose_a ? Ints{k, out[0]} : Ints{out[0], k})) *
                   at(b, transpose_b ? Ints{out[1], k} : Ints{k, out[1]});
          }
          Ints index;
          for (std::size_t i = 0; i < shape_c.size(); ++i) {
            index.push_back(shape_c[i] == 1 ? 0 : out[2 - shape_c.size() + i]);
          }
          EXPECT_NEAR(at((*result)[0], out), 0.5 * sum + 2 * at(c, index), 1e-5);
        });
      }
    }
  }
}

TEST(Einsum, AgreesWithTheDefinition) {
  // Letters in order of the sizes below; the oracle walks all index combinations.
  const std::map<char, std::int64_t> sizes{{'a', 2}, {'b', 3}, {'c', 4}, {'d', 5}, {'e', 3}};
  const std::string equations[] = {
      "ab,bc->ac", "abc,acd->abd", "abcd,abed->abce", "a,b->ab",      "ab->ba",
      "ab->a",     "ab->",         "ab,ab->",         "ab,bc,cd->da", "abc,cb->ba",
      "bb->b",     "bbd,bd->d",    "ab,cd->cadb",     "abc,d->cab",   "ab,ab,ab->b"};
  for (const std::string& equation : equations) {
    const std::size_t arrow = equation.find("->");
    std::vector<std::string> terms(1);
    for (const char letter : equation.substr(0, arrow)) {
      if (letter == ',') {
        terms.emplace_back();
      } else {
        terms.back() += letter;
      }
    }
    const std::string output = equation.substr(arrow + 2);
    std::string letters;
    std::vector<Tensor> operands;
    for (const std::string& term : terms) {
      Shape shape;
      for (const char letter : term) {
        shape.push_back(sizes.at(letter));
        if (letters.find(letter) == std::string::npos) letters += letter;
      }
      operands.push_back(random_tensor(shape, static_cast<std::uint32_t>(operands.size() + 1)));
    }
    Shape all;
    for (const char letter : letters) all.push_back(sizes.at(letter));
    Shape shape;
    for (const char letter : output) shape.push_back(sizes.at(letter));
    std::vector<double> sums(static_cast<std::size_t>(element_count(shape)));
    for_each_index(all, [&](const Ints& index) {
      const auto pick = [&](const std::string& term) {
        Ints result;
        for (const char letter : term) result.push_back(index[letters.find(letter)]);
        return result;
      };
      double product = 1;
      for (std::size_t i = 0; i < terms.size(); ++i) product *= at(operands[i], pick(terms[i]));
      sums[offset_of(shape, pick(output))] += product;
    });
    const OptionalTensors inputs(operands.begin(), operands.end());
    const auto result = run_all(OpKind::kEinsum, inputs, {{"equation", equation}});
    ASSERT_TRUE(result) << equation << ": " << result.error().text();
    ASSERT_EQ((*result)[0].shape(), shape) << equation;
    for (std::size_t i = 0; i < sums.size(); ++i) {
      EXPECT_NEAR((*result)[0].data<float>()[i], sums[i], 1e-5) << equation;
    }
  }
}

TEST(Einsum, EllipsisStretches) {
  const Tensor a = random_tensor({2, 1, 3, 4}, 1);
  const Tensor b = random_tensor({5, 4, 3}, 2);
  const auto result =
      run_all(OpKind::kEinsum, {a, b}, {{"equation", std::string("...ij, ...jk -> ...ik")}});
  ASSERT_TRUE(result) << result.error().text();
  expect_close((*result)[0], naive_matmul(a, b), 1e-5, "ellipsis");
}

}  // namespace
}  // namespace quant::test
