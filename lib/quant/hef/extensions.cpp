// SPDX-License-Identifier: MIT
#include "quant/hef/extensions.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "quant/base/text_check.h"
#include "quant/hef/hef_names.h"

namespace quant {
namespace {

constexpr std::uint32_t kSeveralNetworks = 8;
constexpr std::uint32_t kHwPadding = 11;
constexpr std::uint32_t kNetFlow = 13;
constexpr std::uint32_t kScalePerFeature = 25;

Result<HefExtension> read_extension(const gst_quant_hef::Extension& extension, bool optional) {
  QUANT_TRY_ASSIGN(std::string text, text_of(extension.text(), "an extension's text"));
  return HefExtension{extension.id(), hef_extension_name(extension.id()), std::move(text),
                      optional};
}

std::vector<HefExtension> old_extensions(const gst_quant_hef::OldFeatures& old) {
  const std::pair<bool, std::uint32_t> flags[] = {{old.abbale(), 0},
                                                  {old.posted_writes(), 1},
                                                  {old.ddr(), 2},
                                                  {old.padded_ddr_buffers(), 3},
                                                  {old.is_multi_contexts(), 4},
                                                  {old.compressed_params(), 5},
                                                  {old.transpose_component(), 6}};
  std::vector<HefExtension> extensions;
  for (const auto& [set, id] : flags) {
    if (set) extensions.push_back({id, hef_extension_name(id), "", false});
  }
  return extensions;
}

}  // namespace

Result<std::string> text_of(const std::string& bytes, const char* what) {
  if (is_printable(bytes)) return bytes;
  return fail(ErrorCode::kInvalidData, fmt::format("{} is no text", what));
}

Result<std::vector<HefExtension>> read_extensions(const gst_quant_hef::Root& root) {
  // Lists of extensions count from version 1 of the messages on.
  if (root.compilation().format_version() == 0) return old_extensions(root.old_features());
  std::vector<HefExtension> extensions;
  for (const auto& listed : root.extensions()) {
    QUANT_TRY_ASSIGN(HefExtension extension, read_extension(listed, false));
    extensions.push_back(std::move(extension));
  }
  for (const auto& listed : root.optional_extensions()) {
    QUANT_TRY_ASSIGN(HefExtension extension, read_extension(listed, true));
    extensions.push_back(std::move(extension));
  }
  return extensions;
}

HefRules rules_of(const std::vector<HefExtension>& extensions) {
  const auto has = [&](std::uint32_t id, bool optional) {
    return std::any_of(extensions.begin(), extensions.end(), [&](const HefExtension& extension) {
      return extension.id == id && extension.optional == optional;
    });
  };
  return {has(kNetFlow, false), has(kSeveralNetworks, true), has(kScalePerFeature, false),
          has(kHwPadding, true)};
}

}  // namespace quant
