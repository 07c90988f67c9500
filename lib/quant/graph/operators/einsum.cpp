// SPDX-License-Identifier: MIT
#include "quant/graph/operators/einsum.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <string_view>

#include "quant/graph/operators/batched_matmul.h"
#include "quant/graph/operators/float_input.h"
#include "quant/graph/operators/strided_copy.h"

namespace quant {
namespace {

// A letter's character code; axes of an ellipsis count backwards from the last, which is kEllipsis.
using Label = int;
using Labels = std::vector<Label>;
constexpr Label kEllipsis = -1;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool contains(const Labels& labels, Label label) {
  return std::find(labels.begin(), labels.end(), label) != labels.end();
}

struct Equation {
  std::vector<Labels> operands;
  Labels output;
  std::map<Label, std::int64_t> sizes;  // -1 where unknown
};

// `ellipsis` axes stand for "…". InvalidData on anything but letters and at most one ellipsis.
Result<Labels> read_term(std::string_view term, std::size_t ellipsis) {
  Labels labels;
  bool seen = false;
  for (std::size_t i = 0; i < term.size(); ++i) {
    if (term.substr(i, 3) == "..." && !seen) {
      for (std::size_t axis = ellipsis; axis > 0; --axis) {
        labels.push_back(kEllipsis - static_cast<Label>(axis - 1));
      }
      seen = true;
      i += 2;
    } else if (is_letter(term[i])) {
      labels.push_back(term[i]);
    } else {
      return fail(ErrorCode::kInvalidData,
                  fmt::format("cannot read the equation's term '{}'", term));
    }
  }
  return labels;
}

std::size_t letters_in(std::string_view term) {
  return static_cast<std::size_t>(std::count_if(term.begin(), term.end(), is_letter));
}

// Without "->": ellipsis axes, then every letter that stands once, in alphabetical order.
Labels implicit_output(const Equation& equation) {
  std::map<Label, int> counts;
  for (const Labels& operand : equation.operands) {
    for (const Label label : operand) ++counts[label];
  }
  Labels output;
  for (const auto& [label, count] : counts) {
    if (label < 0 || count == 1) output.push_back(label);
  }
  return output;
}

Status add_sizes(Equation& equation, const Labels& labels, const Shape& shape) {
  for (std::size_t axis = 0; axis < labels.size(); ++axis) {
    auto [entry, fresh] = equation.sizes.emplace(labels[axis], shape[axis]);
    std::int64_t& size = entry->second;
    if (fresh || shape[axis] == 1 || shape[axis] == size) continue;
    if (size == 1 || size < 0) {
      size = shape[axis];
    } else if (shape[axis] >= 0) {
      return fail(ErrorCode::kInvalidData,
                  fmt::format("one label stands for the sizes {} and {}", size, shape[axis]));
    }
  }
  return {};
}

Result<Equation> read_equation(const NodeContext& context) {
  std::string text = context.node.attributes.text("equation");
  std::erase(text, ' ');
  const std::size_t arrow = text.find("->");
  const std::string_view left = std::string_view(text).substr(0, arrow);
  std::vector<std::string_view> terms;
  for (std::size_t begin = 0; begin <= left.size();) {
    const std::size_t end = std::min(left.find(',', begin), left.size());
    terms.push_back(left.substr(begin, end - begin));
    begin = end + 1;
  }
  if (terms.size() != context.types.size()) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("the equation '{}' is for {} inputs instead of {}", text, terms.size(),
                            context.types.size()));
  }
  Equation equation;
  std::size_t widest = 0;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    QUANT_TRY_ASSIGN(const TensorType* type, float_input(context, i));
    const std::size_t rank = type->shape.size();
    const std::size_t letters = letters_in(terms[i]);
    const std::size_t ellipsis = rank > letters ? rank - letters : 0;
    QUANT_TRY_ASSIGN(Labels labels, read_term(terms[i], ellipsis));
    if (labels.size() != rank) {
      return fail(ErrorCode::kInvalidData,
                  fmt::format("the equation's term '{}' does not fit input {}", terms[i],
                              to_string(type->shape)));
    }
    widest = std::max(widest, ellipsis);
    QUANT_TRY(add_sizes(equation, labels, type->shape));
    equation.operands.push_back(std::move(labels));
  }
  if (arrow == std::string::npos) {
    equation.output = implicit_output(equation);
    return equation;
  }
  QUANT_TRY_ASSIGN(equation.output, read_term(std::string_view(text).substr(arrow + 2), widest));
  for (std::size_t i = 0; i < equation.output.size(); ++i) {
    const Label label = equation.output[i];
    const auto position = equation.output.begin() + static_cast<std::ptrdiff_t>(i);
    if (!equation.sizes.contains(label) ||
        std::find(equation.output.begin(), position, label) != position) {
      return fail(
          ErrorCode::kInvalidData,
          fmt::format("the output of the equation '{}' has a label that no input has, or one twice",
                      text));
    }
  }
  return equation;
}

