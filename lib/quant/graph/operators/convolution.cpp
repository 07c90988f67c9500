// SPDX-License-Identifier: MIT
// Conv and ConvTranspose through oneDNN.
#include <fmt/format.h>

#include <algorithm>

#include "quant/graph/operators/families.h"
#include "quant/graph/operators/float_input.h"
#include "quant/graph/operators/fused.h"
#include "quant/graph/operators/image_shape.h"
#include "quant/graph/operators/onednn.h"
#include "quant/graph/operators/prepared_function.h"
#include "quant/graph/operators/window.h"

namespace quant {
namespace {

struct Layer {
  ImageShape input;
  ImageShape output;
  onednn::ConvolutionShape shape;  // complete only where everything is static
};

Status check_bias(const NodeContext& context, std::int64_t channels) {
  QUANT_TRY_ASSIGN(const TensorType* bias, optional_float_input(context, 2));
  if (bias == nullptr) return {};
  if (bias->shape.size() != 1 || !may_equal(bias->shape[0], channels)) {
    return fail(ErrorCode::kInvalidData, fmt::format("bias {} does not fit {} output channels",
                                                     to_string(bias->shape), channels));
  }
  return {};
}

Result<Layer> plan_layer(const NodeContext& context) {
  const Attributes& attributes = context.node.attributes;
  const bool transposed = context.node.op == OpKind::kConvTranspose;
  QUANT_TRY_ASSIGN(const TensorType* x, float_input(context, 0));
  QUANT_TRY_ASSIGN(const TensorType* w, float_input(context, 1));
  if (context.types.size() > kFusedAddend && attributes.integer(kFusedAddition, 0) == 0) {
    return fail(ErrorCode::kInvalidData, "has 4 inputs");
  }
  Layer layer;
  QUANT_TRY_ASSIGN(layer.input, image_shape(x->shape, attributes, 1, 3));
  const Shape& weights = w->shape;
  if (weights.size() != x->shape.size()) {
    return fail(ErrorCode::kInvalidData, fmt::format("weights {} do not fit an input {}",
                                                     to_string(weights), to_string(x->shape)));
  }
  if (std::find(weights.begin(), weights.end(), 0) != weights.end()) {
    return fail(ErrorCode::kInvalidData, fmt::format("weights {} are empty", to_string(weights)));
  }
  const std::int64_t groups = attributes.integer("group", 1);
  if (groups < 1 || groups > kMaxElements) {
    return fail(ErrorCode::kInvalidData, fmt::format("attribute group has the value {}", groups));
  }
  // Input channels: of the weights, per group for Conv, together for ConvTranspose.
  const std::int64_t weights_in = transposed ? weights[0] : weights[1];
  const std::int64_t weights_out = transposed ? weights[1] : weights[0];
  if (weights_in >= 0 && layer.input.channels >= 0 &&
      layer.input.channels != (transposed ? weights_in : weights_in * groups)) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("weights {} in {} groups do not fit {} input channels",
                            to_string(weights), groups, layer.input.channels));
  }
  const std::int64_t grouped = weights[0];
  if (grouped >= 0 && grouped % groups != 0) {
    return fail(ErrorCode::kInvalidData,
                fmt::format("{} channels do not divide into {} groups", grouped, groups));
  }
  layer.output = layer.input;
  layer.output.channels = weights_out < 0 || !transposed ? weights_out : weights_out * groups;
  QUANT_TRY(check_bias(context, layer.output.channels));

  const std::vector<std::int64_t> kernel(weights.begin() + 2, weights.end());
  if (!is_static(weights)) {
    layer.output.spatial.assign(kernel.size(), -1);
    return layer;
  }
  QUANT_TRY_ASSIGN(const Window window, read_window(attributes, kernel.size(), kernel));
  PlacedWindow placed;
  if (transposed) {
    QUANT_TRY_ASSIGN(placed, place_transposed_window(window, layer.input.spatial, attributes));
  } else {
    QUANT_TRY_ASSIGN(placed, place_window(window, layer.input.spatial, false));
  }
  layer.output.spatial = placed.output;
  layer.shape = {layer.input.batch,
                 groups,
                 layer.input.channels,
                 layer.output.channels,
                 placed.input,
                 placed.kernel,
                 placed.output,
                 placed.strides,
                 placed.dilations,
                 placed.pads_begin,
                 placed.pads_end,
                 transposed,
                 context.types.size() > 2 && context.types[2] != nullptr,
                 layer.input.channels_last};
  return layer;
}

Result<std::vector<TensorType>> infer_layer(const NodeContext& context) {
  QUANT_TRY_ASSIGN(const Layer layer, plan_layer(context));
  const Shape output = layer.output.shape();
  QUANT_TRY(check_size(output));
  return std::vector<TensorType>{{DataType::kFloat32, output}};
}

class PreparedConvolution final : public PreparedNode {
 public:
  PreparedConvolution(onednn::Convolution convolution, Shape output, bool packed)
      : convolution_(std::move(convolution)), output_(std::move(output)), packed_(packed) {}

  Status run(std::span<const Tensor* const> inputs, std::vector<Tensor>& outputs) override {
    if (!packed_) QUANT_TRY(convolution_.set_weights(floats_of(inputs, 1)));
    Tensor result = inputs.size() > kFusedAddend
                        ? inputs[kFusedAddend]->clone()
                        : Tensor(DataType::kFloat32, output_, BufferFill::kUndefined);
    QUANT_TRY(
        convolution_.run(floats_of(inputs, 0), floats_of(inputs, 2), result.data<float>().data()));
    outputs.assign(1, result);
    return {};
  }

