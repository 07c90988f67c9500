// SPDX-License-Identifier: MIT
#include "quant/script/command_table.h"

#include <algorithm>
#include <iterator>

namespace quant {
namespace {

std::vector<Command> all_commands() {
  std::vector<Command> all;
  for (auto part :
       {network_commands, quantization_commands, algorithm_commands, commands_without_effect}) {
    auto some = part();
    std::move(some.begin(), some.end(), std::back_inserter(all));
  }
  return all;
}

void add_once(std::vector<std::string>& names, const std::string& name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

}  // namespace

const std::vector<Command>& commands() {
  static const auto* const all = new std::vector<Command>(all_commands());
  return *all;
}

const Command* find_command(std::string_view name, std::string_view feature) {
  for (const Command& command : commands()) {
    if (command.name == name && command.feature == feature) return &command;
  }
  return nullptr;
}

std::vector<std::string> command_names() {
  std::vector<std::string> names;
  for (const Command& command : commands()) add_once(names, command.name);
  return names;
}

std::vector<std::string> features_of(std::string_view name) {
  std::vector<std::string> features;
  for (const Command& command : commands()) {
    if (command.name == name && !command.feature.empty()) add_once(features, command.feature);
  }
  return features;
}

}  // namespace quant
