// SPDX-License-Identifier: MIT
// The rules of rewrite.cpp in parts, one source file a family.
#pragma once

#include <span>
#include <string_view>

#include "quant/onnx/rewrite.h"

namespace quant {

struct RewriteRule {
  std::string_view op_type;
  Status (*apply)(NodeForm&, GraphBuilder&);
};

std::span<const RewriteRule>
movement_rules();  // Reshape, Squeeze, Slice, Split, Pad, TopK, Resize, …
std::span<const RewriteRule>
arithmetic_rules();                            // broadcasting, Clip, reductions, Cast, Softmax, …
std::span<const RewriteRule> network_rules();  // convolution, pooling, normalization, Dropout, …
std::span<const RewriteRule>
quantized_rules();  // of com.microsoft: QLinearAdd, QLinearConcat, QGemm, …

// Moves a list attribute to input `index` as an int64 constant; nothing where the attribute is
// absent.
void attribute_to_input(NodeForm& form, GraphBuilder& builder, const std::string& attribute,
                        std::size_t index);

}  // namespace quant
