// SPDX-License-Identifier: MIT
// Commands for a compiler or an allocator, and features that this optimizer does not have. They are
// read with whatever arguments they come, and listed as without effect.
#include "quant/script/command_table.h"

namespace quant {
namespace {

struct Names {
  const char* name;
  const char* feature;
  const char* description;
};

constexpr Names kWithoutEffect[] = {
    {"allocator_param", "", "settings of the allocator"},
    {"bucket", "", "a group of layers of one context"},
    {"buffer_calc_param", "", "settings of the buffers' calculation"},
    {"buffers", "", "sizes of the buffers between two layers"},
    {"compilation_param", "", "settings of single layers for the compiler"},
    {"concat", "", "a concatenation of a split layer's parts"},
    {"context", "", "layers that are on the chip together"},
    {"context_switch_param", "", "settings of contexts"},
    {"convert_to_dense", "", "a convolution as a dense layer"},
    {"ddr", "", "a buffer in external memory"},
    {"defuse", "", "a layer in several parts"},
    {"defuse_block", "", "a block of layers in several parts"},
    {"feature_splitter", "", "a layer that splits channels"},
    {"format_conversion", "", "a layer that changes memory order"},
    {"hef_param", "", "settings of the compiled file"},
    {"join", "", "layers that share a resource"},
    {"l4_portal", "", "a buffer in the chip's large memory"},
    {"logits_layer", "", "softmax or argmax behind an output, on the host"},
    {"merge", "", "two layers as one"},
    {"mux_demux", "", "layers that share a stream"},
    {"network_group", "", "networks that run together"},
    {"optimize_buffers", "", "a search for the buffers' sizes"},
    {"output_layer", "", "an output that the host computes"},
    {"output_mux", "", "outputs that share a stream"},
    {"performance_param", "", "the frame rate to compile for"},
    {"place", "", "layers on a cluster of the chip"},
    {"platform_param", "", "settings of the board"},
    {"portal", "", "a buffer between contexts"},
    {"remove_node", "", "a layer that the compiler leaves out"},
    {"resources_param", "", "how full the chip may be"},
    {"set_seed", "", "a seed for random numbers"},
    {"shape_splitter", "", "a layer that splits a tensor"},
    {"shortcut", "", "a copy for a second reader"},
    {"spatial_reshape_flow_params", "", "settings of reshapes"},
    {"transpose_concat", "", "a concatenation in another memory order"},
    {"model_optimization_config", "resolution_reduction", "calibration on smaller images"},
    {"pre_quantization_optimization", "decompose_conv_factor", "a convolution in two factors"},
    {"pre_quantization_optimization", "layer_decomposition", "a 16-bit layer as 8-bit layers"},
    {"pre_quantization_optimization", "resolution_reduction", "calibration on smaller images"},
    {"pre_quantization_optimization", "se_optimization", "squeeze and excitation on tiles"},
    {"post_quantization_optimization", "train_encoding", "training of the scales alone"},
};

}  // namespace

std::vector<Command> commands_without_effect() {
  std::vector<Command> commands;
  for (const Names& names : kWithoutEffect)
    commands.push_back({names.name, names.feature, names.description, false});
  return commands;
}

}  // namespace quant
