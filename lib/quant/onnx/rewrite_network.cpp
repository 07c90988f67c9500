// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "quant/onnx/rewrite_rules.h"

namespace quant {
namespace {

// Pooling and convolution windows along one axis, in elements.
struct Window {
  std::int64_t input = 0;
  std::int64_t kernel = 1;
  std::int64_t stride = 1;
  std::int64_t dilation = 1;
};

// Elements to add so that the output has ceil(input / stride) elements.
Result<std::int64_t> same_padding(const Window& window) {
  constexpr std::int64_t kMaxSize = std::int64_t{1} << 31;
  for (const std::int64_t size : {window.kernel, window.stride, window.dilation}) {
    if (size < 1 || size > kMaxSize) {
      return fail(ErrorCode::kInvalidData, fmt::format("kernel, stride or dilation is {}", size));
    }
  }
  const std::int64_t outputs = (window.input + window.stride - 1) / window.stride;
  const std::int64_t covered =
      (outputs - 1) * window.stride + (window.kernel - 1) * window.dilation + 1;
  return std::max<std::int64_t>(0, covered - window.input);
}

// auto_pad becomes pads, so that only one form of padding is left. A size known only at run time
// leaves it to the operator.
Status resolve_auto_pad(NodeForm& form, const GraphBuilder& builder) {
  const std::string mode = form.attributes.text("auto_pad", "NOTSET");
  if (mode == "NOTSET") {
    form.attributes.erase("auto_pad");
    return {};
  }
  if (mode == "VALID") {
    form.attributes.erase("auto_pad");
    form.attributes.erase("pads");
    form.attributes.erase("ceil_mode");
    return {};
  }
  if ((mode != "SAME_UPPER" && mode != "SAME_LOWER") || form.input(0) == kNoValue) return {};
  const auto kernel = form.attributes.integers("kernel_shape");
  const Shape& shape = builder.shape(form.input(0));
  const auto strides =
      form.attributes.integers("strides", std::vector<std::int64_t>(kernel.size(), 1));
  const auto dilations =
      form.attributes.integers("dilations", std::vector<std::int64_t>(kernel.size(), 1));
  if (kernel.empty() || shape.size() != kernel.size() + 2 || strides.size() != kernel.size() ||
      dilations.size() != kernel.size()) {
    return {};
  }
  std::vector<std::int64_t> pads(kernel.size() * 2, 0);
  for (std::size_t axis = 0; axis < kernel.size(); ++axis) {
    if (shape[axis + 2] < 0) return {};
    QUANT_TRY_ASSIGN(const std::int64_t total,
                     same_padding({shape[axis + 2], kernel[axis], strides[axis], dilations[axis]}));
    const std::int64_t less = total / 2;
    pads[axis] = mode == "SAME_UPPER" ? less : total - less;
    pads[axis + kernel.size()] = total - pads[axis];
  }
  form.attributes.set("pads", std::move(pads));
  form.attributes.erase("auto_pad");
  // Already counted: the padding fits ceil(input / stride) outputs exactly.
  form.attributes.erase("ceil_mode");
  return {};
}

void derive_kernel_shape(NodeForm& form, const GraphBuilder& builder, std::size_t weights) {
  if (form.attributes.has("kernel_shape") || form.input(weights) == kNoValue) return;
  const Shape& shape = builder.shape(form.input(weights));
  if (shape.size() < 3 || !is_static(shape)) return;
  form.attributes.set("kernel_shape", std::vector<std::int64_t>(shape.begin() + 2, shape.end()));
}

Status convolution(NodeForm& form, GraphBuilder& builder) {
  derive_kernel_shape(form, builder, 1);
  return resolve_auto_pad(form, builder);
}

Status quantized_convolution(NodeForm& form, GraphBuilder& builder) {
  derive_kernel_shape(form, builder, 3);
  return resolve_auto_pad(form, builder);
}

Status transposed_convolution(NodeForm& form, GraphBuilder& builder) {
  derive_kernel_shape(form, builder, 1);
  return {};
}

Status pooling(NodeForm& form, GraphBuilder& builder) { return resolve_auto_pad(form, builder); }

// The very first versions had a float here.
void integer_p(NodeForm& form) {
  const float p = form.attributes.number("p", 0);
  if (p != 0)
    form.attributes.set("p", static_cast<std::int64_t>(std::lround(std::clamp(p, -1e6F, 1e6F))));
}

Status lp_pooling(NodeForm& form, GraphBuilder& builder) {
  integer_p(form);
  return resolve_auto_pad(form, builder);
}

Status global_lp_pooling(NodeForm& form, GraphBuilder&) {
  integer_p(form);
  return {};
}

Status batch_normalization(NodeForm& form, GraphBuilder&) {
  if (form.opset < 9 && form.attributes.integer("spatial", 1) == 0) {
    return fail(ErrorCode::kUnsupported,
                "statistics for every pixel (spatial=0) are not supported");
  }
  if (form.attributes.integer("training_mode", 0) != 0) {
    return fail(
        ErrorCode::kUnsupported,
        "the model was exported in training mode (training_mode=1); export it for inference");
  }
  const bool asks_statistics =
      std::any_of(form.outputs.begin() + (form.outputs.empty() ? 0 : 1), form.outputs.end(),
                  [](const std::string& output) { return !output.empty(); });
  if (asks_statistics) {
    return fail(ErrorCode::kUnsupported,
                "its training outputs are read; export the model for inference");
  }
  for (const char* name : {"spatial", "is_test", "momentum", "training_mode"}) {
    form.attributes.erase(name);
  }
  return {};
}

// Opset 20 and older: scale and bias have one element a group.
Status group_normalization(NodeForm& form, GraphBuilder& builder) {
  form.attributes.erase("stash_type");
  if (form.opset >= 21 || form.input(0) == kNoValue) return {};
  const std::int64_t groups = form.attributes.integer("num_groups", 0);
  const Shape& shape = builder.shape(form.input(0));
  if (shape.size() < 2 || shape[1] < 0 || groups <= 0 || shape[1] % groups != 0) {
    return fail(ErrorCode::kInvalidData, "num_groups does not divide the number of channels");
  }
  const std::int64_t channels = shape[1];
  if (channels == groups) return {};
  const auto inner = [&](OpKind op, ValueId id, const std::vector<std::int64_t>& sizes) {
    const ValueId sizes_id = builder.add_constant(form.name + "/sizes", int64_vector(sizes));
    return builder.add_inner_node({op, form.name, {id, sizes_id}, {}, {}},
                                  form.name + "/per_channel");
  };
  for (const std::size_t index : {1, 2}) {
    if (form.input(index) == kNoValue) continue;
    QUANT_TRY_ASSIGN(const ValueId column, inner(OpKind::kReshape, form.input(index), {groups, 1}));
    QUANT_TRY_ASSIGN(const ValueId repeated,
                     inner(OpKind::kExpand, column, {groups, channels / groups}));
    QUANT_TRY_ASSIGN(form.inputs[index], inner(OpKind::kReshape, repeated, {channels}));
  }
  return {};
}

Status layer_normalization(NodeForm& form, GraphBuilder&) {
  form.attributes.erase("stash_type");
  return {};
}

bool is_true_constant(const Tensor* tensor) {
  return tensor != nullptr && tensor->type() == DataType::kBool && tensor->elements() == 1 &&
         tensor->data<std::uint8_t>()[0] != 0;
}

// Inference: the input passes, and the mask keeps every element.
Status dropout(NodeForm& form, GraphBuilder& builder) {
  if (form.input(0) == kNoValue) return fail(ErrorCode::kInvalidData, "its input is missing");
  if (form.opset >= 12 && form.input(2) != kNoValue) {
    const Tensor* training = builder.constant(form.input(2));
    if (training == nullptr || is_true_constant(training)) {
      return fail(ErrorCode::kUnsupported,
                  "the model was exported in training mode; export it for inference");
    }
  }
  form.same_as = form.input(0);
  if (form.outputs.size() < 2 || form.outputs[1].empty()) return {};
  QUANT_TRY_ASSIGN(const ValueId sizes,
                   builder.add_inner_node({OpKind::kShape, form.name, {form.input(0)}, {}, {}},
                                          form.name + "/shape"));
  Tensor kept(DataType::kBool, {1});
  kept.data<std::uint8_t>()[0] = 1;
  Attributes attributes;
  attributes.set("value", std::move(kept));
  QUANT_TRY(builder.add_node(
      {OpKind::kConstantOfShape, form.name, {sizes}, {form.outputs[1]}, std::move(attributes)}));
  return {};
}

Status roi_align(NodeForm& form, GraphBuilder&) {
  if (form.opset < 16) {
    form.attributes.set("coordinate_transformation_mode", std::string("output_half_pixel"));
  }
  return {};
}

Status grid_sample(NodeForm& form, GraphBuilder&) {
  const std::string mode = form.attributes.text("mode");
  if (mode == "bilinear") form.attributes.set("mode", std::string("linear"));
  if (mode == "bicubic") form.attributes.set("mode", std::string("cubic"));
  return {};
}

constexpr std::array kRules = {
    RewriteRule{"AveragePool", pooling},
    RewriteRule{"BatchNormalization", batch_normalization},
    RewriteRule{"Conv", convolution},
    RewriteRule{"ConvTranspose", transposed_convolution},
    RewriteRule{"Dropout", dropout},
    RewriteRule{"GlobalLpPool", global_lp_pooling},
    RewriteRule{"GridSample", grid_sample},
    RewriteRule{"GroupNormalization", group_normalization},
    RewriteRule{"LayerNormalization", layer_normalization},
    RewriteRule{"LpPool", lp_pooling},
    RewriteRule{"MaxPool", pooling},
    RewriteRule{"QLinearConv", quantized_convolution},
    RewriteRule{"RoiAlign", roi_align},
};

}  // namespace

std::span<const RewriteRule> network_rules() { return kRules; }

}  // namespace quant
