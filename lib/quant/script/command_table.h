// SPDX-License-Identifier: MIT
// Every command of the script language (docs/model-scripts.md lists them).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "quant/script/command.h"

namespace quant {

// In the order of the documentation; made once.
const std::vector<Command>& commands();

// Null where there is none of that name and feature.
const Command* find_command(std::string_view name, std::string_view feature = {});

std::vector<std::string> command_names();
// Empty for a command without features, and for no command.
std::vector<std::string> features_of(std::string_view command);

// The parts of the table.
std::vector<Command> network_commands();       // normalization, input_conversion, …
std::vector<Command> quantization_commands();  // quantization_param, model_optimization_…
std::vector<Command> algorithm_commands();     // pre_… and post_quantization_optimization
std::vector<Command> commands_without_effect();

}  // namespace quant
