// SPDX-License-Identifier: MIT
#include "quant/script/layer_option.h"

#include <string_view>

#include "quant/script/parser.h"
#include "quant/script/selector.h"
#include "quant/script/value_type.h"

namespace quant {

Result<std::vector<std::size_t>> layers_of_option(const std::string& text,
                                                  const std::string& option,
                                                  std::span<const Layer> layers) {
  // As the arguments of a command, so that the script's parser reads it.
  constexpr std::string_view kBefore = "layers(";
  const Syntax syntax = parse_syntax(std::string(kBefore) + text + ")");
  std::vector<Diagnostic> errors = syntax.errors;
  Selector selector;
  if (errors.empty() && (syntax.statements.size() != 1 || !syntax.statements[0].targets.empty()))
    errors.push_back({{1, 1}, "expected " + type_text(static_cast<const Selector*>(nullptr), {})});
  if (errors.empty()) {
    for (const Argument& argument : syntax.statements[0].arguments) {
      Selector part;
      if (!argument.name.empty() || !read_value(argument.value, {}, part)) {
        errors.push_back(
            {argument.at, "expected " + type_text(static_cast<const Selector*>(nullptr), {})});
        break;
      }
      selector.items.insert(selector.items.end(), part.items.begin(), part.items.end());
    }
    if (errors.empty() && selector.empty()) errors.push_back({{1, 1}, "names no layer"});
  }
  std::vector<std::size_t> selected;
  if (errors.empty()) selected = select_layers(selector, layers, errors);
  if (errors.empty()) return selected;
  for (Diagnostic& error : errors) {
    const int before = static_cast<int>(kBefore.size());
    if (error.at.line == 1 && error.at.column > before) error.at.column -= before;
  }
  return fail(ErrorCode::kInvalidArgument, "\n" + render({option, text}, std::move(errors)));
}

}  // namespace quant
