// SPDX-License-Identifier: MIT
#include "quant/graph/operators/fused.h"

namespace quant {

Result<onednn::PostOps> read_fused(const Attributes& attributes) {
  onednn::PostOps post_ops;
  const std::string name = attributes.text(kFusedActivation);
  post_ops.alpha = attributes.number(kFusedAlpha, 0);
  post_ops.beta = attributes.number(kFusedBeta, 0);
  if (name.empty()) {
    post_ops.activation = onednn::Activation::kNone;
  } else if (name == "Relu") {
    post_ops.activation = onednn::Activation::kRelu;
  } else if (name == "LeakyRelu") {
    post_ops.activation = onednn::Activation::kLeakyRelu;
  } else if (name == "Clip") {
    post_ops.activation = onednn::Activation::kClip;
  } else if (name == "Sigmoid") {
    post_ops.activation = onednn::Activation::kSigmoid;
  } else if (name == "Silu") {
    post_ops.activation = onednn::Activation::kSilu;
  } else {
    return fail(ErrorCode::kUnsupported, "cannot fuse the activation " + name);
  }
  return post_ops;
}

}  // namespace quant