 private:
  onednn::Convolution convolution_;
  Shape output_;
  bool packed_;
};

// A transposed convolution whose output is larger than what its input reaches (output_padding
// beyond the padding): oneDNN computes the part that is reached, the rest is bias.
class PaddedTranspose final : public PreparedNode {
 public:
  PaddedTranspose(std::unique_ptr<PreparedNode> inner, const ImageShape& reached, ImageShape output)
      : inner_(std::move(inner)), reached_(reached), output_(std::move(output)) {}

  Status run(std::span<const Tensor* const> inputs, std::vector<Tensor>& outputs) override {
    QUANT_TRY(inner_->run(inputs, outputs));
    Tensor result(DataType::kFloat32, output_.shape());
    const float* const bias = floats_of(inputs, 2);
    const std::span<const float> part = outputs[0].data<float>();
    const std::span<float> whole = result.data<float>();
    const std::int64_t row = reached_.spatial.back();
    const std::int64_t step = output_.spatial.back();
    const std::int64_t planes = output_.batch * output_.channels;
    for (std::int64_t plane = 0; plane < planes; ++plane) {
      const std::int64_t pixels = output_.pixels();
      float* const target = whole.data() + plane * pixels;
      const float fill = bias == nullptr ? 0.0F : bias[plane % output_.channels];
      std::fill_n(target, pixels, fill);
      const float* source = part.data() + plane * reached_.pixels();
      for (std::int64_t line = 0; line < reached_.pixels() / row; ++line, source += row) {
        std::copy_n(source, row, target + target_line(line) * step);
      }
    }
    outputs[0] = std::move(result);
    return {};
  }

 private:
  // Counts lines (all spatial axes but the last) in the output instead of in the reached part.
  std::int64_t target_line(std::int64_t line) const {
    std::int64_t result = 0;
    std::int64_t scale = 1;
    for (std::size_t axis = output_.spatial.size() - 1; axis-- > 0;) {
      result += line % reached_.spatial[axis] * scale;
      line /= reached_.spatial[axis];
      scale *= output_.spatial[axis];
    }
    return result;
  }

  std::unique_ptr<PreparedNode> inner_;
  ImageShape reached_;
  ImageShape output_;
};

Result<std::unique_ptr<PreparedNode>> prepare_inner(const NodeContext& context,
                                                    const onednn::ConvolutionShape& shape,
                                                    const Shape& output) {
  QUANT_TRY_ASSIGN(onednn::PostOps post_ops, read_fused(context.node.attributes));
  if (context.types.size() > kFusedAddend) {
    QUANT_TRY(float_input(context, kFusedAddend));
    if (context.types[kFusedAddend]->shape != output) {
      return fail(ErrorCode::kInternal, "the fused addition needs a tensor of the output's shape");
    }
    post_ops.accumulate = true;
  }
  QUANT_TRY_ASSIGN(onednn::Convolution convolution, onednn::Convolution::create(shape, post_ops));
  const Tensor* weights = constant_input(context, 1);
  if (weights != nullptr) QUANT_TRY(convolution.set_weights(weights->data<float>().data()));
  return std::make_unique<PreparedConvolution>(std::move(convolution), output, weights != nullptr);
}

Result<std::unique_ptr<PreparedNode>> prepare_layer(const NodeContext& context) {
  QUANT_TRY_ASSIGN(Layer layer, plan_layer(context));
  const Shape output = layer.output.shape();
  QUANT_TRY(check_size(output));
  if (layer.input.batch == 0) {
    return prepared_function(
        [output](std::span<const Tensor* const>, std::vector<Tensor>& outputs) {
          outputs.assign(1, Tensor(DataType::kFloat32, output));
          return Status{};
        });
  }
  if (!layer.shape.transposed) return prepare_inner(context, layer.shape, output);

  // oneDNN counts the end padding from the output; it takes none below zero.
  ImageShape reached = layer.output;
  onednn::ConvolutionShape& shape = layer.shape;
  for (std::size_t axis = 0; axis < shape.input.size(); ++axis) {
    const std::int64_t full = (shape.input[axis] - 1) * shape.strides[axis] +
                              (shape.kernel[axis] - 1) * shape.dilations[axis] + 1;
    shape.pads_end[axis] =
        std::max<std::int64_t>(0, full - shape.pads_begin[axis] - shape.output[axis]);
    shape.output[axis] = reached.spatial[axis] =
        full - shape.pads_begin[axis] - shape.pads_end[axis];
    if (shape.output[axis] < 1) {
      return fail(ErrorCode::kUnsupported,
                  "the padding leaves nothing of the transposed convolution");
    }
  }
  QUANT_TRY_ASSIGN(std::unique_ptr<PreparedNode> inner,
                   prepare_inner(context, shape, reached.shape()));
  if (reached.spatial == layer.output.spatial) return inner;
  if (layer.input.channels_last) {
    return fail(ErrorCode::kInternal, "this transposed convolution has no channels-last form");
  }
  return std::make_unique<PaddedTranspose>(std::move(inner), reached, layer.output);
}

constexpr Operator kOperators[] = {
    // The third input is the bias; a fourth exists only where the engine fused an addition.
    {OpKind::kConv, 2, 4, infer_layer, prepare_layer},
    {OpKind::kConvTranspose, 2, 3, infer_layer, prepare_layer},
};

}  // namespace

std::span<const Operator> convolution_operators() { return kOperators; }

}  // namespace quant