Shape output_shape(const Equation& equation) {
  Shape shape;
  for (const Label label : equation.output) shape.push_back(equation.sizes.at(label));
  return shape;
}

// A tensor under a chosen order of its axes. Axes of size 1 are left out: then nothing ever
// stretches.
struct View {
  Labels labels;
  std::vector<std::int64_t> sizes;
  std::vector<std::int64_t> strides;
};

// A label that stands twice means the diagonal: the steps add up.
View view_of(const Labels& labels, const Shape& shape) {
  View view;
  const std::vector<std::int64_t> strides = row_major_strides(shape);
  for (std::size_t axis = 0; axis < labels.size(); ++axis) {
    if (shape[axis] == 1) continue;
    const auto found = std::find(view.labels.begin(), view.labels.end(), labels[axis]);
    if (found != view.labels.end()) {
      view.strides[static_cast<std::size_t>(found - view.labels.begin())] += strides[axis];
      continue;
    }
    view.labels.push_back(labels[axis]);
    view.sizes.push_back(shape[axis]);
    view.strides.push_back(strides[axis]);
  }
  return view;
}

View dense(Labels labels, const std::map<Label, std::int64_t>& sizes) {
  Shape shape;
  for (const Label label : labels) shape.push_back(sizes.at(label));
  return {std::move(labels), shape, row_major_strides(shape)};
}

// Copies a tensor into the order of `view`, then sums over its innermost `summed` axes.
struct Arrangement {
  View view;
  std::size_t summed = 0;

  Tensor apply(const Tensor& source) const {
    const auto kept = view.sizes.end() - static_cast<std::ptrdiff_t>(summed);
    const Shape shape(view.sizes.begin(), kept);
    const std::int64_t each =
        std::accumulate(kept, view.sizes.end(), std::int64_t{1}, std::multiplies<>());
    if (view.strides == row_major_strides(view.sizes) && summed == 0 &&
        element_count(shape) == source.elements()) {
      return source.reshaped(shape);
    }
    Tensor ordered(DataType::kFloat32, view.sizes);
    strided_copy(view.sizes, source, 0, view.strides, ordered);
    if (summed == 0) return ordered;
    Tensor result(DataType::kFloat32, shape);
    const float* values = ordered.data<float>().data();
    for (float& sum : result.data<float>()) {
      sum = static_cast<float>(std::accumulate(values, values + each, 0.0));
      values += each;
    }
    return result;
  }
};

// The axes of `view` in the order given; those not named follow and are summed.
Arrangement arrange(const View& view, const Labels& order) {
  Arrangement result;
  Labels labels = order;
  for (const Label label : view.labels) {
    if (!contains(order, label)) labels.push_back(label);
  }
  result.summed = labels.size() - order.size();
  for (const Label label : labels) {
    const auto axis = static_cast<std::size_t>(
        std::find(view.labels.begin(), view.labels.end(), label) - view.labels.begin());
    result.view.labels.push_back(label);
    result.view.sizes.push_back(view.sizes[axis]);
    result.view.strides.push_back(view.strides[axis]);
  }
  return result;
}

