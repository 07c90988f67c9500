// SPDX-License-Identifier: MIT
#include "quant/script/selector.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "quant/script/glob.h"
#include "quant/script/nearest_name.h"

namespace quant {
namespace {

constexpr std::size_t kCloseNames = 3;

bool has_scope(std::string_view name) { return name.find('/') != std::string_view::npos; }

std::string_view without_scope(std::string_view name) {
  const std::size_t slash = name.rfind('/');
  return slash == std::string_view::npos ? name : name.substr(slash + 1);
}

bool text_matches(SelectorItem::Kind kind, std::string_view text, std::string_view name) {
  return kind == SelectorItem::Kind::kGlob ? glob_matches(text, name) : text == name;
}

std::string types_text(std::span<const Layer> layers) {
  std::string text;
  for (const std::string& type : layer_types(layers)) text += (text.empty() ? "" : ", ") + type;
  return text.empty() ? " (there are no layers)" : " (types of layers here: " + text + ")";
}

// Where a scope is all that does not fit, that is the message.
std::string foreign_scope(const SelectorItem& item, std::span<const Layer> layers) {
  if (item.kind == SelectorItem::Kind::kOriginalName || !has_scope(item.text)) return {};
  for (const Layer& layer : layers) {
    if (text_matches(item.kind, without_scope(item.text), layer.name)) {
      return fmt::format("{} is of another network: the scope here is {}", in_quotes(item.text),
                         in_quotes(layer.scope));
    }
  }
  return {};
}

std::vector<std::string> candidates_for(const SelectorItem& item, std::span<const Layer> layers) {
  std::vector<std::string> candidates;
  for (const Layer& layer : layers) {
    if (item.kind == SelectorItem::Kind::kOriginalName) {
      candidates.insert(candidates.end(), layer.original_names.begin(), layer.original_names.end());
    } else {
      candidates.push_back(layer.name);
    }
  }
  return candidates;
}

std::string nothing_matches(const SelectorItem& item, std::span<const Layer> layers) {
  if (std::string message = foreign_scope(item, layers); !message.empty()) return message;
  switch (item.kind) {
    case SelectorItem::Kind::kName:
      return fmt::format(
          "no layer is called {}{}{}", in_quotes(item.text),
          did_you_mean(without_scope(item.text), candidates_for(item, layers), kCloseNames),
          types_text(layers));
    case SelectorItem::Kind::kOriginalName:
      return fmt::format("no layer was made from an ONNX node called {}{}{}", in_quotes(item.text),
                         did_you_mean(item.text, candidates_for(item, layers), kCloseNames),
                         types_text(layers));
    case SelectorItem::Kind::kGlob:
      break;
  }
  // The plain beginning of a pattern is most often a type: {cnov*}.
  const std::string_view name = without_scope(item.text);
  const std::string_view beginning = name.substr(0, name.find_first_of("*?["));
  return fmt::format("no layer matches {}{}{}", in_quotes(to_text(item)),
                     did_you_mean(beginning, layer_types(layers), kCloseNames), types_text(layers));
}

}  // namespace

std::string to_text(const SelectorItem& item) {
  switch (item.kind) {
    case SelectorItem::Kind::kName:
      return item.text;
    case SelectorItem::Kind::kGlob:
      return "{" + item.text + "}";
    case SelectorItem::Kind::kOriginalName:
      break;
  }
  const char quote = item.text.find('"') == std::string::npos ? '"' : '\'';
  return quote + item.text + quote;
}

std::string to_text(const Selector& selector) {
  if (selector.items.size() == 1) return to_text(selector.items[0]);
  std::string text;
  for (const SelectorItem& item : selector.items)
    text += (text.empty() ? "" : ", ") + to_text(item);
  return "[" + text + "]";
}

bool matches(const SelectorItem& item, const Layer& layer) {
  if (item.kind == SelectorItem::Kind::kOriginalName) {
    return std::find(layer.original_names.begin(), layer.original_names.end(), item.text) !=
           layer.original_names.end();
  }
  if (!has_scope(item.text)) return text_matches(item.kind, item.text, layer.name);
  if (layer.scope.empty()) return text_matches(item.kind, without_scope(item.text), layer.name);
  return text_matches(item.kind, item.text, layer.scope + "/" + layer.name);
}

std::vector<std::size_t> select_layers(const Selector& selector, std::span<const Layer> layers,
                                       std::vector<Diagnostic>& errors) {
  std::set<std::size_t> selected;
  for (const SelectorItem& item : selector.items) {
    if (errors.size() >= kMaxErrors) break;
    bool is_used = false;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      if (!matches(item, layers[i])) continue;
      selected.insert(i);
      is_used = true;
    }
    if (!is_used) errors.push_back({item.at, nothing_matches(item, layers)});
  }
  return {selected.begin(), selected.end()};
}

}  // namespace quant
