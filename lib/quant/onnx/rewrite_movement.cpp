// SPDX-License-Identifier: MIT
#include <array>

#include "quant/onnx/rewrite_rules.h"

namespace quant {
namespace {

Status reshape(NodeForm& form, GraphBuilder& builder) {
  if (form.opset < 5) attribute_to_input(form, builder, "shape", 1);
  return {};
}

Status squeeze(NodeForm& form, GraphBuilder& builder) {
  if (form.opset < 13) attribute_to_input(form, builder, "axes", 1);
  return {};
}

Status slice(NodeForm& form, GraphBuilder& builder) {
  if (form.opset >= 10) return {};
  attribute_to_input(form, builder, "starts", 1);
  attribute_to_input(form, builder, "ends", 2);
  attribute_to_input(form, builder, "axes", 3);
  return {};
}

Status split(NodeForm& form, GraphBuilder& builder) {
  if (form.opset < 2 && form.input(1) != kNoValue) {
    return fail(ErrorCode::kUnsupported, "sizes as an input are not supported in this opset");
  }
  if (form.opset < 13) attribute_to_input(form, builder, "split", 1);
  if (form.opset < 18 && form.input(1) == kNoValue) {
    form.attributes.set("num_outputs", static_cast<std::int64_t>(form.outputs.size()));
  }
  return {};
}

Status pad(NodeForm& form, GraphBuilder& builder) {
  if (form.opset >= 11) return {};
  if (form.input(0) == kNoValue) return {};
  attribute_to_input(form, builder, form.opset < 2 ? "paddings" : "pads", 1);
  if (form.attributes.has("value")) {
    const DataType type = builder.value(form.input(0)).type;
    form.set_input(2, builder.add_constant(form.name + "/value",
                                           float_scalar(type, form.attributes.number("value", 0))));
    form.attributes.erase("value");
  }
  return {};
}

Status concat(NodeForm& form, GraphBuilder&) {
  if (form.opset < 4 && !form.attributes.has("axis")) form.attributes.set("axis", std::int64_t{1});
  return {};
}

Status tile(NodeForm& form, GraphBuilder&) {
  if (form.opset >= 6) return {};
  return fail(ErrorCode::kUnsupported, "Tile with one axis (opset 5 and older) is not supported");
}

Status top_k(NodeForm& form, GraphBuilder& builder) {
  if (form.opset >= 10 || !form.attributes.has("k")) return {};
  form.set_input(
      1, builder.add_constant(form.name + "/k", int64_vector({form.attributes.integer("k", 0)})));
  form.attributes.erase("k");
  return {};
}

// Upsample and the first Resize: output pixel i reads input pixel floor(i / scale).
void set_asymmetric(NodeForm& form) {
  form.attributes.set("coordinate_transformation_mode", std::string("asymmetric"));
  if (form.attributes.text("mode", "nearest") == "nearest") {
    form.attributes.set("nearest_mode", std::string("floor"));
  }
}

Status upsample(NodeForm& form, GraphBuilder& builder) {
  if (form.attributes.text("mode") == "bilinear") {
    form.attributes.set("mode", std::string("linear"));
  }
  set_asymmetric(form);
  if (form.opset >= 9) {
    form.inputs = {form.input(0), kNoValue, form.input(1)};
    return {};
  }
  std::vector<float> scales = form.attributes.get<std::vector<float>>("scales", {});
  if (form.opset < 7) {
    scales = {1, 1, form.attributes.number("height_scale", 1),
              form.attributes.number("width_scale", 1)};
  }
  for (const char* name : {"scales", "height_scale", "width_scale"}) form.attributes.erase(name);
  const auto count = static_cast<std::int64_t>(scales.size());
  form.inputs = {form.input(0), kNoValue,
                 builder.add_constant(form.name + "/scales", Tensor::from<float>({count}, scales))};
  return {};
}

Status resize(NodeForm& form, GraphBuilder& builder) {
  if (form.opset < 11) {
    form.inputs = {form.input(0), kNoValue, form.input(1)};
    set_asymmetric(form);
    return {};
  }
  // Exporters leave out scales or sizes by an empty tensor.
  for (ValueId& id : form.inputs) {
    const Tensor* constant = builder.constant(id);
    if (constant != nullptr && constant->elements() == 0) id = kNoValue;
  }
  if (form.attributes.text("coordinate_transformation_mode") != "tf_crop_and_resize" &&
      form.inputs.size() > 1) {
    form.inputs[1] = kNoValue;
  }
  return {};
}

Status reduce(NodeForm& form, GraphBuilder& builder, std::int64_t axes_became_input) {
  if (form.opset >= axes_became_input) return {};
  if (form.attributes.integers("axes").empty()) {
    form.attributes.erase("axes");
    return {};
  }
  attribute_to_input(form, builder, "axes", 1);
  return {};
}

Status reduce_sum(NodeForm& form, GraphBuilder& builder) { return reduce(form, builder, 13); }
Status reduce_other(NodeForm& form, GraphBuilder& builder) { return reduce(form, builder, 18); }

constexpr std::array kRules = {
    RewriteRule{"Concat", concat},
    RewriteRule{"Pad", pad},
    RewriteRule{"ReduceL1", reduce_other},
    RewriteRule{"ReduceL2", reduce_other},
    RewriteRule{"ReduceLogSum", reduce_other},
    RewriteRule{"ReduceLogSumExp", reduce_other},
    RewriteRule{"ReduceMax", reduce_other},
    RewriteRule{"ReduceMean", reduce_other},
    RewriteRule{"ReduceMin", reduce_other},
    RewriteRule{"ReduceProd", reduce_other},
    RewriteRule{"ReduceSum", reduce_sum},
    RewriteRule{"ReduceSumSquare", reduce_other},
    RewriteRule{"Reshape", reshape},
    RewriteRule{"Resize", resize},
    RewriteRule{"Slice", slice},
    RewriteRule{"Split", split},
    RewriteRule{"Squeeze", squeeze},
    RewriteRule{"Tile", tile},
    RewriteRule{"TopK", top_k},
    RewriteRule{"Unsqueeze", squeeze},
    RewriteRule{"Upsample", upsample},
};

}  // namespace

std::span<const RewriteRule> movement_rules() { return kRules; }

}  // namespace quant