struct Contraction {
  Arrangement left;
  Arrangement right;
  BatchedMatMul multiply;
  Shape shape;
};

class PreparedEinsum final : public PreparedNode {
 public:
  static Result<std::unique_ptr<PreparedNode>> create(const Equation& equation,
                                                      const std::vector<Shape>& shapes) {
    auto node = std::make_unique<PreparedEinsum>();
    node->output_ = output_shape(equation);
    View current = view_of(equation.operands[0], shapes[0]);
    for (std::size_t i = 1; i < shapes.size(); ++i) {
      Labels wanted = equation.output;
      for (std::size_t later = i + 1; later < shapes.size(); ++later) {
        wanted.insert(wanted.end(), equation.operands[later].begin(),
                      equation.operands[later].end());
      }
      QUANT_TRY_ASSIGN(current, node->contract(equation, current,
                                               view_of(equation.operands[i], shapes[i]), wanted));
    }
    Labels order;
    for (const Label label : equation.output) {
      if (contains(current.labels, label)) order.push_back(label);
    }
    node->last_ = arrange(current, order);
    return node;
  }

  Status run(std::span<const Tensor* const> inputs, std::vector<Tensor>& outputs) override {
    Tensor current = *inputs[0];
    for (std::size_t i = 0; i < contractions_.size(); ++i) {
      Contraction& step = contractions_[i];
      const Tensor left = step.left.apply(current);
      const Tensor right = step.right.apply(*inputs[i + 1]);
      current = Tensor(DataType::kFloat32, step.shape, BufferFill::kUndefined);
      QUANT_TRY(step.multiply.run(left.data<float>().data(), right.data<float>().data(),
                                  current.data<float>().data()));
    }
    outputs.assign(1, last_.apply(current).reshaped(output_));
    return {};
  }

 private:
  // Appends the product of what came before with the next operand; returns how it lies in memory.
  Result<View> contract(const Equation& equation, const View& a, const View& b,
                        const Labels& wanted) {
    Labels batch;
    Labels rows;
    Labels inner;
    Labels columns;
    for (const Label label : a.labels) {
      const bool shared = contains(b.labels, label);
      const bool kept = contains(wanted, label);
      if (shared) (kept ? batch : inner).push_back(label);
      if (!shared && kept) rows.push_back(label);
    }
    for (const Label label : b.labels) {
      if (!contains(a.labels, label) && contains(wanted, label)) columns.push_back(label);
    }
    const auto join = [](Labels first, const Labels& second, const Labels& third) {
      first.insert(first.end(), second.begin(), second.end());
      first.insert(first.end(), third.begin(), third.end());
      return first;
    };
    const auto count = [&](const Labels& labels) {
      return element_count(dense(labels, equation.sizes).sizes);
    };
    View result = dense(join(batch, rows, columns), equation.sizes);
    QUANT_TRY(check_size(result.sizes));
    QUANT_TRY_ASSIGN(BatchedMatMul multiply, BatchedMatMul::create({count(batch)}, {count(batch)},
                                                                   {1, count(rows), count(inner),
                                                                    count(columns), false, false}));
    contractions_.push_back({arrange(a, join(batch, rows, inner)),
                             arrange(b, join(batch, inner, columns)), std::move(multiply),
                             result.sizes});
    return result;
  }

  std::vector<Contraction> contractions_;
  Arrangement last_;
  Shape output_;
};

}  // namespace

Result<std::vector<TensorType>> infer_einsum(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const Equation equation, read_equation(context));
  Shape shape = output_shape(equation);
  QUANT_TRY(check_size(shape));
  return std::vector<TensorType>{{DataType::kFloat32, std::move(shape)}};
}

Result<std::unique_ptr<PreparedNode>> prepare_einsum(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const Equation equation, read_equation(context));
  QUANT_TRY(check_size(output_shape(equation)));
  std::vector<Shape> shapes;
  for (const TensorType* type : context.types) shapes.push_back(type->shape);
  return PreparedEinsum::create(equation, shapes);
}

}  // namespace quant
