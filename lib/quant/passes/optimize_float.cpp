// SPDX-License-Identifier: MIT
#include "quant/passes/optimize_float.h"

#include "quant/onnx/layer_names.h"
#include "quant/passes/fold_channel_affine.h"
#include "quant/passes/fuse_silu.h"
#include "quant/passes/insert_normalization.h"
#include "quant/passes/lift_quantization.h"
#include "quant/passes/remove_no_ops.h"

namespace quant {

Result<Graph> optimize_float(Graph graph, const InputSpec& spec) {
  if (is_quantized(graph)) QUANT_TRY(lift_quantization(graph));
  remove_no_ops(graph);
  QUANT_TRY(fold_channel_affine(graph));
  fuse_silu(graph);
  if (spec.is_image()) QUANT_TRY(insert_normalization(graph, spec));
  name_layers(graph);
  QUANT_TRY(verify(graph));
  return graph;
}

}  // namespace quant
